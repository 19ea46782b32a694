"""The states of a request for authorization (Claim) and of the payer's answers to it (ClaimResponse), for every road.
An answer's decision is never rewritten in place: what changes it is another answer to the same request, so that the
chain shows who decided what when, and a letter that went out can be found again.

Clauses: FHIR R4 claim.html, claimresponse.html (FinancialResourceStatusCodes); Da Vinci PAS 2.2.1 (a decision is the
reviewAction of an item; an update is a new Claim that names the one it replaces); CMS-0057 (a denial gives its
reason)."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.prior_auth.desk import second_look
from carecoord.domain.prior_auth.review_action import decided, decision, overall
from carecoord.domain.resource import moves
from carecoord.domain.resource.codes import PAS
from carecoord.domain.resource.elements import Json, extension, extensions, items, text, whole, words
from carecoord.domain.resource.moves import BOTH, Move
from carecoord.errors import Conflict

TABLE: Final = {
    ("new", "draft"): (Move("draft", BOTH),),
    ("new", "send"): (Move("active", BOTH),),
    ("draft", "send"): (Move("active", BOTH),),
    ("draft", "cancel"): (Move("cancelled", BOTH),),
    ("active", "cancel"): (Move("cancelled", BOTH),),
    **{(state, "void"): (Move("entered-in-error", BOTH),) for state in ("draft", "active", "cancelled")},
    **{(state, "keep"): (Move(state, BOTH),) for state in ("draft", "active", "cancelled", "entered-in-error")},
}
_OPEN: Final = {"pended", "contact", "unclear"}  # nothing was decided yet
_OF_THE_WHOLE: Final = ("preAuthRef", "preAuthPeriod")


def judge(before: Json, after: Json) -> None:
    """Refuse a change of a Claim or ClaimResponse that the table does not have (`before` empty: a new one), the
    rewriting of what an answer decided, and a denial that gives no reason.

    Raises Conflict (409) naming the legal verbs, Unprocessable (422).
    """
    kind = str(after.get("resourceType"))
    start, to = text(before, "status") if before else "new", text(after, "status")
    verb = "keep" if start == to else moves.between(TABLE, start, to) or "draft"
    moves.advance(TABLE, start, verb, "either", where=f"{kind}.status")
    if kind != "ClaimResponse":
        return
    if start == "active" and to != "entered-in-error":
        _demand_same(before, after)
    demand_reasons(after)


def demand_reasons(answer: Json) -> None:
    """Refuse a denial that gives no reason, or that says itself that no human looked at it: whoever writes it down.
    Raises Unprocessable (422)."""
    if text(answer, "status") != "active":
        return
    moves.demand_whole(lacks(answer), "ClaimResponse.item.adjudication")
    if second_look.human(answer) is False and second_look.denied(answer):
        words_ = "A denial is never made by a rule alone: a human reviews it (claimResponseReviewer)."
        moves.demand_whole((words_,), "ClaimResponse.extension")


def judge_deletion(before: Json) -> None:
    """Refuse to delete an answer that decided anything. Raises Conflict (409)."""
    if before.get("resourceType") == "ClaimResponse" and text(before, "status") == "active" and _decisions(before):
        raise Conflict(
            "A decision stays in the record. Legal: cancel, void, or another ClaimResponse.", "ClaimResponse"
        )


def lacks(answer: Json) -> tuple[str, ...]:
    """What is wrong with the content of an answer: lines that are denied without a reason."""
    whys = text(answer, "disposition") or any(
        words_ for note in items(answer, "processNote") if (words_ := text(note, "text"))
    )
    lines = [(str(whole(each, "itemSequence")), each) for each in items(answer, "item")]
    lines += [("added", each) for each in items(answer, "addItem")]
    bare = [n for n, line in lines if decision(line) == "denied" and not reason_of(line)]
    if not lines and overall(answer) == "denied" and not reason_of(answer):
        bare = ["the request"]
    if not bare or whys:
        return ()
    return tuple(
        f"A denial says why: give line {n} a reason (reviewAction reasonCode, adjudication.reason)." for n in bare
    )


def reason_of(element: Json) -> str:
    """Why an element was denied, by its code or in words; empty where nothing says it."""
    adjudications = items(element, "adjudication")
    reviews = [*extensions(element, f"{PAS}/extension-reviewAction")]
    reviews += [each for part in adjudications for each in extensions(part, f"{PAS}/extension-reviewAction")]
    said = [words(value) for part in adjudications if isinstance(value := part.get("reason"), dict)]
    for review in reviews:
        for name in ("reasonCode", f"{PAS}/extension-reviewActionReasonCode"):
            found = extension(review, name).get("valueCodeableConcept")
            said.append(words(found) if isinstance(found, dict) else "")
    return next(filter(None, said), "")


def _decisions(answer: Json) -> Mapping[str, Json]:
    """What an answer decided: each line of it by its place, whole; `` for the request as such."""
    found = {
        f"{name} {whole(each, 'itemSequence') or n}": each
        for name in ("item", "addItem")
        for n, each in enumerate(items(answer, name), 1)
        if decided(answer, each) not in _OPEN
    }
    if (coded := decision(answer)) and coded not in _OPEN:
        found["the answer as a whole"] = {"adjudication": answer.get("adjudication"), "decided": coded}
    return found


def _demand_same(before: Json, after: Json) -> None:
    was, now = _decisions(before), _decisions(after)
    changed = [place for place, line in was.items() if now.get(place) != line]
    changed += [name for name in _OF_THE_WHOLE if was and before.get(name) not in (None, after.get(name))]
    if changed:
        told = "Legal: another ClaimResponse to the same request, cancel, void."
        raise Conflict(f"This was decided, and is not rewritten: {', '.join(changed)}. {told}", "ClaimResponse")
