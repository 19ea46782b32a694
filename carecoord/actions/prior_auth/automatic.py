"""A request that the payer's own rules approve is answered by a job of its own write: an act like everybody's, of which
the rule is the author, so that it stands in Provenance and event, and one in so many is put before a person afterwards.
`answered` is the same for a road that answers at once."""

from typing import Final

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.acts import provenance
from carecoord.actions.acts.act import Planned, Submission, performed
from carecoord.actions.prior_auth import queue, sent
from carecoord.actions.prior_auth.decide import Deciding, about, opened
from carecoord.actions.prior_auth.queue import Opened
from carecoord.domain.access import verbs
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
from carecoord.store.prior_auth import queues
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

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
    if ruled is None:
        return None
    choices, rule = ruled
    number = f"A-{id.replace('-', '')[:8].upper()}"
    answer = answers.answered(id, found.claim, choices, number, turn.now, Decider(who, rule=rule))
    if not (rule.automatic and guides.sampled(str(found.claim["id"]), rule.automatic)):
        return [answer]
    return [answer, steps.asked(turn.world.new_id(), "sample", found.claim, rule.title, turn.now)]


def at_once(turn: Turn, claim: Json, id: str) -> list[Json] | None:
    """What the rules of its payer give as the answer to a request that was written in this very transaction, as
    `answered` gives it, with its letter ordered; None where a person has to decide. id: of the answer."""
    kind, _, payer = target(item(claim, "insurer")).partition("/")
    if kind != "Organization" or not queues.approved_by_rules(turn.conn, [key(claim)]):
        return None
    asker = turn.by(_asker(payer))
    root = queue.root_of(asker, str(claim["id"]))
    try:
        found = queue.opened(asker, root) if root else None
    except NotFound:  # kept from the payer
        return None
    ruled = _ruled(asker, found) if found else None
    if found is None or ruled is None:
        return None
    sent.order_letter(turn.conn, id, turn.now)
    return answered(asker, found, id, provenance.person(_asker(payer, ruled[1])))


def _ruled(turn: Turn, found: Opened) -> tuple[tuple[answers.Choice, ...], Guide] | None:
    again = any(each.code == found.row.code and each.state in _LIVE for each in found.others)
    fresh = found.row.state == "submitted" and found.newest is None and not found.row.level and not found.proposal
    asked = Asked(found.claim, found.row.payer_agreement or "", fresh, again, found.told.documents)
    zone = turn.world.base.zone
    return automatic.choices(asked, found.guides, local(turn.now, zone), zone)


def _asker(payer: str, rule: Guide | None = None) -> Grant:
    """Who acts for a payer by a rule of it: the rule, by its place in its book and its title."""
    where = f"{rule.evidence.reference}#{rule.evidence.element}" if rule else ""
    title = rule.title if rule else ""
    roles = frozenset(verbs.holders("decide"))
    return Grant(f"{PAYER_RULE}{where}", roles=roles, organization=payer, name=title)
