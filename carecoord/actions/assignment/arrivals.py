"""New work noticed where it is written: a referral that has gone out or come in and that nobody has, or has any more.
Whom it goes to is decided by a job of the same transaction, so that a load of many waits for no rule."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.office import office
from carecoord.domain.access import verbs
from carecoord.domain.resource.codes import RULE
from carecoord.store.assignment import rules
from carecoord.store.database import outbox

JOB: Final = "assign"  # in the outbox; its key: the id of the case


def is_new(before: Mapping[str, Any] | None, row: Mapping[str, Any]) -> bool:
    """Whether a case has become nobody's: it was not there, or a draft, or somebody's, as its row (None: it had none)
    says."""
    if row["owner"] or not row["open"] or not row["placer"] or row["stage"] == rules.DRAFT:
        return False
    return before is None or before["stage"] == rules.DRAFT or bool(before["owner"]) or not before["open"]


def note(conn: Connection, arrived: Iterable[Mapping[str, Any]], now: datetime) -> None:
    """Have those of these cases (rows) given away whose office has a rule in force."""
    placers = {row["id"]: row["placer"] for row in arrived}
    ruled = rules.in_force(conn) if placers else set()
    for id, placer in sorted(placers.items()) if ruled else ():
        if ruled & {placer, *office(conn, asker(placer)).organizations}:
            outbox.add(conn, JOB, id, b"", now)


def asker(placer: str, id: str = "", name: str = "") -> Grant:
    """Who acts for an office by a rule of it: the rule, by its id and name."""
    return Grant(f"{RULE}{id}", roles=frozenset(verbs.holders("assign")), organization=placer, name=name)
