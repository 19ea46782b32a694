"""What a payer's answer says was decided. That an answer was made (outcome `complete`), or that it can be referred to
(preAuthRef), is no decision, and words never make an approval: who infers one books a visit that nobody pays.

Clauses: FHIR R4 claimresponse.html (outcome: "whether the processing of the claim or preauthorization is complete";
preAuthRef: "Reference from the Insurer which is used in later communications"); Da Vinci PAS 2.2.1, Claim Response
profile: the decision is the reviewAction of an adjudication, coded by X12 306.
"""

from typing import Final, Literal

from carecoord.domain.resource.codes import PAS, REVIEW_ACTION
from carecoord.domain.resource.elements import Json, code_of, codes, extensions, item, items, text
from carecoord.fhir.code_systems import canonical

LineState = Literal[
    "approved", "partly", "modified", "denied", "pended", "contact", "cancelled", "not-required", "unclear"
]
STATES: Final[dict[str, LineState]] = {  # X12 306 review action -> the state of a line
    "A1": "approved",
    "A2": "partly",
    "A6": "modified",
    "A3": "denied",
    "A4": "pended",
    "CT": "contact",
    "C": "cancelled",
    "NA": "not-required",
}
GRANTED = {"approved", "partly", "modified"}
FAVORABLE = GRANTED | {"not-required"}

_DENIALS = {  # dispositions that can mean nothing else; an approval is never read from words
    "denied",
    "denial",
    "request denied",
    "authorization denied",
    "prior authorization denied",
    "not certified",
    "not approved",
    "non-certified",
    "adverse determination",
}
# Dispositions that no granted line can stand beside: which of the two is meant only the payer can say.
_CONTRARY = _DENIALS | {"pending", "pended", "cancelled", "canceled", "withdrawn", "void", "voided", "rejected"}
_WHY_DENIED = ("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudicationDiscriminator", "denialreason")


def reviews(element: Json) -> list[Json]:
    """The payer's reviewActions on an answer, an item or an addItem, in their order."""
    url = f"{PAS}/extension-reviewAction"
    return [*extensions(element, url), *(r for each in items(element, "adjudication") for r in extensions(each, url))]


def decision(element: Json) -> LineState | Literal[""]:
    """What was decided on an item, an addItem or the whole answer, by its codes: a state, "unclear" where codes
    contradict each other or are unknown, empty where no code speaks of a decision."""
    said = {state for review in reviews(element) for state in _states(review)}
    if not said and any(_explains_denial(each) for each in items(element, "adjudication")):
        return "denied"
    return next(iter(said)) if len(said) == 1 else "unclear" if said else ""


def _states(review: Json) -> set[LineState]:
    said = [item(each, "valueCodeableConcept") for each in extensions(review, f"{PAS}/extension-reviewActionCode")]
    coded = frozenset[tuple[str, str]]().union(*(codes(concept) for concept in said))
    ours = canonical(REVIEW_ACTION)
    return {STATES.get(code, "unclear") for system, code in coded if system == ours}


def _explains_denial(adjudication: Json) -> bool:
    system, code = _WHY_DENIED
    return code_of(item(adjudication, "category"), system) == code


def overall(answer: Json) -> LineState:
    """What an answer says of everything it does not speak of one by one: by its codes, by being queued, or by a
    disposition that plainly denies. "unclear" for every other."""
    if coded := decision(answer):
        return coded
    if _words(answer) in _DENIALS:
        return "denied"
    return "pended" if text(answer, "outcome") == "queued" else "unclear"


def _words(answer: Json) -> str:
    """The disposition, as it is compared."""
    return " ".join(text(answer, "disposition").casefold().split()).rstrip(".!")


def decided(answer: Json, element: Json) -> LineState:
    """The state of one item or addItem of an answer. An answer that ended in an error grants nothing, and neither does
    an item that the answer as a whole contradicts."""
    whole = decision(answer)
    found = decision(element) or overall(answer)
    contrary = text(answer, "outcome") == "error" or _words(answer) in _CONTRARY or (whole and whole not in FAVORABLE)
    return "unclear" if found in FAVORABLE and contrary else found
