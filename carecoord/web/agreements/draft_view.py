"""The fields of a draft as its form shows them: of a new agreement, and of a draft that is written anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from carecoord.actions.agreements import roster
from carecoord.actions.agreements.dossier import Dossier
from carecoord.actions.agreements.drafts import Choices, opening_row
from carecoord.actions.agreements.roster import Offered
from carecoord.domain.agreements import kinds
from carecoord.domain.agreements.comparison import said
from carecoord.domain.agreements.desk import drafts
from carecoord.domain.agreements.desk.acts import draft_of
from carecoord.domain.agreements.records import Listing, named
from carecoord.domain.resource.elements import Json, code_of, item, text
from carecoord.web.acts.forms import State
from carecoord.web.agreements.register_view import KINDS, role
from carecoord.web.agreements.vocabulary import TERMS
from carecoord.words.catalogue import spoken

_SPAN: Final = {"last": "ends", "ahead": "notice-days", "months": "renewal-months"}  # fields -> elements of a version


@dataclass(frozen=True)
class Sheet:
    """The fields. `first`, `second`: what the parties of its kind are called, empty of an amendment, which has those of
    what it amends; `terms`: (code, words) of the terms in words; `networks`: (id, name) and `plans`: (id, name, names
    of their networks) of the payer that was written."""

    state: State
    kind: str
    label: str
    first: str
    second: str
    money: bool
    terms: Sequence[tuple[str, str]]
    networks: Sequence[tuple[str, str]]
    plans: Sequence[tuple[str, str, str]]
    seen: str = ""
    back: str = "/contracts/new"


@dataclass(frozen=True)
class Place:
    """The fields of a row of who takes part: `rows` to choose from (key, what it says), networks and sites, (id,
    name)."""

    state: State
    rows: Mapping[str, str]
    networks: Sequence[tuple[str, str]]
    sites: Sequence[tuple[str, str]]


def placed(found: Dossier, state: State, offers: Offered) -> Place:
    """The fields of the row that the state names, or of the only one there is, with what it says where nothing was
    typed yet."""
    held = {each.evidence.reference: each for each in roster.rows(found)}
    row = state.value("row", next(iter(held), "") if len(held) == 1 else "")
    if not state.values.keys() - {"row"} and row in held:
        listing = held[row]
        start, end = listing.days.start, listing.days.last
        state = replace(state, values={
            "row": row, "start": start.isoformat() if start else "", "last": end.isoformat() if end else "",
            **{f"network-{named(each).partition('/')[2]}": "1" for each in listing.networks},
            **{f"site-{named(each).partition('/')[2]}": "1" for each in listing.sites},
        })  # fmt: skip
    told = {to: _told(each, found.names) for to, each in held.items()}
    networks, sites = ([(to.partition("/")[2], name) for to, name in each] for each in (offers.networks, offers.sites))
    return Place(state, told, networks, sites)


def _told(listing: Listing, names: Mapping[str, str]) -> str:
    """A row in a line: in what, where."""
    places = [names.get(named(each), named(each)) for each in (*listing.networks, *listing.sites)]
    return f"{names.get(named(listing.organization), '')}: {', '.join(places)}"


def new(kind: str, state: State, offers: Choices) -> Sheet:
    """The fields of a new agreement of a kind, the asker's own organization written where it stands as a rule."""
    provider = kind == "payer-provider" and not offers.is_payer
    if "first" not in state.values:
        own = {"second" if provider else "first": offers.own}
        state = replace(state, values={"first": "", **own, **state.values})
    return _sheet(kind, state, offers, [code for code in kinds.KINDS[kind] if code != kinds.MONEY])


def edited(found: Dossier, state: State, offers: Choices) -> Sheet:
    """The fields of the draft that waits, with what it says where nothing was typed yet."""
    _, contract = draft_of(found.versions)
    worded = drafts.worded(contract, found.sees_rates)
    state = state if state.values else replace(state, values=_written(found, contract, worded))
    if drafts.is_amendment(contract):
        demanded = [(code, TERMS.get(code, code)) for code in worded]
        return Sheet(state, "", "", "", "", True, demanded, (), ())
    kind = code_of(item(contract, "type"))
    codes = [code for code in kinds.KINDS.get(kind, ()) if code != kinds.MONEY]
    shown = _sheet(kind, state, offers, list(dict.fromkeys([*codes, *worded])))
    return shown if opening_row(found) is not None else replace(shown, networks=(), plans=())


def payer(found: Dossier) -> str:
    """By whose name the networks of the draft that waits are offered."""
    sides = drafts.sides_of(draft_of(found.versions)[1])
    return _called(found, sides[0]) if sides else ""


def demands(kind: str) -> str:
    """What a kind demands, in words."""
    first, second = map(role, kinds.SIDES[kind])
    terms = ", ".join(TERMS[code].lower() for code in kinds.KINDS[kind])
    second = second.lower()
    return spoken("agreements.and", first_=first, second=second, terms=terms)


def _sheet(kind: str, state: State, offers: Choices, codes: Sequence[str]) -> Sheet:
    first, second = kinds.SIDES.get(kind, ("", ""))
    between = kind == "payer-provider"
    networks = [(id.partition("/")[2], name) for id, name in offers.networks] if between else []
    plans = [(id.partition("/")[2], *more) for id, *more in offers.plans] if between else []
    money = kinds.MONEY in kinds.KINDS.get(kind, ()) or bool(state.value("limit"))
    terms = [(code, TERMS.get(code, code.replace("-", " ").capitalize())) for code in codes]
    return Sheet(
        state, kind, KINDS.get(kind, kind), role(first), role(second), money, terms, networks,
        [(id, name, used) for id, name, used in plans],
    )  # fmt: skip


def _written(found: Dossier, contract: Json, worded: Mapping[str, str]) -> dict[str, str]:
    """What the draft says, by field."""
    told = said(contract)
    sides = [_called(found, each) for each in drafts.sides_of(contract)]
    amends = drafts.is_amendment(contract)
    row = opening_row(found)
    opened = [named(each) for one in found.listings if one.evidence.reference == row for each in one.networks]
    return {
        "kind": told.get("amendment-type", "") if amends else code_of(item(contract, "type")),
        "number": found.line.number, "title": text(contract, "title"),
        **dict(zip(("first", "second"), sides, strict=False)),
        "start": told.get("effective-from") or told.get("starts", ""),
        **{field: told.get(element, "") for field, element in _SPAN.items()},
        **({"evergreen": "1"} if told.get("evergreen") == "yes" else {}),
        "limit": told.get("limit", "").partition(" ")[0],
        **{f"term-{code}": words for code, words in worded.items()},
        **{f"network-{id.partition('/')[2]}": "1" for id in opened},
    }  # fmt: skip


def _called(found: Dossier, party: Json) -> str:
    return found.names.get(named(party)) or text(party, "display")
