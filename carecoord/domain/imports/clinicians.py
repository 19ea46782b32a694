"""Clinicians as rows: a row is somebody at an organization, Practitioner and PractitionerRole. Which networks they are
in stands in rosters: that has days of its own."""

from collections.abc import Iterator, Mapping
from typing import Final

from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.organizations import called, value_of
from carecoord.domain.imports.rows import Row, overlaid, stable_id
from carecoord.domain.resource.codes import PLAN_NET_NETWORK
from carecoord.domain.resource.elements import Json, extensions, item, items, target, text, words
from carecoord.fhir.code_systems import NPI
from carecoord.words.sentence import sentence

TAXONOMY: Final = "http://nucc.org/provider-taxonomy"
COLUMNS: Final = (
    Column("npi", ("NPI", "National provider identifier", "Individual NPI", "Clinician NPI"), "npi", required=True,
           example="9000030012"),
    Column("last", ("Last name", "Family name", "Surname"), required=True, example="Okafor"),
    Column("first", ("First name", "Given name", "Forename"), example="Ngozi"),
    Column("credentials", ("Credentials", "Credential", "Suffix"), example="MD"),
    Column("organization", ("Organization", "Group", "Practice", "Clinic", "Works at", "Organization NPI"),
           "organization", required=True, example="9000010089"),
    Column("sites", ("Sites", "Site", "Locations", "Location"), "site", many=True),
    Column("taxonomy", ("Taxonomy", "Taxonomy codes", "Taxonomy code", "NUCC"), "code", many=True,
           example="207RC0000X"),
    Column("specialties", ("Specialties", "Specialty"), many=True, example="Cardiology"),
    Column("phone", ("Phone", "Telephone"), example="555-0100"),
    Column("starts", ("Starts", "Start date", "From", "Effective date"), "day"),
    Column("ends", ("Ends", "End date", "To", "Termination date"), "day"),
)  # fmt: skip


def names(row: Row) -> Iterator[tuple[str, str, str]]:
    """Who a row is about."""
    yield "Practitioner", NPI, row.get("npi", "").removesuffix(".0")


def build(row: Row, known: Known) -> list[Json]:
    """The clinician, and what they are at the organization."""
    if row.get("starts") and row.get("ends") and row.get("ends") < row.get("starts"):
        row.fault("ends", sentence("import.backwards", day=row.get("ends").isoformat()))
    check_sites(row, known, row.get("organization"))
    if row.faults:
        return []
    before = known.identified("Practitioner", NPI, row.get("npi"))
    who = before["id"] if before else stable_id("Practitioner", NPI, row.get("npi"))
    person: Json = {
        "resourceType": "Practitioner",
        "id": who,
        "identifier": [{"system": NPI, "value": row.get("npi")}],
        "active": True,
        "name": [_name(row, next(iter(items(before or {}, "name")), {}))],
    }
    held = _held(known, f"Practitioner/{who}", row.get("organization"))
    role: Json = {
        "resourceType": "PractitionerRole",
        "id": held["id"] if held else stable_id("PractitionerRole", row.get("npi"), row.get("organization")),
        "active": True,
        "practitioner": {"reference": f"Practitioner/{who}"},
        "organization": {"reference": row.get("organization")},
    }
    period = {end: row.get(day).isoformat() for end, day in (("start", "starts"), ("end", "ends")) if row.get(day)}
    if period:
        role["period"] = item(held or {}, "period") | period
    if row.get("sites"):
        role["location"] = [{"reference": each} for each in row.get("sites")]
    if said := [*map(_coded, row.get("taxonomy", ())), *({"text": each} for each in row.get("specialties", ()))]:
        role["specialty"] = said
    if row.get("phone"):
        role["telecom"] = [{"system": "phone", "value": row.get("phone"), "use": "work"}]
    return [overlaid(before, person), overlaid(held, role)]


def check_sites(row: Row, known: Known, organization: str) -> None:
    """Note a fault where a site of the row is another organization's."""
    for each in row.get("sites", ()):
        owner = target(item(known.get(each) or {}, "managingOrganization"))
        if owner and owner != organization:
            row.fault("sites", sentence("import.site.other", site=called(each, known), owner=called(owner, known)))


def _coded(code: str) -> Json:
    return {"coding": [{"system": TAXONOMY, "code": code.upper()}]}


def _name(row: Row, before: Json) -> Json:
    made: Json = {"family": row.get("last")}
    if row.get("first"):
        made["given"] = [row.get("first")]
    if row.get("credentials"):
        made["suffix"] = [row.get("credentials")]
    return before | made


def _held(known: Known, practitioner: str, organization: str) -> Json | None:
    """What we have of the clinician at the organization, but for what a roster says."""
    here = (each for each in known.listed(practitioner) if target(item(each, "organization")) == organization)
    return next((each for each in here if is_role(each)), None)


def is_role(resource: Json) -> bool:
    """Whether a resource says what somebody is at an organization, and not that they are in a network."""
    return resource.get("resourceType") == "PractitionerRole" and not extensions(resource, PLAN_NET_NETWORK)


def cells(resource: Json, known: Known) -> Iterator[Mapping[str, str]]:
    """The row of a PractitionerRole of ours."""
    person = known.get(target(item(resource, "practitioner"))) or {}
    if not is_role(resource) or not (npi := value_of(person, NPI)):
        return
    said, period = next(iter(items(person, "name")), {}), item(resource, "period")
    coded = [text(c, "code") for each in items(resource, "specialty") for c in items(each, "coding")]
    yield {
        "npi": npi,
        "last": text(said, "family"),
        "first": " ".join(said.get("given", ())),
        "credentials": " ".join(said.get("suffix", ())),
        "organization": called(target(item(resource, "organization")), known),
        "sites": "; ".join(called(target(each), known) for each in items(resource, "location")),
        "taxonomy": "; ".join(coded),
        "specialties": "; ".join(words(s) for s in items(resource, "specialty") if not items(s, "coding")),
        "phone": next((text(t, "value") for t in items(resource, "telecom") if t.get("system") == "phone"), ""),
        "starts": text(period, "start")[:10],
        "ends": text(period, "end")[:10],
    }
