"""Two records of patients that may be of one person: said to be one, of which the other stands in its place; said to be
two people; taken apart again. Each writes both records together or neither, under the versions that were shown."""

from dataclasses import dataclass
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.patients.reads import seen
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.patients import links
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import Json, key, text
from carecoord.domain.resource.patient import name
from carecoord.errors import Conflict, Forbidden
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

TYPE: Final = "Patient"
_DEEP: Final = 20  # records that may stand behind one


@dataclass(frozen=True)
class Linking(Deed):
    """The record that an act is about: the one that is kept, or the first of the two."""

    patient: Json


def about(patient: str) -> str:
    """How an act names a patient."""
    return f"{TYPE}~{patient}"


def merge(world: World, grant: Grant, request: str, submission: Submission, other: str) -> Done:
    """Let the record that the act is about stand for another one (its id) too. Raises NotFound for one that is not the
    asker's, Conflict where either stands behind another already."""

    def plan(acting: Linking) -> Planned:
        replaced = _other(acting, other)
        if links.replaced_by(acting.patient) or links.replaced_by(replaced):
            raise Conflict(sentence("refusals.linkage.replaced-already"), "http.act")
        said = sentence("act.merged", kept=_called(acting.patient), replaced=_called(replaced))
        return Planned([*links.merged(acting.patient, replaced)], said)

    return performed(world, grant, request, submission, "merge-patients", plan, _opened)


def keep_apart(world: World, grant: Grant, request: str, submission: Submission, other: str) -> Done:
    """Say that two records are of two people. Raises as `merge`."""

    def plan(acting: Linking) -> Planned:
        second = _other(acting, other)
        if key(second) in (links.replaced_by(acting.patient), *links.replaces(acting.patient)):
            raise Conflict(sentence("refusals.linkage.merged"), "http.act")
        said = sentence("act.kept-apart", one=_called(acting.patient), other=_called(second))
        return Planned([*links.apart(acting.patient, second)], said)

    return performed(world, grant, request, submission, "keep-patients-apart", plan, _opened)


def unmerge(world: World, grant: Grant, request: str, submission: Submission, other: str) -> Done:
    """Take a merge back. Raises Conflict where the record does not stand for the other one."""

    def plan(acting: Linking) -> Planned:
        replaced = _other(acting, other)
        if key(acting.patient) != links.replaced_by(replaced):
            raise Conflict(sentence("refusals.linkage.not-merged"), "http.act")
        said = sentence("act.unmerged", kept=_called(acting.patient), replaced=_called(replaced))
        return Planned([*links.unmerged(acting.patient, replaced)], said)

    return performed(world, grant, request, submission, "unmerge-patients", plan, _opened)


def behind(turn: Turn, patient: Json) -> list[Json]:
    """The records in whose place one stands, those behind them included, as far as the asker may see them."""
    found: dict[str, Json] = {}
    wanted = links.replaces(patient)
    while wanted and len(found) < _DEEP:
        rows = read.many(turn.conn, [(TYPE, to.partition("/")[2]) for to in wanted if to not in found])
        held = turn.seen_there(TYPE, [each for each in rows if not each.deleted], "r")
        records = [json.loads(row.body) for row in held]
        found |= {key(each): each for each in records if key(each) != key(patient)}
        wanted = [to for each in records for to in links.replaces(each) if to not in found and to != key(patient)]
    return list(found.values())


def _opened(turn: Turn, id: str, about: str, verb: Verb) -> Linking:
    """The record that an act is about. Raises NotFound alike for none and for one that is not theirs, Forbidden."""
    if verb not in verbs.LINKAGE or not verbs.may(turn.grant.roles, verb):
        raise Forbidden(sentence("refusals.linkage.not-yours"), "http.act")
    return Linking(turn, id, about, seen(turn, order_named(about)[1]))


def _other(acting: Linking, id: str) -> Json:
    found = seen(acting.turn, id)
    if key(found) == key(acting.patient):
        raise Conflict(sentence("refusals.linkage.itself"), "http.act")
    return found


def _called(patient: Json) -> str:
    return name(patient) or text(patient, "id")
