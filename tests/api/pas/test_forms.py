"""DTR: a payer's forms handed over ($questionnaire-package), filled in at the clinic from what it knows with the origin
of each answer, sent with the request, read by the payer; on both databases. Keys are those of DTR's requirements."""

import re
from copy import deepcopy
from typing import Any

import pytest
from flask.testing import FlaskClient

from carecoord import app
from carecoord.actions.acts.act import Submission
from carecoord.actions.people import accounts
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.prior_auth.dtr import fetch
from carecoord.actions.questionnaires import ask, fill
from carecoord.actions.questionnaires.fill import Filled
from carecoord.domain.prior_auth.dtr import package, prefill
from carecoord.domain.questionnaires import answers as fields
from carecoord.store.database.engine import reading
from tests.api.pas.test_two_servers import both
from tests.api.pas.two_servers import CLERK, MARIA, NPI, Pair, request
from tests.desk.conftest import PASSWORD, PEOPLE, House
from tests.domain.stories import HCPCS, book, rule

__all__ = ["both"]
Json = dict[str, Any]
DTR = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition"
PACKAGE = "Questionnaire/$questionnaire-package"
CODE = "70553"


def question(link: str, kind: str, expression: str = "", **more: Any) -> Json:
    said = {"language": "text/fhirpath", "expression": expression}
    filled = {"extension": [{"url": prefill.INITIAL, "valueExpression": said}]} if expression else {}
    return {"linkId": link, "type": kind, "text": link} | filled | more


FORM: Json = {
    "resourceType": "Questionnaire", "id": "mri", "url": "https://payer.example/forms/mri", "version": "2",
    "status": "active", "title": "MRI of the head", "code": [{"system": "http://loinc.org", "code": "34552-0"}],
    "extension": [{"url": prefill.VARIABLE, "valueExpression": {
        "name": "called", "language": "text/fhirpath", "expression": "%patient.name.first()"}}],
    "item": [
        question("born", "date", "%patient.birthDate"), question("family", "string", "%called.family"),
        question("service", "string", "%order.code.coding.where(system = 'x').code"), question("weeks", "integer"),
        question("member", "string", "%coverage.subscriberId"),
    ],
}  # fmt: skip
ADAPTIVE = FORM | {"id": "adapt", "url": "https://payer.example/forms/adapt", "title": "Adaptive",
                   "extension": [{"url": prefill.VARIABLE.replace("variable", "x")},
                                 {"url": "http://hl7.org/fhir/uv/sdc/StructureDefinition/"
                                         "sdc-questionnaire-questionnaireAdaptive", "valueBoolean": True}]}  # fmt: skip


def order(id: str = "o1", code: str = CODE) -> Json:
    return {"resourceType": "ServiceRequest", "id": id, "status": "draft", "intent": "order",
            "subject": {"reference": "Patient/p"}, "code": {"coding": [{"system": HCPCS, "code": code}]}}  # fmt: skip


CARD: Json = {"resourceType": "Coverage", "id": "card", "status": "active", "beneficiary": {"reference": "Patient/p"},
              "contained": [{"resourceType": "Organization", "id": "payer",
                             "identifier": [{"system": NPI, "value": "1093817465"}]}],
              "payor": [{"reference": "#payer"}]}  # fmt: skip


def asks(*rows: Json, card: Json = CARD) -> Json:
    return {"resourceType": "Parameters", "parameter": [{"name": "coverage", "resource": card}, *rows]}


def ready(both: Pair) -> Pair:
    """The payer has a rule that wants a paper, and the form for it."""
    house = both.payer.get("Organization/insurer")
    house["identifier"].append({"system": "https://carecoord.example/id/payer", "value": "P1"})
    both.payer.put(house, book(rule(True, code=CODE, papers=("34552-0",))), FORM, ADAPTIVE)
    return both


def packages(found: Json) -> list[Json]:
    return [each["resource"] for each in found.get("parameter", []) if each["name"] == "packagebundle"]


def test_a_package_for_an_order_has_the_form_first_and_a_draft_of_its_response(both: Pair) -> None:
    ready(both)
    answer = both.payer.call("POST", PACKAGE, asks({"name": "order", "resource": order()}), MARIA)
    assert answer.status_code == 200, answer.text
    (bundle,) = packages(answer.json())
    first, draft = (each["resource"] for each in bundle["entry"])
    assert (first["url"], first["version"]) == ("https://payer.example/forms/mri", "2")
    assert (draft["resourceType"], draft["questionnaire"]) == ("QuestionnaireResponse", f"{FORM['url']}|2")
    about = [each["valueReference"]["reference"] for each in draft["extension"]]
    assert about == ["ServiceRequest/o1", "Coverage/card"]
    other = both.payer.call("POST", PACKAGE, asks({"name": "order", "resource": order(code="99213")}), MARIA).json()
    assert packages(other) == []


P1, P2 = ({"system": "https://carecoord.example/id/payer", "value": each} for each in ("P1", "P2"))
WHOSE = "https://carecoord.example/fhir/StructureDefinition/plan-payer"
NAMES = "https://carecoord.example/fhir/StructureDefinition/form"  # of a paper that a rule wants
RIVALS = {"resourceType": "Coverage", "id": "card-2", "status": "active", "beneficiary": {"reference": "Patient/p"},
          "payor": [{"identifier": P2}]}  # fmt: skip


def form_of(name: str, payer: Json | None) -> Json:
    """A form for the paper of FORM; of a payer's own, or of nobody's."""
    whose = [{"url": WHOSE, "valueIdentifier": payer}] if payer else []
    made = FORM | {"id": name, "url": f"https://payer.example/forms/{name}", "title": name}
    return made | {"extension": [*FORM["extension"], *whose]}


def test_of_two_payers_each_hands_over_its_own_form_for_a_paper_and_never_the_others(both: Pair) -> None:
    ready(both)
    rules = [book(rule(True, code=CODE, papers=("34552-0",)), payer=n) for n in (1, 2)]
    both.payer.put({**PAYER_2, "identifier": [*PAYER_2["identifier"], P2]}, *rules, form_of("one", P1),
                   form_of("two", P2))  # fmt: skip
    wanted = {"name": "order", "resource": order()}

    def titles(card: Json, *rows: Json) -> list[str]:
        found = both.payer.call("POST", PACKAGE, asks(wanted, *rows, card=card), MARIA).json()
        return [each["entry"][0]["resource"]["title"] for each in packages(found)]

    assert titles(CARD) == ["one"]
    assert titles(RIVALS) == ["two"]
    assert titles(RIVALS, {"name": "questionnaire", "valueCanonical": "https://payer.example/forms/one|2"}) == ["two"]
    shared = {"name": "questionnaire", "valueCanonical": f"{FORM['url']}|2"}
    assert titles(RIVALS, shared) == ["MRI of the head", "two"], "of nobody's form everybody may ask by its name"


PAPER: Json = {"coding": [{"system": "http://loinc.org", "code": "34552-0"}]}
MINE = frozenset({"https://carecoord.example/id/payer|P1"})


@pytest.mark.parametrize(
    ("forms", "paper", "found"),
    [
        ([("one", P1), ("two", P2), ("none", None)], PAPER, ["one"]),
        ([("two", P2), ("none", None)], PAPER, ["none"]),
        ([("two", P2)], PAPER, []),
        ([("one", P1), ("more", P1)], PAPER, ["more", "one"]),
        ([("one", P1)], {"coding": [{"system": "http://loinc.org", "code": "1-8"}]}, []),
        ([("one", P1), ("more", P1)], PAPER | {"extension": [
            {"url": NAMES, "valueCanonical": "https://payer.example/forms/more|2"}]}, ["more"]),
        ([("one", P1), ("more", P1)], PAPER | {"extension": [
            {"url": NAMES, "valueCanonical": "https://payer.example/forms/more"}]}, ["more"]),
        ([("one", P1)], PAPER | {"extension": [{"url": NAMES, "valueCanonical": "https://payer.example/gone"}]}, []),
        ([("two", P2)], {"text": "A form of theirs", "extension": [
            {"url": NAMES, "valueCanonical": "https://payer.example/forms/two"}]}, []),
    ],
)  # fmt: skip
def test_a_form_is_the_one_that_the_rule_names_else_the_payers_own_for_the_paper_else_nobodys(
    forms: list[tuple[str, Json | None]], paper: Json, found: list[str]
) -> None:
    kept = [form_of(*each) for each in forms]
    assert [each["id"] for each in package.for_papers(kept, [paper], MINE)] == found


def test_a_form_is_named_by_canonical_and_one_that_is_missing_is_a_warning(both: Pair) -> None:
    ready(both)
    rows = [{"name": "questionnaire", "valueCanonical": f"{FORM['url']}|2"},
            {"name": "questionnaire", "valueCanonical": "https://payer.example/forms/none"}]  # fmt: skip
    found = both.payer.call("POST", PACKAGE, asks(*rows), MARIA).json()
    assert len(packages(found)) == 1
    (outcome,) = [each["resource"] for each in found["parameter"] if each["name"] == "outcome"]
    assert outcome["issue"][0]["severity"] == "warning"
    since = {"name": "changedsince", "valueDateTime": "2099"}
    late = both.payer.call("POST", PACKAGE, asks(*rows, since), MARIA).json()
    assert packages(late) == []


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"resourceType": "Bundle"}, 400),
        ({"resourceType": "Parameters", "parameter": []}, 422),
        (asks(), 422),
        (asks({"name": "context", "valueString": "nobodys"}), 422),
        (asks({"name": "order", "resource": order()}, card={**CARD, "contained": []}), 422),
        (asks({"name": "questionnaire", "valueCanonical": f"{ADAPTIVE['url']}|2"}), 422),
    ],
)
def test_what_can_not_be_answered_is_refused_with_an_outcome(both: Pair, parameters: Json, status: int) -> None:
    ready(both)
    answer = both.payer.call("POST", PACKAGE, parameters, MARIA)
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")


def test_what_a_server_could_not_do_with_a_form_is_written_down(both: Pair) -> None:
    told = {"resourceType": "Parameters", "parameter": [
        {"name": "questionnaire", "valueCanonical": FORM["url"]},
        {"name": "outcome", "resource": {"resourceType": "OperationOutcome", "issue": [
            {"severity": "error", "code": "invalid"}]}}]}  # fmt: skip
    path = "Questionnaire/$log-questionnaire-errors"
    assert both.payer.call("POST", path, told, MARIA).status_code == 200
    assert both.payer.call("POST", path, {"resourceType": "Parameters"}, MARIA).status_code == 400


def asked(id: str = "r1") -> list[Json]:
    """The draft of a request for what the payer's rule wants a form with."""
    made = deepcopy(request(id))
    for each in made:
        code = {"coding": [{"system": HCPCS, "code": CODE}], "text": "MRI of the head"}
        if each["resourceType"] == "ServiceRequest":
            each["code"] = code
        if each["resourceType"] == "Claim":
            each["item"][0]["productOrService"] = code
    return made


def fetched(both: Pair) -> Json:
    """The Task of the payer's form, once it was fetched for the request r1."""
    ready(both)
    both.clinic.put(*asked())
    both.work()
    fetch.ask(both.clinic.world, MARIA, "test", "r1")
    both.work()
    (task,) = [each for each in both.clinic.held("Task") if each.get("description") == "MRI of the head"]
    return task


def test_a_form_is_fetched_filled_in_marked_sent_and_read_by_its_payer(both: Pair) -> None:
    task = fetched(both)
    blank = fill.blank(both.clinic.world, MARIA, "test", "order-r1", task["id"], "en")
    said = fields.written(blank.form, blank.begun)
    by_link = {each.link_id: fields.name(each, ()) for each in blank.form.every()}
    assert said[by_link["family"]] == "Okafor"
    assert said[by_link["member"]] == "M-r1"
    assert by_link["service"] not in said, "of what is not known nothing is guessed"
    told = said | {by_link["family"]: "Okafor-Bell", by_link["weeks"]: "6"}
    fill.fill(both.clinic.world, MARIA, "test", Submission("order-r1", "form-1"), Filled(task["id"], told))
    (response,) = both.clinic.held("QuestionnaireResponse")
    origins = {each["linkId"]: each["answer"][0]["extension"][0]["extension"][0]["valueCode"]
               for each in response["item"]}  # fmt: skip
    assert origins == {"born": "auto", "family": "override", "weeks": "manual", "member": "auto"}
    assert response["extension"][0] == {"url": f"{DTR}/qr-context",
                                        "valueReference": {"reference": "ServiceRequest/order-r1"}}  # fmt: skip
    both.send("r1")
    both.work()
    (there,) = both.payer.call("GET", "QuestionnaireResponse", by=CLERK).json()["entry"]
    assert there["resource"]["questionnaire"] == f"{FORM['url']}|2"
    assert {each["linkId"] for each in there["resource"]["item"]} == {"born", "family", "weeks", "member"}
    (claim,) = both.payer.held("Claim")
    named = [each["valueReference"]["reference"] for each in claim["supportingInfo"]]
    assert named == [f"QuestionnaireResponse/{there['resource']['id']}"]
    rival = deepcopy(PAYER_2)
    both.payer.put(rival)
    other = type(CLERK)("other", roles=frozenset({"payer"}), organization="rival")
    assert both.payer.call("GET", "QuestionnaireResponse", by=other).json().get("entry") is None


def at_desk(server: Any, who: str, role: str, office: str) -> FlaskClient:
    """Somebody's browser at the desk of a server."""
    login, name, _ = PEOPLE[who]
    accounts.add_user(server.world, NewUser(login, name, frozenset({role}), office), PASSWORD)
    return House(server.world, app.wired(server.world)).enter(who)


FORM_AT = "/referrals/order-r1/forms/"


def shown(page: str) -> dict[str, str]:
    """question -> its answer, and where that came from, as a page tells them."""
    rows = re.findall(r'<dt dir="auto">([^<]*)</dt><dd dir="auto">(.*?)</dd>', page)
    return {question: " ".join(re.sub(r"<[^>]*>", " ", said).split()) for question, said in rows}


def test_where_each_answer_came_from_stands_on_the_form_and_on_the_pages_of_both_sides(both: Pair) -> None:
    task = fetched(both)
    maria, where = at_desk(both.clinic, "coordinator", "coordinator", "office"), FORM_AT + str(task["id"])
    page = maria.get(where).text
    assert "The payer wants this form with the request." in page
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    names = {each: re.search(rf'<label for="(q\d+)"><span dir="auto">{each}<', page)[1]  # type: ignore[index]
             for each in ("born", "family", "weeks", "member")}  # fmt: skip
    said = dict(re.findall(r'<input id="(q\d+)" [^>]*value="([^"]*)"', page))
    marks = dict(re.findall(r'id="(q\d+)-origin">.*?<bdi>([^<]*)</bdi>', page))
    assert marks == dict.fromkeys((names["born"], names["family"], names["member"]), "From the chart")
    fields |= said | {names["family"]: "Okafor-Bell", names["weeks"]: "six"}
    wrong = maria.post(where, data=fields)
    assert (wrong.status_code, "Changed. The chart says: Okafor" in wrong.text) == (422, True)
    sent = maria.post(where, data=fields | {names["weeks"]: "6"})
    assert (sent.status_code, sent.headers["Location"].partition("?")[0]) == (303, "/authorizations/r1")
    told = {"born": "3 Feb 1980 From the chart", "family": "Okafor-Bell Changed", "weeks": "6 Written at the clinic",
            "member": "M-r1 From the chart"}  # fmt: skip
    assert shown(maria.get("/authorizations/r1").text) == told
    both.send("r1")
    both.work()
    (claim,) = both.payer.held("Claim")
    paul = at_desk(both.payer, "payer", "payer", "insurer")
    page = paul.get(f"/decisions/{claim['id']}").text
    assert "MRI of the head" in page
    assert shown(page) == told
    (form,) = both.payer.held("QuestionnaireResponse")
    elsewhere = {**form, "meta": {}}  # not marked as disclosed: it lies here, and the payer reads it nowhere
    both.payer.put(elsewhere)
    assert shown(paul.get(f"/decisions/{claim['id']}").text) == {}


def test_a_payers_form_takes_no_place_of_ours_though_it_have_its_name_and_goes_to_no_patient(both: Pair) -> None:
    fetched(both)
    ours = FORM | {"id": "ours", "title": "Before your visit", "item": [question("hello", "string")]}
    both.clinic.put(ours)
    offered = ask.offered(both.clinic.world, MARIA, "test", "order-r1")
    assert [each.title for each in offered] == ["Before your visit"]
    with reading(both.clinic.world.engine) as conn:
        made = ask.of_canonical(conn, f"{FORM['url']}|2")
    assert made is not None
    assert [each.link_id for each in made.items] == ["hello"]


PAYER_2: Json = {"resourceType": "Organization", "id": "rival", "name": "Another", "type": [{"coding": [
    {"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "pay"}]}],
    "identifier": [{"system": NPI, "value": "9000000002"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("%patient.name.first().family", ["A"]),
        ("%patient.name.last().family", ["B"]),
        ("%patient.name.where(use = 'old').family", ["B"]),
        ("%patient.name.family", ["A", "B"]),
        ("%patient.nothing", []),
        ("%nobody.name", []),
        ("%patient.name.count()", []),
        ("iif(true, 1, 2)", []),
        ("%patient.name | %patient.address", []),
    ],
)
def test_of_an_expression_only_the_stated_part_is_understood(expression: str, found: list[str]) -> None:
    patient = {"name": [{"family": "A"}, {"use": "old", "family": "B"}]}
    assert prefill.evaluate(expression, {"patient": [patient]}) == found


def test_what_asks_for_forms_says_nothing_that_is_ours_alone_and_a_form_without_url_is_none() -> None:
    meta = {"versionId": "3", "source": "urn:ehr"}
    sent = order() | {"meta": meta, "requester": {"reference": "Practitioner/9"}}
    asked = package.request(CARD | {"meta": meta}, {"resourceType": "Organization", "id": "i", "meta": meta}, sent)
    card, wanted = (each["resource"] for each in asked["parameter"])
    assert [each for each in (card, wanted, card["contained"][0]) if "meta" in each] == []
    assert (wanted["subject"], "requester" in wanted) == ({"reference": "Patient/p"}, False)
    bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Questionnaire", "title": "Bare"}}]}
    document = {"resourceType": "Parameters", "parameter": [{"name": "packagebundle", "resource": bundle}]}
    assert package.taken(document) == ([], [], [])
