"""What stands beside the resources, read a run at a time: for the check that each says what the resource says."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, bindparam, exists, func, select, union

from carecoord.store.database import bulk
from carecoord.store.database.among import OneOf, listed
from carecoord.store.database.tables import case, history, metadata, resource
from carecoord.store.prior_auth.tables import authorization_party as party
from carecoord.store.prior_auth.tables import authorization_row as request
from carecoord.store.prior_auth.tables import authorization_word as said
from carecoord.store.resources.change import StoredResource
from carecoord.store.worklist import search_words

_RUN: Final = 400
_ORDERED: Final = ("ServiceRequest", "DeviceRequest", "Claim")  # what makes a patient somebody to judge

_columns = (*(resource.c[name] for name in StoredResource.__dataclass_fields__),)
_page = select(*_columns).where(resource.c.rid > bindparam("after")).order_by(resource.c.rid).limit(bindparam("most"))
_versions = select(history.c.rid, history.c.version).where(OneOf(history.c.rid, "rids"))
_judged = union(
    select(resource.c.patient).where(resource.c.type.in_(_ORDERED), resource.c.patient > bindparam("after")),
    select(case.c.patient).where(case.c.patient > bindparam("after")),
).subquery()
_requests = select(request.c.root, request.c.parties, request.c.searched, request.c.payer_searched).where(
    request.c.patient == bindparam("patient")
)
_parties = select(party.c.side, party.c.key).where(party.c.root == bindparam("root"))
_words = select(said.c.word, said.c.payer).where(said.c.root == bindparam("root"))
_patients = select(_judged.c.patient).order_by(_judged.c.patient).limit(bindparam("most"))


def count(conn: Connection) -> int:
    """How many resources there are, deleted ones too."""
    return conn.scalar(select(func.count()).select_from(resource)) or 0


def page(conn: Connection, after: int, most: int) -> list[StoredResource]:
    """The next resources behind a row number, deleted ones too."""
    return [StoredResource(*row) for row in conn.execute(_page, {"after": after, "most": most})]


def patients(conn: Connection, after: str, most: int) -> list[str]:
    """The next patients, by id, who have an order, a request for authorization or a case row."""
    return [str(patient) for patient in conn.scalars(_patients, {"after": after, "most": most})]


def beside(conn: Connection, name: str, rids: Sequence[int]) -> dict[int, set[tuple[Any, ...]]]:
    """What a table that has a column `rid` says of these resources: its other columns, in their order."""
    table = _table(name)
    others = [column for column in table.columns if column.name != "rid"]
    wanted = select(table.c.rid, *others).where(OneOf(table.c.rid, "rids"))
    found: dict[int, set[tuple[Any, ...]]] = {}
    for run in bulk.runs(rids, _RUN):
        for rid, *values in conn.execute(wanted, {"rids": listed(run)}):
            found.setdefault(rid, set()).add(tuple(values))
    return found


def versions(conn: Connection, rids: Sequence[int]) -> dict[int, set[int]]:
    """The earlier versions that are kept of these resources."""
    found: dict[int, set[int]] = {}
    for run in bulk.runs(rids, _RUN):
        for rid, version in conn.execute(_versions, {"rids": listed(run)}):
            found.setdefault(rid, set()).add(version)
    return found


def strays(conn: Connection, name: str, of: str = "resource") -> Iterator[int]:
    """The row numbers that a table speaks of although nothing of that number is there."""
    table, whole = _table(name), _table(of)
    lost = select(table.c.rid).where(~exists().where(whole.c.rid == table.c.rid)).distinct().order_by(table.c.rid)
    yield from conn.execution_options(yield_per=_RUN).scalars(lost)


def misfiled(conn: Connection, patient: str) -> list[str]:
    """The roots of a patient's requests for authorization that are listed for others, or found by other words, than
    their rows say."""
    found: list[str] = []
    for each in conn.execute(_requests, {"patient": patient}):
        whose = set(msgspec.json.decode(each.parties, type=list[tuple[str, str]]))
        told = search_words.words(each.payer_searched)
        words = {(word, word in told) for word in search_words.words(each.searched)}
        held = [{tuple(row) for row in conn.execute(of, {"root": each.root})} for of in (_parties, _words)]
        found += [] if held == [whose, words] else [each.root]
    return found


def _table(name: str) -> Table:
    return metadata.tables[name]
