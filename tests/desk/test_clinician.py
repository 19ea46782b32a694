"""The demo's clinician, who is known to the contract office and to the EHR under two ids and one NPI."""

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions as api
from carecoord.cli.demo import CAST, PRACTITIONERS
from carecoord.fhir import text

from .conftest import House

ALL = resources(parse("user/*.rs"))


def test_the_api_shows_a_clinician_their_patients_by_whichever_copy_names_them(house: House) -> None:
    login, name, role, group = next(row for row in CAST if row[2] == "clinician")
    who = f"Practitioner/{PRACTITIONERS[login]}"
    farrow = Grant(login, scopes=ALL, roles=frozenset({role}), organization=group, name=name, fhir_user=who)
    orders = text.loads(api.search(house.world, farrow, "ServiceRequest", [("_count", "200")]))
    patients = text.loads(api.search(house.world, farrow, "Patient", [("_total", "accurate"), ("_count", "200")]))
    hers = {entry["resource"]["subject"]["reference"] for entry in orders["entry"]}
    assert len(hers) > 5
    assert hers <= {f"Patient/{entry['resource']['id']}" for entry in patients["entry"]}
    everybody = Grant("all", "all", resources(parse("system/*.rs")))
    total = text.loads(api.search(house.world, everybody, "Patient", [("_summary", "count")]))["total"]
    assert 0 < patients["total"] < total
    nobody = Grant(login, scopes=ALL, roles=frozenset({role}), organization=group, name=name)
    assert text.loads(api.search(house.world, nobody, "Organization", [("_summary", "count")]))["total"] > 0
