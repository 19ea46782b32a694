"""Drafting agreements and amendments, signing and dropping them. A draft is nobody's word yet: what a signed version
says is changed by an amendment alone, which may take effect on a day that is over."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.agreements.acts import TYPE, Agreeing, about, opened
from carecoord.actions.agreements.desk import resources
from carecoord.actions.people.organizations import distinct
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.agreements import acts
from carecoord.domain.agreements.acts import Amendment, Draft, Span
from carecoord.domain.agreements.versions import agreement_of
from carecoord.domain.resource.elements import Json, identifiers, items, key, target, text
from carecoord.domain.resource.parties import directory, name
from carecoord.errors import Forbidden, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import NPI
from carecoord.fhir.search.query import parse
from carecoord.store.agreements import roll
from carecoord.store.resources import read
from carecoord.store.search.search import find
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

_NAMED = 8  # organizations that a fault names
_LOOKED_AT = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """A new agreement as somebody writes it. `sides`: each by its name or number; `networks`: `Organization/id`."""

    kind: str
    number: str
    title: str
    sides: tuple[str, str]
    start: date
    span: Span
    limit: Decimal | None
    terms: dict[str, str]
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """What a form of a new agreement offers: the asker's own organization by name, and the networks of the payer that
    was written, (`Organization/id`, name)."""

    own: str
    is_payer: bool
    networks: Sequence[tuple[str, str]] = field(default_factory=tuple)


def choices(world: World, grant: Grant, request: str, payer: str) -> Choices:
    """What a form offers. Raises Forbidden."""
    with looking(world, grant, request) as turn:
        _demand(turn)
        own = read.get(turn.conn, "Organization", grant.organization or "")
        called = name(json.loads(own.body)) if own and not own.deleted else ""
        payer = payer or (called if turn.office().is_payer else "")
        try:
            networks = _networks(turn, _party(turn, payer, "first")) if payer else []
        except Unprocessable:
            networks = []
        return Choices(called, turn.office().is_payer, [(key(each), name(each)) for each in networks])


def draft(world: World, grant: Grant, request: str, submission: Submission, given: Wanted) -> Done:
    """Draft a new agreement. Raises Unprocessable for a party that is not found by name or number, a number that is
    taken, a network of another payer; Forbidden for a payer's desk that names another payer."""

    def plan(acting: Deed) -> Planned:
        turn, fields = acting.turn, ("first", "second")
        first, second = (_party(turn, said, name) for said, name in zip(given.sides, fields, strict=True))
        if key(first) == key(second):
            raise Unprocessable("Both parties are the same. Choose another one.", "second")
        office = turn.office()
        if office.is_payer and str(first["id"]) not in office.organizations:  # else it would reach into another's
            raise Unprocessable("A payer drafts its own agreements: write your organization here.", "first")
        offered = {key(each): each for each in _networks(turn, first)} if given.networks else {}
        if any(each not in offered for each in given.networks):
            raise Unprocessable("Choose networks of this payer.", "networks")
        networks = [_reference(offered[each]) for each in given.networks]
        terms = dict(given.terms)
        if networks and not terms.get("participation"):
            terms["participation"] = f"Takes part in {', '.join(text(each, 'display') for each in networks)}."
        wanted = Draft(
            given.kind, given.number, given.title or f"Agreement of {name(first)} and {name(second)}",
            (_reference(first), _reference(second)), given.start, given.span, given.limit, terms, networks,
        )  # fmt: skip
        dead = _demand_free(turn, acts.drafted(acting.id, wanted)[0])
        made = acts.drafted(acting.id, replace(wanted, n=dead + 1))
        return Planned(made, sentence("act.drafted", number=given.number))

    return performed(world, grant, request, submission, "draft", plan, _begun)


def amend(world: World, grant: Grant, request: str, submission: Submission, given: Amendment) -> Done:
    """Draft an amendment. Raises Conflict where another draft waits, Unprocessable for what can not be."""

    def plan(acting: Agreeing) -> Planned:
        new = acts.amended(acting.held, acting.id, given)
        return Planned([new], sentence("act.amendment-drafted", n=text(new, "version")), given.words)

    return performed(world, grant, request, submission, "amend", plan, opened)


def sign(world: World, grant: Grant, request: str, submission: Submission, on: date) -> Done:
    """Write down that the draft was signed. Raises Unprocessable naming what its kind demands and nobody wrote."""

    def plan(acting: Agreeing) -> Planned:
        written = acts.signed(acting.held, on)
        if lacks := acts.lacking(written[0]):
            said = ", ".join(each.replace("-", " ") for each in lacks)
            raise Unprocessable(f"Not written yet, and demanded of this kind of agreement: {said}.", "day")
        return Planned(written, sentence("act.signed", n=text(written[0], "version")))

    return performed(world, grant, request, submission, "sign", plan, opened)


def drop(world: World, grant: Grant, request: str, submission: Submission, why: str) -> Done:
    """Give the draft up."""

    def plan(acting: Agreeing) -> Planned:
        gone = acts.dropped(acting.held)
        return Planned([gone], sentence("act.dropped", n=text(gone, "version")), why)

    return performed(world, grant, request, submission, "drop", plan, opened)


def _begun(turn: Turn, id: str, _: str, verb: Verb) -> Deed:
    """A new agreement, named by the act that drafts it. Raises Forbidden."""
    _demand(turn)
    return Deed(turn, id, about(id))


def _demand(turn: Turn) -> None:
    if not verbs.may(turn.grant.roles, "draft") or not turn.grant.organization:
        raise Forbidden("Agreements are drafted by the contract staff of an organization.", "http.act")


def _party(turn: Turn, said: str, field: str) -> Json:
    """The organization of a name or a number (NPI, or any identifier). Raises Unprocessable for none and for several,
    naming those to choose from."""
    plain = " ".join(said.split())
    numbered = registry.identified(turn.conn, "Organization", [(NPI, plain)]) if plain.isdecimal() else []
    found = [json.loads(row.body) for row in numbered]
    if not found:
        asked = parse("Organization", [("name:contains", plain.replace(",", "\\,"))], turn.world.base, strict=True)
        found = [json.loads(row.body) for row in find(turn.conn, asked, turn.may("s"), page_size=_LOOKED_AT).rows]
    known = [each for each in distinct(found) if each.get("active") is not False and not _is_network(each)]
    exact = [each for each in known if name(each).casefold() == plain.casefold()]
    chosen = exact or known
    if not chosen:
        raise Unprocessable(f"“{plain[:60]}” is no organization that is here. Write its name or its NPI.", field)
    if len(chosen) > 1:
        told = "; ".join(f"{name(each)} ({_number(each)})" for each in chosen[:_NAMED])
        raise Unprocessable(f"Several are called so: {told}. Write the whole name or the number.", field)
    return chosen[0]


def _number(organization: Json) -> str:
    """By which number an organization can be told."""
    return next((each.partition("|")[2] for each in sorted(identifiers(organization))), text(organization, "id"))


def _is_network(organization: Json) -> bool:
    codes = (text(each, "code") for kind in items(organization, "type") for each in items(kind, "coding"))
    return "ntwk" in codes


def _networks(turn: Turn, payer: Json) -> list[Json]:
    """The networks of a payer, by name: those that are part of it, or of a copy of it."""
    copies = registry.identified(turn.conn, "Organization", [tuple(each.split("|", 1)) for each in identifiers(payer)])  # type: ignore[misc]
    ids = sorted({str(payer["id"]), *(row.id for row in copies)})
    rows = registry.pointing(turn.conn, [("Organization", "partof")], "Organization", ids)
    found = [json.loads(row.body) for row in rows if not row.deleted]
    return sorted((each for each in found if _is_network(each)), key=name)


def _reference(organization: Json) -> Json:
    return {"reference": key(organization), "display": name(organization)}


def _demand_free(turn: Turn, contract: Json) -> int:
    """Raise Unprocessable where an agreement of the same first party has this number; what another payer's is called is
    nobody else's to know. Drafts that came to nothing leave their number free: returns how many there are."""
    ids = roll.newest(turn.conn, [agreement_of(contract)])
    held = [json.loads(row.body) for row in read.many(turn.conn, [(TYPE, id) for id in ids])]
    whose = [target(each) for one in (contract, *held) for each in items(one, "authority")]
    known = directory(resources(turn, whose))
    mine = known[target(items(contract, "authority")[0])].keys
    dead = 0
    for each in held:
        first = next((target(one) for one in items(each, "authority")), "")
        if first and first not in mine and (first not in known or known[first].keys.isdisjoint(mine)):
            continue
        if text(each, "status") in ("cancelled", "rejected", "entered-in-error"):
            dead += 1
        else:
            raise Unprocessable("An agreement has this number already. Write another, or amend that one.", "number")
    return dead
