"""What is judged by something that has changed, left to be judged anew by the worker."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from carecoord.fhir.instants import micros
from carecoord.store.prior_auth import authorizations
from carecoord.store.worklist import marks


def leave(conn: Connection, rids: Sequence[int] | None, now: datetime) -> None:
    """Say of these cases, and of these requests that have none (row numbers; None: of all), that they are overtaken."""
    alone = authorizations.among(conn, rids) if rids else {}
    marks.mark(conn, rids if rids is None else [rid for rid in rids if rid not in alone])
    authorizations.wake(conn, None if rids is None else alone.values(), micros(now))
