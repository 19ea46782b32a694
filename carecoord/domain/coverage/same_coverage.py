"""Are two Coverages one insurance? Several systems keep a copy of a card, and a renewed card is the same insurance;
another plan or member number of the same payer is another, and what was approved under the one does not cover under the
other."""

from collections.abc import Iterable, Mapping

from carecoord.domain.resource.codes import HL7, IDENTIFIER, has
from carecoord.domain.resource.elements import Json, identifiers, item, items, key, text
from carecoord.domain.resource.parties import Directory, Party, party


def split(
    cards: Mapping[str, Json], named: Iterable[str], payer: Party | None, known: Directory
) -> tuple[frozenset[str], frozenset[str]]:
    """The cards (`Coverage/id`) that are the insurance which a request or its answer names, and those that are
    certainly another; of the rest it can not be told. Where nothing is named that we hold, the only insurance with the
    payer is meant."""
    meant = [cards[id] for id in named if id in cards]
    if not meant and not any(named):
        with_payer = [each for each in cards.values() if payer and payer.same(_payer(each, known))]
        if with_payer and all(same_coverage(with_payer[0], each, known) for each in with_payer[1:]):
            meant = with_payer[:1]
    said = {id: [same_coverage(one, card, known) for one in meant] for id, card in cards.items()}
    return (
        frozenset(id for id, verdicts in said.items() if any(verdicts)),
        frozenset(id for id, verdicts in said.items() if verdicts and all(each is False for each in verdicts)),
    )


def same_coverage(one: Json, other: Json, known: Directory) -> bool | None:
    """True by the same resource, identifier or member number; False by another payer, plan or member number; None when
    neither is said."""
    if key(one) == key(other):
        return True
    payers = _payer(one, known), _payer(other, known)
    if payers[0] and payers[1] and not payers[0].same(payers[1]):
        return False
    if differ(one, other):
        return False
    return True if _members(one) & _members(other) or identifiers(one) & identifiers(other) else None


def differ(one: Json, other: Json) -> bool:
    """Whether two cards of one payer name different plans, or different members."""
    pairs = ((_plans(one), _plans(other)), (_members(one), _members(other)))
    return any(a and b and not a & b for a, b in pairs)


def member_number(card: Json) -> str:
    """The payer's number of the patient, as the card is identified there, else the subscriber's; empty where it has
    none."""
    ids = items(card, "identifier")
    own = [each for each in ids if has(item(each, "type"), f"{HL7}/v2-0203", "MB")]
    own += [each for each in ids if text(each, "system") == f"{IDENTIFIER}/member"]
    return next((value for each in own if (value := text(each, "value"))), "") or text(card, "subscriberId")


def _payer(coverage: Json, known: Directory) -> Party | None:
    return next((p for p in (party(each, known) for each in items(coverage, "payor")) if p), None)


def _plans(coverage: Json) -> frozenset[str]:
    classes = items(coverage, "class")
    return frozenset(
        _folded(text(each, "value"))
        for each in classes
        if has(item(each, "type"), f"{HL7}/coverage-class", "plan") and text(each, "value")
    )


def _members(coverage: Json) -> frozenset[str]:
    """The member's numbers, as they are compared: without blanks and dashes."""
    numbered = (
        text(each, "value") for each in items(coverage, "identifier") if has(item(each, "type"), f"{HL7}/v2-0203", "MB")
    )
    return frozenset(_folded(each) for each in (text(coverage, "subscriberId"), *numbered) if each)


def _folded(number: str) -> str:
    return "".join(c for c in number.casefold() if c.isalnum())
