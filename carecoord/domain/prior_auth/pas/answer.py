"""What goes back to a PAS partner: the ClaimResponse in the names that the partner gave things, the Bundle around it,
and the answer that nothing could be processed. Pure.

Clauses: Da Vinci PAS 2.2.1, Claim Response profile and specification.html (spec-30, spec-33, spec-34, spec-36: the same
fullUrls and identifiers come back, lines by their sequence; what is authorized of a line stands in its extensions);
X12 278 AAA (901, 889) for what could not be processed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from carecoord.domain.prior_auth.decisions import team
from carecoord.domain.prior_auth.pas.guide import ERROR, FOLLOW_UP, GUIDE, Guide
from carecoord.domain.prior_auth.pas.request import Sent, reachable, references
from carecoord.domain.prior_auth.review_action import GRANTED, decided
from carecoord.domain.resource.codes import PAS, PAS_CODES, has
from carecoord.domain.resource.elements import Json, extension, extensions, item, items, text, whole
from carecoord.errors import Issue
from carecoord.fhir.outcome import outcome
from carecoord.fhir.substitution import substitute

ADMINISTRATION: Final = f"{PAS}/extension-administrationReferenceNumber"
PROFILE: Final = f"{PAS}/profile-claimresponse"
_TRACE: Final = f"{PAS}/extension-itemTraceNumber"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a request was not processed: a code of X12 901, what is to be done (889), where it stands, in words."""

    code: str
    follow_up: str
    path: str
    words: str


def told(stored: Json, claim: Json, names: Mapping[str, str], base: str, guide: Guide) -> Json:
    """A stored ClaimResponse as its partner reads it. claim: the request, as it is stored; names: `Type/id` here -> the
    fullUrl that the partner gave it; base: our own, for what the partner has not named."""
    lines = {whole(each, "sequence"): each for each in items(claim, "item")}
    answer = stored | {
        "meta": {**item(stored, "meta"), "profile": [PROFILE]},
        "requestor": item(claim, "provider"),
        "item": [_line(stored, n, lines.get(whole(n, "itemSequence"), {}), claim) for n in items(stored, "item")],
    }
    if items(claim, "identifier"):
        answer["identifier"] = items(claim, "identifier")
    if not answer["item"]:
        del answer["item"]
    if text(stored, "outcome") == "complete" and _waits(stored):
        answer["outcome"] = guide.pended
    found: Json = _without_ours(substitute(answer, {"reference": lambda to: names.get(to) or _absolute(to, base)}))
    named = item(found, "request")
    if items(claim, "identifier"):
        found["request"] = named | {"identifier": items(claim, "identifier")[0]}
    return found


def _absolute(to: str, base: str) -> str:
    return to if ":" in to or to.startswith("#") else f"{base}/{to}"


def _without_ours(answer: Json) -> Json:
    """Without what the server keeps for itself."""
    kept = [each for each in items(answer, "extension") if text(each, "url").startswith(GUIDE)]
    return {k: v for k, v in answer.items() if k != "extension"} | ({"extension": kept} if kept else {})


def _waits(answer: Json) -> bool:
    return any(decided(answer, each) == "pended" for each in items(answer, "item"))


def _line(answer: Json, line: Json, asked: Json, claim: Json) -> Json:
    """A line with what the guide wants to be said of it, where it is known."""
    more = [*extensions(asked, _TRACE)]
    if service := _served(asked):
        more.append({"url": f"{PAS}/extension-itemRequestedServiceDate", **service})
    if decided(answer, line) in GRANTED:
        more.append({"url": f"{PAS}/extension-itemPreAuthIssueDate", "valueDate": text(answer, "created")[:10]})
        if "valuePeriod" in service:
            more.append({"url": f"{PAS}/extension-itemPreAuthPeriod", **service})
        for who in filter(None, team(claim, asked) or [item(claim, "provider")]):
            named = [{"url": "provider", "valueReference": who}]
            more.append({"url": f"{PAS}/extension-itemAuthorizedProvider", "extension": named})
        if detail := _detail(asked):
            more.append({"url": f"{PAS}/extension-itemAuthorizedDetail", "extension": detail})
    own = items(line, "extension")
    said = {text(each, "url") for each in own}
    found = [*own, *(each for each in more if text(each, "url") not in said)]
    return line | ({"extension": found} if found else {})


def _served(asked: Json) -> dict[str, Any]:
    if period := item(asked, "servicedPeriod"):
        return {"valuePeriod": period}
    day = text(asked, "servicedDate")
    return {"valueDate": day} if day else {}


def _detail(asked: Json) -> list[Json]:
    """What was asked for, as it stands beside what was decided on it."""
    values = {"productOrServiceCode": ("valueCodeableConcept", item(asked, "productOrService")),
              "unitPrice": ("valueMoney", item(asked, "unitPrice")),
              "quantity": ("valueQuantity", item(asked, "quantity"))}  # fmt: skip
    return [{"url": name, kind: value} for name, (kind, value) in values.items() if value]


def troubled(id: str, claim: Json, troubles: Sequence[Trouble], now: datetime) -> Json:
    """The answer to a request that was not processed, in the sender's own references."""
    return {
        "resourceType": "ClaimResponse", "id": id, "meta": {"profile": [PROFILE]}, "status": "active",
        **({"identifier": items(claim, "identifier")} if items(claim, "identifier") else {}),
        "type": item(claim, "type"), "use": "preauthorization", "patient": item(claim, "patient"),
        "created": now.isoformat(timespec="seconds"), "insurer": item(claim, "insurer"),
        "requestor": item(claim, "provider"), "outcome": "error",
        "disposition": " ".join(each.words for each in troubles),
        "error": [_error(each) for each in troubles],
    }  # fmt: skip


def _error(trouble: Trouble) -> Json:
    follow = {"coding": [{"system": FOLLOW_UP, "code": trouble.follow_up}]}
    return {
        "extension": [
            {"url": f"{PAS}/extension-errorFollowupAction", "valueCodeableConcept": follow},
            {"url": f"{PAS}/extension-errorElement", "valueString": trouble.path.rpartition(".")[2]},
            {"url": f"{PAS}/extension-errorPath", "valueString": trouble.path},
        ],
        "code": {"coding": [{"system": ERROR, "code": trouble.code}], "text": trouble.words},
    }


def bundle(url: str, answer: Json, sent: Sent, now: datetime, warnings: Sequence[Issue] = ()) -> Json:
    """The Bundle that answers a request: what the answer refers to comes back as it was sent, but for the Claim."""
    claims = [each for each, resource in sent.resources.items() if resource.get("resourceType") == "Claim"]
    starts = [sent.meant(each, sent.url) for each in references(answer)]
    echoed = reachable(sent.resources, starts, besides=claims)
    entries = [{"fullUrl": url, "resource": answer}]
    entries += [{"fullUrl": each, "resource": sent.resources[each]} for each in echoed]
    return collected(item(sent.bundle, "identifier"), now, [*entries, *_outcome(str(answer["id"]), warnings)])


def silent(sent: Sent, now: datetime, warnings: Sequence[Issue]) -> Json:
    """The Bundle that answers an inquiry with nothing, or with why there is nothing."""
    id = str(uuid5(NAMESPACE_URL, f"{sent.url} {now.isoformat()}"))
    return collected(item(sent.bundle, "identifier"), now, _outcome(id, warnings))


def joined(bundles: Sequence[Json]) -> Json:
    """Several answers in one Bundle, each resource once; the answers first."""
    entries: dict[str, Json] = {}
    for each in bundles:
        entries |= {str(one["fullUrl"]): one for one in items(each, "entry")}
    ordered = sorted(entries.values(), key=lambda one: item(one, "resource").get("resourceType") != "ClaimResponse")
    return dict(bundles[0]) | {"entry": ordered}


def collected(identifier: Json, now: datetime, entries: Sequence[Json]) -> Json:
    """A response Bundle of these entries. identifier: that of the Bundle which it answers, empty for none."""
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PAS}/profile-pas-response-bundle"]},
        **({"identifier": identifier} if identifier else {}),
        "type": "collection",
        "timestamp": now.isoformat(timespec="milliseconds"),
        **({"entry": list(entries)} if entries else {}),
    }


def wish(task: Json, names: Mapping[str, str], base: str) -> Json:
    """The entry of a Task by which a payer asks for a paper or a form, with where it is to be sent."""
    kinds = [item(each, "type") for each in items(task, "input")]
    url = {"type": {"coding": [{"system": PAS_CODES, "code": "payer-url"}]}, "valueUrl": f"{base}/$submit-attachment"}
    told = task | {
        "reasonCode": {"coding": [{"system": PAS_CODES, "code": "priorAuthorization"}]},
        "input": [*([] if any(has(each, PAS_CODES, "payer-url") for each in kinds) else [url]), *items(task, "input")],
    }
    renamed = substitute(told, {"reference": lambda to: names.get(to) or _absolute(to, base)})
    return {"fullUrl": f"{base}/Task/{task['id']}", "resource": renamed}


def _outcome(id: str, warnings: Sequence[Issue]) -> list[Json]:
    """The entry that says what was wrong and hindered nobody."""
    if not warnings:
        return []
    return [{"fullUrl": f"urn:uuid:{id}", "resource": outcome(warnings)}]


def numbers(answer: Json) -> frozenset[str]:
    """Every number by which a partner may speak of an answer: of the authorization and of its administration."""
    found = {text(answer, "preAuthRef")}
    for line in (*items(answer, "item"), *items(answer, "addItem")):
        found.add(text(extension(line, ADMINISTRATION), "valueString"))
        for part in items(line, "adjudication"):
            for review in extensions(part, f"{PAS}/extension-reviewAction"):
                found.add(text(extension(review, "number"), "valueString"))
    return frozenset(found - {""})
