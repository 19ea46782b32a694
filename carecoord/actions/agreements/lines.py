"""The lines of the register, one for each agreement: made anew whenever a version of it is written, and when a day has
come on which it stands otherwise."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, tzinfo
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine

from carecoord.actions.agreements import register
from carecoord.domain.agreements.overview import Overview, overview
from carecoord.domain.agreements.parties import named_in
from carecoord.domain.agreements.versions import Version, agreement_of, by_agreement
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, identifiers, items, target
from carecoord.domain.resource.parties import directory, name
from carecoord.fhir.instants import moment
from carecoord.store.agreements import roll
from carecoord.store.agreements.register import NO_END, NO_START
from carecoord.store.database import marks
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Touched

_MARK: Final = "register lines"
_FORM: Final = "3"  # of the lines
_BATCH: Final = 500  # agreements in memory at once
_NAMED: Final = ("Organization", "Practitioner", "Location", "RelatedPerson", "Group")  # who can be a party
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def record(conn: Connection, touched: Sequence[Touched], at: int, zone: tzinfo) -> None:
    """Keep the lines true after a write at the instant `at`, microseconds."""
    mine = [each for each in touched if each.type == "Contract"]
    said = [_decode(body) for each in mine for body in (each.before, each.after) if body]
    if said:
        make(conn, {agreement_of(each) for each in said}, local(moment(at), zone))
    roll.outdate(conn, _called_otherwise(touched))


def renew(engine: Engine, zone: tzinfo) -> None:
    """Make every line anew where they were made by an earlier version, or in another zone than the office's."""
    with marks.anew(engine, _MARK, f"{_FORM} {zone}".encode()) as conn:
        if conn is None:
            return
        roll.clear(conn)
        behind = ""
        while found := roll.agreements(conn, behind, _BATCH):
            make(conn, found, date.min)  # every line is then made anew on the day on which it is looked at
            behind = found[-1]


def turn(engine: Engine, day: date) -> None:
    """Make the lines anew that say what held before this day. Costs one look where there is none."""
    while True:
        with reading(engine) as conn:
            if not roll.turned(conn, day.toordinal(), 1):
                return
        with writing(engine) as conn:
            alone(conn, _MARK)
            make(conn, roll.turned(conn, day.toordinal(), _BATCH), day)


def make(conn: Connection, agreements: Iterable[str], day: date) -> None:
    """Write the lines of these agreements (what their versions share) as they stand on a day."""
    wanted = sorted(set(agreements))
    versions = register.versions(conn, (f"Contract/{id}" for id in roll.newest(conn, wanted)))
    found = read.many(conn, [("Contract", each.key.removeprefix("Contract/")) for each in versions])
    contracts = {f"Contract/{row.id}": _decode(row.body) for row in found}
    contracts = {key: each for key, each in contracts.items() if not _of_a_patient(each)}
    known = _known(conn, contracts.values())
    by: dict[str, list[Version]] = {}
    for each in versions:
        if each.key in contracts:
            by.setdefault(each.agreement, []).append(each)
    roll.replace(conn, wanted, list(_lines(by, contracts, known, day)))


def _lines(
    by: Mapping[str, Sequence[Version]], contracts: Mapping[str, Json], known: Sequence[Json], day: date
) -> Iterator[dict[str, Any]]:
    people, names = directory(known), {f"{each['resourceType']}/{each['id']}": name(each) for each in known}
    for agreement, versions in by.items():
        for key, part in by_agreement(versions, people).items():
            yield _values(agreement, key.removeprefix(agreement), overview(part, contracts, names, day))


def _values(agreement: str, part: str, line: Overview) -> dict[str, Any]:
    return {
        "agreement": agreement, "part": _plain(part), "contract": line.contract.removeprefix("Contract/"),
        "number": _plain(line.number), "title": _plain(line.title), "kind": _plain(line.kind), "state": line.state,
        "stage": line.stage, "version": _plain(line.version), "versions": line.versions, "drafts": line.drafts,
        "parties": _plain(_encode([[each.key, each.name, each.role] for each in line.sides]).decode()),
        "starts": line.start.toordinal() if line.start else NO_START, "ends": _day(line.end),
        "term_ends": _day(line.term_end), "notice_by": _day(line.notice_by), "due": _day(line.due),
        "turns_on": _day(line.turns), "amount": _plain(line.limit), "words": _plain(line.words),
        "sides": [(_plain(each.key), each.binds) for each in line.sides],
    }  # fmt: skip


def _day(day: date | None) -> int:
    return day.toordinal() if day else NO_END


def _plain(said: str) -> str:
    """A text as both databases can hold it."""
    return said.replace("\0", "")


def _of_a_patient(contract: Json) -> bool:
    """A patient's own contract is no agreement of the register: its row would tell of a patient."""
    return any(target(each).startswith("Patient/") for each in items(contract, "subject"))


def _known(conn: Connection, contracts: Iterable[Json]) -> list[Json]:
    """The parties that are here."""
    keys = sorted({key for each in contracts for key in named_in(each)})
    pairs = [(kind, id) for kind, slash, id in (key.partition("/") for key in keys) if slash and kind in _NAMED]
    return [_decode(row.body) for row in read.many(conn, pairs)]


def _called_otherwise(touched: Iterable[Touched]) -> Iterator[str]:
    """Those who have another name or identifier now, or have come after the agreements that name them."""
    for each in touched:
        if each.type in _NAMED:
            before, after = (_decode(body) if body else {} for body in (each.before, each.after))
            if name(before) != name(after) or identifiers(before) != identifiers(after):
                yield f"{each.type}/{each.id}"
