"""A referral that nobody has, given to whom the rules of its office say, by an act of its own: with its Provenance and
event, in which the rule is named. Who is away is passed over for whoever stands in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.acts import act, work
from carecoord.actions.acts.act import Planned
from carecoord.actions.acts.work import Colleague
from carecoord.actions.assignment import book
from carecoord.actions.assignment.arrivals import asker
from carecoord.actions.assignment.traits import arrivals
from carecoord.actions.inbox import absences
from carecoord.actions.supervision import load
from carecoord.domain.assignment.rules import AssignmentRule, deciding, least
from carecoord.domain.inbox.absences import holder
from carecoord.domain.worklist import acts
from carecoord.errors import NotFound
from carecoord.fhir.instants import micros
from carecoord.store.assignment import rules as kept
from carecoord.store.database.engine import reading
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World


@dataclass(frozen=True)
class Placement:
    """To whom a rule gives a referral. `away`: the name of whom they stand in for."""

    rule: AssignmentRule
    to: Colleague
    away: str = ""


def place(world: World, case: str) -> None:
    """Give a referral away, if it is still open and nobody's and a rule is about it."""
    with reading(world.engine) as conn:
        row = kept.one(conn, case)
    if row is None or not row.open or row.owner or not row.placer:
        return
    with looking(world, asker(row.placer), "") as turn:
        crew = Crew(turn)
        rules = crew.possible(book.of_offices(turn.conn, turn.office().organizations))
        rule = deciding(rules, arrivals(turn.conn, [row])[0])
        placed = crew.placement(rule) if rule else None
    if placed is None:
        return
    with changing(world, asker(row.placer, placed.rule.id, placed.rule.name), world.new_id()) as turn:
        try:
            acting = act.opened(turn, world.new_id(), case, "assign")
        except NotFound:  # it has ended, or a Consent keeps it from the office
            return
        if acting.row.owner is None:
            owner = placed.to.reference | {"display": placed.to.name}
            task = acts.changed(acting.case, acting.work, turn.now, acting.office, owner=owner)
            act.write(acting, "assign", Planned([task], said(placed)))


def said(placed: Placement) -> Sentence:
    """What is told of it."""
    whom, rule = placed.to.name, placed.rule.name
    if placed.away:
        return sentence("assignment.placed-away", whom=whom, away=placed.away, rule=rule)
    return sentence("assignment.placed", whom=whom, rule=rule)


class Crew:
    """Those of the asker's office to whom rules can give referrals."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._people = {user.id: user for user in absences.colleagues(turn.conn, turn.grant)}
        self._away = absences.present(turn.conn, micros(turn.now))
        self._holders = {each.account: each for each in load.holders(turn)}
        self.known = {each.id: each for each in work.colleagues(turn.conn, turn.grant)}

    def possible(self, rules: Iterable[AssignmentRule]) -> list[AssignmentRule]:
        """The rules of which the one they name is still there."""
        return [rule for rule in rules if rule.to in self.known]

    def placement(self, rule: AssignmentRule) -> Placement:
        """To whom a possible rule gives a referral now."""
        if rule.spread:
            here = [one for one in self._members(rule.to) if self._stand_in(one) == one]
            chosen = least(self._open_cases(here), here)
            return Placement(rule, self.known[chosen or rule.to])
        instead = self._stand_in(rule.to) if rule.to in self._people else rule.to
        if instead == rule.to or instead not in self.known:
            return Placement(rule, self.known[rule.to])
        return Placement(rule, self.known[instead], away=self.known[rule.to].name)

    def _members(self, team: str) -> list[str]:
        conn = self._turn.conn
        belongs = work.is_member(conn, self._turn.office(), team)
        return [id for id, user in self._people.items() if belongs(absences.office_of(conn, user))]

    def _stand_in(self, account: str) -> str:
        return holder(self._away, account, "referral", micros(self._turn.now))

    def _open_cases(self, accounts: Sequence[str]) -> dict[str, int]:
        """Account -> open referrals, whatever ids their rows name it by."""
        ids = {id: account for account in accounts for id in self._holders[account].ids}
        counted = kept.open_cases(self._turn.conn, self._turn.office().organizations, sorted(ids))
        found: dict[str, int] = {}
        for id, n in counted.items():
            found[ids[id]] = found.get(ids[id], 0) + n
        return found
