"""The clinic's list of its requests for authorization, and one of them with all that bears on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access import withheld
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.clearance import assemble
from carecoord.actions.clearance.library import Library
from carecoord.actions.prior_auth.dtr import payer_forms
from carecoord.actions.terms.meanings import Coding, of_concepts
from carecoord.actions.worklist import project
from carecoord.domain.access import verbs
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.documents.audience import is_seen
from carecoord.domain.prior_auth.clinic import channels, peer, track_record, wishes
from carecoord.domain.prior_auth.clinic.track_record import Odds, Standing
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import local, midnight, shifted
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.fhir.search import params
from carecoord.store.audit.events import told
from carecoord.store.claims import files
from carecoord.store.prior_auth import authorizations, lists, payer_endpoints, sendings
from carecoord.store.prior_auth.authorizations import Asked, Tab, Whose
from carecoord.store.prior_auth.sendings import Sending
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

TABS: Final[tuple[Tab, ...]] = ("open", "due", "drafts", "info", "expiring", "limit", "outside", "denied", "all")
FIGURES: Final[tuple[Tab, ...]] = ("past", "today", "outside", "late")
SIZE: Final = 50
LOOK_BACK: Final = timedelta(days=182)  # half a year: what a payer looks back on for an exemption


@dataclass(frozen=True)
class Listed:
    """A page of the list at an instant, of one state of the database. after: where the next page begins."""

    now: datetime
    rows: Sequence[Row[Any]]
    counts: Mapping[str, int]
    choices: Mapping[str, Sequence[tuple[str, str]]]
    after: tuple[int | str, str] | None
    roles: frozenset[str]


@dataclass(frozen=True)
class Dossier:
    """One request as its clinic sees it. claims: its versions, the oldest first; answers: to them, by `Claim/id`, the
    oldest first; wishes: the payer's Tasks for papers; talks: what was written down of calls about it; peer: the talk
    of two clinicians about a denial, None where none was asked for; papers: documents of the case that the asker's
    office has; forms: (title, response) of those that go with it; alike: other open requests for the patient; odds:
    what became of appeals to this payer; standing: how it stands with a payer that takes requests by PAS, None for
    another; sendings: what was sent so, the oldest first; files: the X12 files that were written of it, the latest
    first."""

    now: datetime
    row: Row[Any]
    case: Case
    judged: Clearance
    request: Request | None
    claims: Sequence[Json]
    answers: Mapping[str, Sequence[Json]]
    wishes: Sequence[Json]
    talks: Sequence[Json]
    peer: Json | None
    papers: Sequence[Json]
    forms: Sequence[tuple[str, Json]]
    openable: frozenset[str]
    alike: Sequence[Row[Any]]
    odds: Odds
    meanings: Mapping[Coding, str]
    roles: frozenset[str]
    standing: payer_endpoints.Standing | None
    sendings: Sequence[Sending]
    files: Sequence[Row[Any]]

    @property
    def claim(self) -> Json:
        """The newest version."""
        return self.claims[-1]

    @property
    def is_undelivered(self) -> bool:
        """Whether the newest version has not gone by the way that it says: its payer's server refused it, or the file
        that it goes as was never written."""
        if channels.is_file(self.claim):
            return all(each.about != key(self.claim) for each in self.files)
        return channels.delivery(self.claim) == "refused"

    @property
    def order(self) -> Json | None:
        """The order that it is for; None where that is not here."""
        return self.case.order if json.values(self.row.orders.encode()) else None


def whose(turn: Turn) -> Whose:
    """Whose requests the asker works on. Raises NotFound for who works on none."""
    if not verbs.may(turn.grant.roles, "see-whole"):
        raise NotFound(sentence("refusals.no-such-page-for-role"), "http.url")
    seen = turn.cases_seen()
    keys = None if seen.any_of is None else tuple(dict.fromkeys(value for _, value in seen.any_of))
    return Whose("office", keys, seen.besides)


def listed(world: World, grant: Grant, request: str, asked: Asked) -> Listed:
    """A page of the list that was asked for."""
    with looking(world, grant, request) as turn:
        mine = whose(turn)
        rows = lists.page(turn.conn, mine, asked, SIZE + 1)
        shown = rows[:SIZE]
        counts = lists.counts(turn.conn, mine, asked, tuple(dict.fromkeys((*TABS, *FIGURES))))
        patient, patients = told(each.patient for each in shown)
        _audit(turn, "search", query=_said(asked), patient=patient, patients=patients)
        last = lists.place(shown[-1], asked) if len(rows) > SIZE else None
        return Listed(turn.now, shown, counts, lists.choices(turn.conn, mine), last, grant.roles)


def download(world: World, grant: Grant, request: str, asked: Asked) -> Sequence[Row[Any]]:
    """Every row of a list, in its order."""
    with looking(world, grant, request) as turn:
        mine = whose(turn)
        rows = lists.page(turn.conn, mine, asked, lists.ALL)
        patient, patients = told(each.patient for each in rows)
        _audit(turn, "search", query=_said(asked), patient=patient, patients=patients)
        return rows


def one(world: World, grant: Grant, request: str, claim: str) -> Dossier:
    """One request, by the id of its first Claim. Raises NotFound alike for none and for one that is not theirs."""
    with looking(world, grant, request) as turn:
        found = opened(turn, claim)
        _audit(turn, "read", resource=claim, patient=found.row.patient)
        return found


def opened(turn: Turn, claim: str) -> Dossier:
    """The same in a transaction that does more."""
    mine = whose(turn)
    row = authorizations.one(turn.conn, mine, f"Claim/{claim}")
    case = _case(turn, row) if row else None
    if row is None or case is None:
        raise NotFound(sentence("refusals.no-such-request"), "http.id")
    judged = clear(case, turn.now, project.policy(turn.world.settings))
    request = next((each for each in judged.facts.requests if each.root == row.root), None)
    ids = request.claims if request else frozenset({row.claim})
    versions = (each for each in case.claims if key(each) in ids)
    claims = sorted(versions, key=lambda each: (key(each) == row.claim, text(each, "created")))
    tasks = _about(turn, "Task", "focus", ids)
    talks = _about(turn, "Communication", "based-on", ids)
    ours = turn.office().organizations
    papers = [each for each in case.documents if text(each, "status") == "current" and is_seen(each, ours)]
    sent = {target(item(each, "valueReference")) for one in claims for each in items(one, "supportingInfo")}
    concepts = [item(each, "productOrService") for one in claims for each in items(one, "item")]
    concepts += [item(each, "diagnosisCodeableConcept") for one in claims for each in items(one, "diagnosis")]
    concepts += items(case.order, "reasonCode")
    back = authorizations.appeals(turn.conn, mine, row.payer_key) if row.payer_key else []
    alike = [each for each in authorizations.alike(turn.conn, row.patient, row.root) if each.root != row.root]
    named = {proof.reference for gate in judged.gates for proof in gate.evidence} | {key(each) for each in papers}
    return Dossier(
        turn.now, row, case, judged, request, claims, {id: _answers(case, id) for id in map(key, claims)},
        wishes.of(case.tasks, ids), talks,
        next((each for each in reversed(tasks) if peer.is_talk(each)), None), papers,
        payer_forms.gone_along(turn, case, claims[-1], ids),
        turn.readable({*named, *sent} - {""}), alike, track_record.odds(back, row.code, row.denial or ""),
        of_concepts(turn.conn, concepts), turn.grant.roles, _endpoint(turn, claims[-1]),
        sendings.of_claims(turn.conn, ids), files.sent_about(turn.conn, ours, ids),
    )  # fmt: skip


def _endpoint(turn: Turn, claim: Json) -> payer_endpoints.Standing | None:
    return payer_endpoints.one(turn.conn, target(item(claim, "insurer")).removeprefix("Organization/"))


def standings(world: World, grant: Grant, request: str) -> tuple[datetime, Sequence[Standing]]:
    """How near each provider is to being spared requests for a service by a payer: of half a year's decisions."""
    with looking(world, grant, request) as turn:
        since = micros(turn.now - LOOK_BACK)
        return turn.now, track_record.standings(authorizations.decided_since(turn.conn, whose(turn), since))


def day_ends(world: World) -> int:
    """When today ends at the office, microseconds."""
    zone = world.base.zone
    return micros(midnight(shifted(local(world.clock(), zone), 1), zone))


def _case(turn: Turn, row: Row[Any]) -> Case | None:
    """The case that a request is for, without what is withheld of it; one of its own where its order is not here."""
    orders = json.values(row.orders.encode())
    found = assemble.assemble(turn.conn, str(orders[0])) if orders else None
    if found is None:
        alone = assemble.of_request(Library(turn.conn), row.patient, row.claim)
        found = alone.case if alone else None
    return withheld.without(turn, found, row.patient) if found else None


def _answers(case: Case, claim: str) -> list[Json]:
    said = [each for each in case.responses if target(item(each, "request")) == claim]
    return sorted((each for each in said if text(each, "status") == "active"), key=lambda each: text(each, "created"))


def _about(turn: Turn, type: Literal["Task", "Communication"], param: str, claims: frozenset[str]) -> list[Json]:
    """What names one of these requests so, and the asker may read, the oldest first."""
    rows = [
        row
        for claim in sorted(claims)
        for row in read.referring(turn.conn, params.key(type, param), "Claim", claim.partition("/")[2])
        if not row.deleted
    ]
    found = [json.loads(row.body) for row in turn.unwithheld(rows)]
    alive = (each for each in found if text(each, "status") != "entered-in-error")
    return sorted(alive, key=lambda each: text(each, "authoredOn") or text(each, "sent"))


def _said(asked: Asked) -> str:
    pairs = (("tab", asked.tab), ("q", asked.words), ("payer", asked.payer), ("owner", asked.owner),
             ("state", asked.state))  # fmt: skip
    return "&".join(f"{name}={value}" for name, value in pairs if value)


def _audit(turn: Turn, interaction: Literal["read", "search"], **about: Any) -> None:
    turn.world.journal.append(event(turn.now, turn.request, interaction, by=turn.grant, type="Claim", **about))
