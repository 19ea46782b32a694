"""What is said at a payer's desk, and what it is told, on every road: the clerk, a colleague, another payer, the clinic
that asks, another clinic, a PAS partner of each, the patient's app and another patient's, by page, panel, file, letter,
packet, search, API, Bundle and Subscription (issue 10, must-show 5). Each secret is a word that stands nowhere else."""

import base64
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import pytest
from pypdf import PdfReader

from auth.grant import Grant
from auth.scopes import parse, resources
from carecoord.actions.fhir import bundle, interactions, system_search
from carecoord.actions.fhir.everything import everything
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.prior_auth.letters.letter import document_id
from carecoord.actions.prior_auth.letters.sheet import Heads
from carecoord.actions.prior_auth.pas.bundles import answer_bundle
from carecoord.domain.access import payer_view
from carecoord.domain.access.payer_authorization import PayerAuthorization
from carecoord.errors import Problem
from carecoord.fhir import text as json
from carecoord.store.database.engine import reading
from carecoord.store.prior_auth import subscriptions as kept
from carecoord.world import World
from tests.api.pas.test_subscriptions import subscription
from tests.desk.authorizations.test_automatic import stored, work
from tests.desk.authorizations.test_request_page import DENY, STRESS, VASCULAR, answers, told
from tests.desk.conftest import PASSWORD, Clock, House, built

PROPOSED, ASKED, DECIDED = "zzproposal", "zzdirector", "zzdecided"
TYPES: Final = (
    "Claim", "ClaimResponse", "Task", "Communication", "DocumentReference", "Patient", "Coverage", "ServiceRequest",
    "Provenance", "ExplanationOfBenefit", "Binary", "CommunicationRequest",
)  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """The house after a day's work. patient: of the request about the graft; other: of the one that was decided."""

    house: House
    patient: str
    other: str
    letter: str
    subscriptions: Mapping[str, str]


@pytest.fixture(scope="module")
def desk(story: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Somebody proposes a denial and asks the medical director about another; a third request is decided."""
    for house in built(story, tmp_path_factory.mktemp("matrix"), Clock()):
        for login, office in (("calder", "office-blue-horizon"), ("granite", "office-granite-care")):
            accounts.add_user(house.world, NewUser(login, login, frozenset({"payer"}), office), PASSWORD)
        subscribed = {who: id for who in MAY if (id := subscribe(house, who))}
        clerk = house.enter("payer")
        assert told(clerk, VASCULAR, "ask-director", **{"director-words": f"Is it enough? {ASKED}"})[0] == 303
        assert told(clerk, VASCULAR, "decide", **DENY | {"words-1": f"Too small. {PROPOSED}"})[0] == 303
        modify = {"do-1": "modify", "units-1": "9", "last-1": "2027-01-31", "words-1": f"Nine will do. {DECIDED}"}
        assert told(clerk, STRESS, "decide", **modify)[0] == 303
        work(house)
        ids = [stored(house, "Claim", each)["patient"]["reference"].partition("/")[2] for each in (VASCULAR, STRESS)]
        yield Desk(house, *ids, document_id(answers(house, STRESS)[0]["id"]), subscribed)


def subscribe(house: House, who: str) -> str:
    """The id of a Subscription to all answers to the clinic that asks; empty where who asks for it gets none."""
    clinic = stored(house, "Claim", STRESS)["provider"]["reference"].partition("/")[2]
    (number, *_) = [each["value"] for each in stored(house, "Organization", clinic)["identifier"]]
    wanted = subscription("https://partner.example/notices", f"org-identifier={number}")
    asker = grant(who, Desk(house, "kwame-osei", "kwame-osei", "", {}))
    try:
        written = interactions.create(house.world, asker, "Subscription", wanted)
    except Problem:
        return ""
    return str(json.loads(written.body)["id"])


def grant(who: str, desk: Desk) -> Grant:
    """Who asks by an app."""
    if who.startswith("app of"):
        patient = desk.other if who == "app of the patient" else desk.patient
        return Grant("p", "app", resources(parse("patient/*.rs")), patient=patient, fhir_user=f"Patient/{patient}")
    role, office = {
        "payer": ("payer", "office-blue-horizon"), "calder": ("payer", "office-blue-horizon"),
        "granite": ("payer", "office-granite-care"), "coordinator": ("coordinator", "office-fairmont"),
        "outsider": ("coordinator", "office-harborview"), "partner": ("coordinator", "office-fairmont"),
        "other partner": ("coordinator", "office-harborview"),
    }[who]  # fmt: skip
    if "partner" in who:
        return Grant(who, who, resources(parse("system/*.cruds")), roles=frozenset({role}), organization=office)
    return Grant("u", scopes=resources(parse("user/*.cruds")), roles=frozenset({role}), organization=office)


def pages(desk: Desk, who: str) -> str:
    """Every page, panel, file and search of the desk on which a request may stand."""
    return _opened(desk, who, [
        "/", "/waiting", "/authorizations", "/decisions", "/decisions/metrics?show=all&part=of",
        "/decisions?tab=second", "/decisions?tab=director", "/decisions?tab=decided", "/decisions?tab=held",
        "/decisions/coverage", "/decisions/coverage?member=BH001-4420317",
        "/decisions?q=C1768", f"/decisions/alike?id={VASCULAR}&id={STRESS}", f"/decisions/{VASCULAR}",
        f"/decisions/{STRESS}", "/referrals/order-24825", "/referrals/order-24829", "/?show=order-24829",
        f"/authorizations/{VASCULAR}", f"/authorizations/{STRESS}", f"/record/ClaimResponse/{STRESS}",
        f"/patients/{desk.patient}", f"/patients/{desk.other}",
    ])  # fmt: skip


def files(desk: Desk, who: str) -> str:
    """Every list of the desk as a file."""
    return _opened(desk, who, [
        "/worklist.csv", "/authorizations.csv", "/decisions.csv", "/decisions.csv?tab=decided",
        "/decisions.csv?tab=second", "/decisions/metrics/behind.csv?show=all&part=of", "/decisions/metrics/missed.csv",
        "/decisions/metrics/exchanges.ndjson",
    ])  # fmt: skip


def notices(desk: Desk, who: str) -> str:
    """All that a Subscription is told."""
    world, id = desk.house.world, desk.subscriptions.get(who, "")
    found = b""
    with reading(world.engine) as conn:
        for number in range(1, kept.count(conn, id) + 1):
            event = kept.one(conn, id, number)
            assert event is not None
            found += json.dumps(answer_bundle(world, conn, event.response, event.version))
    return found.decode()


def _opened(desk: Desk, who: str, paths: list[str]) -> str:
    if who.startswith("app of") or "partner" in who:
        return ""
    client = desk.house.enter(who)
    found = [client.get(path) for path in paths]
    assert not [each.request.path for each in found if each.status_code >= 500]
    return "".join(each.get_data(as_text=True) for each in found if each.status_code == 200)


def letter(desk: Desk, who: str) -> str:
    """The letter, opened at the desk, or its file read by an app."""
    if not who.startswith("app of") and "partner" not in who:
        answer = desk.house.enter(who).get(f"/documents/{desk.letter}/1")
        return _words(answer.get_data()) if answer.status_code == 200 else ""
    try:
        body = interactions.read(desk.house.world, grant(who, desk), "Binary", desk.letter).body
    except Problem:
        return ""
    return _words(base64.b64decode(json.loads(body)["data"]))


def packet(desk: Desk, who: str) -> str:
    """The packets of both requests, of either desk, as a page and as a PDF."""
    if who.startswith("app of") or "partner" in who:
        return ""
    client, found = desk.house.enter(who), list[str]()
    token = re.findall(r'name="csrf" value="([^"]+)"', client.get("/account").get_data(as_text=True))[0]
    for path in (f"/{part}/{id}/packet" for part in ("decisions", "authorizations") for id in (VASCULAR, STRESS)):
        page = client.get(path)
        if page.status_code == 200:
            client.post(path, data={"csrf": token})
            work(desk.house)
            found += [page.get_data(as_text=True), _words(client.get(f"{path}.pdf").get_data())]
    return "".join(found)


def _words(data: bytes) -> str:
    return " ".join(each.extract_text() for each in PdfReader(io.BytesIO(data)).pages)


def api(desk: Desk, who: str) -> str:
    """Every search and the whole record by the API."""
    world, asker, found = desk.house.world, grant(who, desk), ""
    for type in TYPES:
        for pairs in ([("_count", "200")], [("_count", "200"), ("_include", "*"), ("_revinclude", "*")]):
            found += _told(lambda type=type, pairs=pairs: interactions.search(world, asker, type, pairs))
        found += _told(lambda type=type: interactions.changes(world, asker, type, [("_count", "200")]))
    found += _told(lambda: system_search.search_all(world, asker, [("_type", ",".join(TYPES))], False))
    for patient in (desk.patient, desk.other):
        found += _told(lambda patient=patient: everything(world, asker, patient, []))
    return found


def batch(desk: Desk, who: str) -> str:
    """The same by a Bundle."""
    asked = [f"{type}?_count=200" for type in TYPES if type != "Binary"]
    asked += [f"Claim/{VASCULAR}", f"Claim/{STRESS}", f"DocumentReference/{desk.letter}", f"Binary/{desk.letter}"]
    entries = [{"request": {"method": "GET", "url": each}} for each in asked]
    body = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    return _told(lambda: bundle.process(desk.house.world, grant(who, desk), body))


def benefit(desk: Desk, who: str) -> str:
    """The requests as a member's app reads them: of ExplanationOfBenefits alone."""
    world, asker = desk.house.world, grant(who, desk)
    listed = _told(lambda: interactions.search(world, asker, "ExplanationOfBenefit", [("_count", "200")]))
    ids = [each["resource"]["id"] for each in json.loads(listed.encode()).get("entry", ())] if listed else []
    return listed + "".join(_told(lambda id=id: _row(world, asker, id)) for id in ids)


def _row(world: World, asker: Grant, id: str) -> bytes:
    return interactions.read(world, asker, "ExplanationOfBenefit", id).body


def _told(ask: Callable[[], Any]) -> str:
    try:
        answer: bytes = ask()
    except Problem:
        return ""
    return answer.decode()


ROADS: Final[Mapping[str, Callable[[Desk, str], str]]] = {
    "page": pages, "csv": files, "letter": letter, "packet": packet, "api": api, "bundle": batch, "benefit": benefit,
    "subscription": notices,
}  # fmt: skip
MAY: Final = {  # who may know what by which road; whoever and whatever is not here, not at all
    "payer": {"page": {PROPOSED, ASKED, DECIDED}, "letter": {DECIDED}, "packet": {DECIDED},
              "api": {PROPOSED, ASKED, DECIDED}, "bundle": {PROPOSED, ASKED, DECIDED}},
    "calder": {"page": {PROPOSED, ASKED, DECIDED}, "letter": {DECIDED}, "packet": {DECIDED},
               "api": {PROPOSED, ASKED, DECIDED}, "bundle": {PROPOSED, ASKED, DECIDED}},
    "granite": {},
    "coordinator": {"letter": {DECIDED}, "api": {DECIDED}, "bundle": {DECIDED}, "subscription": {DECIDED}},
    "outsider": {},
    "partner": {"letter": {DECIDED}, "api": {DECIDED}, "bundle": {DECIDED}, "subscription": {DECIDED}},
    "other partner": {},
    "app of the patient": {"letter": {DECIDED}, "api": {DECIDED}, "bundle": {DECIDED}, "benefit": {DECIDED}},
    "app of another": {},
}  # fmt: skip


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("who", MAY)
def test_whoever_is_told_something_is_told_it_and_nobody_else(desk: Desk, who: str, road: str) -> None:
    said = ROADS[road](desk, who)
    known = {secret for secret in (PROPOSED, ASKED, DECIDED) if secret in said}
    may: Mapping[str, set[str]] = MAY[who]
    assert known == may.get(road, set())


@pytest.mark.parametrize("road", ROADS)
@pytest.mark.parametrize("who", ["payer", "calder", "granite"])
def test_no_payer_learns_where_a_member_lives_or_the_clinics_number(desk: Desk, who: str, road: str) -> None:
    said = ROADS[road](desk, who)
    for id in (desk.patient, desk.other):
        person = stored(desk.house, "Patient", id)
        numbers = [each["value"] for each in person["identifier"]]
        secrets = [*numbers, *(each["value"] for each in person.get("telecom", ()))]
        secrets += [line for each in person.get("address", ()) for line in each.get("line", ())]
        assert secrets
        for number in numbers:
            said = said.replace(f"card-{number}", "")  # the story names a card's resource so
        assert [each for each in secrets if each in said] == []


def test_another_payer_finds_nothing_and_nobody_by_any_word(desk: Desk) -> None:
    client = desk.house.enter("granite")
    for words in ("Osei", "BH001-4420317", "C1768", VASCULAR, "Q-24825"):
        for path in (f"/decisions?q={words}", f"/decisions.csv?q={words}", f"/?q={words}"):
            page = client.get(path).get_data(as_text=True)
            assert "Osei, Kwame" not in page


def test_one_table_says_what_a_payer_sees_of_a_request_of_its_file_and_of_a_letter() -> None:
    assert tuple(each.name for each in fields(PayerAuthorization)) == payer_view.REQUEST
    assert set(payer_view.QUEUE_CELLS) < set(payer_view.REQUEST)
    assert tuple(each.name for each in fields(Heads)) == payer_view.LETTER
    assert not {"mrn", "placer_name", "owner_name", "address", "telecom"} & set(payer_view.REQUEST)
