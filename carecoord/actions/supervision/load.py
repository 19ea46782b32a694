"""What a supervisor sees of an office's work, by person, team and stage, and the hand-over of all that somebody has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts import batch, work
from carecoord.actions.acts.act import Submission
from carecoord.actions.acts.batch import Outcome
from carecoord.actions.inbox import absences
from carecoord.actions.worklist.worklist import seen_cases
from carecoord.domain.access import verbs
from carecoord.domain.contacts.mentions import person_id
from carecoord.errors import Forbidden, Unprocessable
from carecoord.store.worklist import load
from carecoord.store.worklist.load import Load
from carecoord.store.worklist.query import WorklistQuery
from carecoord.words.sentence import sentence
from carecoord.world import World

MOST: Final = 100  # referrals that are handed over at once


@dataclass(frozen=True)
class Holder:
    """Somebody who can have a referral. `ids`: as rows name them; `account`: what it is given to them by."""

    name: str
    account: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Office:
    """`loads`: by owner and stage; `holders`: all who can have a referral, also those who have none."""

    loads: Sequence[Load]
    holders: Sequence[Holder]


def look(world: World, grant: Grant, request: str) -> Office:
    """The load of the asker's office. Raises Forbidden. Audited as a search that showed nobody."""
    demand(grant)
    with looking(world, grant, request) as turn:
        at = seen_cases(turn).at
        found = load.loads(turn.conn, turn.office().organizations, at.now, at.today)
        world.journal.append(event(turn.now, request, "search", by=grant, type="ServiceRequest", query="load"))
        return Office(found, holders(turn))


def hand_over(world: World, grant: Grant, request: str, whose: str, to: str, form: str) -> list[Outcome]:
    """Give all open referrals that somebody has, resting ones too, to another, up to MOST at once, each by an act of
    its own. whose, to: as `Holder.account`. Raises Forbidden, Unprocessable."""
    demand(grant)
    with looking(world, grant, request) as turn:
        known = {each.account: each for each in holders(turn)}
        if whose not in known or to not in known or whose == to:
            raise Unprocessable(sentence("refusals.choose-whose-work-it-and"), "to")
        cases, facets = seen_cases(turn), (("owner", known[whose].ids),)
        ids = [row.id for tab in ("open", "snoozed") for row in cases.every(WorklistQuery(tab, facets))]
        mine = [id for id in dict.fromkeys(ids) if cases.one(id)][:MOST]
    forms = [Submission(id, f"{form[:60]}-{id}") for id in mine]
    return batch.perform_each(world, grant, request, forms, work.assign, to)


def holders(turn: Turn) -> list[Holder]:
    """Those who can have a referral of the office, with every id under which a row may name them."""
    people = {user.id: user for user in absences.colleagues(turn.conn, turn.grant)}
    made = []
    for each in work.colleagues(turn.conn, turn.grant):
        ids = [person_id(each.reference)]
        if each.id in people:
            ids += [each.id, *(who.partition("/")[2] for who in absences.office_of(turn.conn, people[each.id]).people)]
        made.append(Holder(each.name, each.id, tuple(dict.fromkeys(id for id in ids if id))))
    return made


def demand(grant: Grant) -> None:
    """Raise Forbidden for whoever is no supervisor."""
    if not verbs.may(grant.roles, "supervise"):
        raise Forbidden(sentence("refusals.load-office-its-supervisors-see"), "http.role")
