"""The agreement gate: the performer takes part in the plan's network on the date under an executed agreement
version."""

from datetime import date
from typing import Final

from carecoord.domain.agreements.directory import Register
from carecoord.domain.agreements.participation import Participation, Question, Result, participation
from carecoord.domain.coverage.gate import Card
from carecoord.domain.gates.gate import Action, Evidence, Gate, GateState, Offer
from carecoord.domain.gates.rules import rule
from carecoord.domain.referrals.referral import Performer, Referral
from carecoord.domain.resource.parties import Party
from carecoord.fhir.search.collation import fold
from carecoord.words.sentence import sentence

STATE: Final[dict[Result, GateState]] = {
    "in": "met",
    "out": "blocked",
    "excluded": "blocked",
    "pending": "pending",
    "unknown": "unknown",
}
ANOTHER = Action("choose-performer", "Choose another performer")
ASK = Action("ask-contracts", "Ask the contract desk")
NAME_SITE = Action("name-site", "Name the site of the visit")
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
    if found.kind == "self-pay":
        return _gate("not-needed", found, (card.evidence,) if card else proof)
    if found.kind == "no-performer":
        label = f"Send it to {referral.next_candidate}" if referral.next_candidate else "Choose a performer"
        return _gate("open", found, proof, Action("choose-performer", label), "coordinator", "Choose performer")
    if found.kind == "no-payer":
        return _gate("unknown", found, proof, waits_on="coverage")
    if found.kind == "site" and found.result == "unknown":
        return _gate("unknown", found, proof, NAME_SITE, "coordinator", "Name the site")
    state = STATE[found.result]
    if state == "met":
        return _gate("met", found, proof)
    if state == "blocked":
        return _gate("blocked", found, proof, ANOTHER, "coordinator", "Choose performer")
    return _gate(state, found, proof, ASK, "contracts", "Contract answer")


def _gate(
    state: GateState,
    found: Participation,
    proof: tuple[Evidence, ...],
    action: Action | None = None,
    who: str | None = None,
    label: str | None = None,
    waits_on: str | None = None,
) -> Gate:
    id = rule("agreement", found.kind)
    return Gate("agreement", state, found.beside or found.reason, id, proof, action, who, None, label, None, waits_on)


def offers(referral: Referral, card: Card, day: date, known: Register, most: int = 5) -> tuple[Offer, ...]:
    """Other performers in network on the day, of those the directory lists for the specialty."""
    now = referral.performer
    found: dict[str, Offer] = {}
    for row in known.rows:
        group = row.organization
        if not group or not row.include or row.practitioner or (now and group.same(now.organization)):
            continue
        if referral.specialties and row.specialties.isdisjoint(referral.specialties):
            continue
        who = Performer(group, None, row.evidence)
        site = row.sites[0] if row.sites else None
        said = participation(Question(who, site, card.payer, card.plan, referral.specialties), day, known)
        if said.result == "in":
            found.setdefault(min(group.keys), Offer(group.reference, group.name, said.number, said.until))
    return tuple(sorted(found.values(), key=lambda offer: (fold(offer.name), offer.reference))[:most])
