"""An authorization as a row: the ledger is conserved whatever becomes of the visits, and says what the gates say."""

from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from carecoord.domain.prior_auth.desk.row import Begun, begun, rows
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import moment
from carecoord.domain.worklist import judgement
from carecoord.domain.worklist.judgement import Heard, Judged
from carecoord.fhir.instants import micros
from tests.domain.stories import (
    HCPCS,
    NOW,
    POLICY,
    Json,
    Story,
    answer,
    appointment,
    book,
    claim,
    coded,
    coverage,
    encounter,
    gathered,
    order,
    plain,
    ref,
    task,
    wish,
)  # fmt: skip
from tests.domain.stories import (
    rule as payer_rule,
)

SECOND = order(id="sr2", identifier=[])
GRANTED = {"approved", "partly", "modified"}


def cases(story: Story) -> list[tuple[str, Case]]:
    """Both orders of a story, put together."""
    names = [name for name in ("ServiceRequest/sr", "ServiceRequest/sr2") if name in story.resources]
    return [(name.partition("/")[2], gathered(story.resources[name], story.resources.values())) for name in names]


def judged(story: Story, now: Any = NOW) -> list[Judged]:
    """Both orders of a story, judged."""
    return [judgement.judged(id, case, now, POLICY) for id, case in cases(story)]


def heard(story: Story) -> list[Heard]:
    """Both, judged for their payer alone."""
    return [judgement.heard(case, NOW, POLICY) for _, case in cases(story)]


def authorized(story: Story, now: Any = NOW) -> dict[str, dict[str, Any]]:
    return {root: each.columns for root, each in rows(judged(story, now), POLICY).items()}


def granted(units: int = 6, **more: Any) -> Story:
    """A request that names both orders, granted."""
    needs = [{"reference": f"ServiceRequest/{id}"} for id in ("sr", "sr2")]
    url = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-requestedService"
    lines = [{
        "sequence": 1, "productOrService": coded(HCPCS, "G0463", "Consult"), "quantity": {"value": units},
        "extension": [{"url": url, "valueReference": each} for each in needs],
    }]  # fmt: skip
    return plain().without("Appointment/visit").with_(
        book(payer_rule()), SECOND, task(2, focus=ref("ServiceRequest/sr2"), basedOn=[ref("ServiceRequest/sr2")]),
        claim(item=lines), answer("A1", -5, 60, units=units, **more),
    )  # fmt: skip


class Visits(RuleBasedStateMachine):
    """What becomes of the visits under one authorization of two orders, and of the request itself."""

    @initialize(units=st.integers(1, 5))
    def begin(self, units: int) -> None:
        self.story, self.units, self.n, self.version = granted(units), units, 0, "req"

    def put(self, *resources: Json) -> None:
        self.story = self.story.with_(*resources)

    def visits(self, status: str) -> list[Json]:
        return [each for each in self.story.resources.values()
                if each["resourceType"] == "Appointment" and each["status"] == status]  # fmt: skip

    @rule(day=st.integers(1, 40), second=st.booleans(), both=st.booleans())
    def books(self, day: int, second: bool, both: bool) -> None:
        self.n += 1
        names = ["sr", "sr2"] if both else ["sr2" if second else "sr"]
        based = [ref(f"ServiceRequest/{each}") for each in names]
        self.put(appointment(day, f"v{self.n}", basedOn=based))

    @rule(which=st.integers(0, 9), day=st.integers(1, 90))
    def moves(self, which: int, day: int) -> None:
        if booked := self.visits("booked"):
            one = booked[which % len(booked)]
            self.put(appointment(day, one["id"], basedOn=one["basedOn"]))

    @rule(which=st.integers(0, 9), to=st.sampled_from(["cancelled", "noshow"]))
    def comes_to_nothing(self, which: int, to: str) -> None:
        if booked := self.visits("booked"):
            self.put(booked[which % len(booked)] | {"status": to})

    @rule(which=st.integers(0, 9))
    def takes_place(self, which: int) -> None:
        if booked := self.visits("booked"):
            one = booked[which % len(booked)]
            met = encounter(-1, f"e-{one['id']}", basedOn=one["basedOn"], appointment=[ref(f"Appointment/{one['id']}")])
            self.put(one | {"status": "fulfilled", "start": met["period"]["start"]}, met)

    @rule()
    def is_asked_anew(self) -> None:
        before, self.version = self.version, f"{self.version}x"
        old = self.story.resources[f"Claim/{before}"]
        self.put(old | {"id": self.version, "created": NOW.isoformat(), "related": [{"claim": ref(f"Claim/{before}")}]})

    @invariant()
    def nothing_is_lost_and_every_road_says_the_same(self) -> None:
        if not hasattr(self, "story"):
            return
        seen = judged(self.story)
        ((root, found),) = rows(seen, POLICY).items()
        line = found.columns
        assert root == "Claim/req"
        assert int(line["authorized"]) == self.units == sum(int(line[name]) for name in ("booked", "used", "left"))
        assert min(int(line[name]) for name in ("booked", "used", "left")) >= 0
        done = {each["id"] for each in self.visits("fulfilled")}
        assert int(line["used"]) == min(len(done), self.units)
        assert rows(list(reversed(seen)), POLICY)[root].columns == line, "whichever case is looked at first"
        early = begun(heard(self.story), line["claim"])
        assert early is not None
        whose = {key for side, key in found.parties if side == "payer"}
        assert (early.state, early.level, early.code, early.agreement, early.payers) == (
            line["state"], line["level"], line["code"], line["payer_agreement"], whose
        ), "its payer's rules go by what the row will say"  # fmt: skip
        ahead = {micros(moment(each["start"], UTC) or NOW): each for each in self.visits("booked")}
        told = {each["at"]: each["outside"] for each in line["visits"]}
        assert told.keys() == ahead.keys(), "every visit ahead once, whichever orders it is of"
        if line["state"] in GRANTED:
            late = {at for at in ahead if at > micros(NOW + timedelta(days=61))}
            assert all(told[at] for at in late), "no approval covers what is past its end"
            within = len(ahead) - len(late)
            assert sum(told[at] is not None for at in told.keys() - late) >= within - self.units
        for each in seen:
            ruling = each.found.ruling
            if ruling.line:
                assert ruling.request is not None
                assert ruling.request.root == root
                assert line["state"] in GRANTED or line["state"] == "submitted"
                assert ruling.tally is None or Decimal(float(ruling.tally.left)) == Decimal(line["left"])
            if line["state"] == "submitted":
                assert line["claim"] == f"Claim/{self.version}"
                assert line["due"] > NOW.timestamp() * 1_000_000, "the clock of what was replaced never fires"


def test_the_ledger_is_conserved_and_row_and_gates_never_differ() -> None:
    few = settings(max_examples=10, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Visits, settings=few)  # type: ignore[no-untyped-call]


MATCHED = {  # what does not match -> (what is changed, the rule that the gate names)
    "coverage": ((coverage(2, id="card-2"), order(insurance=[ref("Coverage/card-2")]), coverage(end=-1)),
                 "authorization.payer"),
    "date": ((appointment(70),), "authorization.dates"),
    "code": ((order(code=coded(HCPCS, "99999", "Another")),), "authorization.service"),
    "units": ((answer("A1", -5, 60, units=1), encounter(-2, "e1")), "authorization.units"),
    "kind": ((answer("A1", -5, 60, item=[]),), "authorization.unit-kind"),
    "provider": ((answer("A1", -5, 60, provider="group-2", units=6),), "authorization.performer"),
    "site": ((), "authorization.site"),
    "status": ((answer("A4", claim="req"),), "authorization.pended"),
}  # fmt: skip


def one_order(*changed: Json) -> Story:
    """A granted request of one order with a visit booked; each part of it matches."""
    base = plain().with_(
        book(payer_rule(code=None)), claim(units=6), answer("A1", -5, 60, units=6, provider="group-1"), appointment(12)
    )
    return base.with_(*changed)


def test_where_all_parts_match_the_gate_is_met() -> None:
    assert one_order().clear().gate("authorization").rule == "authorization.approved"


def of_kind() -> Json:
    """An answer that grants something that visits can not be counted in."""
    detail = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition/extension-itemAuthorizedDetail"
    found = answer("A1", -5, 60, provider="group-1")
    months = {"value": 6, "unit": "month", "system": "http://unitsofmeasure.org", "code": "mo"}
    found["item"][0]["extension"].append({"url": detail, "extension": [{"url": "quantity", "valueQuantity": months}]})
    return found


def at_site() -> Json:
    """A request for one place; the visit is at another."""
    found = claim(units=6)
    found["item"][0]["locationReference"] = ref("Location/site-b")
    return found


def of_somebody_else() -> Json:
    return claim(units=6, patient=ref("Patient/other"))


@pytest.mark.parametrize(
    ("part", "changed", "rule_id"),
    [
        ("patient", (of_somebody_else(),), "authorization.missing"),
        *((part, changed, rule_id) for part, (changed, rule_id) in MATCHED.items() if part not in ("kind", "site")),
        ("kind", (of_kind(),), "authorization.unit-kind"),
        ("site", (at_site(),), "authorization.site"),
    ],
)
def test_where_one_part_alone_does_not_match_the_gate_names_it(
    part: str, changed: tuple[Json, ...], rule_id: str
) -> None:
    found = one_order(*changed).clear().gate("authorization")
    assert (found.unmet, found.rule) == (True, rule_id)


def test_a_row_says_what_was_asked_decided_and_is_awaited() -> None:
    story = granted().with_(appointment(12), encounter(-1, "e1"))
    (found,) = authorized(story).values()
    expected = {
        "root": "Claim/req", "claim": "Claim/req", "state": "approved", "open": True, "sent": True,
        "number": "AUTH-1", "service": "Consult", "code": "G0463", "orders": ["sr", "sr2"], "expedited": False,
        "payer_key": "https://carecoord.example/id/payer|P1", "payer_name": "Blue Horizon", "plan_name": "Plan 1",
        "authorized": "6", "booked": "1", "used": "1", "left": "4", "voided": "0", "unit": '{"key":"unit.visits"}',
        "due": None, "papers": 0, "asked": 0, "attached": 0,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    (pended,) = authorized(story.with_(answer("A4"), wish())).values()
    assert (pended["state"], pended["asked"], pended["attached"]) == ("asked", 1, 0)


def test_the_rules_of_a_payer_go_by_the_request_alone_before_there_is_a_row() -> None:
    found = begun(heard(plain().with_(book(payer_rule()), claim())), "Claim/req")
    payer = frozenset({"https://carecoord.example/id/payer|P1"})
    assert found == Begun("submitted", 0, "G0463", "in-network", payer)
    assert begun(heard(plain().with_(claim())), "Claim/another") is None
    draft = begun(heard(plain().with_(claim(status="draft"))), "Claim/req")
    assert draft is not None
    assert (draft.state, draft.agreement, draft.payers) == ("draft", None, frozenset())


def test_a_clock_that_ran_out_is_still_the_payers() -> None:
    story = plain().with_(book(payer_rule()), claim(sent=-10))
    (found,) = authorized(story, NOW + timedelta(days=3)).values()
    assert found["state"] == "submitted"
    assert found["due"] < NOW.timestamp() * 1_000_000
