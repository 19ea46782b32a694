"""The agreement gate: the performer takes part in the plan's network on the date under an executed agreement
version."""

from datetime import date
from functools import partial
from math import inf
from typing import Final

from carecoord.domain.agreements.directory import Membership, Register
from carecoord.domain.agreements.participation import Participation, Question, Result, participation
from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.gate import Action, Gate, GateState, Offer
from carecoord.domain.gates.rules import rule
from carecoord.domain.referrals.referral import Performer, Referral
from carecoord.domain.resource.parties import Party
from carecoord.domain.resource.places import Point, kilometres
from carecoord.fhir.search.collation import fold
from carecoord.words.sentence import Sentence, sentence

STATE: Final[dict[Result, GateState]] = {
    "in": "met",
    "out": "blocked",
    "excluded": "blocked",
    "pending": "pending",
    "unknown": "unknown",
}
ANOTHER = Action("choose-performer", sentence("do.choose-performer.another"))
ASK = Action("ask-contracts", sentence("do.ask-contracts"))
NAME_SITE = Action("name-site", sentence("do.name-site"))
CHOOSE = sentence("due.choose-performer")
OFFERS: Final = 5  # others in network that are named
NOBODY = Participation("unknown", "no-performer", sentence("agreement.no-performer"))
NO_PAYER = Participation("unknown", "no-payer", sentence("agreement.no-payer"))
SELF_PAY = Participation("in", "self-pay", sentence("agreement.self-pay"))


def answer(referral: Referral, site: Party | None, card: Card | None, day: date, known: Register) -> Participation:
    """Whether the performer of the case takes part on the day."""
    if card is not None and card.self_pay:
        return SELF_PAY
    if referral.performer is None:
        return NOBODY
    if card is None:
        return NO_PAYER
    return participation(Question(referral.performer, site, card.payer, card.plan, referral.specialties), day, known)


def gate(found: Participation, referral: Referral, card: Card | None) -> Gate:
    """What the participation means for the case."""
    proof = found.evidence or (referral.evidence,)
    say = partial(
        Gate, rule=rule("agreement", found.kind), state=STATE[found.result], reason=found.beside or found.reason
    )
    if found.kind == "self-pay":
        return say(state="not-needed", evidence=(card.evidence,) if card else proof)
    if found.kind == "no-performer":
        choose = Action("choose-performer", _send_to(referral.next_candidate))
        unasked = not referral.tracked and referral.status == "active"
        told = sentence("order.unasked") if unasked else found.reason
        return say(state="open", reason=told, evidence=proof, action=choose, who="coordinator", due_label=CHOOSE)
    if found.kind == "no-payer":
        return say(evidence=proof, waits_on="coverage")
    if found.kind == "site" and found.result == "unknown":
        return say(evidence=proof, action=NAME_SITE, who="coordinator", due_label=sentence("due.name-site"))
    if STATE[found.result] == "met":
        return say(evidence=proof)
    if STATE[found.result] == "blocked":
        return say(evidence=proof, action=ANOTHER, who="coordinator", due_label=CHOOSE)
    return say(evidence=proof, action=ASK, who="contracts", due_label=sentence("due.contract-answer"))


def _send_to(candidate: str) -> Sentence:
    return sentence("do.reroute", who=candidate) if candidate else sentence("do.choose-performer")


def offers(
    referral: Referral, card: Card, day: date, known: Register, home: Point | None = None, most: int = OFFERS
) -> tuple[Offer, ...]:
    """Other performers in network on the day, of those the directory lists for the specialty: the nearest to where the
    patient lives first, then by name those of whom nobody knows how far they are."""
    now = referral.performer
    rows = [
        (inf if (away := _away(home, each, known)) is None else away, fold(group.name), group.reference, group, each)
        for each in known.rows
        if each.include and not each.practitioner and (group := each.organization)
    ]
    found: dict[str, Offer] = {}
    for away, _, _, group, row in sorted(rows, key=lambda each: each[:3]):
        if len(found) == most:  # whoever else takes part stands behind these
            break
        if (now and group.same(now.organization)) or min(group.keys) in found:
            continue
        if referral.specialties and row.specialties.isdisjoint(referral.specialties):
            continue
        who = Performer(group, None, row.evidence)
        site = row.sites[0] if row.sites else None
        said = participation(Question(who, site, card.payer, card.plan, referral.specialties), day, known)
        if said.result == "in":
            far = None if away == inf else away
            found[min(group.keys)] = Offer(group.reference, group.name, said.number, said.until, far)
    return tuple(found.values())


def _away(home: Point | None, row: Membership, known: Register) -> float | None:
    """How far a row's nearest site is, or any place of the organization where the row is for all of its sites."""
    if home is None or row.organization is None:
        return None
    keys = frozenset[str]().union(*(site.keys for site in row.sites)) or row.organization.keys
    at = [each.point for each in known.places if each.key in keys or (not row.sites and each.organization in keys)]
    return round(min(kilometres(home, point) for point in at), 1) if at else None
