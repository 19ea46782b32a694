"""The performer finder: some clinics that may carry out an order, each judged by `clear` on the order as it would
stand with them, with what is known of them beside it. What it costs does not grow with the directory: each statement
is led by an index and bounded."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.agreements import places
from carecoord.actions.clearance import assemble
from carecoord.actions.clearance.around import Others
from carecoord.actions.clearance.library import Library
from carecoord.actions.worklist import project
from carecoord.domain.agreements.directory import Membership
from carecoord.domain.clearance.clearance import Clearance, clear
from carecoord.domain.clearance.facts import Facts, facts
from carecoord.domain.gates.policy import Policy
from carecoord.domain.referrals import candidates
from carecoord.domain.referrals.candidates import KILOMETRES_OF_A_MILE, Candidate, Order
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.track_record import TrackRecord, track_record
from carecoord.domain.resource.codes import specialties
from carecoord.domain.resource.days import Days, local, midnight
from carecoord.domain.resource.elements import Json, item, items, text
from carecoord.domain.resource.parties import Party, is_payer
from carecoord.domain.resource.places import Point, kilometres
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros, moment
from carecoord.fhir.search.collation import fold
from carecoord.store.events import log
from carecoord.store.referrals import performers
from carecoord.store.resources import read
from carecoord.store.worklist import rows as worklist_rows
from carecoord.words.sentence import sentence

POOL: Final = 12  # clinics of the network that are judged
FORMER: Final = 6  # that the office has used for this and that are judged beside them
NEAR: Final = 30 * KILOMETRES_OF_A_MILE
_LAST: Final = 60  # Tasks of a clinic whose course is looked at
_EDGES: Final = 6  # days from which the answer may differ that are tried for a slot
_ENGLISH: Final = "en"


@dataclass(frozen=True)
class Finder:
    """Who could do it: those to choose from, in their order; those who are not offered; whether any clinic of the
    network stands within the distance. `window`: the days that are wanted. `ready`: enough is known of the order."""

    offered: Sequence[Candidate]
    shut: Sequence[Candidate]
    window: Days
    near: bool
    ready: bool = True


NOTHING: Final = Finder((), (), Days(), near=True, ready=False)


def find(turn: Turn, order: Json, by: Order, *, far: bool = False, besides: Iterable[str] = ()) -> Finder:
    """The clinics for an order, stored or not. far: also those who stand farther than thirty miles. besides: further
    organizations, `Organization/id`, that somebody asked for by name."""
    if not item(order, "subject") or not text(item(order, "performerType"), "text"):
        return NOTHING
    library, rules = Library(turn.conn), project.policy(turn.world.settings)
    today = local(turn.now, rules.zone)
    bare = {name: each for name, each in order.items() if name not in ("performer", "locationReference")}
    start = _day(text(item(order, "occurrencePeriod"), "start")) or today
    around = assemble.of_order(library, bare, Others(max(start, today), POOL))
    known = facts(around, rules)
    wanted = _pool(known, POOL)
    parties = [party for party, _ in wanted]
    further = [each for each in (*besides, *_former(turn, known)) if not any(each in one.keys for one in parties)]
    probe = bare | {"performer": [{"reference": to} for to in (*(one.reference for one in parties), *further)]}
    case = assemble.of_order(library, probe)
    library.keep()
    everybody = facts(case, rules)
    sites = {party.reference: row.sites[0] if row.sites else None for party, row in wanted}
    asked = [*parties, *(everybody.parties[to] for to in further if to in everybody.parties)]
    judge = _Judge(turn, case, bare, rules, everybody)
    found = [judge.of(party, sites.get(party.reference)) for party in asked]
    window = found[0].judged.facts.referral.window if found else known.referral.window
    named = set(besides)
    near = [each for each in found if far or _is_near(each) or named & each.party.keys]
    offered = [each for each in near if each.offered]
    shut = [each for each in near if not each.offered]
    return Finder(candidates.ranked(offered, by, window), candidates.ranked(shut, by, window), window, bool(offered))


def of_organization(turn: Turn, order: Json, to: str) -> Candidate:
    """The order as it would stand with an organization, `Organization/id`. Raises Unprocessable for one that is not
    here, that pays for care, or that is a network."""
    row = read.get(turn.conn, "Organization", to.removeprefix("Organization/"))
    organization = json.loads(row.body) if row and not row.deleted else {}
    if not organization or is_payer(organization) or organization.get("active") is False:
        raise Unprocessable(sentence("refusals.choose-clinic-that-here-and"), "choice")
    library, rules = Library(turn.conn), project.policy(turn.world.settings)
    bare = {name: each for name, each in order.items() if name not in ("performer", "locationReference")}
    case = assemble.of_order(library, bare | {"performer": [{"reference": to}]})
    known = facts(case, rules)
    party = known.parties[to]
    listed = (row for row in known.register.rows if row.include and not row.practitioner)
    rows = [row for row in listed if party.same(row.organization)]
    asked = known.referral.specialties
    fitting = (row for row in rows if not row.specialties or not asked or not row.specialties.isdisjoint(asked))
    sites = next((row.sites for row in fitting), ())
    return _Judge(turn, case, bare, rules, known).of(party, sites[0] if sites else None)


def _is_near(each: Candidate) -> bool:
    return each.kilometres is None or each.kilometres <= NEAR


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said[:10])
    except ValueError:
        return None


def _pool(known: Facts, most: int) -> list[tuple[Party, Membership]]:
    """The clinics that rows of the directory list for the specialty, each once, the nearest first."""
    asked, home = known.referral.specialties, known.home
    rows = [row for row in known.register.rows if row.include and not row.practitioner and row.organization]
    fitting = [row for row in rows if not row.specialties or not row.specialties.isdisjoint(asked)]
    found: list[tuple[Party, Membership]] = []
    for row in sorted(fitting, key=lambda row: _order(row, known, home)):
        party = row.organization
        if party and len(found) < most and not any(party.same(other) for other, _ in found):
            found.append((party, row))
    return found


def _order(row: Membership, known: Facts, home: Point | None) -> tuple[float, str, str]:
    party = row.organization
    keys = frozenset[str]().union(*(site.keys for site in row.sites)) or (party.keys if party else frozenset())
    at = [each.point for each in known.register.places if each.key in keys or each.organization in keys]
    away = min((kilometres(home, point) for point in at), default=None) if home else None
    return (9e9 if away is None else away), fold(party.name if party else ""), row.evidence.reference


def _former(turn: Turn, known: Facts) -> list[str]:
    """Whom the office asked last for this specialty."""
    ids = turn.office().organizations
    asked = worklist_rows.performers(turn.conn, ids, fold(known.referral.specialty), FORMER)
    return [f"Organization/{id}" for id in asked]


@dataclass(frozen=True)
class _Judge:
    """Judges an order as it would stand with one clinic after another."""

    turn: Turn
    case: Case
    bare: Json
    rules: Policy
    known: Facts

    def of(self, party: Party, site: Party | None) -> Candidate:
        """One clinic, on the day of the first slot that is free there and that the gates let through, if one is."""
        mine = _ids(party)
        diaries = _diaries(self.turn, mine, self.known.referral.specialties)
        made = self._made(party, site, self._first(diaries, self.turn.now), mine)
        if made.slot is None or made.cleared:
            return made
        for edge in sorted(day for day in made.judged.facts.edges if made.day and day > made.day)[:_EDGES]:
            later = self._first(diaries, midnight(edge, self.rules.zone))
            again = self._made(party, site, later, mine) if later else None
            if again and again.cleared:
                return again
        return made

    def _made(self, party: Party, site: Party | None, slot: datetime | None, mine: Sequence[str]) -> Candidate:
        return Candidate(
            party=party, site=site, judged=self._judged(party, site, slot), slot=slot,
            day=local(slot, self.rules.zone) if slot else None, kilometres=self._away(party, site),
            speaks=self._speaks(mine), record=self._record(mine),
        )  # fmt: skip

    def _judged(self, party: Party, site: Party | None, slot: datetime | None) -> Clearance:
        order = self.bare | {"performer": [{"reference": party.reference}]}
        if site:
            order |= {"locationReference": [{"reference": site.reference}]}
        # whoever was asked before, and a visit with them, say nothing of this clinic
        case = replace(self.case, order=order, tasks=(), appointments=(), encounters=())
        return clear(case, self.turn.now, self.rules, local(slot, self.rules.zone) if slot else None)

    def _first(self, diaries: Sequence[str], since: datetime) -> datetime | None:
        start = self.known.referral.window.start
        begin = max(since, midnight(start, self.rules.zone)) if start else since
        free = performers.first_free(self.turn.conn, diaries, micros(begin))
        return moment(min(free.values())) if free else None

    def _away(self, party: Party, site: Party | None) -> float | None:
        if self.known.home is None:
            return None
        keys = site.keys if site else party.keys
        at = places.of(self.turn.conn, [each for each in keys if "|" not in each])
        return round(min((kilometres(self.known.home, each.point) for each in at), default=-1), 1) if at else None

    def _speaks(self, ids: Sequence[str]) -> bool | None:
        wanted = languages(self.case.patient or {})
        return performers.speak(self.turn.conn, ids, wanted) or None if wanted else None

    def _record(self, ids: Sequence[str]) -> TrackRecord:
        """Of what the asker's own office asked: what others did is not theirs to see."""
        tasks = performers.tasks(self.turn.conn, ids, self.turn.office().organizations, _LAST)
        courses: dict[str, list[tuple[int, str]]] = {each: [] for each in tasks}
        for event in log.of_resources(self.turn.conn, [f"Task/{each}" for each in tasks]):
            if event.kind == "stage":
                courses[event.resource].append((event.at, event.state))
        return track_record(courses.values())


def diaries(turn: Turn, chosen: Candidate) -> list[str]:
    """The Schedules (ids) among which a candidate's first free slot was looked for."""
    return _diaries(turn, _ids(chosen.party), chosen.judged.facts.referral.specialties)


def _diaries(turn: Turn, ids: Sequence[str], wanted: frozenset[str]) -> list[str]:
    """The Schedules of a clinic that are in use, and are for the specialty or for none in particular."""
    found = list[str]()
    for each in performers.diaries(turn.conn, ids):
        schedule = json.loads(each.body)
        of = frozenset[str]().union(*(specialties(one) for one in items(schedule, "specialty")))
        if schedule.get("active") is not False and (not of or not of.isdisjoint(wanted)):
            found.append(each.id)
    return found


def _ids(party: Party) -> list[str]:
    """The ids of the copies of an organization."""
    return [id for each in sorted(party.keys) if (id := each.removeprefix("Organization/")) != each]


def languages(patient: Json) -> list[str]:
    """The codes of the language that a patient is best spoken to in; none where that is English, or nobody says."""
    spoken = sorted(items(patient, "communication"), key=lambda each: not each.get("preferred"))
    first = item(spoken[0], "language") if spoken else {}
    found = [code for each in items(first, "coding") if (code := text(each, "code"))]
    return [] if any(code.split("-")[0] == _ENGLISH for code in found) else found


def reference(party: Party) -> Json:
    """An organization as an order names it."""
    return {"reference": party.reference, "display": party.name}
