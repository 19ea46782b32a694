"""A payer's 278 or 271 that came as a file, written down as its answer to what was asked by that trace: the very
resource that PAS or `$submit` gives. It is what the payer decided elsewhere, so the payer answers for its people."""

from collections.abc import Sequence
from typing import Final

from carecoord.actions.access.turn import Turn
from carecoord.actions.acts import provenance
from carecoord.actions.acts.provenance import Act, Version
from carecoord.actions.claims import senders
from carecoord.actions.claims.payments import payer_grant
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.x12 import answer, eligibility, request
from carecoord.domain.prior_auth.x12.answer import Answer
from carecoord.domain.prior_auth.x12.eligibility import Eligibility
from carecoord.domain.prior_auth.x12.envelope import Fault, Segment, Transaction, fault
from carecoord.domain.resource.elements import Json, identifiers, item, items, key, target, text
from carecoord.errors import Problem
from carecoord.fhir import text as json
from carecoord.store.claims import files
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import read
from carecoord.store.resources.write import Change, put_all
from carecoord.words.sentence import sentence

_CANCELLED: Final = ("A1", "C")  # X12 306: certified, or cancelled, of what was to be cancelled
UNMATCHED: Final[tuple[str, list[Fault]]] = ("", [])


def take_decision(turn: Turn, office: str, came: Transaction, found: Answer) -> tuple[str, list[Fault]]:
    """Write down a payer's answer to a request. Returns the request (`Claim/id`), empty where it is none that was
    sent, and what is wrong, with which nothing is written."""
    head = came.segments[0]
    sent = files.by_trace(turn.conn, turn.office().organizations or (office,), found.trace, "278")
    claim = _resource(turn, sent.about) if sent else None
    if sent is None or claim is None:
        return UNMATCHED
    if foreign := [*senders.strangers(came, sent.body), *senders.decided_here(turn, came, claim)]:
        return key(claim), foreign
    if request.is_void_trace(found.trace):
        return key(claim), _kept_on(head, found)
    faults = list(found.faults) or _strangers(turn, head, claim, found.member)
    decided, unplaced = answer.placed(found, claim, found.trace, turn.world.base.zone)
    faults += [*unplaced, *answer.without_reason(decided, found)]
    made = answer.response(turn.world.new_id(), claim, found, decided, turn.now)
    faults += [] if faults else _refused(turn, head, claim, made)
    if not faults:
        _write(turn, made, claim)
    return key(claim), faults


def _kept_on(head: Segment, found: Answer) -> list[Fault]:
    """Where a payer does not take a cancellation; one that it takes leaves nothing to write: it was taken back here."""
    said = [each for each in (found.whole, *found.lines) if each and each.action not in _CANCELLED]
    codes = [each.action for each in said] + [each.code for each in found.rejections]
    if not codes:
        return list(found.faults)
    return [fault(head, 0, sentence("x12.fault.not-cancelled", code=", ".join(dict.fromkeys(codes))))]


def _refused(turn: Turn, head: Segment, claim: Json, made: Json) -> list[Fault]:
    """Where the table of a request's life does not have such an answer."""
    patient = target(item(claim, "patient")).partition("/")[2]
    rows = authorizations.of_patient(turn.conn, patient)
    row = next((each for each in rows if each.claim == key(claim)), None)
    if row is None:
        return [fault(head, 0, sentence("x12.fault.replaced"))]
    try:
        lifecycle.advance(lifecycle.named(row.state), lifecycle.tells(made), "payer", "ClaimResponse.item")
    except Problem as why:
        return [fault(head, 0, sentence("x12.fault.not-possible", why=why.said))]
    return []


def take_eligibility(
    turn: Turn, office: str, came: Transaction, found: tuple[Sequence[Eligibility], Sequence[Fault]]
) -> tuple[str, list[Fault]]:
    """Write down a payer's answers about cards. found: what was read, and what is wrong with it. Returns the first
    question (`CoverageEligibilityRequest/id`), empty where one of them is none that was sent; then nothing is
    written."""
    head = came.segments[0]
    pairs: list[tuple[Json, Json]] = []
    answered, wrong = found
    faults: list[Fault] = [*wrong]
    for each in answered:
        sent = files.by_trace(turn.conn, turn.office().organizations or (office,), each.trace, "270")
        asked = _resource(turn, sent.about) if sent else None
        cards = [_resource(turn, target(item(one, "coverage"))) for one in items(asked or {}, "insurance")]
        if sent is None or asked is None or not cards or cards[0] is None:
            return UNMATCHED
        foreign = senders.strangers(came, sent.body)
        faults += foreign or ([] if wrong else _strangers(turn, head, asked, each.member, cards[0]))
        pairs.append((asked, eligibility.response(turn.world.new_id(), asked, cards[0], each, turn.now)))
    for asked, made in [] if faults else pairs:
        _write(turn, made, asked)
    return (key(pairs[0][0]) if pairs else ""), faults


def _resource(turn: Turn, name: str) -> Json | None:
    kind, _, id = name.partition("/")
    row = read.get(turn.conn, kind, id) if id else None
    return json.loads(row.body) if row and not row.deleted else None


def _strangers(turn: Turn, head: Segment, asked: Json, member: str, card: Json | None = None) -> list[Fault]:
    """Where the member is none of the cards that were asked about: then it is not the answer to this."""
    named = [target(item(each, "coverage")) for each in items(asked, "insurance")]
    cards = [card] if card else [found for each in named if (found := _resource(turn, each))]
    numbers = {each.partition("|")[2] for one in cards for each in identifiers(one)}
    numbers |= {text(each, "subscriberId") for each in cards}
    if not member or not cards or member in numbers:
        return []
    return [fault(head, 0, sentence("x12.fault.other-member", number=member))]


def _write(turn: Turn, made: Json, asked: Json) -> None:
    """Write what a payer said, as its own act. It is none of our decisions, so the rules of who decides here, and how,
    do not bear on it: the payer decided elsewhere."""
    payer = target(item(made, "insurer")).partition("/")[2]
    name = text(item(made, "insurer"), "display") or _name(turn, payer)
    theirs = turn.by(payer_grant(payer, name))
    kind, id = str(made["resourceType"]), str(made["id"])
    act = Act(
        turn.world.new_id(), "decide", theirs.grant.subject, name, turn.now, "~".join(key(asked).split("/", 1)),
        sentence("act.x12-answer", whom=name), (Version(kind, id, 1),), (Version(kind, id, 0),),
    )  # fmt: skip
    told = provenance.resource(act, theirs.grant, {"reference": f"Organization/{payer}"} if payer else {}, "")
    changes = [Change(kind, id, made), Change("Provenance", act.id, told)]
    put_all(
        turn.conn, changes, now=turn.now, actor=theirs.actor(), base=turn.world.base, project=turn.world.project
    )


def _name(turn: Turn, payer: str) -> str:
    found = _resource(turn, f"Organization/{payer}")
    return text(found, "name") if found else ""
