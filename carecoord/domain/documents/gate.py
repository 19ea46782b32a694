"""The information gate: every paper that the payer, the performer or triage asked for is attached.

The payer's wish is met when the paper is with the request (Claim.supportingInfo) or its Task is completed: a paper that
only lies in the chart has still to be sent. Its own due time lies before the payer's clock, which does not stop for
it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from carecoord.domain.documents.audience import is_sent
from carecoord.domain.gates.gate import Action, Evidence, Gate, GateState, Mover
from carecoord.domain.gates.policy import Policy
from carecoord.domain.prior_auth.requests import Request
from carecoord.domain.prior_auth.requirements import Codes, Requirement
from carecoord.domain.prior_auth.review_action import GRANTED
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import FORM_WANTED, OBTAIN_PAPER, PAPER_WANTED, PAS_CODES, has
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import (
    Json,
    codes,
    evidence,
    item,
    items,
    key,
    target,
    targets,
    text,
    words,
)
from carecoord.words.sentence import Sentence, Value, sentence

GIVEN_UP = {"failed", "rejected"}
OVER = {"cancelled", "entered-in-error"}
OWNERS: Final[dict[str, Mover]] = {  # who owns the Task, by the type of resource
    "Patient": "patient",
    "RelatedPerson": "patient",
    "Practitioner": "clinician",
    "PractitionerRole": "clinician",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """A document or a filled form that we hold. `near`: it is attached to the order, and both sides have it. `form`:
    its Questionnaire."""

    key: str
    codes: Codes
    form: str
    near: bool
    evidence: Evidence


AskState = Literal["failed", "unclear", "open", "sent-for", "attached"]  # the worst first


@dataclass(frozen=True, slots=True)
class Ask:
    """One paper that somebody wants, by the words of its type or of whoever wants it. `by`: payer | performer. `who`:
    whose move when it is sent for. `ready`: it lies in the chart, not attached yet."""

    words: Value
    by: Literal["payer", "performer"]
    state: AskState
    who: Mover
    due: datetime | None
    since: datetime | None
    evidence: tuple[Evidence, ...]
    ready: bool = False


@dataclass(frozen=True, slots=True)
class Papers:
    """What is asked for in a case, apart from what a payer's rule asks for, and what is there."""

    asks: tuple[Ask, ...]
    held: tuple[Paper, ...]
    sent: frozenset[str]  # `DocumentReference/id` that went with a request for authorization


def held(case: Case) -> tuple[Paper, ...]:
    """The papers and forms that there are."""
    return (*_documents(case), *_forms(case))


def papers(case: Case, requests: Sequence[Request], held: tuple[Paper, ...], policy: Policy) -> Papers:
    """Read the wishes. held: the papers that there are."""
    claims = {key(each): each for each in case.claims}
    ours = [r for r in requests if r.linked]
    chains = [id for r in ours for id in r.claims if id in claims]
    sent = frozenset(
        target(item(each, "valueReference")) for id in chains for each in items(claims[id], "supportingInfo")
    )
    asks = [
        ask
        for task in case.tasks
        if text(task, "status") not in OVER
        for ask in _of_task(task, ours, held, sent, case, policy)
    ]
    asks += [
        _of_letter(each, policy) for each in case.requests if text(each, "status") in ("active", "on-hold", "completed")
    ]
    return Papers(tuple(asks), held, sent - {""})


def _documents(case: Case) -> Iterable[Paper]:
    me = key(case.order)
    named = set(targets(case.order, "supportingInfo"))
    for each in case.documents:
        if text(each, "status") == "current":
            near = (me in targets(item(each, "context"), "related") or key(each) in named) and is_sent(each)
            yield Paper(key(each), codes(item(each, "type")), "", near, evidence(each, "type"))


def _forms(case: Case) -> Iterable[Paper]:
    for each in case.answers:
        if text(each, "status") in ("completed", "amended"):
            form = text(each, "questionnaire").partition("|")[0]
            yield Paper(key(each), frozenset(), form, True, evidence(each, "questionnaire"))


def _of_task(
    task: Json, ours: Sequence[Request], held: Sequence[Paper], sent: frozenset[str], case: Case, policy: Policy
) -> list[Ask]:
    """The wishes in one Task: of a payer about a request, or of whoever wants something for the referral."""
    code = item(task, "code")
    payer = has(code, *PAPER_WANTED) or has(code, *FORM_WANTED)
    if not payer and not has(code, *OBTAIN_PAPER):
        return []
    about = next((r for r in ours if target(item(task, "reasonReference")) in r.claims), None)
    if payer and about and about.state == "cancelled":
        return []
    due = moment(text(item(item(task, "restriction"), "period"), "end"), policy.zone)
    if payer and about and about.due:
        latest = about.due - policy.length("information-lead", about.due, about.insurer)
        due = min(due, latest) if due else latest
    base = Ask(
        "",
        "payer" if payer else "performer",
        _state(task, case),
        _owner(task),
        due,
        moment(text(task, "authoredOn"), policy.zone),
        (evidence(task, "input"),),
    )
    wanted: list[tuple[Value, Codes, str]] = [
        (words(c), codes(c), "")
        for each in items(task, "input")
        if has(item(each, "type"), PAS_CODES, "attachments-needed")
        if (c := item(each, "valueCodeableConcept"))
    ]
    wanted += [
        (sentence("papers.form"), frozenset(), text(each, "valueCanonical").partition("|")[0])
        for each in items(task, "input")
        if has(item(each, "type"), PAS_CODES, "questionnaires-needed")
    ]
    if not wanted and text(task, "status") != "completed":
        return [replace(base, words=sentence("papers.unsaid"), state="unclear")]
    return [
        _matched(replace(base, words=name), paper, form, held, sent if payer else None) for name, paper, form in wanted
    ]


def _state(task: Json, case: Case) -> AskState:
    """How a wish stands by its Task alone: ours to answer, unless somebody else was asked for the paper."""
    if text(task, "status") == "completed":
        return "attached"
    if text(task, "status") in GIVEN_UP:
        return "failed"
    ours = {target(item(each, "requester")) for each in case.tasks} | {target(item(case.order, "requester"))}
    owner = target(item(task, "owner"))
    elsewhere = has(item(task, "code"), *OBTAIN_PAPER) and owner and owner not in ours
    return "sent-for" if elsewhere else "open"


def _owner(task: Json) -> Mover:
    return OWNERS.get(target(item(task, "owner")).partition("/")[0], "performer")


def _matched(ask: Ask, wanted: Codes, form: str, held: Sequence[Paper], sent: frozenset[str] | None) -> Ask:
    """The wish against the papers we hold. `sent`: what went to the payer, None when being in the referral is
    enough."""
    if ask.state == "attached":
        return ask
    same = [p for p in held if (p.codes & wanted if wanted else form and p.form == form)]
    done = [p for p in same if (p.near if sent is None else p.key in sent)]
    if done:
        return replace(ask, state="attached", evidence=(*ask.evidence, done[0].evidence))
    if same:
        return replace(ask, state="open", ready=True, evidence=(*ask.evidence, same[0].evidence))
    return ask


def _of_letter(letter: Json, policy: Policy) -> Ask:
    """A CommunicationRequest: words, so only its own status tells whether it was answered."""
    said = next((text(each, "contentString") for each in items(letter, "payload") if each.get("contentString")), "")
    state: AskState = "attached" if text(letter, "status") == "completed" else "open" if said else "unclear"
    due = moment(text(item(letter, "occurrencePeriod"), "end") or text(letter, "occurrenceDateTime"), policy.zone)
    return Ask(
        said or sentence("papers.unsaid"),
        "performer",
        state,
        "coordinator",
        due,
        moment(text(letter, "authoredOn"), policy.zone),
        (evidence(letter, "payload"),),
    )


def by_rule(found: Papers, need: Requirement | None, requests: Sequence[Request]) -> tuple[Ask, ...]:
    """The papers that the payer's rule wants with the request; once something was granted the rule has had its say."""
    granted = any(line.state in GRANTED for r in requests if r.linked for line in r.lines)
    if need is None or need.needed is not True or granted:
        return ()
    asks = []
    for concept in need.papers:
        ask = Ask(words(concept), "payer", "open", "coordinator", None, None, need.evidence)
        near = _matched(ask, codes(concept), "", found.held, None)
        asks.append(near if near.state == "attached" else _matched(ask, codes(concept), "", found.held, found.sent))
    return tuple(asks)


def gate(asks: Sequence[Ask]) -> Gate:
    """Judge all wishes together: the worst speaks."""
    for state in ("failed", "unclear", "open", "sent-for"):
        if found := [ask for ask in asks if ask.state == state]:
            return SPEAKS[state](found)
    proof = tuple(dict.fromkeys(e for ask in asks for e in ask.evidence))
    if not asks:
        return Gate(rule="information.none", state="not-needed", reason=sentence("information.none"))
    said = sentence("information.attached", papers=_papers(asks))
    return Gate(rule="information.attached", state="met", reason=said, evidence=proof)


def _papers(asks: Sequence[Ask]) -> Value:
    """The papers as a sentence names them, each once."""
    return tuple(dict.fromkeys(ask.words for ask in asks if ask.words)) or sentence("papers.unnamed")


ROLES: Final[dict[Mover, Sentence]] = {  # whoever asks, or is asked, as a sentence begins with it
    "payer": sentence("role.payer"),
    "performer": sentence("role.performer"),
    "patient": sentence("role.patient"),
    "clinician": sentence("role.clinician"),
    "coordinator": sentence("role.coordinator"),
    "contracts": sentence("role.contracts"),
}


def _speak(asks: Sequence[Ask], *, rule: str, state: GateState, reason: Sentence, action: Action, who: Mover) -> Gate:
    return Gate(
        rule=rule,
        state=state,
        reason=reason,
        evidence=tuple(dict.fromkeys(e for ask in asks for e in ask.evidence)),
        action=action,
        who=who,
        due=min((ask.due for ask in asks if ask.due), default=None),
        due_label=sentence("due.documents"),
        since=min((ask.since for ask in asks if ask.since), default=None),
    )


def _failed(asks: Sequence[Ask]) -> Gate:
    action = Action("ask-again", sentence("do.ask-again"))
    said = sentence("information.failed", papers=_papers(asks))
    return _speak(asks, rule="information.failed", state="blocked", reason=said, action=action, who="coordinator")


def _unclear(asks: Sequence[Ask]) -> Gate:
    said = sentence("information.unclear", who=ROLES["payer" if asks[0].by == "payer" else "performer"])
    action = Action("ask-what", sentence("do.ask-what"))
    return _speak(asks, rule="information.unclear", state="unknown", reason=said, action=action, who="coordinator")


def _open(asks: Sequence[Ask]) -> Gate:
    who = ROLES["payer" if any(ask.by == "payer" for ask in asks) else "performer"]
    papers = _papers(asks)
    if missing := [ask for ask in asks if not ask.ready]:
        action = Action("request-document", sentence("do.request-document", papers=_papers(missing)))
        said, rule = sentence("information.missing", who=who, papers=papers), "information.missing"
    else:
        action = Action("send-document", sentence("do.send-document", papers=papers))
        said, rule = sentence("information.ready", who=who, papers=papers), "information.ready"
    return _speak(asks, rule=rule, state="open", reason=said, action=action, who="coordinator")


def _sent_for(asks: Sequence[Ask]) -> Gate:
    who = asks[0].who
    action = Action("chase-document", sentence("do.chase-document"))
    said = sentence("information.sent-for", who=ROLES[who], papers=_papers(asks))
    return _speak(asks, rule="information.sent-for", state="pending", reason=said, action=action, who=who)


SPEAKS = {"failed": _failed, "unclear": _unclear, "open": _open, "sent-for": _sent_for}
