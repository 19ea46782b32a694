"""Clinicians and rosters from tables: what the register then answers of who is in which network."""

from datetime import date

from carecoord.actions.agreements import register
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.elements import Json
from carecoord.fhir import text
from carecoord.store.database.engine import reading
from carecoord.store.worklist import registry
from carecoord.world import World
from tests.imports.conftest import bring

CLINICIAN = "NPI,Last name,First name,Credentials,Organization,Taxonomy\n9000050010,Sarkis,Ani,MD,{at},2084S0012X\n"
ROSTER = "Network,Group NPI,Clinician NPI,Location,Contract number,Starts,Ends,Credentialed\n"


def every(world: World, type: str) -> list[Json]:
    with reading(world.engine) as conn:
        return [text.loads(row.body) for row in registry.every(conn, type)]


def test_a_clinician_at_two_clinics_is_one_person_with_two_roles(office: World) -> None:
    for at in ("9000010089", "Oak Group", "9000010121"):
        assert bring(office, "clinicians", CLINICIAN.format(at=at))[1] == []
    (person,) = every(office, "Practitioner")
    assert person["name"] == [{"family": "Sarkis", "given": ["Ani"], "suffix": ["MD"]}]
    roles = every(office, "PractitionerRole")
    assert len(roles) == 2
    assert {role["practitioner"]["reference"] for role in roles} == {f"Practitioner/{person['id']}"}
    assert roles[0]["specialty"] == [
        {"coding": [{"system": "http://nucc.org/provider-taxonomy", "code": "2084S0012X"}]}
    ]


def test_a_roster_says_who_takes_part_where_from_when_to_when(office: World) -> None:
    bring(office, "clinicians", CLINICIAN.format(at="9000010089"))
    bring(office, "agreements", "Number,Payer,Provider,Starts\nA-1,AC001,9000010089,2026-01-01\n")
    row = "Acme Select,9000010089,9000050010,Elm Clinic West,A-1,2026-02-01,2026-11-30,2026-01-15\n"
    brought, faults = bring(office, "rosters", ROSTER + row)
    assert (+brought.rows, faults) == ({"new": 1}, [])
    (person,), (agreement,) = every(office, "Practitioner"), every(office, "Contract")
    (site,) = every(office, "Location")
    with reading(office.engine) as conn:
        (listing,) = register.participations(conn, [f"Practitioner/{person['id']}"])
    assert listing.days == Days(date(2026, 2, 1), date(2026, 12, 1))
    assert (listing.credentialed, listing.contract) == (date(2026, 1, 15), f"Contract/{agreement['id']}")
    assert listing.sites == ({"reference": f"Location/{site['id']}"},)
    ended = bring(office, "rosters", ROSTER + row.replace("2026-11-30", "2026-06-30"))[0]
    assert (+ended.rows, len(every(office, "PractitionerRole"))) == ({"changed": 1}, 2)


def test_what_a_roster_names_and_nobody_knows_is_told_by_its_cell(office: World) -> None:
    rows = [
        "Acme Select,9000010089,9000050010,,,2026-02-01,,",
        "Acme Select,9000010121,,9000100807,,2026-02-01,,",
        "Acme Select,9000010121,,,A-9,2026-02-01,,",
    ]
    assert bring(office, "rosters", ROSTER + "\n".join(rows))[1] == [
        "rosters.csv, C2: Nobody here is called '9000050010' or has this number; bring it in first, or write its NPI",
        "rosters.csv, D3: 9000100807 is a site of 9000010089",
        "rosters.csv, E4: There is no agreement A-9 here, or not in this version; bring it in first",
    ]
