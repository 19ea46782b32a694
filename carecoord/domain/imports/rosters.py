"""Who is in which network, from when to when, as rows: of an organization OrganizationAffiliation, of a clinician there
PractitionerRole with Plan-Net's network-reference. A row of the same days about the same is the same."""

from collections.abc import Iterator, Mapping
from typing import Final

from carecoord.domain.imports.agreements import SYSTEM, named_version
from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.clinicians import check_sites
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.organizations import called
from carecoord.domain.imports.rows import Row, overlaid, stable_id
from carecoord.domain.resource.codes import EXTENSION, PLAN_NET_NETWORK
from carecoord.domain.resource.elements import Json, extension, extensions, item, items, target, text, words
from carecoord.fhir.code_systems import NPI
from carecoord.words.sentence import sentence

_KINDS: Final = {"in": "include", "include": "include", "included": "include", "yes": "include",
                 "out": "exclude", "exclude": "exclude", "excluded": "exclude", "no": "exclude"}  # fmt: skip
COLUMNS: Final = (
    Column("networks", ("Networks", "Network"), "network", many=True, required=True, example="Example Select Network"),
    Column("organization", ("Organization", "Group", "Practice", "Clinic", "Organization NPI", "Group NPI"),
           "organization", required=True, example="9000010089"),
    Column("clinician", ("Clinician NPI", "Clinician", "Individual NPI", "NPI", "Practitioner"), "clinician",
           example="9000030012"),
    Column("sites", ("Sites", "Site", "Locations", "Location"), "site", many=True),
    Column("specialties", ("Specialties", "Specialty"), many=True),
    Column("kind", ("In or out", "Included", "Takes part"), "choice", choices=_KINDS, example="in"),
    Column("credentialed", ("Credentialed from", "Credentialed", "Credentialing date"), "day"),
    Column("agreement", ("Agreement number", "Contract number", "Agreement", "Contract"), "code", example="EX-0101"),
    Column("version", ("Agreement version", "Version"), "code"),
    Column("starts", ("Starts", "Start date", "From", "Effective date"), "day", required=True, example="2026-01-01"),
    Column("ends", ("Ends", "End date", "To", "Termination date"), "day"),
)  # fmt: skip


def names(row: Row) -> Iterator[tuple[str, str, str]]:
    """Which clinician and which agreement a row names."""
    if row.get("clinician"):
        yield "Practitioner", NPI, row.get("clinician").removesuffix(".0")
    if row.get("agreement"):
        yield "Contract", SYSTEM, row.get("agreement")


def build(row: Row, known: Known) -> list[Json]:
    """The row of the directory."""
    if row.get("ends") and row.get("ends") < row.get("starts"):
        row.fault("ends", sentence("import.backwards", day=row.get("ends").isoformat()))
    payers = {target(item(known.get(each) or {}, "partOf")) for each in row.get("networks")}
    if len(payers) != 1:
        row.fault("networks", sentence("import.roster.payers"))
    check_sites(row, known, row.get("organization"))
    contract = named_version(row, known)
    if row.faults:
        return []
    type = "PractitionerRole" if row.get("clinician") else "OrganizationAffiliation"
    who = {"organization": {"reference": row.get("organization")}, "practitioner": {"reference": row.get("clinician")}}
    if not row.get("clinician"):
        who = {"participatingOrganization": who["organization"]}
        if payer := next(iter(payers)):
            who["organization"] = {"reference": payer}
    before = next((each for each in known.listed(_subject(row)) if _same(each, row, type)), None)
    places = [*sorted(row.get("networks")), "at", *sorted(row.get("sites", ()))]
    kind, first = row.get("kind", "include"), row.get("starts").isoformat()
    made: Json = {
        "resourceType": type,
        "id": before["id"] if before else stable_id(type, _subject(row), row.get("organization"), *places, kind, first),
        "active": True,
        "period": item(before or {}, "period") | {"start": first},
        "extension": [{"url": f"{EXTENSION}/participation-kind", "valueCode": kind}],
        **who,
    }
    _say(row, made, contract)
    return [overlaid(before, made)]


def _say(row: Row, made: Json, contract: str) -> None:
    """What a row may leave empty, and its networks."""
    networks = [{"reference": each} for each in row.get("networks")]
    if row.get("clinician"):
        made["extension"] += [{"url": PLAN_NET_NETWORK, "valueReference": each} for each in networks]
    else:
        made["network"] = networks
    if row.get("ends"):
        made["period"]["end"] = row.get("ends").isoformat()
    if row.get("credentialed"):
        made["extension"].append(
            {"url": f"{EXTENSION}/credentialed-from", "valueDate": row.get("credentialed").isoformat()}
        )
    if contract:
        governing = {"url": f"{EXTENSION}/governing-contract", "valueReference": {"reference": contract}}
        made["extension"].append(governing)
    if row.get("sites"):
        made["location"] = [{"reference": each} for each in row.get("sites")]
    if row.get("specialties"):
        made["specialty"] = [{"text": each} for each in row.get("specialties")]


def _subject(row: Row) -> str:
    return str(row.get("clinician") or row.get("organization"))


def _same(each: Json, row: Row, type: str) -> bool:
    """Whether it is what the row is about: the same of everything that has no end."""
    if each.get("resourceType") != type or each.get("active") is False:
        return False
    return (
        set(_networks(each)) == set(row.get("networks"))
        and {target(site) for site in items(each, "location")} == set(row.get("sites", ()))
        and (not row.get("clinician") or target(item(each, "organization")) == row.get("organization"))
        and _kind(each) == row.get("kind", "include")
        and text(item(each, "period"), "start")[:10] == row.get("starts").isoformat()
    )


def _networks(each: Json) -> list[str]:
    marked = [item(said, "valueReference") for said in extensions(each, PLAN_NET_NETWORK)]
    return [target(to) for to in (*items(each, "network"), *marked)]


def _kind(each: Json) -> str:
    return text(extension(each, f"{EXTENSION}/participation-kind"), "valueCode") or "include"


def owners(resource: Json, known: Known) -> set[str]:
    """The organizations whose directory it is: who takes part, and the payers of the networks."""
    networks = (known.get(each) or {} for each in _networks(resource))
    said = [item(resource, "organization"), item(resource, "participatingOrganization")]
    return {target(each) for each in (*said, *(item(each, "partOf") for each in networks))} - {""}


def cells(resource: Json, known: Known) -> Iterator[Mapping[str, str]]:
    """The row of an OrganizationAffiliation or PractitionerRole that opens networks by name."""
    networks = _networks(resource)
    if not networks or resource.get("active") is False:
        return
    clinician = target(item(resource, "practitioner"))
    at = "organization" if resource.get("resourceType") == "PractitionerRole" else "participatingOrganization"
    contract = known.get(target(item(extension(resource, f"{EXTENSION}/governing-contract"), "valueReference"))) or {}
    period = item(resource, "period")
    yield {
        "networks": "; ".join(called(each, known) for each in networks),
        "organization": called(target(item(resource, at)), known),
        "clinician": called(clinician, known) if clinician else "",
        "sites": "; ".join(called(target(each), known) for each in items(resource, "location")),
        "specialties": "; ".join(words(each) for each in items(resource, "specialty")),
        "kind": "in" if _kind(resource) == "include" else "out",
        "credentialed": text(extension(resource, f"{EXTENSION}/credentialed-from"), "valueDate"),
        "agreement": next((text(i, "value") for i in items(contract, "identifier") if i.get("system") == SYSTEM), ""),
        "version": text(contract, "version"),
        "starts": text(period, "start")[:10],
        "ends": text(period, "end")[:10],
    }
