"""Nobody makes their office another one (security.md 1): copies of an organization are known by their identifiers, and
who works at one sees what its copies are party to. Whoever keeps the registry gives no identifier away."""

import pytest

from tests.attacks.fort import ORGANIZATIONS, Fort

OWN, OTHER = "Organization/cop8-own", "Organization/cop8-other"
NPI = "http://hl7.org/fhir/sid/us-npi"


def house(name: str, *numbers: tuple[str, str]) -> dict[str, object]:
    kind, _, id = name.partition("/")
    said = [{"system": system, "value": value} for system, value in numbers]
    return {"resourceType": kind, "id": id, "name": id, **({"identifier": said} if said else {})}


@pytest.fixture(scope="module")
def two(fort: Fort) -> Fort:
    """The server with a house of our asker and another one."""
    fort.put(house(OWN, (NPI, "9000088001")), house(OTHER, (NPI, "9000088002")),
             house("Organization/cop8-bare"))  # fmt: skip
    return fort


def put(fort: Fort, body: dict[str, object], role: str = "contracts", organization: str = "cop8-own") -> int:
    token = fort.token("user/*.cruds", roles={role}, organization=organization, subject="cop8")
    return int(fort.ask("PUT", f"Organization/{body['id']}", token, body).status_code)


def test_whoever_keeps_the_registry_makes_no_two_offices_one(two: Fort) -> None:
    own, other = (NPI, "9000088001"), (NPI, "9000088002")
    assert put(two, house(OWN, own, other)) == 403
    assert put(two, house(OWN, other)) == 403
    assert put(two, house(OWN, own, ("urn:oid:2.16.840.1.113883.4.6", "9000088002"))) == 403
    assert put(two, house(OTHER, other, own)) == 403
    assert put(two, house("Organization/cop8-bare", own)) == 403
    assert put(two, house("Organization/cop8-none", other), organization="cop8-none") == 403


def test_not_in_one_go_either(two: Fort) -> None:
    """Neither has the number yet, and both would."""
    shared = ("https://shared.example/number", "8")
    both = house(OWN, (NPI, "9000088001"), shared), house(OTHER, (NPI, "9000088002"), shared)
    token = two.token("user/*.cruds", roles={"contracts"}, organization="cop8-own", subject="cop8")
    for order in (both, both[::-1]):
        entry = [{"resource": one, "request": {"method": "PUT", "url": f"Organization/{one['id']}"}} for one in order]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entry}
        assert two.ask("POST", "", token, bundle).status_code == 403
        one_by_one = two.ask("POST", "", token, bundle | {"type": "batch"}).json()["entry"]
        assert [each["response"]["status"][:3] for each in one_by_one] in (["200", "403"], ["403", "200"])
        two.put(house(OWN, (NPI, "9000088001")), house(OTHER, (NPI, "9000088002")))


def test_nor_does_a_third_that_is_a_copy_of_both(two: Fort) -> None:
    """Who is named by an identifier alone is looked for among its copies: it would be found in the third, which would
    be the asker's own."""
    own, other, shared = (NPI, "9000088001"), (NPI, "9000088002"), ("https://shared.example/third", "8")
    assert put(two, house("Organization/cop8-between", own, other)) == 403
    token = two.token("user/*.cruds", roles={"contracts"}, organization="cop8-own", subject="cop8")
    both = house("Organization/cop8-between", own, shared), house(OTHER, other, shared)
    for order in (both, both[::-1]):
        entry = [{"resource": one, "request": {"method": "PUT", "url": f"Organization/{one['id']}"}} for one in order]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entry}
        assert two.ask("POST", "", token, bundle).status_code == 403
    assert put(two, house("Organization/cop8-second", own, ("https://own.example/number", "3"))) == 201, "of one's own"


def test_nor_takes_the_place_of_one_that_is_named_and_not_here(two: Fort) -> None:
    person = {"resourceType": "Patient", "id": "cop8-person", "name": [{"family": "Named"}]}
    order = {"resourceType": "ServiceRequest", "id": "cop8-order", "status": "active", "intent": "order",
             "subject": {"reference": "Patient/cop8-person"}, "code": {"text": "x"},
             "requester": {"reference": "Organization/cop8-gone"}}  # fmt: skip
    two.put(person)
    assert two.ask("PUT", "ServiceRequest/cop8-order", two.token(), order).status_code in (200, 201)
    assert put(two, house("Organization/cop8-gone", (NPI, "9000088001"))) == 403
    token = two.token("user/*.cruds", roles={"coordinator"}, organization="cop8-own", subject="cop8")
    assert two.ask("GET", "Patient/cop8-person", token).status_code == 404


def test_what_makes_no_copy_of_ones_own_office_is_kept_as_before(two: Fort) -> None:
    assert put(two, house(OWN, (NPI, "9000088001"), ("https://own.example/number", "1"))) == 200
    assert put(two, house(OTHER, (NPI, "9000088002"), ("https://own.example/number", "2"))) == 200
    assert put(two, house("Organization/cop8-new", (NPI, "9000088002"))) == 201
    assert put(two, house(OWN, (NPI, "9000088001"), (NPI, "9000088002")), "admin", ORGANIZATIONS["admin"]) == 200
