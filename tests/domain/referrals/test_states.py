"""The referral Task's table, cell by cell, against tables written by hand from referrals.md 1.3, 1.4, 1.6 and 7."""

import pytest

from carecoord.domain.referrals import stages, states
from carecoord.domain.referrals.states import advance, legal, move, statuses, written
from carecoord.errors import Conflict, Forbidden

TO = {  # verb -> where it leads
    "draft": "draft", "send": "sent", "withdraw": "cancelled", "receive": "in-triage", "ask": "awaiting-information",
    "answer": "in-triage", "await-authorization": "awaiting-authorization", "accept": "accepted",
    "decline": "declined", "advise": "advice-given", "contact": "contacting-patient", "wait": "waitlisted",
    "begin": "in-progress", "schedule": "scheduled", "reschedule": "scheduled", "no-show": "no-show",
    "cancel-appointment": "appointment-cancelled", "interim": "visit-done", "report": "report-received",
    "fail": "failed", "ask-cancel": "cancel-requested", "refuse-cancel": "in-progress",
    "confirm-cancel": "cancelled", "void": "error",
}  # fmt: skip

# stage -> what the requester may | what the performer may. Besides, everybody may `keep` a stage, and the requester
# may `void` all that is there but what is an error already.
BASE = {
    "new": "draft send | draft send",
    "draft": "send withdraw |",
    "sent": "withdraw | receive ask accept decline advise",
    "in-triage": "withdraw | ask accept decline advise await-authorization",
    "awaiting-information": "answer withdraw | accept decline advise",
    "awaiting-authorization": "withdraw | accept decline contact begin schedule fail",
    "accepted": "withdraw | advise await-authorization contact wait begin schedule interim report fail",
    "contacting-patient": "withdraw | advise await-authorization wait begin schedule interim report fail",
    "waitlisted": "withdraw | begin schedule report fail",
    "in-progress": "ask-cancel | wait schedule interim report fail",
    "scheduled": "ask-cancel | wait reschedule no-show cancel-appointment interim report fail",
    "no-show": "ask-cancel | wait schedule cancel-appointment report fail",
    "appointment-cancelled": "ask-cancel | wait schedule report fail",
    "visit-done": "ask-cancel | schedule cancel-appointment interim report fail",
    "cancel-requested": "| report refuse-cancel confirm-cancel",
    "advice-given": "|", "report-received": "|", "declined": "|", "cancelled": "|", "failed": "|", "error": "|",
}  # fmt: skip
GRAVITY = {
    "new": "draft send | draft send",
    "draft": "send |",
    "sent": "withdraw | receive ask accept decline withdraw",
    "in-triage": "withdraw | ask accept decline await-authorization withdraw",
    "awaiting-information": "answer withdraw | accept decline withdraw",
    "awaiting-authorization": "withdraw | accept contact begin schedule fail withdraw",
    "accepted": "withdraw | advise await-authorization contact wait begin schedule interim report fail withdraw",
    "contacting-patient": "withdraw | advise await-authorization wait begin schedule interim report fail withdraw",
    "waitlisted": "withdraw | begin schedule report fail withdraw",
    "in-progress": "ask-cancel withdraw | wait schedule interim report fail withdraw",
    "scheduled": "ask-cancel withdraw | wait reschedule no-show cancel-appointment interim report fail withdraw",
    "no-show": "ask-cancel withdraw | wait schedule cancel-appointment report fail withdraw",
    "appointment-cancelled": "ask-cancel withdraw | wait schedule report fail withdraw",
    "visit-done": "ask-cancel withdraw | schedule cancel-appointment interim report fail withdraw",
    "cancel-requested": "| report refuse-cancel confirm-cancel",
    "advice-given": "|", "report-received": "|", "declined": "|", "cancelled": "|", "failed": "|", "error": "|",
}  # fmt: skip
BSER = {
    "new": "draft send | draft send",
    "draft": "send |",
    "sent": "ask-cancel | receive ask accept decline",
    "in-triage": "ask-cancel | ask accept decline await-authorization",
    "awaiting-information": "answer ask-cancel | accept decline",
    "awaiting-authorization": "ask-cancel | accept decline contact begin schedule",
    "accepted": "ask-cancel | decline advise await-authorization contact begin schedule interim report",
    "contacting-patient": "ask-cancel | decline advise await-authorization begin schedule interim report",
    "waitlisted": "ask-cancel | begin schedule",  # no state of theirs: what came there by another road leaves it
    "in-progress": "ask-cancel | decline schedule interim report",
    "scheduled": "ask-cancel | decline reschedule no-show cancel-appointment interim report",
    "no-show": "ask-cancel | decline schedule cancel-appointment",
    "appointment-cancelled": "ask-cancel | schedule",
    "visit-done": "ask-cancel | decline schedule cancel-appointment interim report",
    "cancel-requested": "| report confirm-cancel",
    "advice-given": "|", "report-received": "|", "declined": "|", "cancelled": "|", "failed": "|", "error": "|",
}  # fmt: skip
BY_HAND = {"base": BASE, "cow": BASE, "gravity": GRAVITY, "bser": BSER, "360x": BSER}


def allowed(profile: str, stage: str, side: str) -> set[str]:
    """By hand: what a side may do."""
    theirs = dict(
        zip(("requester", "performer"), (set(p.split()) for p in BY_HAND[profile][stage].split("|")), strict=True)
    )
    if stage != "new":
        theirs["requester"] |= {"keep"} | ({"void"} if stage != "error" else set())
        theirs["performer"] |= {"keep"}
    theirs |= {"either": theirs["requester"] | theirs["performer"], "other": set(), "patient": set()}
    return theirs[side]


SIDES = ("requester", "performer", "either", "other", "patient")


PRODUCT = [(profile, stage, side) for profile in BY_HAND for stage in BASE for side in SIDES]


def test_the_tables_by_hand_speak_of_every_stage_that_a_task_can_say() -> None:
    assert set(BASE) - {"new"} == set(GRAVITY) - {"new"} == set(BSER) - {"new"} == set(stages.WRITTEN)
    assert set(stages.BY_STATUS.values()) <= set(BASE)


@pytest.mark.parametrize(("profile", "stage", "side"), PRODUCT)
def test_exactly_the_listed_verbs_are_legal_and_lead_where_they_should(profile: str, stage: str, side: str) -> None:
    mine, anybodys = allowed(profile, stage, side), allowed(profile, stage, "either")
    assert set(legal(stage, side, profile)) == mine
    for verb in (*TO, "keep"):
        if verb in mine:
            assert advance(stage, verb, side, profile) == (stage if verb == "keep" else TO[verb]), verb
        elif verb in anybodys:
            with pytest.raises(Forbidden):
                advance(stage, verb, side, profile)
        else:
            with pytest.raises(Conflict):
                advance(stage, verb, side, profile)


def test_a_refusal_names_the_verbs_that_are_legal() -> None:
    with pytest.raises(
        Conflict, match=r"It is cancelled: there is no 'begin' from there\. Legal from cancelled: void\."
    ):
        advance("cancelled", "begin", "requester")
    with pytest.raises(Forbidden, match=r"'accept' is for the performer to do\. Legal from sent: withdraw, void\."):
        advance("sent", "accept", "requester")


# BSeR's transitions by number: who, from, verb, to. 31-34 are the moves of who does not track 5.1.1 to 5.1.4; the
# guide shows them in a picture only, so which of the four has which number is our reading.
TIDS = {
    1: ("I", "draft", "send", "sent"), 2: ("R", "sent", "accept", "accepted"), 3: ("R", "sent", "decline", "declined"),
    4: ("I", "sent", "ask-cancel", "cancel-requested"), 5: ("R", "accepted", "decline", "declined"),
    6: ("R", "accepted", "schedule", "scheduled"), 7: ("I", "accepted", "ask-cancel", "cancel-requested"),
    8: ("R", "accepted", "interim", "visit-done"), 9: ("R", "accepted", "report", "report-received"),
    10: ("R", "scheduled", "decline", "declined"), 11: ("R", "scheduled", "reschedule", "scheduled"),
    12: ("R", "scheduled", "no-show", "no-show"),
    13: ("R", "scheduled", "cancel-appointment", "appointment-cancelled"),
    14: ("I", "scheduled", "ask-cancel", "cancel-requested"), 15: ("R", "scheduled", "interim", "visit-done"),
    16: ("R", "scheduled", "report", "report-received"), 17: ("R", "no-show", "decline", "declined"),
    18: ("R", "no-show", "schedule", "scheduled"), 19: ("R", "no-show", "cancel-appointment", "appointment-cancelled"),
    20: ("I", "no-show", "ask-cancel", "cancel-requested"),
    21: ("R", "appointment-cancelled", "schedule", "scheduled"),
    22: ("I", "appointment-cancelled", "ask-cancel", "cancel-requested"),
    23: ("R", "cancel-requested", "confirm-cancel", "cancelled"),
    24: ("R", "cancel-requested", "report", "report-received"), 25: ("R", "visit-done", "decline", "declined"),
    26: ("R", "visit-done", "schedule", "scheduled"),
    27: ("R", "visit-done", "cancel-appointment", "appointment-cancelled"),
    28: ("I", "visit-done", "ask-cancel", "cancel-requested"), 29: ("R", "visit-done", "interim", "visit-done"),
    30: ("R", "visit-done", "report", "report-received"), 31: ("R", "accepted", "begin", "in-progress"),
    32: ("R", "in-progress", "decline", "declined"), 33: ("I", "in-progress", "ask-cancel", "cancel-requested"),
    34: ("R", "in-progress", "report", "report-received"),
}  # fmt: skip
CODES = {
    "sent": ("received", "2.0"), "accepted": ("accepted", "3.0"), "declined": ("rejected", "4.0"),
    "in-progress": ("in-progress", "5.1"), "scheduled": ("in-progress", "5.1.1"), "no-show": ("in-progress", "5.1.2"),
    "appointment-cancelled": ("in-progress", "5.1.3"), "visit-done": ("in-progress", "5.1.4"),
    "cancel-requested": ("in-progress", "5.2"), "cancelled": ("cancelled", "6.0"),
    "report-received": ("completed", "7.0"), "draft": ("draft", ""),
}  # fmt: skip


def bser(stage: str) -> dict:
    """A Task as a BSeR partner writes it."""
    status, code = CODES[stage]
    system = "https://hl7.org/fhir/us/bser/CodeSystem/TaskBusinessStatusCS"
    tag = {"system": "https://carecoord.example/fhir/CodeSystem/referral-workflow", "code": "bser"}
    task = {"resourceType": "Task", "id": "t", "meta": {"tag": [tag]}, "status": status}
    return task | ({"businessStatus": {"coding": [{"system": system, "code": code}]}} if code else {})


@pytest.mark.parametrize("tid", TIDS)
def test_every_transition_of_bser_is_read_from_its_own_codes_and_is_legal_for_its_actor_alone(tid: int) -> None:
    actor, start, verb, to = TIDS[tid]
    mine, theirs = ("requester", "performer") if actor == "I" else ("performer", "requester")
    assert advance(start, verb, mine, "bser") == advance(start, verb, mine, "360x") == to
    with pytest.raises(Forbidden):
        advance(start, verb, theirs, "bser")
    assert (stages.stage(bser(start)), stages.stage(bser(to))) == (start, to)
    assert states.workflow(bser(start)) == "bser"
    assert move(bser(start), bser(to)) == (verb if start != to else "keep")


def test_bser_declines_no_cancelled_appointment_and_has_no_outcome_of_a_visit_that_never_was() -> None:
    for stage, verb in (
        ("appointment-cancelled", "decline"),
        ("no-show", "report"),
        ("appointment-cancelled", "report"),
    ):
        with pytest.raises(Conflict):
            advance(stage, verb, "performer", "bser")
    assert advance("no-show", "fail", "performer") == "failed"  # ours: no case is stuck
    assert advance("appointment-cancelled", "report", "performer") == "report-received"


EDGES = {  # Gravity's drawing of the referral Task, by number: from, to, who
    1: ("draft", "requested", "requester"), 2: ("requested", "accepted", "target"),
    3: ("requested", "rejected", "target"), 4: ("requested", "cancelled", "either"),
    5: ("accepted", "cancelled", "either"), 6: ("on-hold", "cancelled", "either"),
    7: ("accepted", "in-progress", "target"), 8: ("accepted", "on-hold", "target"),
    9: ("accepted", "completed", "target"), 10: ("accepted", "failed", "target"),
    11: ("in-progress", "on-hold", "target"), 12: ("in-progress", "completed", "target"),
    13: ("in-progress", "failed", "target"), 14: ("in-progress", "cancelled", "either"),
    15: ("on-hold", "in-progress", "target"), 16: ("on-hold", "completed", "target"),
    17: ("on-hold", "failed", "target"),
}  # fmt: skip


def gravity(status: str) -> dict:
    """A Task as a Gravity partner writes it: it knows no business status."""
    tag = {"system": "https://carecoord.example/fhir/CodeSystem/referral-workflow", "code": "gravity"}
    return {"resourceType": "Task", "id": "t", "meta": {"tag": [tag]}, "status": status}


@pytest.mark.parametrize("edge", EDGES)
def test_every_edge_of_gravity_is_legal_for_its_actor_alone(edge: int) -> None:
    start, to, who = EDGES[edge]
    verb, stage = move(gravity(start), gravity(to)), stages.stage(gravity(start))
    for side in ("requester", "performer"):
        if who == "either" or side == {"target": "performer"}.get(who, who):
            assert advance(stage, verb, side, "gravity") == stages.stage(gravity(to))
        else:
            with pytest.raises(Forbidden):
                advance(stage, verb, side, "gravity")


def test_what_gravity_may_do_moves_the_status_along_its_edges_and_no_other_way() -> None:
    drawn = {(start, to) for start, to, _ in EDGES.values()}
    for stage in stages.WRITTEN:
        for verb in set(legal(stage, "either", "gravity")) - {"void", "keep"}:
            for was in statuses(stage, "gravity"):
                task = gravity(was) | {"businessStatus": {"text": ""}}
                now = written(task, TO[verb])["status"]
                assert was == now or (was, now) in drawn, (stage, verb)
        assert not {"received", "ready"} & set(statuses(stage, "gravity"))


def test_a_stage_that_is_written_down_is_read_back() -> None:
    for partner in (gravity("draft"), bser("draft"), {"resourceType": "Task", "id": "t", "status": "draft"}):
        for stage in stages.WRITTEN:
            task = written(partner, stage, "No capacity")
            assert stages.stage(task) == stage
            assert task["statusReason"] == {"text": "No capacity"}
            assert "statusReason" not in written(task, "accepted")


def test_between_two_stages_there_is_one_verb_with_each_partner() -> None:
    for profile in BY_HAND:
        for stage in BASE:
            leads = [TO[verb] for verb in legal(stage, "either", profile) if verb not in ("keep", "reschedule")]
            assert len(leads) == len(set(leads)), (profile, stage)


@pytest.mark.parametrize("end", ["advice-given", "report-received", "declined", "cancelled", "failed", "error"])
def test_a_task_that_ended_never_moves_again(end: str) -> None:
    for profile in BY_HAND:
        assert set(legal(end, "either", profile)) == {"void", "keep"} - ({"void"} if end == "error" else set())


OWN = "https://carecoord.example/fhir/CodeSystem/referral-stage"


@pytest.mark.parametrize(
    ("status", "code", "stage"),
    [
        ("accepted", "sent", "accepted"),  # who knows Task.status alone has accepted what we had sent
        ("on-hold", "accepted", "waitlisted"),
        ("in-progress", "accepted", "in-progress"),
        ("requested", "draft", "sent"),
        ("requested", "in-triage", "in-triage"),  # Gravity has no received
        ("received", "sent", "sent"),  # BSeR starts there
        ("on-hold", "awaiting-information", "awaiting-information"),
        ("accepted", "no-show", "no-show"),  # bad news stays
        ("received", "cancel-requested", "cancel-requested"),
        ("completed", "no-show", "report-received"),
    ],
)  # fmt: skip
def test_a_status_that_contradicts_our_own_code_speaks_but_never_hides_bad_news(
    status: str, code: str, stage: str
) -> None:
    task = {"resourceType": "Task", "status": status, "businessStatus": {"coding": [{"system": OWN, "code": code}]}}
    assert stages.stage(task) == stage


def of(stage: str, **more: object) -> dict:
    return written({"resourceType": "Task", "id": "t", "status": "draft"}, stage) | more


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (of("sent"), of("declined"), "A Task that is declined says why: give Task.statusReason."),
        (of("accepted"), of("failed"), "A Task that is failed says why: give Task.statusReason."),
        (of("scheduled"), of("report-received"),
         "A Task that is report-received shows what came of it: give Task.output."),
        (of("in-triage"), of("advice-given"), "A Task that is advice-given shows what came of it: give Task.output."),
        (of("scheduled"), of("no-show", status="accepted"),
         "A Task that is no-show has the status in-progress, not accepted."),
    ],
)  # fmt: skip
def test_what_a_move_needs_is_demanded_in_words(before: dict, after: dict, said: str) -> None:
    assert states.lacks(before, after) == (said,)


def test_what_a_move_needs_and_has_is_enough() -> None:
    output = [{"type": {"text": "Consult note"}, "valueReference": {"reference": "DocumentReference/d"}}]
    assert states.lacks(of("sent"), of("declined", statusReason={"text": "Full"})) == ()
    assert states.lacks(of("scheduled"), of("report-received", output=output)) == ()
    assert states.lacks(of("declined"), of("declined", note=[{"text": "old ones had no reason"}])) == ()
    coded = gravity("cancelled") | {"statusReason": {"coding": [{"code": "x"}]}}
    assert states.lacks(gravity("requested"), coded) == ("Gravity: a Task.statusReason has its text.",)


def test_no_stage_is_reached_because_one_may_stay_in_it() -> None:
    was = bser("sent") | {"focus": {"reference": "ServiceRequest/s"}}
    now = was | {"status": "failed"}
    assert move(was, now) == "fail"
    with pytest.raises(Conflict, match=r"there is no 'fail' from there"):
        states.judge(was, now, "either")
