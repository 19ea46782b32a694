"""The cases in which an office is one of several that were asked: it has a Task of its own beside the one that the row
tells of, or the order of an open Task names it. Led by the indexes of Task.owner and ServiceRequest.performer."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, exists, or_, select

from carecoord.fhir.search.params import key
from carecoord.store.database.tables import case, ix_reference

MOST: Final = 200  # cases of the list
_owned, _focus, _named = ix_reference.alias("owned"), ix_reference.alias("focus"), ix_reference.alias("named")


def ids(conn: Connection, organizations: Sequence[str], only: str | None = None) -> list[str]:
    """The ids of these cases that are open, the newest first: candidates, of which the case itself decides. only: this
    one, where it is among them."""
    if not organizations:
        return []
    wanted = [case.c.id == only] if only else []
    others = (
        case.c.open.is_(True), or_(case.c.performer.is_(None), case.c.performer.notin_(organizations)),
        or_(case.c.placer.is_(None), case.c.placer.notin_(organizations)), *wanted,
    )  # fmt: skip
    tasks: Select[Any] = (
        select(case.c.id, case.c.rid)
        .join_from(_owned, _focus, (_focus.c.rid == _owned.c.rid) & (_focus.c.key == key("Task", "focus")))
        .join(case, (case.c.id == _focus.c.id) & (_focus.c.type == "ServiceRequest"))
        .where(_owned.c.key == key("Task", "owner"), _is_one(_owned, organizations), *others)
    )
    named: Select[Any] = (
        select(case.c.id, case.c.rid)
        .join_from(_named, case, case.c.rid == _named.c.rid)
        .where(
            _named.c.key == key("ServiceRequest", "performer"), _is_one(_named, organizations),
            case.c.stage == "sent", *others,
        )
    )  # fmt: skip
    both = [
        row for found in (tasks, named) for row in conn.execute(found.order_by(case.c.rid.desc()).limit(MOST)).all()
    ]
    return list(dict.fromkeys(row.id for row in sorted(both, key=lambda row: -row.rid)))


def ever(conn: Connection, organizations: Sequence[str]) -> bool:
    """Whether an office was ever asked to see a patient, alone or beside others."""
    asked = select(exists().where(case.c.performer.in_(organizations)))
    return bool(organizations) and (bool(conn.execute(asked).scalar_one()) or bool(ids(conn, organizations)))


def _is_one(reference: Any, organizations: Sequence[str]) -> Any:
    return (reference.c.type == "Organization") & (reference.c.url == "") & reference.c.id.in_(organizations)
