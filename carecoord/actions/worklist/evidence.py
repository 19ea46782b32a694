"""Whose cases there are to judge, and what those of a patient are judged by: of PostgreSQL each is asked in one way
there and back."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from carecoord.actions.clearance.assemble import TYPES
from carecoord.store.database.driver import Asked, foreseen
from carecoord.store.ehrs import conflicts, ehrs
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import read, registry_mark
from carecoord.store.worklist import marks, rows


def asked_of(patients: Sequence[str]) -> list[Asked]:
    """What is read of one patient, with whom the transaction is alone (`rows.hold`), in the order in which it has to
    be read: first the marks, then that of the registry. Of several, who are read by lists, nothing."""
    if len(patients) != 1:
        return []
    return [
        marks.asked_of(patients), registry_mark.ASKED, read.asked_of(patients[0], TYPES), conflicts.ASKED, ehrs.ASKED,
        rows.asked_of(patients), authorizations.asked_of(patients),
    ]  # fmt: skip


def concerned(conn: Connection, patients: Iterable[str], kept: Collection[str], *, shown: bool) -> list[str]:
    """Those of the patients who may have a case (shown: who have one already), but for those who were read before
    (`kept`); the transaction is alone with all of them. That first: whose first order another is writing just now has
    no case yet for us."""
    with foreseen(conn, rows.asked_at_once(conn, patients, shown=shown) if not kept else ()):
        rows.hold(conn, {*kept, *patients})
        return rows.concerned(conn, [each for each in patients if each not in kept], shown=shown)
