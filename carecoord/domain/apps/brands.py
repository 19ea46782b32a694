"""The User-access Brands of this server: the organizations that work here, as apps show them to people who look for
where to connect. Pure.

Clause: SMART App Launch 2.2 brands.html; the profiles user-access-brands-bundle, -brand and -endpoint.
"""

from collections.abc import Sequence
from typing import Any, Final

from carecoord.fhir.code_systems import NPI, canonical

Json = dict[str, Any]

URI: Final = "urn:ietf:rfc:3986"
ENDPOINT: Final = "fhir"
_PROFILE: Final = "http://hl7.org/fhir/smart-app-launch/StructureDefinition/user-access-"
_PORTAL: Final = "http://hl7.org/fhir/StructureDefinition/organization-portal"
_FHIR_VERSION: Final = "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version"
_CONNECTION: Final = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"
_PAYLOAD: Final = "http://terminology.hl7.org/CodeSystem/endpoint-payload-type"
_SHOWN: Final = ("line", "city", "district", "state", "postalCode", "country")


def identifier(url: str) -> Json:
    """The identifier of the first brand: what `user_access_brand_identifier` says, and nobody else's."""
    return {"system": URI, "value": url}


def bundle(organizations: Sequence[Json], url: str, fhir_url: str, changed: str) -> Json:
    """The Bundle: one Endpoint, and each Organization with its portal, the first one being this server's own brand.

    `changed`: when something in it last changed, as an instant.
    """
    brands = [_brand(found, url, first=not n) for n, found in enumerate(organizations)]
    resources = [_endpoint(url, fhir_url), *brands] if brands else []
    entries = [{"fullUrl": f"{fhir_url}/{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
    return {
        "resourceType": "Bundle",
        "meta": {"lastUpdated": changed, "profile": [f"{_PROFILE}brands-bundle"]},
        "type": "collection",
        "timestamp": changed,
        **({"entry": entries} if entries else {}),
    }


def _brand(found: Json, url: str, *, first: bool) -> Json:
    """What of an organization is for everybody: name, place and national number; no tax number, no person."""
    here = {"reference": f"Endpoint/{ENDPOINT}"}
    own = [{"system": URI, "value": url}] if first else []
    numbers = [
        {"system": NPI, "value": one["value"]}
        for one in found.get("identifier", ())
        if canonical(one.get("system") or "") == NPI and one.get("value")
    ]
    site = next((one["value"] for one in found.get("telecom", ()) if one.get("system") == "url"), url)
    addresses = [{name: one[name] for name in _SHOWN if name in one} for one in found.get("address", ())]
    kept: Json = {name: found[name] for name in ("alias", "type") if name in found}
    portal = [
        {"url": "portalName", "valueString": "carecoord"},
        {"url": "portalUrl", "valueUrl": url},
        {"url": "portalEndpoint", "valueReference": here},
    ]
    brand = {
        "resourceType": "Organization", "id": found["id"], "meta": {"profile": [f"{_PROFILE}brand"]},
        "extension": [{"url": _PORTAL, "extension": portal}], "identifier": [*own, *numbers], "active": True,
        "name": found["name"], **kept, "telecom": [{"system": "url", "value": site}],
        "address": [one for one in addresses if one], "endpoint": [here],
    }  # fmt: skip
    return {name: value for name, value in brand.items() if value}  # FHIR knows no empty lists


def _endpoint(url: str, fhir_url: str) -> Json:
    return {
        "resourceType": "Endpoint", "id": ENDPOINT, "meta": {"profile": [f"{_PROFILE}endpoint"]},
        "extension": [{"url": _FHIR_VERSION, "valueCode": "4.0.1"}], "status": "active",
        "connectionType": {"system": _CONNECTION, "code": "hl7-fhir-rest"}, "name": "FHIR R4, with SMART on FHIR",
        "contact": [{"system": "url", "value": url}],
        "payloadType": [{"coding": [{"system": _PAYLOAD, "code": "none"}]}], "address": fhir_url,
    }  # fmt: skip
