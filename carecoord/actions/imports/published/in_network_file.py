"""A payer's in-network file (CMS Transparency in Coverage) read as a stream, twice: first whose the groups of providers
are, then what is paid to ours. Of a file of 100 GB the prices of one agreement are kept and nothing else."""

import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import ijson

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.agreements import rates as held
from carecoord.actions.imports.batch import Brought, Report, register
from carecoord.actions.imports.published.spans import Measured, whole
from carecoord.domain.agreements.parties import parties
from carecoord.domain.agreements.rates import RateLine, Schedule
from carecoord.domain.imports.agreements import named_version
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.organizations import value_of
from carecoord.domain.imports.published import in_network
from carecoord.domain.imports.published.in_network import Item, Us
from carecoord.domain.imports.rows import Row
from carecoord.domain.resource.elements import items, text
from carecoord.domain.resource.parties import TAXES, is_payer, name
from carecoord.errors import Forbidden, Invalid
from carecoord.fhir.code_systems import NPI
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

_READS: Final = ("Organization", "Contract")
_ITEM, _RATE, _GROUP = "in_network.item", "in_network.item.negotiated_rates.item", "provider_references.item"
_TOLD: Final = 2_000  # entries between two words of how far it is
_GZIP: Final = b"\x1f\x8b"
_TEXT: Final = b'"'  # each text and each name begins and ends with one


@dataclass
class Published:
    """What was found: the lines, what was refused and where, how many entries the file has."""

    lines: dict[RateLine, None] = field(default_factory=dict)
    refused: list[tuple[str, Sentence]] = field(default_factory=list)
    entries: int = 0


def bring(
    world: World, grant: Grant, request: str, path: Path, number: str, *, version: str = "",
    schedule: str = "In-network file", dry: bool = False, report: Report = lambda done, total: None,
) -> tuple[Brought, Published]:  # fmt: skip
    """Let a schedule of an agreement be what the file says of its provider. Raises Forbidden, and Invalid where there
    is no such agreement, its provider has no number, or the file says nothing of them."""
    with looking(world, grant, request) as turn:
        turn.demand("Contract", "u")
        contract, us = _whose(turn, number, version)
    found, size = Published(), path.stat().st_size
    with _opened(path) as (source, _):
        references, elsewhere = _references(source, path.name, us)
    report(size, 2 * size)
    with _opened(path) as (source, raw):
        for item in _entries(source, path.name, us, references):
            found.entries = item.number
            for each in in_network.lines(item) if item.prices else ():
                if isinstance(each, RateLine):
                    found.lines[each] = None
                else:
                    found.refused.append((item.place, each))
            if item.number % _TOLD == 0:
                report(size + raw.tell(), 2 * size)
    found.refused += [(f"provider_references {each}", sentence("import.in-network.elsewhere")) for each in elsewhere]
    if not found.lines:
        raise Invalid(sentence("import.in-network.nothing", name=path.name, number=number))
    with changing(world, grant, request, shares=False) as turn, turn.conn.begin_nested() as trial:
        replaced = held.put_lines(turn.conn, Schedule(contract=contract, name=schedule), found.lines, turn.now)
        if dry:
            trial.rollback()
    rows = {"new": replaced.added, "ended": replaced.ended, "unchanged": len(found.lines) - replaced.added}
    return Brought(+Counter(rows | {"faulty": len(found.refused)})), found


def _whose(turn: Turn, number: str, version: str) -> tuple[str, Us]:
    """The version of the agreement, `Contract/id`, and its provider's numbers."""
    known: Known = register(turn, _READS)
    row = Row(0, {}, values={"agreement": number} | ({"version": version} if version else {}))
    contract = named_version(row, known)
    if not contract:
        raise Invalid(row.faults[0].why if row.faults else sentence("imports.published.which-agreement"))
    if not turn.grant.is_operator and not turn.sees_rates(contract):
        raise Forbidden(sentence("import.in-network.no-party"))
    sides = [each for key in parties(known.get(contract) or {}) if (each := known.get(key))]
    providers = [each for each in sides if not is_payer(each)]
    npis = frozenset(filter(None, (value_of(each, NPI) for each in providers)))
    tins = frozenset(filter(None, (_digits(value_of(each, TAXES[:-1])) for each in providers)))
    if not npis and not tins:
        called = ", ".join(name(each) for each in providers) or number
        raise Invalid(sentence("import.in-network.no-number", called=called))
    return contract, Us(npis, tins)


def _digits(written: str) -> str:
    return "".join(each for each in written if each.isdigit())


def _references(source: IO[bytes], name: str, us: Us) -> tuple[frozenset[str], list[str]]:
    """The numbers of the groups that are ours, and of those of which another file tells who they are."""
    mine, elsewhere = set[str](), []
    for each in _read(ijson.items(Measured(source, name, _TEXT), _GROUP), name):
        if not isinstance(each, dict):
            continue
        number = in_network.reference(each.get("provider_group_id"))
        if any(map(us.are, items(each, "provider_groups"))):
            mine.add(number)
        elif text(each, "location") and not items(each, "provider_groups"):
            elsewhere.append(f"{number}: {text(each, 'location')}")
    return frozenset(mine), elsewhere


def _entries(source: IO[bytes], name: str, us: Us, references: frozenset[str]) -> Iterator[Item]:
    """Each entry with the prices that are ours: those of others are let go as they are read."""
    item, rate = Item(0), None
    for prefix, kind, value in _read(ijson.parse(Measured(source, name, _TEXT)), name):
        if rate is not None:
            rate.event(kind, value)
            if prefix == _RATE and kind == "end_map":
                item.prices += in_network.ours(rate.value, us, references)
                rate = None
        elif prefix == _RATE and kind == "start_map":
            rate = ijson.ObjectBuilder()
            rate.event(kind, value)
        elif prefix == _ITEM and kind == "start_map":
            item = Item(item.number + 1)
        elif prefix == _ITEM and kind == "end_map":
            yield item
        elif kind == "start_map" and prefix in (f"{_ITEM}.bundled_codes.item", f"{_ITEM}.covered_services.item"):
            item.bundled += "bundled" in prefix
            item.covered += "covered" in prefix
        elif kind == "string" and prefix.startswith(f"{_ITEM}.") and prefix.count(".") == 2:
            item.said[prefix.rpartition(".")[2]] = value


def _read(events: Iterator[Any], name: str) -> Iterator[Any]:
    try:
        yield from whole(events, name)
    except ijson.JSONError as e:
        raise Invalid(sentence("import.in-network.broken", e=str(e))) from e


@contextmanager
def _opened(path: Path) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """The JSON, and the bytes of the file that tell how far it is read."""
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        if packed:
            with gzip.open(raw) as source:
                yield source, raw  # type: ignore[misc]
        else:
            yield raw, raw
