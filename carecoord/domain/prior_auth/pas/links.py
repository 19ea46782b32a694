"""A partner's resources in the names of this server. What a partner refers to and did not send must never mean a
resource of ours that happens to have that name: it becomes an address elsewhere. Pure.

Clause: FHIR R4 bundle.html#references."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from carecoord.domain.prior_auth.pas.request import Sent, based, is_cancelled
from carecoord.domain.resource.codes import PAS, PATIENT_REFERRAL
from carecoord.domain.resource.elements import Json, extension, extensions, item, items, text
from carecoord.fhir.search.criteria import ATTACHED
from carecoord.fhir.search.values import refers
from carecoord.fhir.substitution import substitute

ELSEWHERE: Final = "urn:not-sent:"
REQUESTED: Final = f"{PAS}/extension-requestedService"
_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*:")


def ours(resource: Json, url: str, sent: Sent, names: Mapping[str, str], base: str) -> Json:
    """A resource of fullUrl `url` with its references in our names. names: fullUrl -> `Type/id` here; base: our own
    address, at which a partner names nothing that it did not send."""
    renamed = _renamed(url, sent, names, base)
    return substitute(resource, {"reference": renamed, "url": _of_files(renamed, base)})


def elsewhere(resource: Json, base: str) -> Json:
    """A resource that came by itself, whose attachments are no files of ours."""
    return substitute(resource, {"url": _of_files(ELSEWHERE.__add__, base)})


def _renamed(url: str, sent: Sent, names: Mapping[str, str], base: str) -> Callable[[str], str]:
    def renamed(reference: str) -> str:
        if reference.startswith("#"):
            return reference
        if known := names.get(sent.meant(reference, url)):
            return known
        whole = based(reference, url)
        return ELSEWHERE + reference if whole.startswith(base) or not _ABSOLUTE.match(whole) else whole

    return renamed


def _of_files(renamed: Callable[[str], str], base: str) -> Callable[[str], str]:
    """The same for the address of an attachment: what it is attached to opens a file of ours."""

    def of_files(address: str) -> str:
        found = refers(address, f"{base.rstrip('/')}/")
        return renamed(address) if found and found[0] == ATTACHED[0] else address

    return of_files


def with_order(claim: Json, order: str) -> Json:
    """A Claim whose lines that name no order are for this one, `ServiceRequest/id`."""
    link = {"url": REQUESTED, "valueReference": {"reference": order}}
    lines = [each if extension(each, REQUESTED) else each | {"extension": [*items(each, "extension"), link]}
             for each in items(claim, "item")]  # fmt: skip
    return claim | {"item": lines}


def orderless(claim: Json) -> bool:
    """Whether a line of a request names no order."""
    return any(not extensions(each, REQUESTED) for each in items(claim, "item"))


def order(id: str, claim: Json, provider: Json) -> Json:
    """The order behind a request that names none: what it asks for is what somebody ordered. claim: with our names;
    provider: a Reference to who asks."""
    lines = [each for each in items(claim, "item") if not is_cancelled(each)] or items(claim, "item")
    first = lines[0] if lines else {}
    period, day = item(first, "servicedPeriod"), text(first, "servicedDate")
    whens: dict[str, Any] = {"occurrencePeriod": period} if period else {"occurrenceDateTime": day} if day else {}
    why = [each["diagnosisCodeableConcept"] for each in items(claim, "diagnosis") if "diagnosisCodeableConcept" in each]
    return {
        "resourceType": "ServiceRequest", "id": id, "status": "active", "intent": "order",
        "category": [{"coding": [{"system": PATIENT_REFERRAL[0], "code": PATIENT_REFERRAL[1]}]}],
        "code": item(first, "productOrService"), "subject": item(claim, "patient"), "requester": provider, **whens,
        **({"reasonCode": why} if why else {}),
        "insurance": [item(each, "coverage") for each in items(claim, "insurance")],
    }  # fmt: skip
