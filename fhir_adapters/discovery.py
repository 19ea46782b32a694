"""What an EHR says of itself: its CapabilityStatement and its SMART configuration.

Clause: FHIR R4 capabilitystatement.html and http.html#capabilities; SMART App Launch 2.2 conformance.html; the older
`oauth-uris` extension of CapabilityStatement.rest.security for servers that have nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from fhir_adapters.dialects import Dialect
from fhir_adapters.ehr import WRITES, Ehr
from fhir_adapters.errors import EhrError, Garbled, NotAllowedIn, Refused
from fhir_adapters.http import Http

WELL_KNOWN = ".well-known/smart-configuration"
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"

Document = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """What the metadata offers of one type."""

    type: str
    interactions: frozenset[str]
    params: frozenset[str]

    @property
    def searched(self) -> bool:
        return "search-type" in self.interactions

    @property
    def writes(self) -> frozenset[str]:
        return self.interactions & WRITES


@dataclass(frozen=True)
class Smart:
    """Where tokens come from and how we may sign for one. Empty: the EHR did not say."""

    token_url: str = ""
    algorithms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement:
    """The metadata, as far as a sync needs it."""

    fhir_version: str
    software: str
    offers: Mapping[str, Offer]
    smart: Smart


def smart(http: Http, ehr: Ehr, dialect: Dialect) -> Smart:
    """Where this EHR's tokens come from, tried in the order that the dialect gives. Raises Garbled when nowhere."""
    if ehr.auth and ehr.auth.token_url:
        return Smart(ehr.auth.token_url)
    ways = {"smart-configuration": _configuration, "oauth-uris": _uris}
    for way in dialect.discovery:
        found = ways[way](http, ehr)
        if found.token_url:
            return found
    raise Garbled(
        f"{ehr.name} does not say where tokens come from: neither {WELL_KNOWN} nor its metadata names a token "
        "endpoint. Set token_url if you know it."
    )


def statement(http: Http, ehr: Ehr) -> Statement:
    """The EHR's metadata, asked without a token, or with one where it insists. Raises Garbled when it is not R4's."""
    url = f"{ehr.base_url}/metadata"
    try:
        document = http.get(url, Document, public=True).document
    except Refused as refused:
        if http.bearer is None or refused.status not in (401, 403):
            raise
        document = http.get(url, Document).document
    return read(document, ehr)


def read(document: Document, ehr: Ehr) -> Statement:
    """What a CapabilityStatement says. Raises Garbled when it is none, or of another FHIR version than R4."""
    if document.get("resourceType") != "CapabilityStatement":
        raise Garbled(f"{ehr.base_url}/metadata is no CapabilityStatement; is this the FHIR base?")
    version = str(document.get("fhirVersion", ""))
    if not version.startswith("4."):
        raise Garbled(f"{ehr.base_url} speaks FHIR {version[:20] or 'of no version'}; we need its R4 base.")
    rest = next((one for one in _dicts(document, "rest") if one.get("mode", "server") == "server"), {})
    everywhere = _names(rest, "searchParam", "name")
    offers = (_offer(row, everywhere) for row in _dicts(rest, "resource"))
    software = _dict(document, "software")
    named = " ".join(str(software[part]) for part in ("name", "version") if software.get(part))
    return Statement(version, named, {offer.type: offer for offer in offers}, _security(rest, ehr.base_url))


def _offer(row: Document, everywhere: frozenset[str]) -> Offer:
    params = _names(row, "searchParam", "name") | everywhere
    return Offer(str(row.get("type")), _names(row, "interaction", "code"), params)


def smart_configuration(http: Http, ehr: Ehr) -> Document:
    """What the EHR publishes of its authorization server; empty where it has no such document, and many have none, or
    answer a page of HTML or a 502 in its place. Raises EhrError when the EHR itself is not to be reached."""
    try:
        return http.get(f"{ehr.base_url}/{WELL_KNOWN}", Document, public=True).document
    except EhrError as trouble:
        if trouble.stops_run and not isinstance(trouble, NotAllowedIn):
            raise
        return {}


def _configuration(http: Http, ehr: Ehr) -> Smart:
    document = smart_configuration(http, ehr)
    offered = document.get("token_endpoint_auth_signing_alg_values_supported")
    token_url = document.get("token_endpoint")
    return Smart(
        urljoin(f"{ehr.base_url}/", token_url) if isinstance(token_url, str) and token_url else "",
        tuple(map(str, offered)) if isinstance(offered, list) else (),
    )


def _uris(http: Http, ehr: Ehr) -> Smart:
    return statement(http, ehr).smart


def _security(rest: Document, base_url: str) -> Smart:
    for extension in _dicts(_dict(rest, "security"), "extension"):
        if extension.get("url") == OAUTH_URIS:
            for part in _dicts(extension, "extension"):
                if part.get("url") == "token" and isinstance(part.get("valueUri"), str):
                    return Smart(urljoin(f"{base_url}/", part["valueUri"]))
    return Smart()


def _dict(parent: Document, name: str) -> Document:
    child = parent.get(name)
    return child if isinstance(child, dict) else {}


def _dicts(parent: Document, name: str) -> list[Document]:
    children = parent.get(name)
    return [child for child in children if isinstance(child, dict)] if isinstance(children, list) else []


def _names(parent: Document, name: str, field: str) -> frozenset[str]:
    return frozenset(str(child[field]) for child in _dicts(parent, name) if field in child)
