"""Writes that are news to whoever looks at a case, and leave its row as it is: a note on a Task, say, of which nothing
that the case is judged by was changed. Nothing is put together and judged for them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from carecoord.actions.clearance.bodies import decoded, mentions
from carecoord.actions.events.ledger import Ledger
from carecoord.domain.clearance.task_elements import is_news
from carecoord.domain.referrals.case import ORDERS, belongs
from carecoord.domain.resource.elements import item, target
from carecoord.fhir.instants import micros
from carecoord.store.ehrs import conflicts
from carecoord.store.resources.write import Touched
from carecoord.store.worklist import rows as worklist_rows

Json = dict[str, Any]
_ORDER: Final = tuple(f"{kind}/" for kind in ORDERS)
_THROUGH: Final = ("Claim/", "Task/")  # by which a Task may be part of cases that it does not name
_decode = msgspec.json.Decoder().decode


def note(
    conn: Connection, touched: Sequence[Touched], odd: Collection[int], ledger: Ledger, now: datetime
) -> set[int]:
    """Tell of such writes that there is news of their cases; returns whose they are (rid): no case is to be judged on
    account of these. odd: what a table of states does not have, and is flagged for it now."""
    unread = {each.rid: each for each in touched if _is_unread(each)}
    for rid in {each.rid for each in touched if each.rid in unread and not _is_unread(each)}.union(odd):
        unread.pop(rid, None)
    if unread:  # all at once, those too who are judged afterwards: whoever takes such locks takes them in one order
        whose = (patient for each in touched for patient in (each.patient, each.before_patient))
        worklist_rows.hold(conn, {patient for patient in whose if patient is not None})
    disputed = conflicts.patients(conn) if unread else frozenset[str]()
    return {
        rid
        for rid, each in unread.items()
        if each.patient not in disputed and _told(conn, each, ledger, now)
    }


def _is_unread(each: Touched) -> bool:
    """Whether a write changed nothing of a Task but what no rule reads, nor whom the registry is asked for."""
    if each.type != "Task" or not (each.before and each.after) or each.flagged:
        return False
    if each.patient is None or each.patient != each.before_patient:
        return False
    return not is_news(decoded(each.before), _decode(each.after)) and mentions(each.before) == mentions(each.after)


def _told(conn: Connection, each: Touched, ledger: Ledger, now: datetime) -> bool:
    """Whether it is known which cases the Task is part of, and none of the patient's tells of a conflict: what an EHR
    and we say differently may be settled by this very write."""
    task, patient = _decode(each.after), each.patient or ""
    if not _is_plain(task):
        return False
    orders = worklist_rows.orders(conn, patient)
    own = [order for order in orders if belongs(task, decoded(order.body))]
    if not own or any(order.conflict for order in orders):
        return False
    worklist_rows.touch(conn, sorted(order.rid for order in own), micros(now))
    ledger.concerns(f"Task/{each.id}", {order.id: patient for order in own})
    return True


def _is_plain(task: Json) -> bool:
    """Whether a Task is part of those cases alone whose orders it names."""
    through = target(item(task, "reasonReference")).startswith(_THROUGH)
    return target(item(task, "focus")).startswith(_ORDER) and not task.get("partOf") and not through
