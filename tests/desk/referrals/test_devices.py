"""A device that was ordered from somebody stands on the list, and opens, like a referral."""

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import interactions as api
from carecoord.fhir import text
from tests.desk.conftest import House

SERVICE = Grant("loader", scopes=resources(parse("system/*.cruds")))


def test_a_device_has_a_row_a_panel_and_a_page_of_its_own(acting_house: House) -> None:
    world = acting_house.world
    found = text.loads(api.search(world, SERVICE, "ServiceRequest", [("_count", "100")]))["entry"]
    orders = [entry["resource"] for entry in found]
    order = next(each for each in orders if each["status"] == "active")
    task = text.loads(api.search(world, SERVICE, "Task", [("focus", f"ServiceRequest/{order['id']}")]))["entry"][0]
    performer = task["resource"]["owner"]
    device = {
        "resourceType": "DeviceRequest", "id": "cpap", "status": "active", "intent": "order",
        "codeCodeableConcept": {"text": "CPAP device"}, "subject": order["subject"], "performer": performer,
        "authoredOn": "2026-11-20T10:00:00-05:00", "requester": {"reference": "Organization/office-fairmont"},
    }  # fmt: skip
    api.update(world, SERVICE, "DeviceRequest", "cpap", device)
    browser = acting_house.enter("coordinator")
    shown = browser.get("/?q=CPAP+device").get_data(as_text=True)
    assert "CPAP device" in shown
    assert "DeviceRequest~cpap" in shown
    for path in ("/?q=CPAP+device&show=DeviceRequest~cpap", "/referrals/DeviceRequest~cpap"):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert "CPAP device" in page.get_data(as_text=True)
    assert acting_house.enter("outsider").get("/referrals/DeviceRequest~cpap").status_code == 404
