"""Taking an act back, for ten minutes and by whoever did it, where the tables of states have a way back. Where somebody
has gone on from there it stays."""

from collections.abc import Callable
from typing import cast

from auth.grant import Grant
from carecoord.actions.access.audited import refusals_noted
from carecoord.actions.access.turn import changing
from carecoord.actions.acts import provenance
from carecoord.actions.acts.act import BACK, UNDO, Deed, Done, Planned, opened, write
from carecoord.actions.acts.former import formers
from carecoord.actions.agreements import acts as agreements_acts
from carecoord.actions.care_plans import acts as care_plans_acts
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.referrals.case import order_named
from carecoord.errors import Conflict, NotFound
from carecoord.store.database.engine import alone
from carecoord.words.sentence import sentence
from carecoord.world import World


def undo(world: World, grant: Grant, request: str, act: str) -> Done:
    """Take back an act of the asker's own. Done twice, it is done once. Raises NotFound, and Conflict where its time is
    over or what it wrote has been changed since."""
    with changing(world, grant, request) as turn:
        alone(turn.conn, f"act {act}")
        taken = provenance.find(turn.conn, act)
        if taken is None or taken.subject != grant.subject:
            raise NotFound(sentence("refusals.there-nothing-yours-take-back"), "http.act")
        id = provenance.undo_id(act)
        if before := provenance.find(turn.conn, id):
            return Done(before, None)
        with refusals_noted(turn, "update", *order_named(taken.case)):
            opens = _opener(taken.verb)
            acting = opens(turn, id, taken.case, cast("Verb", taken.verb))
            if taken.verb not in BACK:
                raise Conflict(sentence("refusals.nothing-leads-back-from-it"), "http.act")
            if turn.now >= taken.at + UNDO:
                raise Conflict(sentence("refusals.it-can-no-longer-be"), "http.act")
            resources = formers(turn.conn, taken, turn.now)
            return Done(write(acting, "undo", Planned(resources, sentence("act.undone"))), None)


def _opener(verb: str) -> Callable[..., Deed]:
    """What finds that which an act of this verb is about."""
    if verb in verbs.CARE:
        return care_plans_acts.opened
    return agreements_acts.opened if verb in verbs.AGREEMENT else opened
