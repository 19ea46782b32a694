"""Keeping a view of the worklist, sharing it with a team, letting it go."""

from collections.abc import Sequence
from dataclasses import dataclass

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.acts import work
from carecoord.errors import NotFound, Unprocessable
from carecoord.fhir.instants import micros
from carecoord.store.audit.events import record
from carecoord.store.worklist import saved_views
from carecoord.store.worklist.saved_views import SavedView
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

LONGEST = 60  # characters of a name


@dataclass(frozen=True)
class Views:
    """`all`: what the asker sees; `groups`: (id, name) of those with whom they can share."""

    all: list[SavedView]
    groups: Sequence[tuple[str, str | Sentence]]


def seen(turn: Turn, answers: bool = False) -> Views:
    """The asker's own views, and those that are shared with a team of theirs or their office. answers: an act, so that
    only the office is asked for; the list's next look brings the teams."""
    own = turn.grant.organization
    office: list[tuple[str, str | Sentence]] = [(own, sentence("worklist.your-office"))] if own else []
    groups = office if answers else _groups(turn)
    mine = saved_views.seen(turn.conn, turn.grant.subject, turn.office().organizations, [id for id, _ in groups])
    return Views(mine, groups)


def save(world: World, grant: Grant, request: str, name: str, query: str, shared: str) -> None:
    """Keep a view; one of the asker's own with the same name is replaced. shared: a group that sees it too, or empty.
    Raises Unprocessable for a name or a group that can not be."""
    with changing(world, grant, request) as turn:
        if not 0 < len(name) <= LONGEST or not name.isprintable():
            raise Unprocessable(sentence("refusals.give-view-name-at-most", longest=LONGEST), "name")
        if not grant.organization or (shared and shared not in dict(_groups(turn))):
            raise Unprocessable(sentence("refusals.share-it-with-your-office"), "shared")
        made = SavedView(
            world.new_id(), grant.subject, grant.organization, shared, name, query, micros(turn.now)
        )  # fmt: skip
        saved_views.put(turn.conn, made)
        record(turn.conn, [event(turn.now, request, "view-save", by=grant, query=name)])


def remove(world: World, grant: Grant, request: str, id: str) -> None:
    """Let a view of one's own go. Raises NotFound."""
    with changing(world, grant, request) as turn:
        if not saved_views.remove(turn.conn, id, grant.subject):
            raise NotFound(sentence("refusals.there-no-such-view-yours"), "http.id")
        record(turn.conn, [event(turn.now, request, "view-remove", by=grant, query=id)])


def _groups(turn: Turn) -> list[tuple[str, str | Sentence]]:
    """The asker's office and teams, by name."""
    if not turn.grant.organization:
        return []
    return [
        (turn.grant.organization, work.called(turn.conn, turn.grant)),
        *work.own_teams(turn.conn, turn.office()).items(),
    ]
