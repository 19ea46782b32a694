"""An agreement as one line of the register: who it is between, how it stands on a day, and what is due of it next. The
day by which notice has to be given matters more than the end: after it an evergreen agreement goes on by itself.

Clauses: FHIR R4 Contract.applies, authority, subject, signer.party, term.offer.party; contracts.md 1.2, 4."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from carecoord.domain.agreements.disclosure import without_rates
from carecoord.domain.agreements.parties import terms
from carecoord.domain.agreements.records import named
from carecoord.domain.agreements.versions import AWAITED, State, Version, standing
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, code_of, item, items, text
from carecoord.fhir.search.collation import fold

Stage = Literal["current", "awaited", "ended"]
_STAGES: Final[dict[State, Stage]] = {
    "in-force": "current", "suspended": "current", "awaited": "awaited", "later": "awaited", "ended": "ended",
    "unknown": "ended",
}  # fmt: skip
_LONGEST: Final = 20_000  # characters of what is searched in one agreement


@dataclass(frozen=True, slots=True)
class Side:
    """A party: `Type/id`, its name, its role (a code, or empty), and whether authority, subject or signer names it."""

    key: str
    name: str
    role: str
    binds: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """One agreement on one day. `contract`: the `Contract/id` of the version that is shown, `drafts`: whether a version
    waits to be signed. Days are half-open, None: none. `due`: what comes next of `notice_by` and the end; `turns`: the
    first day on which this line may say something else."""

    number: str
    title: str
    kind: str
    state: State
    stage: Stage
    version: str
    contract: str
    versions: int
    drafts: bool
    sides: tuple[Side, ...]
    start: date | None
    end: date | None
    term_end: date | None
    notice_by: date | None
    due: date | None
    turns: date | None
    limit: str
    words: str


def overview(
    versions: Sequence[Version], contracts: Mapping[str, Json], names: Mapping[str, str], day: date
) -> Overview:
    """The line of an agreement. versions: all of it, oldest first (`by_agreement`); contracts: each by its
    `Contract/id`; names: of the parties, by `Type/id`."""
    stands = standing(versions[-1].number, tuple(versions), day)
    waiting = [each for each in versions if each.status in AWAITED and (each.run.end is None or each.run.end > day)]
    shown = stands.version or next(iter([*reversed(waiting), versions[-1]]))
    held = [contracts[each.key] for each in reversed(versions) if each.key in contracts]
    mine = [contracts[shown.key], *held] if shown.key in contracts else held
    term, stage = shown.term(day), _STAGES[stands.state]
    ends = stands.until if stage == "current" and stands.state == "in-force" else shown.run.end
    notice_by = term.notice_by if stage == "current" and term.notice_by and term.notice_by >= day else None
    coming = [each for each in (notice_by, term.end) if each and each >= day]
    sides = tuple(_sides(mine, names))
    title = next((said for each in mine if (said := text(each, "title") or text(each, "name"))), "")
    kind = next((code for each in mine if (code := code_of(item(each, "type")))), "")
    limit = next((said for each in mine if (said := limit_of(each))), "")
    return Overview(
        shown.number, title, kind, stands.state, stage, shown.n, shown.key, len(versions), bool(waiting), sides,
        shown.days.start, ends, term.end, notice_by, min(coming, default=ends),
        _turns(versions, notice_by, term.end, day), limit,
        _words([shown.number, kind, title, *(each.name for each in sides)], mine),
    )  # fmt: skip


def limit_of(contract: Json) -> str:
    """The amount that is not to be exceeded, as `250000 USD`; empty where none is said."""
    for term in terms(items(contract, "term")):
        if code_of(item(term, "type")) != "budget":
            continue
        for asset in items(term, "asset"):
            for valued in items(asset, "valuedItem"):
                value = item(valued, "net").get("value")
                if value is not None:
                    return f"{value} {text(item(valued, 'net'), 'currency')}".strip()
    return ""


def _sides(contracts: Iterable[Json], names: Mapping[str, str]) -> Iterator[Side]:
    """The parties, each once: as the newest version that speaks of them does."""
    roles: dict[str, str] = {}
    binding: dict[str, bool] = {}
    said: dict[str, str] = {}
    for contract in contracts:
        for reference, role, binds in _named(contract):
            to = named(reference) or text(reference, "display")
            if not to:
                continue
            roles[to] = roles.get(to) or role
            binding[to] = binding.get(to, False) or binds
            said.setdefault(to, names.get(to) or text(reference, "display") or to)
    return (Side(to, said[to], roles[to], binding[to]) for to in roles)


def _named(contract: Json) -> Iterator[tuple[Json, str, bool]]:
    for name in ("authority", "subject"):
        yield from ((reference, "", True) for reference in items(contract, name))
    yield from ((item(each, "party"), "", True) for each in items(contract, "signer"))
    for term in terms(items(contract, "term")):
        for party in items(item(term, "offer"), "party"):
            yield from ((each, code_of(item(party, "role")), False) for each in items(party, "reference"))


def _turns(versions: Iterable[Version], notice_by: date | None, end: date | None, day: date) -> date | None:
    """The next day on which anything of it may be otherwise."""
    marks = [shifted(notice_by, 1) if notice_by else None, end]
    marks += [mark for each in versions for mark in (each.run.start, each.run.end)]
    return min((each for each in marks if each and each > day), default=None)


def _words(plain: Iterable[str], contracts: Iterable[Json]) -> str:
    """What is searched, in base letters, each word once."""
    said = list(plain)
    for contract in contracts:
        said += [text(contract, name) for name in ("version", "title", "name", "subtitle")]
        told = without_rates(contract)  # a search must not find out what is paid
        for term in terms(items(told, "term")):
            said += [text(term, "text"), text(item(term, "offer"), "text"), text(item(term, "type"), "text")]
            said += [text(asset, "text") for asset in items(term, "asset")]
            said += [text(each, "text") for each in items(item(term, "offer"), "answer")]
    return " ".join(words(" ".join(said)))[:_LONGEST]


def words(said: str) -> list[str]:
    """The words of a text as they are searched: base letters and digits, each once, in their order."""
    base = "".join(letter if letter.isalnum() else " " for letter in fold(said))
    return list(dict.fromkeys(base.split()))
