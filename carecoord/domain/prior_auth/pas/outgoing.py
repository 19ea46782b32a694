"""What we send to a payer besides a request itself: that it is taken back, the question how it stands, the papers that
it waits for; and what a request lacks before it is sent. Pure.

Clauses: Da Vinci PAS 2.2.1, profiles PAS Claim Update (certificationType 3 takes the whole back) and PAS Claim Inquiry
(by patient, provider and insurer; Claim.identifier is the trace of the inquiry); Da Vinci CDex 2.1.0,
OperationDefinition submit-attachment."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from carecoord.domain.prior_auth.clinic.wishes import is_wish
from carecoord.domain.prior_auth.pas.packet import IDENTIFIER, member
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.resource.codes import HL7, PAS, PAS_CODES, has
from carecoord.domain.resource.elements import Json, codes, identifiers, item, items, key, text
from carecoord.fhir.code_systems import X12_CERTIFICATION
from carecoord.words.sentence import Sentence, sentence

_CERTIFIED: Final = f"{PAS}/extension-certificationType"
_ASKED_OF: Final = ("resourceType", "status", "type", "use", "patient", "created", "insurer", "provider", "priority")


def lacks(bundle: Json) -> list[Sentence]:
    """What a payer could not process a request Bundle without, in words."""
    found = {str(each["fullUrl"]): item(each, "resource") for each in items(bundle, "entry")}
    claim = next(iter(found.values()), {})

    def named(name: str) -> Json:
        to = text(item(claim, name), "reference")
        return next((each for url, each in found.items() if url == to or url.endswith(f"/{to}")), {})

    lines = items(claim, "item")
    bare = sum(not (codes(item(each, "productOrService")) and amount(item(each, "quantity"))
                    and (text(each, "servicedDate") or item(each, "servicedPeriod"))) for each in lines)  # fmt: skip
    checks = (
        (bool(member(named("patient"))), sentence("requests.pas.lacks.member")),
        (bool(identifiers(named("provider"))), sentence("requests.pas.lacks.provider")),
        (bool(identifiers(named("insurer"))), sentence("requests.pas.lacks.insurer")),
        (bool(items(claim, "insurance")), sentence("requests.pas.lacks.card")),
        (bool(lines) and not bare, sentence("requests.pas.lacks.lines", n=max(bare, 1))),
    )
    return [said for good, said in checks if not good]


def taken_back(id: str, claim: Json, now: datetime) -> Json:
    """The update by which a sent request is taken back as a whole. id: of this update."""
    kept = {name: value for name, value in claim.items() if name not in ("id", "meta", "text", "related", "extension")}
    coding = {"system": X12_CERTIFICATION, "code": "3"}
    return {
        **kept,
        "id": id,
        "status": "active",
        "created": now.isoformat(timespec="seconds"),
        "identifier": [{"system": IDENTIFIER, "value": id}],
        "extension": [{"url": _CERTIFIED, "valueCodeableConcept": {"coding": [coding]}}],
        "related": [{
            "claim": {"reference": key(claim)},
            "relationship": {"coding": [{"system": f"{HL7}/ex-relatedclaimrelationship", "code": "prior"}]},
        }],
    }  # fmt: skip


def inquiry(sent: Json, number: str, now: datetime) -> Json:
    """The Bundle that asks how a request stands. sent: the Bundle by which it went; number: of this inquiry, its trace.
    What was asked for comes along as the example to search by."""
    entries = items(sent, "entry")
    claim, base = item(entries[0], "resource"), str(entries[0]["fullUrl"]).rpartition("/Claim/")[0]
    lines = [{"sequence": n, "productOrService": item(each, "productOrService")}
             for n, each in enumerate(items(claim, "item"), 1)]  # fmt: skip
    asked: Json = {name: claim[name] for name in _ASKED_OF if name in claim} | ({"item": lines} if lines else {})
    cards = [item(each, "coverage") for each in items(claim, "insurance")]
    focal = [{"sequence": n, "focal": n == 1, "coverage": each} for n, each in enumerate(cards, 1)]
    example = {
        **asked, "id": number, "identifier": [{"system": IDENTIFIER, "value": number}],
        "created": now.isoformat(timespec="seconds"), "insurance": focal,
    }  # fmt: skip
    along = [each for each in entries[1:] if item(each, "resource").get("resourceType") in _WHO]
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [f"{PAS}/profile-pas-inquiry-request-bundle"]},
        "identifier": {"system": IDENTIFIER, "value": number},
        "type": "collection",
        "timestamp": now.isoformat(timespec="milliseconds"),
        "entry": [{"fullUrl": f"{base}/Claim/{number}", "resource": example}, *along],
    }


_WHO: Final = ("Patient", "Organization", "Coverage", "RelatedPerson")


def attachments(task: Json, sent: Json, papers: Sequence[Json]) -> Json:
    """The Parameters by which a payer gets what its Task asks for. sent: the Bundle by which the request went; papers:
    DocumentReferences with their data, QuestionnaireResponses."""
    entries = [item(each, "resource") for each in items(sent, "entry")]
    claim = entries[0]
    kinds = {str(each.get("resourceType")): each for each in reversed(entries)}
    trace = next(iter(items(claim, "identifier")), {})
    wanted = [item(each, "valueCodeableConcept") for each in items(task, "input")
              if has(item(each, "type"), PAS_CODES, "attachments-needed")]  # fmt: skip
    asked = next((each for each in wanted if each), {})
    number = member(kinds.get("Patient", {}))
    rows: list[Json] = [
        {"name": "TrackingId", "valueIdentifier": trace},
        {"name": "AttachTo", "valueCode": "preauthorization"},
        *_identified("PayerId", entries, text(item(claim, "insurer"), "reference")),
        *_identified("OrganizationId", entries, text(item(claim, "provider"), "reference")),
        {"name": "MemberId", "valueIdentifier": number},
        *({"name": "Attachment", "part": [
            *([{"name": "Code", "valueCodeableConcept": asked}] if asked else []),
            {"name": "Content", "resource": each}]} for each in papers),
        {"name": "Final", "valueBoolean": True},
    ]  # fmt: skip
    return {"resourceType": "Parameters", "parameter": rows}


def _identified(name: str, entries: Sequence[Json], reference: str) -> list[Json]:
    found = next((each for each in entries if key(each) == reference), {})
    one = next(iter(items(found, "identifier")), {})
    return [{"name": name, "valueIdentifier": one}] if one else []


def payer_url(task: Json) -> str:
    """Where a payer wants the papers sent that its Task asks for; empty where it does not say."""
    found = (text(each, "valueUrl") for each in items(task, "input") if has(item(each, "type"), PAS_CODES, "payer-url"))
    return next(filter(None, found), "")


def is_answered(before: Json, after: Json) -> bool:
    """Whether a change of a Task is that a payer's wish was fulfilled."""
    return is_wish(after) and text(after, "status") == "completed" and text(before, "status") in ("requested", "")


def subscription(endpoint: str, header: str, identifiers: Sequence[str], names: Mapping[str, str]) -> Json:
    """The Subscription that we make at a payer. endpoint: where we take notices; header: whole, that proves the payer
    to us; identifiers: of the requesters; names: of the guide's canonicals."""
    backport = names["backport"]
    wanted = {"url": f"{backport}/backport-filter-criteria", "valueString": f"org-identifier={','.join(identifiers)}"}
    content = {"url": f"{backport}/backport-payload-content", "valueCode": "full-resource"}
    channel: dict[str, Any] = {
        "type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json",
        "_payload": {"extension": [content]}, "header": [header],
    }  # fmt: skip
    return {
        "resourceType": "Subscription",
        "meta": {"profile": [f"{backport}/backport-subscription"]},
        "status": "requested",
        "reason": "Answers to our requests for authorization.",
        "criteria": names["topic"],
        "_criteria": {"extension": [wanted]},
        "channel": channel,
    }


def letter(words: str, patient: Json) -> Json:
    """Words for a payer that asked, as the paper that it takes."""
    data = base64.b64encode(words.encode()).decode()
    return {
        "resourceType": "DocumentReference", "status": "current", "subject": patient, "description": "Answer",
        "content": [{"attachment": {"contentType": "text/plain; charset=utf-8", "data": data}}],
    }  # fmt: skip
