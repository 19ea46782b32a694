"""A request that the payer's own rules approve is answered by a job of its own write: an act like everybody's, of which
the rule is the author, so that it stands in Provenance and event, and one in so many is put before a person afterwards.
`answered` is the same for a road that answers at once."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts import provenance
from carecoord.actions.acts.act import Planned, Submission, performed
from carecoord.actions.clearance.library import Library
from carecoord.actions.prior_auth import guides as lines
from carecoord.actions.prior_auth import projection, queue, sent
from carecoord.actions.prior_auth.decide import Deciding, about, opened
from carecoord.actions.prior_auth.queue import Opened
from carecoord.actions.worklist import project
from carecoord.domain.access import payer_view, verbs
from carecoord.domain.prior_auth.desk import answers, automatic, guides, steps
from carecoord.domain.prior_auth.desk.answers import Decider
from carecoord.domain.prior_auth.desk.automatic import Asked
from carecoord.domain.prior_auth.desk.guides import Guide
from carecoord.domain.resource.codes import PAYER_RULE
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, item, key, target
from carecoord.errors import Conflict, NotFound
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

Ruled = tuple[tuple[answers.Choice, ...], Guide]
_LIVE: Final = ("submitted", "pended", "asked", "contact", "approved", "modified", "partly")


def approve(world: World, claim: str) -> None:
    """Answer a request by the payer's rules, where they approve it; else it waits for somebody."""
    with reading(world.engine) as conn:
        row = read.get(conn, "Claim", claim)
    if row is None or row.deleted:
        return
    kind, _, payer = target(item(json.loads(row.body), "insurer")).partition("/")
    if kind != "Organization":
        return
    with looking(world, _asker(payer), "") as turn:
        root = queue.root_of(turn, claim)
        try:
            found = queue.opened(turn, root) if root else None
        except NotFound:  # withdrawn, or kept from the payer
            found = None
        ruled = _ruled(turn, found) if found else None
    if ruled is None or root is None:
        return
    rule = ruled[1]

    def plan(acting: Deciding) -> Planned:
        written = answered(acting.turn, acting.found, acting.id, acting.person)
        if written is None:
            raise Conflict("The rules do not approve it any more.", "http.act")
        sent.order_letter(acting.turn.conn, acting.id, acting.turn.now)
        return Planned(written, sentence("act.approved-by-rule", rule=rule.title), rule.title)

    by = _asker(payer, rule)
    try:
        performed(world, by, world.new_id(), Submission(about(root), f"rule-{claim}"), "decide", plan, opened)
    except Conflict:  # somebody was first
        return


def answered(turn: Turn, found: Opened, id: str, who: Json) -> list[Json] | None:
    """The answer that the rules give to a request, with the Task of who looks at it afterwards where it is among those;
    None where a person has to decide. id: of the answer; who: the rule as a Reference. Writes nothing."""
    ruled = _ruled(turn, found)
    return _by_rule(turn, found.claim, ruled, id, who) if ruled else None


def at_once(turn: Turn, library: Library, claim: Json, id: str) -> list[Json] | None:
    """What the rules of its payer give as the answer to the first version of a request that was written in this very
    transaction, and of which nothing is projected yet, as `answered` gives it, with its letter ordered; None where a
    person has to decide. library: the registry as this transaction knows it; id: of the answer."""
    kind, _, payer = target(item(claim, "insurer")).partition("/")
    patient = target(item(claim, "patient")).partition("/")[2]
    asker = turn.by(_asker(payer))
    mine = queue.whose(asker)
    if kind != "Organization" or patient in mine.withheld:
        return None
    found = projection.ahead(library, patient, key(claim), turn.now, project.policy(turn.world.settings))
    if found is None or found.begun.payers.isdisjoint(mine.keys or ()):
        return None
    row, told = found.begun, payer_view.payer_case(found.told)
    others = authorizations.requested(turn.conn, mine, patient)
    asked = Asked(
        claim, row.agreement or "", row.state == "submitted" and not row.level,
        _again(turn, claim, row.code, others), told.documents,
        automatic.is_of(claim, found.told.case, found.told.judged),
    )  # fmt: skip
    rules = lines.by_line(library, claim, found.told.judged)
    library.keep()
    ruled = _choices(turn, asked, rules)
    if ruled is None:
        return None
    sent.order_letter(turn.conn, id, turn.now)
    return _by_rule(turn, claim, ruled, id, provenance.person(_asker(payer, ruled[1])))


def _by_rule(turn: Turn, claim: Json, ruled: Ruled, id: str, who: Json) -> list[Json]:
    choices, rule = ruled
    number = f"A-{id.replace('-', '')[:8].upper()}"
    answer = answers.answered(id, claim, choices, number, turn.now, Decider(who, rule=rule))
    if not (rule.automatic and guides.sampled(str(claim["id"]), rule.automatic)):
        return [answer]
    return [answer, steps.asked(turn.world.new_id(), "sample", claim, rule.title, turn.now)]


def _ruled(turn: Turn, found: Opened) -> Ruled | None:
    again = _again(turn, found.claim, found.row.code, found.others)
    fresh = found.row.state == "submitted" and found.newest is None and not found.row.level
    fresh = fresh and not found.proposal and not found.held
    fits = automatic.is_of(found.claim, found.told.case, found.judged)
    asked = Asked(found.claim, found.row.payer_agreement or "", fresh, again, found.told.documents, fits)
    return _choices(turn, asked, found.guides)


def _again(turn: Turn, claim: Json, code: str, others: Iterable[Any]) -> bool:
    """Whether one of the services of a request, by any of its lines and codes, is asked for or granted already. code:
    that of its row; others: the rows of the member's other requests."""
    asked, live = {*automatic.services(claim), (code, "")}, [each for each in others if each.state in _LIVE]
    if automatic.meet(asked, ((each.code, "") for each in live)):
        return True
    named = [("Claim", str(each.claim).partition("/")[2]) for each in live]
    rows = [row for row in read.many(turn.conn, named) if not row.deleted] if named else []
    return any(automatic.meet(asked, automatic.services(json.loads(row.body))) for row in rows)


def _choices(turn: Turn, asked: Asked, rules: Mapping[int, Guide]) -> Ruled | None:
    zone = turn.world.base.zone
    return automatic.choices(asked, rules, local(turn.now, zone), zone)


def _asker(payer: str, rule: Guide | None = None) -> Grant:
    """Who acts for a payer by a rule of it: the rule, by its place in its book and its title."""
    where = f"{rule.evidence.reference}#{rule.evidence.element}" if rule else ""
    title = rule.title if rule else ""
    roles = frozenset(verbs.holders("decide"))
    return Grant(f"{PAYER_RULE}{where}", roles=roles, organization=payer, name=title)
