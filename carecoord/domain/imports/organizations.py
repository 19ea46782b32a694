"""Organizations and their sites as rows: Organization, Location. A row is one of them."""

from collections.abc import Iterator, Mapping
from typing import Final

from carecoord.domain.imports.cells import Column, Kind
from carecoord.domain.imports.known import Known, is_network
from carecoord.domain.imports.rows import Row, overlaid, slug, stable_id
from carecoord.domain.resource.codes import HL7, IDENTIFIER
from carecoord.domain.resource.elements import Json, item, items, source, target, text
from carecoord.domain.resource.parties import PAYER_ID, TAXES, is_payer, name
from carecoord.fhir.code_systems import NPI, TAX_ID
from carecoord.words.sentence import sentence

_KINDS: Final = {
    "clinic": "clinic", "group": "clinic", "provider": "clinic", "practice": "clinic", "hospital": "clinic",
    "payer": "payer", "insurer": "payer", "health plan": "payer",
    "site": "site", "location": "site",
}  # fmt: skip
COLUMNS: Final = (
    Column("name", ("Name", "Organization", "Organization name", "Legal name"), required=True, example="Elm Clinic"),
    Column("kind", ("Kind", "Type"), "choice", choices=_KINDS, example="clinic"),
    Column("npi", ("NPI", "National provider identifier", "Billing NPI"), "npi", example="9000010089"),
    Column("payer-number", ("Payer number", "Payer ID", "Payer id"), "code"),
    Column("tax-id", ("Tax id", "TIN", "EIN"), "code"),
    Column("part-of", ("Part of", "Parent", "Belongs to", "Organization of the site"), "organization"),
    Column("phone", ("Phone", "Telephone"), example="555-0100"),
    Column("address", ("Address", "Street", "Address line 1"), example="1 Elm Street"),
    Column("city", ("City",), example="Fairmont"),
    Column("state", ("State",), example="NY"),
    Column("zip", ("ZIP", "Zip code", "Postal code"), "code", example="10001"),
)


def names(row: Row) -> Iterator[tuple[str, str, str]]:
    """What a row is told apart by: (type, system, value)."""
    type = "Location" if row.get("kind") == "site" else "Organization"
    if row.get("npi"):
        yield type, NPI, row.get("npi")
    if row.get("payer-number"):
        yield type, PAYER_ID[:-1], row.get("payer-number")
    if not (row.get("npi") or row.get("payer-number")):
        yield type, f"{IDENTIFIER}/name", _own_name(row)


def _own_name(row: Row) -> str:
    """Of who has no number: the name; of a site, within its organization."""
    return slug(f"{row.get('part-of', '')} {row.get('name')}")


def build(row: Row, known: Known) -> list[Json]:
    """The resource of a row."""
    kind = row.get("kind", "payer" if row.get("payer-number") else "clinic")
    if kind == "site" and not row.get("part-of"):
        row.fault("part-of", sentence("import.site.owner"))
        return []
    type = "Location" if kind == "site" else "Organization"
    named = list(names(row))
    before = next((found for each in named if (found := known.identified(*each))), None) or _by_name(row, type, known)
    ids = [{"system": system, "value": value} for _, system, value in named if system != f"{IDENTIFIER}/name"]
    if row.get("tax-id"):
        ids.append({"system": TAX_ID, "value": row.get("tax-id")})
    id = before["id"] if before else stable_id(type, *named[0][1:])
    made: Json = {"resourceType": type, "id": id, "name": row.get("name")}
    if ids:
        made["identifier"] = ids
    elif not before:
        made["identifier"] = [{"system": f"{IDENTIFIER}/name", "value": _own_name(row)}]
    if row.get("phone"):
        made["telecom"] = [{"system": "phone", "value": row.get("phone"), "use": "work"}]
    made |= _site(row) if kind == "site" else _organization(row, kind, before)
    return [overlaid(before, made)]


def _by_name(row: Row, type: str, known: Known) -> Json | None:
    """Our own that is called so, for a row without a number."""
    if row.get("npi") or row.get("payer-number"):
        return None
    kind: Kind = "site" if type == "Location" else "organization"
    found = [each for each in known.called(kind, row.get("name")) if not source(each)]
    if type == "Location":
        found = [each for each in found if target(item(each, "managingOrganization")) == row.get("part-of")]
    return found[0] if len(found) == 1 else None


def _organization(row: Row, kind: str, before: Json | None) -> Json:
    made: Json = {"active": True}
    if row.get("kind") or not before:
        code = ("pay", "Payer") if kind == "payer" else ("prov", "Healthcare Provider")
        coding = {"system": f"{HL7}/organization-type", "code": code[0]}
        kept = items(before or {}, "type")
        if not any(coding["code"] == text(c, "code") for each in kept for c in items(each, "coding")):
            made["type"] = [{"coding": [coding]}]
    if row.get("part-of"):
        made["partOf"] = {"reference": row.get("part-of")}
    if address := _address(row):
        made["address"] = [address]
    return made


def _site(row: Row) -> Json:
    made: Json = {"status": "active", "mode": "instance", "managingOrganization": {"reference": row.get("part-of")}}
    if address := _address(row):
        made["address"] = address
    return made


def _address(row: Row) -> Json:
    parts = {"city": row.get("city"), "state": row.get("state"), "postalCode": row.get("zip")}
    made = {name: value for name, value in parts.items() if value}
    if row.get("address"):
        made["line"] = [row.get("address")]
    return made | {"country": "US"} if made else {}


def cells(resource: Json, known: Known) -> Iterator[Mapping[str, str]]:
    """The row of an Organization or Location; none for a network, which stands with its plans."""
    if is_network(resource):
        return
    site = text(resource, "resourceType") == "Location"
    address = item(resource, "address") or next(iter(items(resource, "address")), {})
    owner = target(item(resource, "managingOrganization" if site else "partOf"))
    lines = address.get("line")
    yield {
        "name": name(resource),
        "kind": "site" if site else "payer" if is_payer(resource) else "clinic",
        "npi": value_of(resource, NPI),
        "payer-number": value_of(resource, PAYER_ID[:-1]),
        "tax-id": value_of(resource, TAXES[:-1]),
        "part-of": called(owner, known),
        "phone": next((text(t, "value") for t in items(resource, "telecom") if t.get("system") == "phone"), ""),
        "address": ", ".join(lines) if isinstance(lines, list) else "",
        "city": text(address, "city"),
        "state": text(address, "state"),
        "zip": text(address, "postalCode"),
    }


def value_of(resource: Json, system: str) -> str:
    """The value of an identifier; empty where there is none of the system."""
    return next((text(each, "value") for each in items(resource, "identifier") if each.get("system") == system), "")


def called(reference: str, known: Known) -> str:
    """What a file writes for an organization, a site or a clinician: its NPI, a payer's or network's number or its
    name, whichever means nobody else, else its id."""
    found = known.get(reference)
    if found is None:
        return reference.partition("/")[2]
    kind: Kind = "site" if found["resourceType"] == "Location" else "clinician"
    if found["resourceType"] == "Organization":
        kind = "network" if is_network(found) else "organization"
    numbers = (value_of(found, system) for system in (NPI, PAYER_ID[:-1], f"{IDENTIFIER}/network"))
    names = [each for each in (*numbers, name(found)) if each]
    return next((each for each in names if len(known.called(kind, each)) == 1), text(found, "id"))
