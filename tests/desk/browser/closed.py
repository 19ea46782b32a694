"""What is closed to everybody as a request stands: on no page, and refused by name, whether its form is sent all the
same or an app writes what it would have written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import expect

from auth import store
from auth.store import Token
from carecoord.fhir import text as json
from carecoord.store.database.engine import writing
from tests.desk.authorizations.test_automatic import stored
from tests.desk.authorizations.test_clocks import PRIOR
from tests.desk.browser.hands import Hands
from tests.desk.conftest import House

PAS: Final = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
TYPED: Final[Mapping[str, dict[str, str]]] = {  # what fills in the form of each act
    "send-request": {"channel": "portal"},
    "answer-payer": {"note": "Here it is."},
    "extend-request": {"units": "20", "note": "More."},
    "appeal": {"speed": "standard", "note": "The notes show it."},
    "peer-to-peer": {"who": "Farrow, Amelia"},
    "withdraw-request": {"note": "Elsewhere."},
    "begin-request": {},
    "check-eligibility": {},
}
CERTIFIED: Final = {"appeal": "2", "extend": "4"}  # X12 1322


@dataclass(frozen=True)
class App:
    """An app that somebody of an office lets ask and write by the API."""

    house: House
    role: str
    office: str

    def write(self, body: dict[str, Any]) -> tuple[int, str]:
        """The status and the words in which a resource is refused; of one that is taken no words."""
        world, now = self.house.world, self.house.world.seconds()
        held = Token("access", "tester", "tester", "user/*.cruds", now, now + 3600, roles=frozenset({self.role}),
                     organization=self.office)  # fmt: skip
        with writing(world.engine) as conn:
            token = store.issue(conn, held)
        sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
        answer = self.house.app.test_client().post(f"/fhir/{body['resourceType']}", data=json.dumps(body), headers=sent)
        issues = json.loads(answer.get_data()).get("issue", ())
        return answer.status_code, " ".join(each["details"]["text"] for each in issues if answer.status_code >= 400)


def closed(maria: Hands, path: str, said: str, *verbs: str, by: str = "call-payer") -> None:
    """Acts that stand on no button of a page, and are refused in these words where their form is sent all the same,
    with what stands hidden in the form of the act `by`, which is open."""
    page = maria.page
    for verb in verbs:
        page.goto(f"{path}?act={verb}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(f'[data-verb="{verb}"], form[action$="/{verb}"]')).to_have_count(0)
        page.goto(f"{path}?act={by}")
        form = dict(HIDDEN.findall(page.locator("#act-form").evaluate("form => form.outerHTML")))
        answer = page.request.post(f"{path}/{verb}", form=form | {"once": f"closed {verb}"} | TYPED[verb],
                                   max_redirects=0)  # fmt: skip
        words = re.sub(r"<[^>]+>", "", answer.text())
        assert (answer.status, said in words) == (409, True), (verb, answer.status, said, words[:3000])


def clinic(house: House) -> App:
    """The app of the clinic that asks."""
    return App(house, "coordinator", "office-fairmont")


def following(house: House, claim: str, kind: str) -> dict[str, Any]:
    """A request by which an app would take what stands further: its appeal, or more of it."""
    before = stored(house, "Claim", claim)
    kept = {name: value for name, value in before.items() if name not in ("id", "meta", "extension", "related")}
    said = {"url": f"{PAS}/extension-certificationType", "valueCodeableConcept": {"coding": [
        {"system": "https://codesystem.x12.org/005010/1322", "code": CERTIFIED[kind]}]}}  # fmt: skip
    related = [{"claim": {"reference": f"Claim/{claim}"}, "relationship": PRIOR}]
    sent = {"status": "active", "created": house.world.clock().isoformat()}
    return kept | sent | {"related": related, "extension": [said]}


def answering(house: House, claim: str, code: str) -> dict[str, Any]:
    """A payer's answer to a request as its system would write it. code: of the review (X12 306)."""
    asked = stored(house, "Claim", claim)
    action = {"url": f"{PAS}/extension-reviewAction", "extension": [
        {"url": f"{PAS}/extension-reviewActionCode", "valueCodeableConcept": {"coding": [
            {"system": "https://codesystem.x12.org/005010/306", "code": code}]}}]}  # fmt: skip
    line = {"itemSequence": 1, "adjudication": [{"category": {"text": "submitted"}, "extension": [action]}]}
    taken = {name: asked[name] for name in ("type", "use", "patient", "insurer", "insurance")}
    return taken | {
        "resourceType": "ClaimResponse", "status": "active", "created": house.world.clock().isoformat(),
        "requestor": asked["provider"], "request": {"reference": f"Claim/{claim}"}, "outcome": "complete",
        "item": [line],
    }  # fmt: skip
