"""The register of agreements and networks: kept true by every write of a resource that says anything of them, asked by
key, made anew from all that is stored when the zone of the office changes or a version of ours reads more."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine

from carecoord.domain.agreements import records
from carecoord.domain.agreements.records import Listing, PlanListing
from carecoord.domain.agreements.versions import IN_FORCE, Version
from carecoord.domain.gates.gate import Evidence
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.elements import Json
from carecoord.domain.resource.parties import name
from carecoord.domain.resource.places import Point
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.values import clip
from carecoord.store.agreements import places, register
from carecoord.store.agreements.register import NEVER, NO_END, NO_START, NOW, Rows
from carecoord.store.database import marks
from carecoord.store.resources import read
from carecoord.store.resources.write import Touched

_MARK: Final = "register"  # as the migration calls it
_FORM: Final = "3"  # of the rows
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk through the members of networks stands: behind so many of the nearest, and behind a name."""

    nearest: int = 0
    sort: str = ""
    key: str = ""


def record(conn: Connection, touched: Sequence[Touched], at: int, zone: tzinfo) -> None:
    """Keep the register true after a write at the instant `at`, microseconds."""
    mine = [each for each in touched if each.type in records.TYPES]
    last = {each.rid: each for each in mine}
    register.supersede(conn, sorted({each.rid for each in mine if each.before}), at)
    said = [(each.rid, each.version, at, NEVER, _decode(each.after)) for each in last.values() if each.after]
    if said:
        register.write(conn, _rows(conn, said, zone))
    register.rename(conn, _renamed(touched))


def _renamed(touched: Iterable[Touched]) -> dict[str, str]:
    """Where organizations stand by their names, of those that have another now."""
    last = {each.id: each for each in touched if each.type == "Organization" and each.after}
    names = {each.id: (_name(each.before), _name(each.after)) for each in last.values()}
    return {f"Organization/{id}": clip(after) for id, (before, after) in names.items() if before != after}


def _name(body: bytes) -> str:
    return fold(name(_decode(body))) if body else ""


def renew(engine: Engine, zone: tzinfo) -> None:
    """Make every row anew where they were made by an earlier version, or in another zone than the office's."""
    with marks.anew(engine, _MARK, f"{_FORM} {zone}".encode()) as conn:
        if conn is None:
            return
        register.clear(conn)
        for lives in register.past(conn, records.TYPES):
            said = [
                (each.rid, each.version, each.recorded, each.superseded, _decode(each.body))
                for each in lives
                if each.body and each.recorded < each.superseded
            ]
            register.write(conn, _rows(conn, said, zone))


def participations(conn: Connection, subjects: Iterable[str], at: int | None = None) -> list[Listing]:
    """The rows about organizations and clinicians with these keys (`records.named`), as known at an instant."""
    return [_listing(row) for row in register.participations(conn, map(clip, subjects), _at(at))]


def under(conn: Connection, contracts: Iterable[str]) -> list[Listing]:
    """Who takes part under these `Contract/id`."""
    return [_listing(row) for row in register.under(conn, contracts)]


def plans(conn: Connection, values: Iterable[str], at: int | None = None) -> list[PlanListing]:
    """What is listed of the plans with these identifiers, values as they stand on cards."""
    return [
        PlanListing(
            Evidence(f"InsurancePlan/{row.id}", str(row.version), "InsurancePlan.network"),
            row.plan,
            _decode(row.payer),
            tuple(_decode(row.networks)),
            _days(row),
        )
        for row in register.plans(conn, map(clip, values), _at(at))
    ]


def versions(conn: Connection, contracts: Iterable[str], at: int | None = None) -> list[Version]:
    """Every version of the agreements of which these `Contract/id` are versions."""
    ids = [each.removeprefix("Contract/") for each in contracts if each.startswith("Contract/")]
    return [_version(row) for row in register.versions(conn, ids, _at(at))]


def members(
    conn: Connection,
    open_to: Iterable[str],
    specialties: Iterable[str],
    day: date,
    most: int,
    at: int | None = None,
    near: Point | None = None,
) -> list[str]:
    """The keys of the first organizations that seem to take part on the day in networks (`Listing.open_to`), for one of
    the specialties where any is named: those whose nearest place is nearest to a point, then by name. Whether they do
    is for `participation` to say."""
    networks, fields = sorted(map(clip, open_to)), sorted(map(clip, specialties))
    standing = {"day": day.toordinal(), "signed": sorted(IN_FORCE), "at": _at(at)}
    first = (
        places.nearest(conn, (near.latitude, near.longitude), networks, fields, standing, most) if near else list[str]()
    )
    if len(first) == most:
        return first
    named = register.members(conn, networks, fields, day.toordinal(), sorted(IN_FORCE), most, _at(at))
    return list(dict.fromkeys([*first, *named]))[:most]


def walk(
    conn: Connection, open_to: Iterable[str], specialties: Iterable[str], day: date, near: Point | None, place: Place,
    most: int,
) -> list[tuple[str, Place]]:  # fmt: skip
    """The next of those that `members` finds now, each with the place behind it. The nearest come first, as many as are
    looked at; then all others by name."""
    networks, fields = sorted(map(clip, open_to)), sorted(map(clip, specialties))
    standing = {"day": day.toordinal(), "signed": sorted(IN_FORCE), "at": NOW}
    by_distance: list[str] = []
    if near:
        by_distance = places.nearest(conn, (near.latitude, near.longitude), networks, fields, standing, places.MOST)
    found = [(key, Place(n)) for n, key in enumerate(by_distance[place.nearest :], place.nearest + 1)][:most]
    after, given = (place.sort, place.key), set(by_distance)
    while len(found) < most:
        rows = register.members_after(conn, networks, fields, standing, after, most)
        found += [(key, Place(len(by_distance), sort, key)) for sort, key in rows if key not in given]
        if len(rows) < most:
            break
        after = rows[-1]
    return found[:most]


def _at(at: int | None) -> int:
    return NOW if at is None else at


def _rows(conn: Connection, said: Sequence[tuple[int, int, int, int, Json]], zone: tzinfo) -> Rows:
    """The rows of versions of resources: the number of each, its version, from when until when it was known, itself."""
    rows = Rows()
    whose: list[tuple[Listing, tuple[int, int], tuple[int, int]]] = []
    for rid, version, recorded, superseded, resource in said:
        found, known = records.read([resource], zone), (recorded, superseded)
        place = (rid, version, resource["id"])
        rows.versions.extend((*place, *_version_values(each), *known) for each in found.versions)
        rows.plans.extend((rid, version, *_plan_values(each, resource["id"]), *known) for each in found.plans)
        for each in found.listings:
            kind = str(resource["resourceType"])
            rows.participations.append((rid, version, kind, resource["id"], *_listing_values(each), *known))
            if each.include and not each.practitioner:
                whose.append((each, (rid, version), known))
    sorts = _sorts(conn, {each.subject for each, *_ in whose})
    for each, at, known in whose:
        sort = clip(sorts.get(each.subject) or fold(str(each.organization.get("display") or "")))
        contract = _plain(each.contract).removeprefix("Contract/")
        tail = (sort, clip(each.subject), contract, *_bounds(each.days), *known)
        networks, words = ({clip(key) for key in keys} for keys in (each.open_to, ("", *each.specialties)))
        rows.members.extend((*at, network, word, *tail) for network in sorted(networks) for word in sorted(words))
    return rows


def _sorts(conn: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Where organizations stand by their names."""
    pairs = [(kind, id) for kind, _, id in (key.partition("/") for key in sorted(keys)) if kind == "Organization"]
    return {f"{row.type}/{row.id}": _name(row.body) for row in read.many(conn, pairs) if not row.deleted}


def _version_values(each: Version) -> tuple[Any, ...]:
    notice = each.notice.toordinal() if each.notice else None
    return (
        each.agreement, _plain(each.number), _plain(each.n), _plain(each.status), *_bounds(each.days),
        each.evergreen, notice, each.notice_days, each.renewal_months, _plain(each.amends), _plain(each.amendment),
        _json(each.authority), _plain(each.page),
    )  # fmt: skip


def _listing_values(each: Listing) -> tuple[Any, ...]:
    credentialed, verified = (day.toordinal() if day else None for day in (each.credentialed, each.verified))
    return (
        clip(each.subject), each.include, _json(each.payer), _json(each.organization), _json(each.practitioner),
        _json(each.networks), _json(each.sites), _json(sorted(each.specialties)), _plain(each.contract),
        credentialed, _plain(each.tier), verified, _json(each.absent), *_bounds(each.days),
    )  # fmt: skip


def _plan_values(each: PlanListing, id: str) -> tuple[Any, ...]:
    return clip(each.plan), id, _json(each.payer), _json(each.networks), *_bounds(each.days)


def _json(value: Any) -> str:
    return _encode(value).decode()


def _plain(text: str) -> str:
    """A text as both databases can hold it."""
    return text.replace("\0", "")


def _bounds(days: Days) -> tuple[int, int]:
    return days.start.toordinal() if days.start else NO_START, days.end.toordinal() if days.end else NO_END


def _days(row: Any) -> Days:
    start, end = row.valid_from, row.valid_to
    return Days(None if start == NO_START else _day(start), None if end == NO_END else _day(end))


def _day(number: int) -> date:
    return date.fromordinal(number)


def _listing(row: Any) -> Listing:
    return Listing(
        Evidence(f"{row.type}/{row.id}", str(row.version), f"{row.type}.period"),
        row.include,
        _decode(row.payer),
        _decode(row.organization),
        _decode(row.practitioner),
        tuple(_decode(row.networks)),
        tuple(_decode(row.sites)),
        frozenset(_decode(row.specialties)),
        _days(row),
        None if row.credentialed is None else _day(row.credentialed),
        row.contract,
        row.tier,
        None if row.verified is None else _day(row.verified),
        _decode(row.absent),
    )


def _version(row: Any) -> Version:
    return Version(
        f"Contract/{row.id}",
        str(row.version),
        row.agreement,
        row.number,
        row.n,
        row.status,
        _days(row),
        row.evergreen,
        None if row.notice is None else _day(row.notice),
        row.notice_days,
        row.renewal_months,
        row.amends,
        row.amendment,
        row.notice is not None,
        tuple(_decode(row.authority)),
        row.page,
        f"Contract/{row.id}" if row.page else "",
    )
