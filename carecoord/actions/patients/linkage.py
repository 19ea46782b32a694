"""Two records of patients that may be of one person: said to be one, of which the other stands in its place; said to be
two people; taken apart again. Each writes both records together or neither, under the versions that were shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn
from carecoord.actions.acts.act import Deed, Done, Planned, Submission, performed
from carecoord.actions.patients import records
from carecoord.actions.patients.reads import seen
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.patients import links
from carecoord.domain.referrals.case import order_named
from carecoord.domain.resource.elements import Json, key, text
from carecoord.domain.resource.patient import name
from carecoord.errors import Conflict, Forbidden
from carecoord.words.sentence import sentence
from carecoord.world import World

TYPE: Final = "Patient"


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
        if records.has_leader(acting.turn.conn, acting.patient) or records.has_leader(acting.turn.conn, replaced):
            raise Conflict(sentence("refusals.linkage.replaced-already"), "http.act")
        if links.is_half(replaced, acting.patient):
            raise Conflict(sentence("refusals.linkage.merged"), "http.act")
        said = sentence("act.merged", kept=_called(acting.patient), replaced=_called(replaced))
        return Planned(_changed((acting.patient, replaced), links.merged(acting.patient, replaced)), said)

    return performed(world, grant, request, submission, "merge-patients", plan, _opened)


def keep_apart(world: World, grant: Grant, request: str, submission: Submission, other: str) -> Done:
    """Say that two records are of two people. Raises as `merge`."""

    def plan(acting: Linking) -> Planned:
        second = _other(acting, other)
        one, other_key = acting.patient, key(second)
        if other_key in links.replaced_by(one) + links.replaces(one) or key(one) in links.replaces(second):
            raise Conflict(sentence("refusals.linkage.merged"), "http.act")
        said = sentence("act.kept-apart", one=_called(acting.patient), other=_called(second))
        return Planned([*links.apart(acting.patient, second)], said)

    return performed(world, grant, request, submission, "keep-patients-apart", plan, _opened)


def unmerge(world: World, grant: Grant, request: str, submission: Submission, other: str) -> Done:
    """Take a merge back, a half of one too: only the record that speaks of it is written. Raises Conflict where neither
    says that the record stands for the other one."""

    def plan(acting: Linking) -> Planned:
        replaced = _other(acting, other)
        kept = acting.patient
        if not links.stands_for(kept, replaced) and not links.is_half(kept, replaced):
            raise Conflict(sentence("refusals.linkage.not-merged"), "http.act")
        said = sentence("act.unmerged", kept=_called(kept), replaced=_called(replaced))
        return Planned(_changed((kept, replaced), links.unmerged(kept, replaced)), said)

    return performed(world, grant, request, submission, "unmerge-patients", plan, _opened)


def _changed(before: Sequence[Json], after: Sequence[Json]) -> list[Json]:
    return [new for old, new in zip(before, after, strict=True) if new != old]


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
