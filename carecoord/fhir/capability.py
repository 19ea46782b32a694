"""CapabilityStatement: what this server does, derived from the table of types and the official parameters, so that it
can not say more or less than is so.

Clause: FHIR R4 capabilitystatement.html, http.html#capabilities; SMART App Launch 2.2 (conformance, security service).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from carecoord.fhir.operations import EVERY
from carecoord.fhir.search.params import params
from carecoord.fhir.types import TYPES

_OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SERVICE = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
            "code": "SMART-on-FHIR",
            "display": "SMART-on-FHIR",
        }
    ],
    "text": "OAuth2 using SMART-on-FHIR profile (see http://docs.smarthealthit.org)",
}


@dataclass(frozen=True)
class Abilities:
    """What the web layer does beyond the table. Each name is FHIR's own. `operations`: type ("" for the whole system,
    EVERY for each type) to (name, URL of its definition, or address below [base]). `unsupported`: (type, parameter)
    pairs that the search does not answer. `profiles`: those that what is read of a type conforms to."""

    interactions: tuple[str, ...] = (
        "read", "vread", "update", "delete", "history-instance", "create", "search-type",
    )  # fmt: skip
    system: tuple[str, ...] = ("transaction", "batch")
    update_create: bool = True
    conditional_create: bool = False
    conditional_read: str = "not-supported"
    conditional_update: bool = False
    conditional_delete: str = "not-supported"
    patch_formats: tuple[str, ...] = ()
    operations: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    unsupported: frozenset[tuple[str, str]] = frozenset()
    profiles: Mapping[str, Sequence[str]] = field(default_factory=dict)


def statement(
    base_url: str,
    *,
    version: str,
    date: str,
    endpoints: Mapping[str, str] | None = None,
    abilities: Abilities | None = None,
) -> dict[str, Any]:
    """The CapabilityStatement. `version`: of this software. `date`: when its abilities last changed, a FHIR date.
    `endpoints`: the OAuth addresses by the names of the oauth-uris extension (token, authorize, register, introspect,
    revoke, manage)."""
    can = abilities or Abilities()
    rest: dict[str, Any] = {
        "mode": "server",
        "security": security(endpoints or {}),
        "resource": [_resource(name, can, base_url) for name in TYPES],
        "interaction": [{"code": code} for code in can.system],
    }
    statement: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "url": f"{base_url}/metadata",
        "status": "active",
        "date": date,
        "kind": "instance",
        "software": {"name": "carecoord", "version": version},
        "implementation": {"description": "carecoord: care coordination", "url": base_url},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{**rest, **_operations(can, base_url, "")}],
    }
    if can.patch_formats:
        statement["patchFormat"] = list(can.patch_formats)
    return statement


def security(endpoints: Mapping[str, str]) -> dict[str, Any]:
    """How one is let in. endpoints: the OAuth addresses, by the names of the oauth-uris extension."""
    uris = [{"url": name, "valueUri": address} for name, address in endpoints.items()]
    extension = {"extension": [{"url": _OAUTH, "extension": uris}]} if uris else {}
    return {**extension, "cors": True, "service": [_SERVICE]}


def _resource(type_: str, can: Abilities, base_url: str) -> dict[str, Any]:
    return {
        "type": type_,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{type_}",
        **({"supportedProfile": list(can.profiles[type_])} if type_ in can.profiles else {}),
        "interaction": [{"code": code} for code in can.interactions ],
        "versioning": "versioned-update",
        "readHistory": "vread" in can.interactions,
        "updateCreate": can.update_create,
        "conditionalCreate": can.conditional_create,
        "conditionalRead": can.conditional_read,
        "conditionalUpdate": can.conditional_update,
        "conditionalDelete": can.conditional_delete,
        **_search(type_, can),
        **_operations(can, base_url, type_, EVERY),
    }


def _search(type_: str, can: Abilities) -> dict[str, Any]:
    known = [param for code, param in params(type_).items() if (type_, code) not in can.unsupported]
    include = [f"{type_}:{param.code}" for param in known if param.kind == "reference"]
    revinclude = [
        f"{other}:{param.code}"
        for other in TYPES
        for param in params(other).values()
        if param.kind == "reference" and type_ in param.targets
    ]
    rows = [{"name": param.code, "definition": param.url, "type": param.kind} for param in known]
    lists = {"searchInclude": include, "searchRevInclude": revinclude, "searchParam": rows}
    return {name: rows for name, rows in lists.items() if rows}


def _operations(can: Abilities, base_url: str, *types: str) -> dict[str, Any]:
    rows = [
        {"name": name, "definition": url if "://" in url else f"{base_url}/{url}"}
        for type_ in types
        for name, url in can.operations.get(type_, ())
    ]
    return {"operation": rows} if rows else {}
