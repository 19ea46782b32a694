"""Which acts a case allows as it stands, for one side of it: what the tables of states and the visits say. An act that
is not possible is not offered."""

from collections.abc import Iterable

from carecoord.domain.access.verbs import Side, Verb
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.coverage.gate import RUN
from carecoord.domain.referrals import acts, drafts, stages, states, withdrawals
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.referral import UNANSWERED
from carecoord.domain.resource.elements import Json, key, text
from carecoord.domain.scheduling import states as visit_states

# Next steps of the authorization gate that a request of its own takes: none was made, or those that were made are of
# another payer or for another clinic.
ASKING = ("prepare-authorization", "change-provider")
BARE = ("draft", "new", *acts.ENDED)  # stages in which no visit is to be recorded


def current_task(case: Case, judged: Clearance) -> Json:
    """The Task that the referral is with now; empty where it has none."""
    name = judged.facts.referral.stage_evidence.reference
    return next((each for each in case.tasks if key(each) == name), {})


def current_visit(case: Case, judged: Clearance) -> Json | None:
    """The visit that is booked: the next, else the last of which nobody has said what became of it."""
    open = judged.facts.visits.open
    name = (judged.booking or open[-1]).key if judged.booking or open else ""
    return next((each for each in case.appointments if key(each) == name), None)


def awaited_visit(case: Case, judged: Clearance) -> Json | None:
    """The visit that is held or waited for, where none is booked: the first, as the judgement names it."""
    return next(iter(awaited_visits(case, judged)), None)


def awaited_visits(case: Case, judged: Clearance) -> list[Json]:
    """Every visit that is held or waited for, where none is booked, in order of time."""
    if current_visit(case, judged):
        return []
    names = [each.key for each in judged.facts.visits.bookings if each.kind in ("held", "waiting")]
    held = {key(each): each for each in case.appointments}
    return [held[name] for name in names if name in held]


def one_side(sides: Iterable[Side]) -> states.Side:
    """The side as the tables of states know it: who stands on both speaks for either."""
    found: list[states.Side] = [each for each in sorted(sides) if each != "payer"]  # which moves nothing itself
    return "either" if len(found) > 1 else found[0] if found else "other"


def other_side(sides: Iterable[Side], judged: Clearance) -> tuple[str, str] | None:
    """The Organization to which something can be sent from these sides: its id and its name. None where both are ours,
    nobody is named, or the referral has not gone out or has come to nothing."""
    referral, here = judged.facts.referral, frozenset(sides)
    if len(here) != 1 or referral.stage in ("draft", *acts.ENDED):
        return None
    performer = referral.performer.organization if referral.performer else None
    party = performer if "requester" in here else referral.placer
    kind, _, id = party.reference.partition("/") if party else ("", "", "")
    return (id, party.name) if party and kind == "Organization" else None


def recordable(case: Case, task: Json) -> bool:
    """Whether a visit or a report can be recorded of it: it went out, and has not come to nothing."""
    stands = text(case.order, "status") in ("active", "on-hold", "completed")
    return stands and acts.stage(task, case.order) not in BARE


def offered(case: Case, judged: Clearance, sides: Iterable[Side]) -> frozenset[Verb]:
    """The acts that are possible now, whoever's role they are."""
    if judged.closed:
        return frozenset({"note", "contact", "attach", *_standing(case, judged)})
    found: set[Verb] = {"note", "contact", "assign", "snooze", "attach"}
    if other_side(sides, judged):
        found.add("share")
    if "requester" in sides:
        found |= {"link", "message", "give-form", "instruct"}
        action = judged.ruling.gate.action
        found |= {"begin-request"} if action and action.code in ASKING and judged.card else set()
        asks = judged.gate("coverage").action == RUN
        found |= {"check-eligibility"} if asks else set()
    elif other_side(sides, judged):
        found.add("message")
    task, order = current_task(case, judged), case.order
    stage = acts.stage(task, order)
    legal = states.legal(stages.stage(task), one_side(sides), states.workflow(task)) if task else ()
    found |= {verb for verb in ("accept", "decline", "ask", "advise", "answer") if verb in legal}
    found |= _going_out(case, task, judged) | ({"send"} if "send" in legal else set())
    if task and "accept" in states.legal(stages.stage(task), "performer", states.workflow(task)):
        found |= {"hear-yes", "hear-no"} if one_side(sides) == "requester" else set()
    if withdrawals.way(case, task, one_side(sides)):
        found.add("withdraw")
    if withdrawals.replaceable(case, task, one_side(sides)):
        found.add("replace")
    found |= _of_several(case, task, stage, sides)
    if withdrawals.wish(case, task):
        asked = states.legal("cancel-requested", one_side(sides), states.workflow(task))
        found |= {verb for verb in ("confirm-cancel", "refuse-cancel") if verb in asked}
    if stage in acts.ENDED and text(order, "status") in ("active", "on-hold"):
        found.add("reopen")
    if recordable(case, task) and "performer" in sides and "accept" not in legal:
        free = current_visit(case, judged) is None and not judged.facts.closing.report.done
        found |= {"offer"} if free else set()
    if recordable(case, task):
        found |= _visits(case, judged) | _after(judged)
    return frozenset(found | _standing(case, judged))


def _going_out(case: Case, task: Json, judged: Clearance) -> set[Verb]:
    """What is done with an order that nobody has been asked to carry out yet: a draft is written on and, once somebody
    is chosen, sent; an order that came without a Task goes to whom one chooses."""
    order = case.order
    if text(order, "status") == "draft":
        ready = bool(task) or judged.facts.referral.performer is not None or bool(drafts.chosen(order))
        return {"send"} if task else {"refer", "send"} if ready else {"refer"}
    unasked = not task and text(order, "status") == "active" and not judged.facts.visits.bookings
    return {"refer"} if unasked else set()


def _of_several(case: Case, task: Json, stage: str, sides: Iterable[Side]) -> set[Verb]:
    """Another clinic is asked beside the one that has not answered yet; once one has said yes, the others are told."""
    if not task or "requester" not in sides or text(case.order, "status") != "active":
        return set()
    if stage in UNANSWERED:
        return {"ask-another"} if acts.unasked(case) else set()
    had = stage in states.AGREED or stage in ("advice-given", "report-received")
    return {"release"} if had and withdrawals.rivals(case, task, one_side(sides)) else set()


def _standing(case: Case, judged: Clearance) -> set[Verb]:
    """What still stands of a visit is called off, whatever became of the referral: the patient would go there in vain.
    Where the loop is closed it stands for what comes after it, and is not ours to end."""
    visit = current_visit(case, judged) or awaited_visit(case, judged)
    if visit is None or (judged.closed and not judged.facts.referral.withdrawn):
        return set()
    return {"cancel"} if "cancel" in visit_states.legal(text(visit, "status"), "either") else set()


def _visits(case: Case, judged: Clearance) -> set[Verb]:
    visit = current_visit(case, judged)
    if visit is None:
        return {"book"} if not judged.facts.closing.report.done else set()
    legal = visit_states.legal(text(visit, "status"), "either")
    found: set[Verb] = {"move"} if "move" in legal else set()
    start = judged.booking.start if judged.booking else None
    if start is None or start <= judged.now:
        found |= {verb for verb in ("arrive", "no-show") if verb in legal}
    return found


def _after(judged: Clearance) -> set[Verb]:
    closing = judged.facts.closing
    if not closing.report.done:
        return {"report"}
    if not closing.acknowledged.done:
        return {"acknowledge"}
    return set() if closing.told.done else {"tell"}
