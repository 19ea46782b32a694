"""ServiceRequest/[id]/$clearance, and the same of a DeviceRequest: the one answer about an order, as FHIR Parameters,
for any day and as of any instant.

Nobody learns from it what they may not read: a gate whose evidence the asker may not see is withheld, and with it what
would give it away (the headline and whether all is cleared). A payer is answered from what it was told alone, as on its
pages (decision 27)."""

from collections.abc import Sequence
from datetime import date as Date
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking, missing
from carecoord.actions.clearance import asked
from carecoord.actions.clearance.offers import judged
from carecoord.actions.worklist import project
from carecoord.domain.access import payer_view
from carecoord.domain.access.payer_view import PayerCase
from carecoord.domain.clearance.clearance import CLEARING, Clearance
from carecoord.domain.gates.gate import NAMES, Action, Evidence, Gate
from carecoord.domain.referrals.case import Case, case_id, order_named
from carecoord.domain.resource.codes import CANONICAL
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import item, key, target
from carecoord.errors import Gone
from carecoord.fhir import text
from carecoord.fhir.instants import instant, micros, moment
from carecoord.fhir.search.query import NOTHING
from carecoord.store.resources import read
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence
from carecoord.world import World

Json = dict[str, Any]
ACTIONS = f"{CANONICAL}/CodeSystem/next-action"
WITHHELD = "Not shown: this access may not read what it rests on."


def clearance(
    world: World, asker: Asker, id: str, date: str | None = None, as_of: str | None = None, *, request: str = ""
) -> Json:
    """The Parameters about a case (`case.case_id`). `date`: YYYY-MM-DD, the day of a visit to judge for; `as_of`: a
    FHIR date or dateTime in the past.

    Raises Invalid naming the argument, NotFound for a referral that is not there, was not there then, or that the asker
    may not know of, and Gone for a deleted one.
    """
    on = asked.day(date)
    query = _query(date, as_of)
    with looking(world, asker, request) as turn, noted(turn, "clearance", *order_named(id), query) as shown:
        at = asked.instant(as_of, turn.now, world.base.zone)
        full = _may(turn, id)
        then, policy = moment(at) if at is not None else turn.now, project.policy(world.settings)
        both = judged(turn.conn, id, then, policy, on, at)
        if both is None or not _same_patient(turn.conn, both[0]):
            raise missing(*order_named(id))
        case, found = both
        shown.append(target(item(case.order, "subject")).removeprefix("Patient/") or None)
        if full:
            return _parameters(found, case, _hidden(turn, found.gates, at))
        disclosed = payer_view.told_to_payer(case, found, policy, on)
        if disclosed is None:
            raise missing(*order_named(id))
        told = payer_view.payer_case(disclosed)
        return _payers_parameters(told, then, on or local(then, policy.zone), _hidden(turn, told.gates, at))


def _query(date: str | None, as_of: str | None) -> str:
    return "&".join(f"{name}={value}" for name, value in (("date", date), ("asOf", as_of)) if value)


def _may(turn: Turn, id: str) -> bool:
    """Whether the asker may read the referral; False for its payer, who sees what the request discloses. Raises
    NotFound, Gone."""
    kind, order = order_named(id)
    row = read.get(turn.conn, kind, order)
    if not turn.sees_there(kind, row) or row is None or row.patient in turn.cases_withheld():
        raise missing(kind, order)
    if row.deleted:
        raise Gone(f"{kind}/{order} has been deleted.")
    return turn.sees_beside(row, "payer")


def _same_patient(conn: Connection, case: Case) -> bool:
    """Whether the order is still about the same person: an access narrowed to one must not reach another's past."""
    row = read.get(conn, *order_named(case_id(case.order)))
    now = text.loads(row.body) if row and not row.deleted else {}
    return target(item(now, "subject")) == target(item(case.order, "subject"))


def _hidden(turn: Turn, gates: Sequence[Gate], at: int | None) -> frozenset[str]:
    """The gates to withhold: those that are not among these, and those of which the asker may read no evidence at all.
    Whoever may read who takes part in a network is told how the agreement behind it stands."""
    pairs = {(kind, id) for gate in gates for e in gate.evidence for kind, _, id in [e.reference.partition("/")]}
    seen = {f"{row.type}/{row.id}" for row in turn.seen(read.many(turn.conn, pairs, at), "r")}
    if turn.filter("OrganizationAffiliation", "r") != NOTHING:
        seen |= {f"{kind}/{id}" for kind, id in pairs if kind == "Contract"}
    shown = {gate.name for gate in gates if not gate.evidence or any(e.reference in seen for e in gate.evidence)}
    return frozenset(NAMES) - shown


def _parameters(found: Clearance, case: Case, hidden: frozenset[str]) -> Json:
    """The answer in FHIR's shape; repeated names are lists."""
    gates = [gate for gate in found.gates if gate.name not in hidden]
    parts = [
        _part("order", valueReference={"reference": key(case.order)}),
        _part("asOf", valueInstant=instant(micros(found.now))),
    ]
    if found.date:
        parts.append(_part("date", valueDate=found.date.isoformat()))
    elif found.window.start and found.window.last:
        window = {"start": found.window.start.isoformat(), "end": found.window.last.isoformat()}
        parts.append(_part("window", valuePeriod=window))
    if hidden.isdisjoint(CLEARING):
        parts.append(_part("cleared", valueBoolean=found.cleared))
    if not hidden:
        parts += _headline(found)
    parts.append(_part("conflict", valueBoolean=bool(found.conflict)))
    if not hidden:
        parts += [_part("conflictReason", valueString=say(each)) for each in found.conflict]
        parts += [_part("warning", valueString=say(each)) for each in found.cautions]
        parts += [_part("change", valueDate=day.isoformat()) for day in found.changes]
        parts += [_part("changesAt", valueInstant=instant(micros(found.changes_at)))] if found.changes_at else []
    parts += [_part("gate", part=_gate(gate)) for gate in gates]
    parts += [_part("gate", part=_withheld(name)) for name in NAMES if name in hidden]
    return {"resourceType": "Parameters", "parameter": parts}


def _payers_parameters(told: PayerCase, now: datetime, on: Date, hidden: frozenset[str]) -> Json:
    """The answer to a payer: the gates that speak to it, and nothing that is judged from more than it was told."""
    parts = [
        _part("order", valueReference={"reference": key(told.case.order)}),
        _part("asOf", valueInstant=instant(micros(now))),
        _part("date", valueDate=on.isoformat()),
        *(_part("gate", part=_gate(gate)) for gate in told.gates if gate.name not in hidden),
        *(_part("gate", part=_withheld(name)) for name in NAMES if name in hidden),
    ]
    return {"resourceType": "Parameters", "parameter": parts}


def _part(name: str, **value: Any) -> Json:
    return {"name": name, **value}


def _headline(found: Clearance) -> list[Json]:
    parts = [_part("headline", valueString=say(found.headline))]
    if found.headline_gate:
        parts.append(_part("headlineGate", valueCode=found.headline_gate))
    return parts + _move(found.action, found.who, found.due, found.due_label)


def _move(action: Action | None, who: str | None, due: datetime | None, due_for: Sentence | None) -> list[Json]:
    """What is to be done next, by whom, until when, and what it is that is due then."""
    parts = []
    if action:
        coding = {"system": ACTIONS, "code": action.code, "display": say(action.label)}
        parts.append(_part("action", valueCoding=coding))
    if who:
        parts.append(_part("who", valueCode=who))
    if due:
        parts.append(_part("due", valueDateTime=instant(micros(due))))
    if due and due_for:
        parts.append(_part("dueFor", valueString=say(due_for)))
    return parts


def _gate(gate: Gate) -> list[Json]:
    parts = [
        _part("name", valueCode=gate.name),
        _part("state", valueCode=gate.state),
        _part("reason", valueString=say(gate.reason)),
        _part("rule", valueString=gate.rule),
        *_move(gate.action, gate.who, gate.due, gate.due_label),
    ]
    if gate.waits_on:
        parts.append(_part("waitsOn", valueCode=gate.waits_on))
    parts += [_part("evidence", part=_evidence(each)) for each in gate.evidence]
    for span in gate.spans:
        period = {"start": span.first.isoformat(), "end": span.last.isoformat()}
        parts.append(
            _part(
                "span",
                part=[
                    _part("period", valuePeriod=period),
                    _part("state", valueCode=span.state),
                    _part("reason", valueString=say(span.reason)),
                ],
            )
        )
    for offer in gate.offers:
        who = {"reference": offer.reference, "display": offer.name}
        until = [_part("until", valueDate=offer.until.isoformat())] if offer.until else []
        inside = [_part("performer", valueReference=who), _part("agreement", valueString=offer.agreement), *until]
        if offer.kilometres is not None:
            away = {"value": offer.kilometres, "unit": "km", "system": "http://unitsofmeasure.org", "code": "km"}
            inside.append(_part("distance", valueQuantity=away))
        parts.append(_part("offer", part=inside))
    return parts


def _evidence(each: Evidence) -> list[Json]:
    version = [_part("version", valueString=each.version)] if each.version else []
    return [
        _part("resource", valueReference={"reference": each.reference}),
        *version,
        _part("element", valueString=each.element),
    ]


def _withheld(name: str) -> list[Json]:
    return [_part("name", valueCode=name), _part("withheld", valueBoolean=True), _part("reason", valueString=WITHHELD)]
