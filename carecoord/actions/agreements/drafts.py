"""Drafting agreements and amendments, signing and dropping them. A draft is nobody's word yet: what a signed version
says is changed by an amendment alone, which may take effect on a day that is over."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.agreements.acts import TYPE, Agreeing, about, opened
from carecoord.actions.agreements.desk import resources
from carecoord.actions.agreements.dossier import Dossier
from carecoord.actions.agreements.networks import Product, chosen, product, reference
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.agreements.desk import acts
from carecoord.domain.agreements.desk import drafts as rules
from carecoord.domain.agreements.desk.acts import Amendment, Signed
from carecoord.domain.agreements.desk.drafts import Draft, Edit, Span
from carecoord.domain.agreements.disclosure import RATES
from carecoord.domain.agreements.records import named
from carecoord.domain.agreements.versions import agreement_of
from carecoord.domain.imports.known import is_network
from carecoord.domain.resource.elements import Json, code_of, identifiers, item, items, key, target, text
from carecoord.domain.resource.parties import directory, distinct, name
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
    """A new agreement as somebody writes it. `sides`: each by its name or number; `networks`: `Organization/id`;
    `plans`: `InsurancePlan/id`, each for the networks that it uses."""

    kind: str
    number: str
    title: str
    sides: tuple[str, str]
    start: date
    span: Span
    limit: Decimal | None
    terms: dict[str, str]
    networks: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """What a form of an agreement offers: the asker's own organization by name, and of the payer that was written the
    networks, (`Organization/id`, name), and the plans, (`InsurancePlan/id`, name, names of its networks)."""

    own: str
    is_payer: bool
    networks: Sequence[tuple[str, str]] = field(default_factory=tuple)
    plans: Sequence[tuple[str, str, str]] = field(default_factory=tuple)


def choices(world: World, grant: Grant, request: str, payer: str) -> Choices:
    """What a form offers. Raises Forbidden."""
    with looking(world, grant, request) as turn:
        _demand(turn)
        own = read.get(turn.conn, "Organization", grant.organization or "")
        called = name(json.loads(own.body)) if own and not own.deleted else ""
        payer = payer or (called if turn.office().is_payer else "")
        try:
            offered = product(turn, _party(turn, payer, "first")) if payer else Product()
        except Unprocessable:
            offered = Product()
        networks = [(to, name(each)) for to, each in offered.networks.items()]
        plans = [(to, name(each), ", ".join(offered.called(each))) for to, each in offered.plans.items()]
        return Choices(called, turn.office().is_payer, networks, plans)


def draft(world: World, grant: Grant, request: str, submission: Submission, given: Wanted) -> Done:
    """Draft a new agreement. Raises Unprocessable for a party that is not found by name or number, a number that is
    taken, a network of another payer; Forbidden for a payer's desk that names another payer."""

    def plan(acting: Deed) -> Planned:
        turn, fields = acting.turn, ("first", "second")
        first, second = (_party(turn, said, name) for said, name in zip(given.sides, fields, strict=True))
        sides = reference(first), reference(second)
        _demand_two(turn, sides)
        networks = chosen(turn, first, given.networks, given.plans)
        terms = dict(given.terms)
        if networks and not terms.get("participation"):
            terms["participation"] = _taking_part(networks)
        wanted = Draft(
            given.kind, given.number, given.title or _title(sides),
            sides, given.start, given.span, given.limit, terms, networks, keeper=_keeper(turn, sides),
        )  # fmt: skip
        dead = _demand_free(turn, rules.drafted(acting.id, wanted)[0])
        made = rules.drafted(acting.id, replace(wanted, n=dead + 1))
        return Planned(made, sentence("act.drafted", number=given.number))

    return performed(world, grant, request, submission, "draft", plan, _begun)


def amend(world: World, grant: Grant, request: str, submission: Submission, given: Amendment) -> Done:
    """Draft an amendment. Raises Conflict where another draft waits, Unprocessable for what can not be."""

    def plan(acting: Agreeing) -> Planned:
        new = acts.amended(acting.held, acting.id, given)
        return Planned([new], sentence("act.amendment-drafted", n=text(new, "version")), given.words)

    return performed(world, grant, request, submission, "amend", plan, opened)


def edit(world: World, grant: Grant, request: str, submission: Submission, given: Wanted) -> Done:
    """Write the draft anew. Raises Conflict where none waits, Unprocessable as `draft` and `amend`."""

    def plan(acting: Agreeing) -> Planned:
        version, contract = acts.draft_of(acting.held)
        if not acting.found.sees_rates and RATES in given.terms and RATES in map(_code, items(contract, "term")):
            raise Forbidden(sentence("refusals.what-paid-for-parties-say"), "http.act")
        if version.amends:
            change = Edit(given.start, given.span, given.limit, given.terms, given.kind)
            new = acts.reworked(acting.held, change)
            return Planned([new], sentence("act.edited", n=text(new, "version")))
        turn, before = acting.turn, rules.sides_of(contract)
        sides = [_side(turn, acting.found.names, was, said, field)
                 for was, said, field in zip(before, given.sides, ("first", "second"), strict=False)]  # fmt: skip
        _demand_two(turn, sides)
        rows = _rows(acting, version.key)
        opening = opening_row(acting.found)
        wanted = None if opening is None else chosen(turn, sides[0], given.networks, given.plans)
        title = given.title if given.title != _title(before) else ""
        terms = dict(given.terms)
        opened_before = [each for row in rows if key(row) == opening for each in items(row, "network")]
        if wanted and terms.get("participation", "") in ("", _taking_part(opened_before)):
            terms["participation"] = _taking_part(wanted)
        change = Edit(
            given.start, given.span, given.limit, terms, "", given.number, title or _title(sides), sides,
        )  # fmt: skip
        new = acts.reworked(acting.held, change)
        if given.number != version.number:
            _demand_free(turn, new)
        kept = [rules.joined(row, before, change, wanted if key(row) == opening else None) for row in rows]
        if wanted and not opening:
            kept.append(rules.taking_part(acting.id, str(contract["id"]), given.start, (sides[0], sides[1]), wanted))
        changed = [row for row in kept if row not in rows]
        return Planned([new, *changed], sentence("act.edited", n=text(new, "version")))

    return performed(world, grant, request, submission, "edit", plan, opened)


def opening_row(found: Dossier) -> str | None:
    """The row of the directory by which a draft opens its networks, its key; empty where there is none yet. None: not
    to be written in a form, for there are several, or it is between others than a payer and a provider."""
    version, contract = acts.draft_of(found.versions)
    if code_of(item(contract, "type")) != "payer-provider" or len(rules.sides_of(contract)) < 2:
        return None
    own = [each for each in found.listings if each.contract == version.key and each.include]
    opened = [each.evidence.reference for each in own if each.evidence.reference.startswith("OrganizationAff")]
    return None if len(opened) > 1 else "".join(opened)


def _rows(acting: Agreeing, contract: str) -> list[Json]:
    """Which organizations take part under a draft (its key), as their OrganizationAffiliations say."""
    keys = [each.evidence.reference for each in acting.found.listings if each.contract == contract]
    pairs = [("OrganizationAffiliation", id) for kind, _, id in (each.partition("/") for each in keys)
             if kind == "OrganizationAffiliation"]  # fmt: skip
    return [json.loads(row.body) for row in acting.turn.seen(read.many(acting.turn.conn, pairs), "r")]


def sign(world: World, grant: Grant, request: str, submission: Submission, signatures: Sequence[Signed]) -> Done:
    """Write down who signed the draft, and when. Raises Unprocessable naming what its kind demands and nobody wrote."""

    def plan(acting: Agreeing) -> Planned:
        written = acts.signed(acting.held, signatures, acting.zone)
        if lacks := rules.lacking(written[0]):
            said = ", ".join(each.replace("-", " ") for each in lacks)
            raise Unprocessable(sentence("refusals.not-written-yet-and-demanded", said=said))
        return Planned(written, sentence("act.signed", n=text(written[0], "version")))

    return performed(world, grant, request, submission, "sign", plan, opened)


def drop(world: World, grant: Grant, request: str, submission: Submission, why: str) -> Done:
    """Give the draft up."""

    def plan(acting: Agreeing) -> Planned:
        gone = acts.dropped(acting.held)
        return Planned([gone], sentence("act.dropped", n=text(gone, "version")), why)

    return performed(world, grant, request, submission, "drop", plan, opened)


def _keeper(turn: Turn, sides: Iterable[Json]) -> str:
    """Whose office keeps an agreement that it writes down for others, `Organization/id`; empty for a side's own."""
    own = [f"Organization/{id}" for id in turn.office().organizations]
    theirs = {named(each) for each in sides}
    return "" if theirs & {*own} else f"Organization/{turn.grant.organization}"


def _code(term: Json) -> str:
    return code_of(item(term, "type"))


def _title(sides: Iterable[Json]) -> str:
    return f"Agreement of {' and '.join(text(each, 'display') for each in sides)}"


def _taking_part(networks: Iterable[Json]) -> str:
    return f"Takes part in {', '.join(text(each, 'display') for each in networks)}."


def _side(turn: Turn, names: Mapping[str, str], was: Json, said: str, field: str) -> Json:
    """The party of a draft that was written: the same while its name is the one that was shown."""
    if " ".join(said.split()) == (names.get(named(was)) or text(was, "display")):
        return was
    return reference(_party(turn, said, field))


def _demand_two(turn: Turn, sides: Sequence[Json]) -> None:
    """Raise Unprocessable where both sides are the same, or a payer's desk writes another payer's agreement."""
    if len({named(each) for each in sides}) < len(sides):
        raise Unprocessable(sentence("refusals.both-parties-same-choose-another"), "second")
    office = turn.office()
    own = {f"Organization/{id}" for id in office.organizations}
    if office.is_payer and sides and named(sides[0]) not in own:  # else it would reach into another's
        raise Unprocessable(sentence("refusals.payer-drafts-its-own-agreements"), "first")


def _begun(turn: Turn, id: str, _: str, verb: Verb) -> Deed:
    """A new agreement, named by the act that drafts it. Raises Forbidden."""
    _demand(turn)
    return Deed(turn, id, about(id))


def _demand(turn: Turn) -> None:
    if not verbs.may(turn.grant.roles, "draft") or not turn.grant.organization:
        raise Forbidden(sentence("refusals.agreements-drafted-by-contract-staff"), "http.act")


def _party(turn: Turn, said: str, field: str) -> Json:
    """The organization of a name or a number (NPI, or any identifier). Raises Unprocessable for none and for several,
    naming those to choose from."""
    plain = " ".join(said.split())
    numbered = registry.identified(turn.conn, "Organization", [(NPI, plain)]) if plain.isdecimal() else []
    found = [json.loads(row.body) for row in numbered]
    if not found:
        asked = parse("Organization", [("name:contains", plain.replace(",", "\\,"))], turn.world.base, strict=True)
        found = [json.loads(row.body) for row in find(turn.conn, asked, turn.may("s"), page_size=_LOOKED_AT).rows]
    known = [each for each in distinct(found) if each.get("active") is not False and not is_network(each)]
    exact = [each for each in known if name(each).casefold() == plain.casefold()]
    chosen = exact or known
    if not chosen:
        raise Unprocessable(sentence("refusals.no-organization-that-here-write", plain=plain[:60]), field)
    if len(chosen) > 1:
        told = "; ".join(f"{name(each)} ({_number(each)})" for each in chosen[:_NAMED])
        raise Unprocessable(sentence("refusals.several-called-so-write-whole", told=told), field)
    return chosen[0]


def _number(organization: Json) -> str:
    """By which number an organization can be told."""
    return next((each.partition("|")[2] for each in sorted(identifiers(organization))), text(organization, "id"))


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
            raise Unprocessable(sentence("refusals.agreement-has-this-number-already"), "number")
    return dead
