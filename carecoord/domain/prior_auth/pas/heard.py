"""What a payer says of a request of ours, taken out of the Bundles by which it answers, and put in our names. Pure.

Clauses: Da Vinci PAS 2.2.1, specification.html (spec-30, spec-33: what we sent comes back under its fullUrl, with its
identifiers); OperationDefinition Claim-inquiry (`return`, each a Bundle; the guide's own example calls it
`responseBundle`); Subscriptions R5 Backport 1.1 (R4: the status is a Parameters)."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final
from uuid import UUID, uuid5

from carecoord.domain.prior_auth.clinic.wishes import is_wish
from carecoord.domain.prior_auth.lifecycle import newest
from carecoord.domain.prior_auth.pas.links import elsewhere
from carecoord.domain.prior_auth.pas.packet import IDENTIFIER
from carecoord.domain.prior_auth.pas.request import references
from carecoord.domain.resource.days import when
from carecoord.domain.resource.elements import Json, identifier, identifiers, item, items, key, target, text
from carecoord.fhir import text as json
from carecoord.fhir.service_base import Base
from carecoord.fhir.substitution import substitute

RETURNS: Final = ("return", "responseBundle")
_SPACE: Final = UUID("0d1b7b8e-7c1c-5a86-9d0d-6c1f2f9f4f20")
_VOID: Final = ("cancelled", "entered-in-error")
_DECIDES: Final = ("outcome", "preAuthRef", "preAuthPeriod", "disposition", "item", "addItem", "error", "processNote",
                   "extension")  # fmt: skip
_NO_WISH: Final = frozenset({"id", "meta", "text", "contained", "focus", "output", "basedOn", "partOf", "encounter"})


@dataclass(frozen=True, slots=True)
class Said:
    """An answer and the payer's wishes that come with it, each with the fullUrl that the payer gives it; and the
    patient of the answer, where one comes along."""

    url: str
    answer: Json
    wishes: tuple[tuple[str, Json], ...]
    patient: Json


@dataclass(frozen=True, slots=True)
class Status:
    """What a notice says of its subscription. kind: handshake, heartbeat, event-notification; subscription: its id at
    the payer; count: of events since it began; focus: the Bundles that its events are about."""

    kind: str
    subscription: str
    count: int
    numbers: tuple[int, ...]
    focus: tuple[Json, ...]


def bundles(document: Json) -> list[Json]:
    """The Bundles of an answer to an inquiry or a request: one as it is, or several as parameters."""
    if document.get("resourceType") == "Bundle":
        return [document]
    parameters = items(document, "parameter")
    return [found for each in parameters if each.get("name") in RETURNS and (found := item(each, "resource"))]


def of_request(found: Sequence[Json], sent: Json, direct: bool = False) -> list[Said]:
    """What was said of a request. sent: the Bundle by which it went; direct: these Bundles are the answer to it, so its
    first is meant even where it names nothing; but none that names another request or another patient of ours."""
    first = items(sent, "entry")[0]
    url, claim = str(first["fullUrl"]), item(first, "resource")
    said = [each for bundle in found for each in _said(bundle)]
    mine = [each for each in said if _means(each, sent, url, claim)]
    prior = [target(item(each, "claim")) for each in items(claim, "related")]
    fitting = [each for each in said if _is_of(each, sent, claim)] if direct and not mine else []
    named = ((each, _reference(each, url, claim)) for each in fitting)
    return mine or [each for each, to in named if not to or any(to.endswith(one) for one in prior)][:1]


def named(bundle: Json, base: str) -> set[str]:
    """The ids of the Claims of ours that a Bundle may speak of. base: of our addresses."""
    ids, numbers = set[str](), set[str]()
    for each in items(bundle, "entry"):
        answer = item(each, "resource")
        if answer.get("resourceType") != "ClaimResponse":
            continue
        request = item(answer, "request")
        numbers |= {*identifiers(answer), identifier(item(request, "identifier"))} - {""}
        to = _ours(text(request, "reference"), base)
        ids |= {to.removeprefix("Claim/")} if to.startswith("Claim/") else set()
    own = f"{IDENTIFIER}|"
    return ids | {each.removeprefix(own) for each in numbers if each.startswith(own)}


def _said(bundle: Json) -> Iterator[Said]:
    entries = [(text(each, "fullUrl"), item(each, "resource")) for each in items(bundle, "entry")]
    for url, each in entries:
        if each.get("resourceType") == "ClaimResponse":
            wishes = [(name, one) for name, one in entries if one.get("resourceType") == "Task" and is_wish(one)]
            asked = text(item(each, "request"), "reference")
            whose = text(item(each, "patient"), "reference")
            patient = next((one for name, one in entries if whose in (name, key(one))), {})
            yield Said(url, each, tuple(w for w in wishes if not asked or asked in references(w[1])), patient)


def _means(said: Said, sent: Json, url: str, claim: Json) -> bool:
    """Whether an answer is to this request, and of its patient. A reference to a request of ours decides; else the
    number that we gave it: other numbers are what somebody typed, and two requests may have the same."""
    named = _reference(said, url, claim)
    numbers = {*identifiers(said.answer), identifier(item(item(said.answer, "request"), "identifier"))}
    is_meant = named in (url, key(claim)) if named else f"{IDENTIFIER}|{claim['id']}" in numbers
    return is_meant and _is_of(said, sent, claim)


def _reference(said: Said, url: str, claim: Json) -> str:
    """The request of ours that an answer names, by its address or as `Claim/id`; empty where it names none."""
    to = text(item(said.answer, "request"), "reference")
    return to if to == key(claim) or to.startswith(url.removesuffix(str(claim["id"]))) else ""


def _is_of(said: Said, sent: Json, claim: Json) -> bool:
    """Whether an answer is of the request's patient, as far as it tells: by the name that we gave, else by a number of
    the patient that comes along."""
    ours, whose = (text(item(each, "patient"), "reference") for each in (claim, said.answer))
    mine = next((each for each in items(sent, "entry") if key(item(each, "resource")) == ours), {})
    url = text(mine, "fullUrl")
    if whose in (ours, url):
        return True
    if url and whose.startswith(url.removesuffix(ours.partition("/")[2])):
        return False  # another patient of ours
    numbers, theirs = identifiers(item(mine, "resource")), identifiers(said.patient)
    return not theirs or not numbers or not theirs.isdisjoint(numbers)


def kept(said: Said, claim: Json, base: str, now: datetime) -> Json:
    """An answer as it stands here: to this request, of its patient, by its payer. It has the same id whenever the same
    is said again. claim: the request as it is stored; base: of our addresses."""
    answer = {name: value for name, value in said.answer.items() if name not in ("id", "meta", "text", "contained")}
    ours: Json = elsewhere(substitute(answer, {"reference": lambda to: _ours(to, base)}), base)
    created = text(ours, "created") or now.isoformat(timespec="seconds")
    who = {"patient": item(claim, "patient"), "insurer": item(claim, "insurer"), "requestor": item(claim, "provider"),
           "request": {"reference": key(claim)}}  # fmt: skip
    more = {name: value for name, value in who.items() if value}
    said_of = text(ours, "status")
    status = said_of if said_of in _VOID else "active"
    found = ours | {"status": status, "use": "preauthorization", "type": item(claim, "type"), "created": created}
    return found | more | {"id": str(uuid5(_SPACE, f"{key(claim)}|{created}|{_digest(found)}"))}


def changed(said: Sequence[Said], claim: Json, held: Sequence[Json], at: Base, now: datetime) -> list[Json]:
    """What answers to a request change here: those that are new, and those held that are void now. held: its answers
    that stand here. What is said once more changes nothing; what was said before another was is new when it is said
    again after that, for the newest holds."""
    known, found = {key(each): each for each in held}, dict[str, Json]()
    for each in said:
        if text(each.answer, "status") == "draft":
            continue
        one, here = kept(each, claim, at.url, now), list(known.values())
        live = [other for other in here if text(other, "status") == "active"]
        twins = [other for other in here if key(other) == key(one)]
        if not text(each.answer, "created"):  # said at no time: the same words are the same answer
            twins = [other for other in here if _digest(other) == _digest(one)]
        if text(one, "status") == "active":
            is_held = bool(twins) or (bool(live) and _digest(newest(live, at.zone)) == _digest(one))
            made = [] if is_held else [one]
        else:
            void = [other for other in twins or _repeated(one, live, at.zone) if text(other, "status") == "active"]
            made = [*(other | {"status": text(one, "status")} for other in void), *([] if twins else [one])]
        news = {key(other): other for other in made}
        known |= news
        found |= news
    return list(found.values())


def _repeated(void: Json, live: Sequence[Json], zone: tzinfo) -> list[Json]:
    """The answers that one that is void speaks of: that say the same or have its number; else the one that holds. None
    that was made after it."""
    made = when(text(void, "created"), zone)
    before = [each for each in live if when(text(each, "created"), zone) <= made]
    number = text(void, "preAuthRef")
    same = [each for each in before
            if _digest(each) == _digest(void) or (number and text(each, "preAuthRef") == number)]  # fmt: skip
    return same or ([newest(before, zone)] if before else [])


def _digest(answer: Json) -> str:
    said: Json = {name: answer[name] for name in _DECIDES if name in answer}
    return hashlib.sha256(json.dumps(said)).hexdigest()


def _ours(to: str, base: str) -> str:
    return to.removeprefix(f"{base}/")


def wish(url: str, task: Json, claim: Json, base: str) -> Json:
    """A payer's wish for a paper or a form as it stands here, without what is its owner's to say: what fulfilled it,
    and how far it is. The same one has the same id."""
    bare = {name: value for name, value in task.items() if name not in _NO_WISH}
    ours: Json = elsewhere(substitute(bare, {"reference": lambda to: _ours(to, base)}), base)
    who: dict[str, Any] = {"for": item(claim, "patient"), "requester": item(claim, "insurer"),
                           "owner": item(claim, "provider"), "reasonReference": {"reference": key(claim)}}  # fmt: skip
    done = text(ours, "status") == "completed"  # the payer has it by another way; else it waits still
    return ours | {name: value for name, value in who.items() if value} | {
        "id": str(uuid5(_SPACE, f"{key(claim)}|{url}")), "status": "completed" if done else "requested",
        "intent": text(ours, "intent") or "order",
    }  # fmt: skip


def status(notice: Json) -> Status | None:
    """What a notice says; None where it is none."""
    entries = items(notice, "entry")
    told = item(entries[0], "resource") if entries else {}
    if notice.get("resourceType") != "Bundle" or told.get("resourceType") != "Parameters":
        return None
    rows = items(told, "parameter")
    parts = [items(each, "part") for each in rows if each.get("name") == "notification-event"]
    named = {text(item(one, "valueReference"), "reference") for part in parts for one in part
             if one.get("name") == "focus"}  # fmt: skip
    focus = tuple(item(each, "resource") for each in entries if text(each, "fullUrl") in named)
    about = next((text(item(each, "valueReference"), "reference") for each in rows if each.get("name") ==
                  "subscription"), "")  # fmt: skip
    numbers = tuple(_number(one) for part in parts for one in part if one.get("name") == "event-number")
    return Status(
        _value(rows, "type"), about.rpartition("/")[2], _whole(_value(rows, "events-since-subscription-start")),
        numbers, tuple(each for each in focus if each.get("resourceType") == "Bundle"),
    )  # fmt: skip


def _value(rows: Sequence[Json], name: str) -> str:
    found = next((each for each in rows if each.get("name") == name), {})
    return next((str(value) for part, value in found.items() if part.startswith("value")), "")


def _number(part: Json) -> int:
    return _whole(next((str(value) for name, value in part.items() if name.startswith("value")), ""))


def _whole(said: str) -> int:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0
