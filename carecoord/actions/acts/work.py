"""Giving a referral to a person or the team, taking it over, letting it rest until a day."""

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
from carecoord.domain.resource.elements import Json, text
from carecoord.domain.worklist import acts
from carecoord.errors import Conflict, Unprocessable
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

TEAM = "team"  # stands for the whole office among those who can have a referral


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who can have a referral. `id`: of their account, or TEAM."""

    id: str
    name: str
    reference: Json


def colleagues(conn: Connection, grant: Grant) -> list[Colleague]:
    """The people of the asker's office who see cases whole, by name, and the office itself."""
    ours = office(conn, grant).organizations
    people = [
        Colleague(user.id, user.name, _reference(user))
        for user in store.users(conn)
        if user.organization in ours and not user.disabled and verbs.may(user.roles, "see-whole")
    ]
    return [*people, Colleague(TEAM, _called(conn, grant), {"reference": f"Organization/{grant.organization}"})]


def choices(world: World, grant: Grant, request: str) -> list[Colleague]:
    """Those whom the asker can give a referral to."""
    with looking(world, grant, request) as turn:
        return colleagues(turn.conn, grant)


def assign(world: World, grant: Grant, request: str, submission: Submission, to: str) -> Done:
    """Give the referral to a colleague, oneself among them, or to the team. Raises Unprocessable for anybody else."""

    def plan(acting: Acting) -> Planned:
        known = {each.id: each for each in colleagues(acting.turn.conn, grant)}
        if to not in known:
            raise Unprocessable("Choose somebody of your office.", "to")
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
            raise Conflict("The referral is closed: there is nothing that it could rest from.", "http.act")
        task = acts.changed(acting.case, acting.work, acting.turn.now, acting.office, wakes=until)
        return Planned([task], sentence("act.snoozed", day=until) if until else sentence("act.woken"))

    return perform(world, grant, request, submission, "snooze", plan)


def _reference(user: store.User) -> Json:
    return {"reference": user.fhir_user} if user.fhir_user else provenance.account(user.id, user.name)


def _called(conn: Connection, grant: Grant) -> str:
    row = read.get(conn, "Organization", grant.organization or "")
    return text(json.loads(row.body), "name") if row and not row.deleted else "The team"
