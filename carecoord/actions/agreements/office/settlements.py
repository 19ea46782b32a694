"""A clause of a draft is accepted, or countered with other words: by the rules of every act of the desk, so the draft
is not as it was for who looked before, and what was done can be taken back."""

from dataclasses import dataclass

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Planned, Submission, performed
from carecoord.actions.agreements.acts import Agreeing, opened
from carecoord.domain.agreements.comparison import said
from carecoord.domain.agreements.desk import acts
from carecoord.domain.agreements.desk.settlements import TERM, countered, settle
from carecoord.domain.agreements.disclosure import RATES
from carecoord.errors import Conflict, Forbidden, Unprocessable
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True, slots=True)
class Accepted:
    """A clause that is taken as it is written. `of`: the element, as `comparison.Change` names it."""

    of: str


@dataclass(frozen=True, slots=True)
class Countered:
    """Other words for a term, `of` its element."""

    of: str
    words: str


def accept(world: World, grant: Grant, request: str, submission: Submission, given: Accepted) -> Done:
    """Take a clause of the draft as it is written. Raises Conflict where no draft waits, Unprocessable for a clause
    that it does not have, Forbidden for what is paid, by who may not see it."""

    def plan(acting: Agreeing) -> Planned:
        _, contract = acts.draft_of(acting.held)
        _demand_seen(acting, given.of)
        made = settle(contract, given.of, said(contract).get(given.of, ""), "accepted", acting.person, acting.turn.now)
        return Planned([made], sentence("act.clause-accepted"))

    return performed(world, grant, request, submission, "accept-clause", plan, opened)


def counter(world: World, grant: Grant, request: str, submission: Submission, given: Countered) -> Done:
    """Write other words for a term of the draft. Raises as `accept`, and Conflict for what is no term."""

    def plan(acting: Agreeing) -> Planned:
        _, contract = acts.draft_of(acting.held)
        if not given.of.startswith(TERM):
            raise Conflict(sentence("redline.only-terms"), "http.act")
        _demand_seen(acting, given.of)
        if said(contract).get(given.of, "") == given.words:
            raise Unprocessable(sentence("redline.same-words"), "words")
        new = countered(contract, given.of, given.words)
        made = settle(new, given.of, given.words, "countered", acting.person, acting.turn.now)
        return Planned([made], sentence("act.clause-countered"))

    return performed(world, grant, request, submission, "counter-clause", plan, opened)


def _demand_seen(acting: Agreeing, of: str) -> None:
    known = {name for _, contract in acting.held for name in said(contract)}
    if of not in known:
        raise Unprocessable(sentence("redline.no-such-clause"), "of")
    if of == f"{TERM}{RATES}" and not acting.found.sees_rates:
        raise Forbidden(sentence("refusals.what-paid-for-parties-say"), "http.act")
