"""A payer's provider directory (Da Vinci PDEX Plan-Net) as a snapshot: its resources under ids of ours, so that no two
directories meet, and what stood in the snapshot before and is gone now as ended. A Plan-Net directory tells only what
is so today: who has left just vanishes from it.

Clauses: Plan-Net 1.2 (network-reference, its draft's name for it too); FHIR R4 meta.source, references.html."""

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from carecoord.domain.imports.rows import stable_id
from carecoord.domain.resource.codes import EXTENSION, PLAN_NET_NETWORK
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, extensions, item, items, text
from carecoord.domain.resource.parties import name

TYPES: Final = (
    "Organization", "Location", "Endpoint", "Practitioner", "HealthcareService", "InsurancePlan",
    "OrganizationAffiliation", "PractitionerRole",
)  # fmt: skip
ENDING: Final = ("OrganizationAffiliation", "PractitionerRole", "InsurancePlan")  # which end when they vanish
VANISHED: Final = f"{EXTENSION}/vanished-on"  # the day on which a snapshot was without it
_BASE: Final = "http://hl7.org/fhir/us/davinci-pdex-plan-net/StructureDefinition"
_DRAFTS: Final = {f"{_BASE}/plannet-ParticipatingNetwork-extension": PLAN_NET_NETWORK}
_WHO: Final = ("practitioner", "participatingOrganization", "organization", "location", "ownedBy")
_LOCAL: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?$")
Named = Mapping[str, str]  # `Type/id` or fullUrl in the directory -> `Type/id` here


def here(directory: str, type: str, id: str) -> str:
    """The id here of a resource of a directory."""
    return stable_id("plan-net", directory, type, id)


def taken(resource: Json, directory: str, named: Named) -> Json:
    """A resource of the directory as it is kept: without its narrative, its references led to what is kept."""
    type, id = text(resource, "resourceType"), text(resource, "id")
    made = {name: _led(value, named) for name, value in resource.items() if name not in ("meta", "text", "id")}
    meta: Json = {"source": f"{directory}/{type}/{id}"}
    if profiles := item(resource, "meta").get("profile"):
        meta["profile"] = profiles
    return {"resourceType": type, "id": here(directory, type, id), "meta": meta} | made


def _led(value: Any, named: Named) -> Any:
    """A value with each reference led to what is kept; one that leads out of the snapshot keeps its words alone."""
    if isinstance(value, list):
        return [_led(each, named) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: _led(each, named) for name, each in value.items()}
    if isinstance(made.get("url"), str):
        made["url"] = _DRAFTS.get(made["url"], made["url"])
    written = made.get("reference")
    if isinstance(written, str) and not written.startswith("#"):
        local = _LOCAL.search(written)
        if to := named.get(written) or (named.get(local[1]) if local else None):
            made["reference"] = to
        else:
            del made["reference"]
            made.setdefault("display", "Not in this directory")
    return made


def lost(resource: Json) -> str:
    """The element of a row of the directory that leads to nobody in the snapshot, empty where none does: without its
    clinician, its site or its network a row would open more than it says."""
    if text(resource, "resourceType") not in ENDING:
        return ""
    networks = [item(each, "valueReference") for each in extensions(resource, PLAN_NET_NETWORK)]
    found = [("network", each) for each in (*items(resource, "network"), *networks)]
    found += [(name, each) for name in _WHO for each in (items(resource, name) or [item(resource, name)]) if each]
    return next((name for name, each in found if not (each.get("reference") or each.get("identifier"))), "")


def ended(resource: Json, seen: date) -> Json | None:
    """What vanished from the directory, as ended before the day on which that was seen; None for what had ended."""
    kept = {name: value for name, value in resource.items() if name != "meta"}
    kept["meta"] = {name: value for name, value in item(resource, "meta").items() if name in ("source", "profile")}
    kept["extension"] = [*items(resource, "extension"), {"url": VANISHED, "valueDate": seen.isoformat()}]
    last, period = shifted(seen, -1).isoformat(), item(resource, "period")
    if text(resource, "resourceType") == "InsurancePlan":
        if text(resource, "status") == "retired":
            return None
        kept["status"] = "retired"
    elif resource.get("active") is False or extensions(resource, VANISHED):
        return None
    if text(period, "end") and text(period, "end")[:10] <= last:
        return None
    if text(period, "start")[:10] > last:  # it was never so
        return kept | ({"active": False} if "status" not in kept else {})
    return kept | {"period": period | {"end": last}}


def said(resource: Json, names: Mapping[str, Json]) -> str:
    """Who or what a row is about, for people."""
    about = ("practitioner", "participatingOrganization", "organization")
    found = (item(resource, each) for each in about)
    called = [text(each, "display") or name(names.get(text(each, "reference"), {})) for each in found if each]
    return ", ".join(filter(None, called[:2])) or name(resource) or text(resource, "id")


def is_cut(before: Collection[str], gone: Collection[str]) -> bool:
    """Whether so much of what stood there vanished that the snapshot may be a part of one."""
    return len(gone) > 10 and 2 * len(gone) > len(before)
