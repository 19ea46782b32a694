"""The life of a request for authorization: the table, written out by hand, and what resources mean by it."""

from datetime import UTC, date, datetime

import pytest

from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.desk import second_look
from tests.domain.stories import NOW, POLICY, Json, answer, claim, coverage, day, order, plain, ref, review

REQUESTER = {  # state -> the verbs of who asks
    "new": "draft submit retro",
    "draft": "submit retro withdraw void",
    "submitted": "update withdraw void inquire",
    "pended": "update withdraw void inquire",
    "asked": "update answer withdraw void inquire",
    "contact": "update withdraw void inquire",
    "error": "update withdraw void inquire",
    "unclear": "update withdraw void inquire",
    "approved": "update extend withdraw void inquire",
    "modified": "update extend appeal withdraw void inquire peer-to-peer",
    "partly": "update extend appeal withdraw void inquire peer-to-peer",
    "not-required": "update withdraw void inquire",
    "denied": "appeal withdraw void inquire peer-to-peer",
    "cancelled": "void inquire",
    "void": "",
}
_ALL = "approve approve-in-part modify spare deny cancel"
PAYER = {  # state -> the verbs of who pays
    **dict.fromkeys(("new", "draft", "cancelled", "void"), ""),
    **dict.fromkeys(
        ("submitted", "pended", "asked", "contact", "error", "unclear"), f"pend ask contact refuse {_ALL} acknowledge"
    ),
    **dict.fromkeys(("approved", "not-required"), _ALL),
    **dict.fromkeys(("modified", "partly", "denied"), f"{_ALL} peer-to-peer"),
}


@pytest.mark.parametrize(("side", "expected"), [("requester", REQUESTER), ("payer", PAYER)])
def test_each_side_has_these_verbs_in_each_state_and_no_others(side: str, expected: dict[str, str]) -> None:
    found = {state: " ".join(lifecycle.legal(state, side)) for state in expected}  # type: ignore[arg-type]
    assert found == expected


def test_a_denial_alone_needs_a_reason_and_a_second_person() -> None:
    needing = {verb for (_, verb), moves in lifecycle.TABLE.items() if moves[0].needs}
    assert needing == {"deny"}
    assert lifecycle.TABLE["submitted", "deny"][0].needs == ("reason", "second-look")


@pytest.mark.parametrize(
    ("actions", "verb", "state"),
    [
        (("A1",), "approve", "approved"),
        (("A1", "A1"), "approve", "approved"),
        (("A2",), "approve-in-part", "partly"),
        (("A1", "A3"), "approve-in-part", "partly"),
        (("A1", "A6"), "modify", "modified"),
        (("A3", "A3"), "deny", "denied"),
        (("A1", "A4"), "pend", "pended"),
        (("A3", "A4"), "pend", "pended"),
        (("CT",), "contact", "contact"),
        (("NA",), "spare", "not-required"),
        (("C",), "cancel", "cancelled"),
        (("C", "A1"), "approve", "approved"),
        (("ZZ",), "acknowledge", "unclear"),
    ],
)
def test_an_answer_does_to_its_request_what_its_lines_say(actions: tuple[str, ...], verb: str, state: str) -> None:
    told = answer(item=[{"itemSequence": n, "adjudication": [review(each)]} for n, each in enumerate(actions, 1)])
    assert lifecycle.tells(told) == verb
    assert lifecycle.state(claim(), [told], POLICY.zone) == state


def certified(code: str, **more: object) -> Json:
    """An update of the request with a certification."""
    url = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-certificationType"
    mark = {"url": url, "valueCodeableConcept": {"coding": [{"code": code}]}}
    return claim("next", related=[{"claim": ref("Claim/req")}], extension=[mark], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sent", "verb"),
    [
        (claim(), "submit"),
        (certified("I"), "update"),
        (certified("S"), "update"),
        (certified("4"), "extend"),
        (certified("3"), "withdraw"),
        (certified("1"), "appeal"),
        (certified("2"), "appeal"),
        (claim(item=[{"sequence": 1, "servicedDate": day(-3)}]), "retro"),
        (claim(item=[{"sequence": 1, "servicedDate": day(-3)}, {"sequence": 2, "servicedDate": day(3)}]), "submit"),
        (claim(item=[{"sequence": 1, "servicedDate": day(-3)}, {"sequence": 2}]), "submit"),
        (claim(item=[{"sequence": 1, "servicedPeriod": {"start": day(-9)}}]), "submit"),
    ],
)  # fmt: skip
def test_a_request_asks_for_what_it_says(sent: Json, verb: str) -> None:
    assert lifecycle.asks(sent, date(2026, 11, 22), POLICY.zone) == verb


def test_a_sender_does_not_say_when_a_request_came() -> None:
    now = datetime(2026, 11, 22, 14, tzinfo=UTC)
    forged = {"url": lifecycle.RECEIVED, "valueInstant": "2026-01-01T00:00:00Z"}
    sent = lifecycle.marked({}, claim(extension=[forged]), now)
    assert lifecycle.received(sent) == "2026-11-22T14:00:00+00:00"
    assert lifecycle.marked(sent, claim(extension=[forged]), datetime(2026, 12, 24, tzinfo=UTC)) == sent
    assert lifecycle.marked({}, claim(status="draft", extension=[forged]), now) == claim(status="draft")
    elsewhere = claim(sent=-10)
    assert lifecycle.marked({}, elsewhere, None) == elsewhere
    assert lifecycle.marked(elsewhere, elsewhere, now) == elsewhere  # it was sent before it came here
    assert lifecycle.received(elsewhere) == elsewhere["created"]


@pytest.mark.parametrize("backdated", [-400, -10, 5])
def test_a_backdated_request_moves_no_clock(backdated: int) -> None:
    came = {"url": lifecycle.RECEIVED, "valueInstant": NOW.isoformat()}
    story = plain().with_(order(), coverage(), claim(sent=backdated, extension=[came]))
    (asked,) = story.clear().facts.requests
    assert asked.due is not None
    assert asked.due.isoformat() == "2026-11-29T14:00:00+00:00"


def test_the_clock_of_a_request_that_another_took_the_place_of_never_fires() -> None:
    first, card = claim(sent=-30), coverage(2, id="card-2")
    newer = {"related": [{"claim": ref("Claim/req")}], "sent": -1}
    same = plain().with_(order(), coverage(), first, claim("next", **newer)).clear()
    assert [(each.key, each.root) for each in same.facts.requests] == [("Claim/next", "Claim/req")]
    late = {gate.due for gate in same.gates if gate.name == "authorization"}
    assert all(each is None or each > NOW for each in late)
    moved = claim("next", insurance=[{"sequence": 1, "focal": True, "coverage": ref("Coverage/card-2")}], **newer)
    other = plain().with_(order(), coverage(), card, first, moved).clear()
    assert {each.key: each.state for each in other.facts.requests} == {
        "Claim/next": "submitted", "Claim/req": "cancelled",
    }  # fmt: skip


def test_a_second_look_covers_the_very_lines_that_were_proposed() -> None:
    told = answer("A3", because="Not shown to help")
    task = second_look.proposed("t", "Claim/req", ref("Organization/payer-1"), told, NOW, None)
    lines = second_look.newly_denied({}, told)
    assert second_look.covers(task, lines)
    assert not second_look.covers(task, second_look.denied(answer("A3", because="Another reason")))
    assert not second_look.covers(second_look.looked_at(task, {}, False, "Ask again", NOW), lines)
    assert second_look.newly_denied(told, told) == []
    assert second_look.human(told) is None
    assert second_look.human(told | {"extension": [second_look.reviewer("")]}) is True


def test_an_appeal_of_an_appeal_is_of_the_second_level_and_a_change_of_one_stays_where_it_is() -> None:
    kind = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-certificationType"

    def request(id: str, before: str = "", code: str = "") -> Json:
        coded = {"coding": [{"system": "https://codesystem.x12.org/005010/1322", "code": code}]}
        return {
            "resourceType": "Claim", "id": id,
            **({"related": [{"claim": {"reference": f"Claim/{before}"}}]} if before else {}),
            **({"extension": [{"url": kind, "valueCodeableConcept": coded}]} if code else {}),
        }  # fmt: skip

    chain = [request("a"), request("b", "a", "1"), request("c", "b", "S"), request("d", "c", "2")]
    chain.append(request("e", "e", "1"))  # names itself
    assert {each["id"]: lifecycle.level(chain, f"Claim/{each['id']}") for each in chain} == {
        "a": 0, "b": 1, "c": 1, "d": 2, "e": 1,
    }  # fmt: skip
    assert lifecycle.level(chain, "Claim/none") == 0
    assert [each["id"] for each in lifecycle.chain([*chain, request("z")], "Claim/c")] == ["c", "b", "a"]
