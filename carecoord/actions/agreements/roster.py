"""Who takes part under an agreement, written at the desk: a row of the directory is changed, or another one added."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts.act import Done, Planned, Submission, performed
from carecoord.actions.agreements.acts import Agreeing, opened
from carecoord.actions.agreements.desk import copies, resources
from carecoord.actions.agreements.dossier import Dossier
from carecoord.actions.agreements.networks import product, reference
from carecoord.domain.agreements.desk import drafts, roster
from carecoord.domain.agreements.desk.roster import Part
from carecoord.domain.agreements.records import Listing, named
from carecoord.domain.resource.elements import Json, item, key, target
from carecoord.domain.resource.parties import name
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

_TYPE = "OrganizationAffiliation"


@dataclass(frozen=True, slots=True)
class Placed:
    """A row as somebody writes it. `row`: its key, empty for another one; `networks`, `sites`: `Type/id`."""

    row: str
    networks: tuple[str, ...]
    sites: tuple[str, ...]
    start: date
    last: date | None


@dataclass(frozen=True, slots=True)
class Offered:
    """What can be chosen: networks of the payer and sites of the provider, each (`Type/id`, name)."""

    networks: Sequence[tuple[str, str]] = field(default_factory=tuple)
    sites: Sequence[tuple[str, str]] = field(default_factory=tuple)


def rows(found: Dossier) -> list[Listing]:
    """The rows that can be written in a form: those by which an organization takes part."""
    return [each for each in found.listings if each.include and each.evidence.reference.startswith(f"{_TYPE}/")]


def offered(world: World, grant: Grant, request: str, found: Dossier) -> Offered:
    """What can be chosen for a row of an agreement."""
    with looking(world, grant, request) as turn:
        payer, provider = _sides(found)
        networks = product(turn, _held(turn, payer)).networks
        sites = _sites(turn, named(provider))
        return Offered([(to, name(each)) for to, each in networks.items()], [(key(each), name(each)) for each in sites])


def affiliate(world: World, grant: Grant, request: str, submission: Submission, given: Placed) -> Done:
    """Write down who takes part. Raises Unprocessable for networks of another payer, sites of another provider."""

    def plan(acting: Agreeing) -> Planned:
        turn, found = acting.turn, acting.found
        payer, provider = _sides(found)
        networks = product(turn, _held(turn, payer)).networks
        sites = {key(each): each for each in _sites(turn, named(provider))}
        if any(each not in networks for each in given.networks):
            raise Unprocessable(sentence("refusals.choose-networks-this-payer"), "networks")
        if any(each not in sites for each in given.sites):
            raise Unprocessable(sentence("refusals.choose-sites-this-provider"), "sites")
        chosen = [reference(networks[each]) for each in given.networks]
        part = Part(chosen, [reference(sites[each]) for each in given.sites], given.start, given.last)
        before = next((each for each in rows(found) if each.evidence.reference == given.row), None)
        if before:
            (held,) = resources(turn, [given.row])
            new = roster.said(held, part)
        elif given.row:
            raise Unprocessable(sentence("refusals.that-row-no-longer-there"), "row")
        else:
            contract = found.line.contract.partition("/")[2]
            new = roster.another(acting.id, contract, (payer, provider), part)
        told = ", ".join(name(networks[each]) for each in given.networks)
        return Planned([new], sentence("act.affiliated", networks=told))

    return performed(world, grant, request, submission, "affiliate", plan, opened)


def _sides(found: Dossier) -> tuple[Json, Json]:
    """The payer and the provider, as References: of the rows that stand, else of the version that is shown."""
    for each in rows(found):
        return each.payer, each.organization
    shown = next((contract for version, contract in found.versions if version.key == found.line.contract), {})
    sides = [*drafts.sides_of(shown), *({"reference": side.key, "display": side.name} for side in found.line.sides)]
    if len(sides) < 2:
        raise Unprocessable(sentence("refusals.it-names-no-two-parties"), "row")
    return sides[0], sides[1]


def _held(turn: Turn, party: Json) -> Json:
    return next(resources(turn, [named(party)]), party)


def _sites(turn: Turn, provider: str) -> list[Json]:
    """The Locations of an organization and its copies, by name; of one that is here twice, ours."""
    ids = sorted(each.partition("/")[2] for each in copies(turn, [provider]).get(provider, {provider}))
    found = registry.pointing(turn.conn, [("Location", "organization")], "Organization", ids)
    sites = [json.loads(row.body) for row in found if not row.deleted]
    own = [each for each in sites if target(item(each, "managingOrganization")) == provider]
    return sorted(own or sites, key=name)
