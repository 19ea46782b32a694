"""What the page of a new referral shows: the order as it is written, its patient, its papers against the chart, earlier
referrals for the same, who may order, who could do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts.act import opened
from carecoord.actions.clearance.library import Library
from carecoord.actions.referrals import announcements, finder, patients
from carecoord.actions.referrals import drafts as writing
from carecoord.actions.referrals.announcements import Announcements
from carecoord.actions.referrals.finder import Finder
from carecoord.actions.referrals.patients import Hit
from carecoord.actions.worklist import project
from carecoord.domain.imports.clinicians import TAXONOMY
from carecoord.domain.referrals import drafts, packages
from carecoord.domain.referrals.candidates import Order
from carecoord.domain.referrals.drafts import Fields
from carecoord.domain.referrals.packages import Paper
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, item, key, target, text
from carecoord.domain.resource.parties import distinct, is_payer, name
from carecoord.fhir import text as json
from carecoord.fhir.code_systems import NPI
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.query import parse
from carecoord.store.search.search import find
from carecoord.store.terms import codes
from carecoord.store.worklist import registry
from carecoord.store.worklist import rows as worklist_rows
from carecoord.world import World

_NAMED = 6  # clinics that are found by a name
_EARLIER = 3  # referrals that are told of


@dataclass(frozen=True)
class Looked:
    """How the finder is to look. `another`: a name, a number or a place of a clinic that somebody asks for."""

    by: Order = "cleared"
    far: bool = False
    another: str = ""


@dataclass(frozen=True)
class Desk:
    """The page. `draft`: it is still written; else it is an order of an EHR that nobody has been asked for yet.
    `orderers`: (`PractitionerRole/id`, name); `earlier`: the columns of referrals of the patient for the same
    specialty, the newest first; `chart`: what of it the papers are, by `Type/id`; `coded`: whether specialties can be
    chosen by their codes (NUCC), else `specialties` are those that the office has referred for."""

    order: Json
    draft: bool
    hit: Hit
    orderers: Sequence[tuple[str, str]]
    papers: Sequence[Paper]
    chart: dict[str, Json]
    earlier: Sequence[Mapping[str, Any]]
    finder: Finder
    cards: Sequence[tuple[str, str]]
    specialties: Sequence[str]
    coded: bool
    told: Announcements


def desk(world: World, grant: Grant, request: str, case: str, looked: Looked, fields: Fields | None = None) -> Desk:
    """The page of a referral that is being made. fields: what its form says, where that is not kept yet. Raises
    NotFound, Forbidden."""
    patients.demand(grant)
    with looking(world, grant, request) as turn, noted(turn, "read", "ServiceRequest", case) as shown:
        acting = opened(turn, "", case, "refer")
        order = acting.case.order
        is_draft = text(order, "status") == "draft"
        written = drafts.written(order, fields) if fields and is_draft else order
        patient = target(item(order, "subject")).removeprefix("Patient/")
        shown.append(patient)
        hit = patients.of_case(turn, acting.case)
        chart = writing.chart(turn, order)
        today = local(turn.now, project.policy(world.settings).zone)
        said = drafts.said(written)
        besides = [*said["choice"].split(), *(_named(turn, looked.another) if looked.another else [])]
        known = acting.clearance.facts.cards
        cards = [(each.key, each.plan_name or (each.payer.name if each.payer else "Self-pay")) for each in known]
        found = finder.find(turn, written, looked.by, far=looked.far, besides=besides)
        known_here = (*found.offered, *found.shut)
        asked = [each for to in said["choice"].split() for each in known_here if to in each.party.keys]
        return Desk(
            written, is_draft, hit, _orderers(turn, said["clinician"]),
            packages.held_against(said["specialty"], chart.values(), today), chart,
            _earlier(turn, patient, case, said["specialty"]),
            found, cards, _specialties(turn), bool(codes.held(turn.conn, [TAXONOMY])),
            announcements.announcements(acting, written, asked),
        )  # fmt: skip


def _orderers(turn: Turn, chosen: str) -> list[tuple[str, str]]:
    """Who may order, by name: the clinicians of the office, and the office itself."""
    roles = [each for each in writing.clinicians(turn) if drafts.is_clinicians(each) or key(each) == chosen]
    library = Library(turn.conn)
    people = {key(each): each for each in library.fetch(target(item(role, "practitioner")) for role in roles)}
    found = [(key(role), name(people[to])) for role in roles if (to := target(item(role, "practitioner"))) in people]
    own = library.fetch([f"Organization/{turn.grant.organization}"])
    offices = [(key(each), name(each)) for each in own]
    ranked = sorted(found, key=lambda each: (fold(each[1]), each[0] != chosen))
    once = dict[str, tuple[str, str]]()
    for to, called in ranked:  # who has several roles here is offered in one of them
        once.setdefault(called, (to, called))
    return [*once.values(), *offices]


def _earlier(turn: Turn, patient: str, case: str, specialty: str) -> list[Mapping[str, Any]]:
    """The newest referrals of the patient for the specialty that the asker sees, and that were sent."""
    scope, wanted = turn.cases_seen(), fold(specialty)
    if not specialty or patient in scope.besides:
        return []
    held = worklist_rows.of_patient(turn.conn, patient)
    mine = [
        row
        for _, row in sorted(held.items(), reverse=True)
        if row["id"] != case
        and row["specialty_sort"] == wanted
        and row["stage"] not in ("draft", "error")
        and (scope.any_of is None or any(row[side] == id for side, id in scope.any_of))
    ]
    return mine[:_EARLIER]


def _named(turn: Turn, said: str) -> list[str]:
    """Clinics, `Organization/id`, by their NPI, or by what their names contain; each once."""
    plain = " ".join(said.split())
    rows = registry.identified(turn.conn, "Organization", [(NPI, plain)]) if plain.isdecimal() else []
    if not rows and len(plain) > 1:
        asked = parse("Organization", [("name:contains", plain.replace(",", "\\,"))], turn.world.base, strict=True)
        rows = find(turn.conn, asked, turn.may("s"), page_size=4 * _NAMED).rows
    found = distinct(json.loads(row.body) for row in rows)
    return [key(each) for each in found if not is_payer(each) and each.get("active") is not False][:_NAMED]


def _specialties(turn: Turn) -> Sequence[str]:
    """The specialties that the office has referred for, in words."""
    return worklist_rows.specialties(turn.conn, turn.office().organizations)
