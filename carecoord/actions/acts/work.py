"""Giving a referral to a person or a team, taking it over, letting it rest until a day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from auth import store
from auth.grant import Grant
from carecoord.actions.access.office import office
from carecoord.actions.access.turn import looking
from carecoord.actions.acts import provenance
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.domain.access import verbs
from carecoord.domain.access.roles import Office
from carecoord.domain.resource.elements import Json, item, items, key, target, text, words
from carecoord.domain.worklist import acts
from carecoord.errors import Conflict, Unprocessable
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence
from carecoord.world import World

TEAM = "team"  # stands for the whole office among those who can have a referral
_ENDED = ("inactive", "suspended", "entered-in-error")  # CareTeam.status


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who can have a referral. `id`: of their account, `Type/id` of a team, or TEAM."""

    id: str
    name: str
    reference: Json


def colleagues(conn: Connection, grant: Grant) -> list[Colleague]:
    """The people of the asker's office who see cases whole, by name, its teams, and the office itself."""
    ours = office(conn, grant).organizations
    people = [
        Colleague(user.id, user.name, _reference(user))
        for user in store.users(conn)
        if user.organization in ours and not user.disabled and verbs.may(user.roles, "see-whole")
    ]
    whole = Colleague(TEAM, called(conn, grant), {"reference": f"Organization/{grant.organization}"})
    return [*people, *_teams(conn, ours), whole]


def own_teams(conn: Connection, office: Office) -> dict[str, str]:
    """The teams that somebody belongs to, id -> name: those that name them, and those that name nobody but the office,
    which are everybody's of it."""
    mine = {*office.people}
    found = {}
    for team in _held(conn, office.organizations):
        people = _people(team)
        if not people or people & mine:
            found[text(team, "id")] = _name(team)
    return found


def is_member(conn: Connection, office: Office, team: str) -> Callable[[Office], bool]:
    """Whether somebody, by their own office, belongs to a team of an office (`Type/id`, or TEAM: everybody does)."""
    held = next((each for each in _held(conn, office.organizations) if key(each) == team), None)
    people = _people(held) if held else frozenset()
    if team == TEAM or (held and not people):
        return lambda one: True
    return lambda one: bool(people & {*one.people})


def _people(team: Json) -> frozenset[str]:
    members = {target(item(each, "member")) for each in items(team, "participant")}
    return frozenset(each for each in members if not each.startswith("Organization/"))


def _teams(conn: Connection, ours: Sequence[str]) -> list[Colleague]:
    named = {key(each): _name(each) for each in _held(conn, ours)}
    return [Colleague(id, name, {"reference": id}) for id, name in sorted(named.items(), key=lambda it: it[1]) if name]


def _held(conn: Connection, ours: Sequence[str]) -> list[Json]:
    """The teams of an office: each CareTeam that it manages and takes part in, and that is no one patient's. Where
    there is none, the roles that it fills with nobody by name. A Group can own no Task (FHIR R4 Task.owner)."""
    found = _led(conn, "CareTeam", "participant", ours)
    teams = [
        each
        for each in found
        if not item(each, "subject")
        and text(each, "status") not in _ENDED
        and {target(who) for who in items(each, "managingOrganization")} & {f"Organization/{id}" for id in ours}
    ]
    if teams:
        return teams
    roles = _led(conn, "PractitionerRole", "organization", ours)
    return [each for each in roles if not item(each, "practitioner") and each.get("active") is not False]


def _led(conn: Connection, type: str, parameter: str, ours: Sequence[str]) -> list[Json]:
    rows = registry.pointing(conn, [(type, parameter)], "Organization", ours)
    return [json.loads(row.body) for row in rows if not row.deleted]


def _name(team: Json) -> str:
    """What a team is called."""
    said = [words(each) for name in ("code", "specialty") for each in items(team, name)]
    return text(team, "name") or next(filter(None, said), "")


def choices(world: World, grant: Grant, request: str) -> list[Colleague]:
    """Those whom the asker can give a referral to."""
    with looking(world, grant, request) as turn:
        return colleagues(turn.conn, grant)


def assign(world: World, grant: Grant, request: str, submission: Submission, to: str) -> Done:
    """Give the referral to a colleague, oneself among them, or to a team. Raises Unprocessable for anybody else."""

    def plan(acting: Acting) -> Planned:
        known = {each.id: each for each in colleagues(acting.turn.conn, grant)}
        if to not in known:
            raise Unprocessable(sentence("refusals.choose-somebody-your-office"), "to")
        whom = known[to]
        owner = whom.reference | {"display": whom.name}
        task = acts.changed(acting.case, acting.work, acting.turn.now, acting.office, owner=owner)
        said = sentence("act.taken") if to == grant.subject else sentence("act.assigned", whom=whom.name)
        return Planned([task], said)

    return perform(world, grant, request, submission, "assign", plan)


def snooze(world: World, grant: Grant, request: str, submission: Submission, until: date | None) -> Done:
    """Let the referral rest until a day, which is then also the day of its next touch; None: wake it now."""

    def plan(acting: Acting) -> Planned:
        if not acting.row.open:
            raise Conflict(sentence("refusals.referral-closed-there-nothing-that"), "http.act")
        task = acts.changed(acting.case, acting.work, acting.turn.now, acting.office, wakes=until)
        return Planned([task], sentence("act.snoozed", day=until) if until else sentence("act.woken"))

    return perform(world, grant, request, submission, "snooze", plan)


def _reference(user: store.User) -> Json:
    return {"reference": user.fhir_user} if user.fhir_user else provenance.account(user.id, user.name)


def called(conn: Connection, grant: Grant) -> str:
    """The name of the asker's office."""
    row = read.get(conn, "Organization", grant.organization or "")
    return text(json.loads(row.body), "name") if row and not row.deleted else "The team"
