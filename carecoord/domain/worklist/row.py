"""A case as one flat row of the worklist: what the desk filters, sorts and shows without judging anything again."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

from carecoord.domain.access import payer_view
from carecoord.domain.access.payer_view import Told
from carecoord.domain.agreements.participation import Cause
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.contacts.attempts import attempts, last_word
from carecoord.domain.gates.gate import Gate
from carecoord.domain.gates.policy import Policy
from carecoord.domain.referrals.case import Case, case_id
from carecoord.domain.referrals.stages import Stage
from carecoord.domain.referrals.visits import BookingKind
from carecoord.domain.resource.codes import IDENTIFIER
from carecoord.domain.resource.days import Days, local, midnight
from carecoord.domain.resource.elements import Json, item, items, target, text, words
from carecoord.domain.resource.parties import Party, party
from carecoord.domain.resource.patient import birth_date, name, name_changes_at, record_number
from carecoord.domain.resource.present import Present
from carecoord.domain.worklist.search_words import member_id, searched
from carecoord.domain.worklist.work import work
from carecoord.fhir.instants import FOREVER, micros
from carecoord.fhir.search.collation import fold
from carecoord.words.sentence import Sentence, dated, dumps, sentence

AgreementState = Literal[
    "in-network", "expiring", "ended", "ends-before", "awaited", "out-of-network", "excluded", "not-credentialed",
    "unknown",
]  # fmt: skip
CONTRACT: Final[dict[Cause, tuple[AgreementState, Sentence | None]]] = {  # why it takes part or not -> chip, remark
    "in-network": ("in-network", None),
    "self-pay": ("in-network", sentence("remark.self-pay")),
    "ended": ("ended", None),
    "excluded": ("excluded", None),
    "not-credentialed": ("not-credentialed", None),
    "network": ("out-of-network", None),
    "site": ("out-of-network", sentence("remark.not-at-site")),
    "later": ("out-of-network", sentence("remark.not-in-force")),
    "awaited": ("awaited", None),
    "suspended": ("out-of-network", sentence("remark.suspended")),
    "silent": ("unknown", sentence("remark.silent")),
    "contract": ("unknown", sentence("remark.no-agreement")),
}
_SHOWN: Final = "shown"  # in Case.read of what a payer was told, with the policy
# What became of the last visit -> the stage.
LOST: Final[dict[BookingKind, Stage]] = {"missed": "no-show", "cancelled": "appointment-cancelled"}


def row(case: Case, found: Clearance, told: Told | None, policy: Policy) -> dict[str, Any]:
    """Every column of `case_row` but `rid` and `updated`. Times are microseconds. told: what the payer knows of it."""
    referral, card = found.facts.referral, found.card
    performer = referral.performer.organization if referral.performer else None
    seen = found.booking.start if found.booking else None
    done = found.facts.visits.done
    columns = {
        "id": case_id(case.order),
        "number": _number(case.order),
        "open": not found.closed,
        "specialty": referral.specialty or referral.service,
        "specialty_sort": fold(referral.specialty or referral.service),
        "reason": reason(case.order),
        "priority": referral.priority,
        "placer": _id(referral.placer),
        "placer_name": _name(referral.placer),
        "performer": _id(performer),
        "performer_name": str(referral.performer.named) if referral.performer else None,
        "payer": _id(card.payer) if card else None,
        "payer_name": _name(card.payer) if card else None,
        "payer_key": (card.payer.key(f"{IDENTIFIER}/payer") or None) if card and card.payer else None,
        "plan_name": (card.plan_name or None) if card else None,
        "agreement": found.participation.number or None,
        "stage": _stage(found),
        **{f"{gate.name}_gate": gate.state for gate in found.gates},
        **_authorization(found, policy),
        **_agreement(found, policy),
        "cleared": found.cleared,
        "conflict": bool(found.conflict),
        "headline_gate": found.headline_gate,
        "headline": _stored(found.headline),
        "action": found.action.code if found.action else None,
        "action_label": _stored(found.action.label) if found.action else None,
        "role": found.who,
        "due_at": _at(found.due),
        "due_label": _stored(found.due_label) if found.due else None,
        "clock_start": _at(found.since),
        "sort_due": FOREVER if found.due is None else micros(found.due),
        "appointment_at": _at(seen or (done[-1].at if done else None)),
        **_office(case, found, policy),
        **_payers(case, found, told, policy),
        "member_id": member_id(case, found) or None,
        **_person(case, Present(found.now, policy.zone)),
    }
    return columns | searched(case, found, columns)


def _id(party: Party | None) -> str | None:
    return (party.reference.partition("/")[2] or None) if party else None


def _name(party: Party | None) -> str | None:
    return (party.name or None) if party else None


def _office(case: Case, found: Clearance, policy: Policy) -> dict[str, Any]:
    """What the referring office does with it: who has it, until when it rests, what was said and when."""
    held = work(case, policy.zone)
    owner = party(held.owner, found.facts.parties)
    return {
        "owner": _owner(owner),
        "owner_name": _name(owner),
        "wakes_at": micros(midnight(held.wakes, policy.zone)) if held.wakes else 0,
        "touch_at": micros(midnight(held.touch, policy.zone)) if held.touch else None,
        "contacts": len(attempts(case.talks, policy.zone)),
        "told_at": _at(last_word(case.talks, policy.zone)),
    }


def _owner(owner: Party | None) -> str | None:
    """Who works on it, by an id: of their resource, or of their account where they have none."""
    return _id(owner) or (owner.key().partition("|")[2] or None if owner else None)


def _at(moment: datetime | None) -> int | None:
    return micros(moment) if moment else None


def _payers(case: Case, found: Clearance, told: Told | None, policy: Policy) -> dict[str, Any]:
    """How the case stands by what its payer was told, nothing where it was told nothing; and when time alone may change
    the row: by what is judged, as the payer sees it, or by the period of one of the patient's names."""
    columns, turns = _told(told, policy) if told else (_UNTOLD, None)
    moments = (_at(found.changes_at), turns, name_changes_at(case.patient or {}, Present(found.now, policy.zone)))
    return columns | {"changes_at": min((moment for moment in moments if moment is not None), default=None)}


def _told(told: Told, policy: Policy) -> tuple[dict[str, Any], int | None]:
    """The columns of what a payer was told, and when time alone may change them: of the very same made once."""
    held = told.case.read.get((_SHOWN, policy))
    if held is None or held[0] is not told:
        judged = told.judged
        state, note = payer_view.authorization(judged, policy)
        agreement = _agreement(judged, policy)
        columns = {
            "payer_authorization": state,
            "payer_authorization_note": _stored(note),
            "payer_agreement": agreement["agreement_state"],
            "payer_agreement_note": agreement["agreement_note"],
            "payer_order": payer_view.names_order(told.case),
            "payer_open": payer_view.is_open(judged, policy),
            **_payer_clock(payer_view.moves(judged, policy)),
        }
        held = told.case.read[_SHOWN, policy] = told, columns, _at(payer_view.turns_at(judged, policy))
    _, columns, turns = held
    return columns, turns


def _payer_clock(moves: Sequence[Gate]) -> dict[str, Any]:
    """The payer's own move and clock."""
    first = moves[0] if moves else None
    due = first.due if first else None
    return {
        "payer_moves": first is not None,
        "payer_due": _at(due),
        "payer_due_label": _stored(first.due_label) if first and due else None,
        "payer_clock_start": _at(first.since) if first else None,
        "payer_sort": FOREVER if due is None else micros(due),
    }


_UNTOLD: Final[dict[str, Any]] = {  # of a payer that was told nothing
    "payer_authorization": None, "payer_authorization_note": None, "payer_agreement": None,
    "payer_agreement_note": None, "payer_order": False, "payer_open": False, **_payer_clock(()),
}  # fmt: skip


def _number(order: Json) -> str:
    """The loop key; without one any identifier, and at last the resource's own id."""
    ids = items(order, "identifier")
    loop = [text(each, "value") for each in ids if each.get("system") == f"{IDENTIFIER}/referral"]
    return next((each for each in (*loop, *(text(each, "value") for each in ids)) if each), "") or text(order, "id")


def reason(order: Json) -> str:
    """Why the patient is referred, in the first words that say it; empty where none do."""
    said = [words(each) for each in items(order, "reasonCode")]
    said += [text(each, "display") for each in items(order, "reasonReference")]
    return next((each for each in said if each), "")


def _person(case: Case, present: Present) -> dict[str, Any]:
    patient = case.patient or {}
    called = name(patient, present) or "Name not known"
    return {
        "patient": target(item(case.order, "subject")).partition("/")[2],
        "patient_name": called,
        "patient_sort": fold(called),
        "birth_date": birth_date(patient) or None,
        "gender": text(patient, "gender") or None,
        "mrn": record_number(patient, present) or None,
    }


def _stage(found: Clearance) -> Stage:
    """How far it has come. Where no Task says more than that work goes on, what became of the visit says it; and nobody
    is shown as scheduled whose visit came to nothing."""
    referral, visits = found.facts.referral, found.facts.visits
    telling = not referral.tracked if referral.stage == "sent" else referral.stage in ("in-progress", "scheduled")
    if not telling:
        return referral.stage
    if found.facts.closing.report.done and referral.stage == "sent":
        return "report-received"
    if found.booking:
        return "in-progress" if found.booking.declines else "scheduled"
    if visits.done:
        return "visit-done"
    lost = next((LOST[b.kind] for b in reversed(visits.bookings) if b.kind in LOST), None)
    return lost if lost and referral.tracked else referral.stage


def _stored(said: Sentence | None) -> str | None:
    """A sentence as the row keeps it: whoever shows it puts it into words (`catalogue.in_words`)."""
    return dumps(said) if said else None


def _ends(until: date | None) -> Sentence | None:
    return sentence("remark.ends", day=dated(Days(end=until).last)) if until else None


def _soon(until: date | None, found: Clearance) -> bool:
    """Whether an end lies ahead, near enough to show."""
    payer = found.card.insurer if found.card else None
    return until is not None and found.facts.policy.expires(until, payer) <= found.now


def _authorization(found: Clearance, policy: Policy) -> dict[str, Any]:
    ruling = found.ruling
    chip, note = ruling.chip, ruling.remark
    until = ruling.line.days.end if ruling.line else None
    if chip in ("approved", "partly") and not ruling.gate.unmet and found.date is None and _soon(until, found):
        chip, note = "expiring", _ends(until)
    if chip == "draft" and (asked := [ask for ask in found.papers if ask.by == "payer"]):
        note = sentence("remark.documents", attached=sum(ask.state == "attached" for ask in asked), n=len(asked))
    return {
        "authorization_state": chip,
        "authorization_note": _stored(note),
        "authorization_until": micros(midnight(until, policy.zone)) if until else None,
    }


def _agreement(found: Clearance, policy: Policy) -> dict[str, Any]:
    part = found.participation
    chip, note = CONTRACT.get(part.kind, ("unknown", None))
    if chip == "in-network" and _soon(part.until, found):
        chip, note = "expiring", _ends(part.until)
    if chip == "ended":
        over = part.until is None or part.until <= _today(found, policy)
        last = dated(Days(end=part.until).last)
        note = sentence("remark.ended", day=last) if part.until and over else _ends(part.until)
        chip = "ended" if over else "ends-before"
    return {
        "agreement_state": chip,
        "agreement_note": _stored(note),
        "agreement_until": micros(midnight(part.until, policy.zone)) if part.until else None,
    }


def _today(found: Clearance, policy: Policy) -> date:
    return local(found.now, policy.zone)
