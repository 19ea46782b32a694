"""Coverage requirements discovery (CDS Hooks 2.0, Da Vinci CRD; the kit's requirement list is that of 2.0.1): what is
listed, the three hooks, their refusals, and the invariants crd-ci-q1 to q9 of 2.2.1; on both databases."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from auth.store import Client, add_client
from carecoord.actions.people.accounts import make_key
from carecoord.store.database.engine import writing
from carecoord.world import World
from tests.api.conftest import Api
from tests.api.pas.conftest import NPI
from tests.domain.stories import HCPCS, book, rule

Json = dict[str, Any]
INFO = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
HOOKS = ("appointment-book", "order-sign", "order-dispatch")
BASE = "https://care.example/cds-services"


@dataclass
class Ehr:
    """A clinic's EHR that signs its calls."""

    world: World
    http: Any
    key: ECKey
    id: str = "ehr"
    n: int = 0

    def signed(self, service: str, **claims: Any) -> str:
        self.n += 1
        now = int(self.world.clock().timestamp())
        told = {"iss": self.id, "aud": f"{BASE}/{service}", "exp": now + 200, "iat": now}
        told |= {"jti": f"call-{self.n}"} | claims
        kid = self.key.as_dict(private=False)["kid"]
        return jwt.encode({"alg": "ES384", "typ": "JWT", "kid": kid}, told, self.key, algorithms=["ES384"])

    def call(self, service: str, body: Any, token: str | None = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {token or self.signed(service)}"}
        sent = body if isinstance(body, str) else json.dumps(body)
        answer: TestResponse = self.http.post(f"/cds-services/{service}", data=sent, headers=headers,
                                              content_type="application/json")  # fmt: skip
        return answer


def registered(world: World, http: Any, id: str, organization: str) -> Ehr:
    """The EHR of an organization, with a key of its own."""
    private, public = make_key()
    key = ECKey.import_key(private)
    key.ensure_kid()
    client = Client(id, "The EHR", "system/*.rs", "private_key_jwt", ("client_credentials",), public,
                    organization=organization, roles=frozenset({"coordinator"}))  # fmt: skip
    with writing(world.engine) as conn:
        add_client(conn, client, 0)
    return Ehr(world, http, key, id)


@pytest.fixture
def ehr(world: World, payers_server: Api) -> Ehr:
    rules = book(rule(True, code="70553", papers=("34552-0",)), rule(False, code="99213"),
                 rule(True, code="G0154", papers=("34552-0",)))  # fmt: skip
    house = payers_server.get("/Organization/insurer").get_json()
    house["identifier"].append({"system": "https://carecoord.example/id/payer", "value": "P1"})
    assert payers_server.put("/Organization/insurer", house).status_code == 200
    made = payers_server.put("/PlanDefinition/rules-1", rules)
    assert made.status_code == 201, made.get_data(as_text=True)
    return registered(world, payers_server.http, "ehr", "umo")


CARD = {"resourceType": "Coverage", "id": "card", "status": "active", "beneficiary": {"reference": "Patient/p"},
        "payor": [{"reference": "Organization/payer"}]}  # fmt: skip
PERSON = {"resourceType": "Patient", "id": "p"}
PAYER = {"resourceType": "Organization", "id": "payer", "identifier": [{"system": NPI, "value": "1234567893"}]}


def order(code: str, id: str = "o") -> Json:
    return {"resourceType": "ServiceRequest", "id": id, "status": "draft", "intent": "order",
            "subject": {"reference": "Patient/p"}, "code": {"coding": [{"system": HCPCS, "code": code}]}}  # fmt: skip


def bundle(*resources: Json) -> Json:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def body(hook: str, *orders: Json, **more: Any) -> Json:
    context: Json = {"userId": "Practitioner/x", "patientId": "p"}
    prefetch: Json = {"patient": PERSON, "coverage": bundle(CARD, PAYER)}
    if hook == "order-sign":
        context["draftOrders"] = bundle(*orders)
    elif hook == "appointment-book":
        context["appointments"] = bundle(*orders)
    else:
        context |= {"dispatchedOrders": [f"ServiceRequest/{each['id']}" for each in orders],
                    "performer": "Organization/x"}  # fmt: skip
        prefetch["orders"] = bundle(*orders)
    return {"hook": hook, "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "context": context,
            "prefetch": prefetch} | more  # fmt: skip


def booked(code: str) -> Json:
    return {"resourceType": "Appointment", "id": "o", "status": "proposed",
            "serviceType": [{"coding": [{"system": HCPCS, "code": code}]}], "participant": []}  # fmt: skip


def said(answer: TestResponse) -> list[Json]:
    """The coverage-information of each order, by the names of its parts; each must keep the nine invariants."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found = []
    for action in answer.get_json()["systemActions"]:
        assert action["type"] == "update"
        (told,) = [each for each in action["resource"]["extension"] if each["url"] == INFO]
        parts: Json = {}
        for each in told["extension"]:
            value = next((v for k, v in each.items() if k.startswith("value")), each.get("extension"))
            parts.setdefault(each["url"], []).append(value)
        keeps_its_invariants(parts)
        found.append(parts)
    return found


def keeps_its_invariants(parts: Json) -> None:
    one = {name: values[0] for name, values in parts.items()}
    every = {value for name in ("covered", "pa-needed", "doc-needed") for value in parts.get(name, [])}
    reasons = parts.get("reason", [])
    assert {"coverage", "covered", "date", "coverage-assertion-id"} <= parts.keys()
    assert "questionnaire" not in parts or "doc-needed" in parts  # q1
    assert one["covered"] != "not-covered" or "pa-needed" not in parts  # q2
    assert "conditional" not in every or "info-needed" in parts  # q3
    assert (one.get("pa-needed") == "satisfied") == ("satisfied-pa-id" in parts)
    assert one.get("pa-needed") not in ("satisfied", "no-auth") or "withpa" not in parts.get("doc-purpose", [])  # q4
    assert "OTH" not in parts.get("info-needed", []) or reasons
    assert "doc-purpose" not in parts or reasons  # q8
    assert "indeterminate" not in every or reasons
    assert all(each.get("coding") or each.get("text") for each in reasons)  # q9


def test_discovery_lists_the_three_hooks_with_prefetch_options_and_versions(ehr: Ehr) -> None:
    told = ehr.http.get("/cds-services").get_json()["services"]
    assert [each["hook"] for each in told] == list(HOOKS)
    for each in told:
        assert {"id", "hook", "title", "description", "prefetch"} <= each.keys()
        options = each["extension"]["davinci-crd.configuration-options"]
        assert len({one["code"] for one in options}) == len(options) == 3
        assert {one["type"] for one in options} == {"boolean"}
        assert all({"code", "type", "name", "description", "default"} <= one.keys() for one in options)
        assert each["extension"]["davinci-crd.version"] == ["2.0", "2.2"]


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_answers_with_coverage_information_by_the_payers_rule_hook_16(ehr: Ehr, hook: str) -> None:
    make = booked if hook == "appointment-book" else order
    for code, needed in (("70553", "auth-needed"), ("99213", "no-auth"), ("11111", "indeterminate")):
        (parts,) = said(ehr.call(hook, body(hook, make(code))))
        assert parts["pa-needed"] == [needed]
        assert parts["coverage"] == [{"reference": "Coverage/card"}]


def test_cards_are_short_and_name_their_source(ehr: Ehr) -> None:
    (card,) = ehr.call("order-sign", body("order-sign", order("70553"))).get_json()["cards"]
    assert 0 < len(card["summary"]) < 140
    assert "Authorization needed" in card["summary"]
    assert card["indicator"] in ("info", "warning", "critical")
    assert card["source"]["label"] == "Maryland Capital"
    assert {"code", "system"} <= card["source"]["topic"].keys()


def test_options_are_heeded_and_what_is_unknown_is_ignored(ehr: Ehr) -> None:
    options = {"davinci-crd.configuration": {"instructions": False, "unheard-of": 3}}
    told = ehr.call("order-sign", body("order-sign", order("70553"), extension=options)).get_json()
    assert (told["cards"], len(told["systemActions"])) == ([], 1)
    options = {"davinci-crd.configuration": {"coverage-info": False}}
    told = ehr.call("order-sign", body("order-sign", order("70553"), extension=options)).get_json()
    assert (len(told["cards"]), told["systemActions"]) == (1, [])


def test_the_same_order_under_the_same_card_has_the_same_assertion_and_under_another_another(ehr: Ehr) -> None:
    first = body("order-sign", order("70553"))
    other = json.loads(json.dumps(first).replace('"card"', '"card-2"'))
    ids = [said(ehr.call("order-sign", each))[0]["coverage-assertion-id"] for each in (first, first, other)]
    assert ids[0] == ids[1] != ids[2]


def test_the_dispatch_context_of_the_older_version_is_read_too(ehr: Ehr) -> None:
    older = body("order-dispatch", order("70553"))
    older["context"] = {"patientId": "p", "order": "ServiceRequest/o", "performer": "Organization/x"}
    assert said(ehr.call("order-dispatch", older))[0]["pa-needed"] == ["auth-needed"]


def _without(name: str) -> Json:
    found = body("order-sign", order("70553"))
    del found[name]
    return found


REFUSED: dict[str, tuple[Any, int]] = {
    "no JSON": ("{", 400),
    "no context": (_without("context"), 400),
    "no hookInstance": (_without("hookInstance"), 400),
    "another hook": (body("order-sign", order("1")) | {"hook": "patient-view"}, 400),
    "no order": (body("order-sign"), 400),
    "no prefetch hook-13": (_without("prefetch"), 412),
    "no coverage": (body("order-sign", order("1"), prefetch={"coverage": bundle(PAYER)}), 400),
    "several coverages": (body("order-sign", order("1"), prefetch={"c": bundle(CARD, CARD | {"id": "b"}, PAYER)}), 400),
    "a payer that is none of ours": (
        body("order-sign", order("1"), prefetch={"c": bundle(CARD, PAYER | {"identifier": []})}), 400),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_answered_is_refused_with_an_outcome(ehr: Ehr, name: str) -> None:
    sent, status = REFUSED[name]
    answer = ehr.call("order-sign", sent)
    assert (answer.status_code, answer.get_json()["resourceType"]) == (status, "OperationOutcome")


def test_a_call_is_signed_by_a_client_for_this_very_service_once(ehr: Ehr) -> None:
    good = body("order-sign", order("70553"))
    assert ehr.http.post("/cds-services/order-sign", json=good).status_code == 401
    for claims in ({"iss": "stranger"}, {"aud": f"{BASE}/order-dispatch"}, {"exp": 1}, {"jti": None}):
        assert ehr.call("order-sign", good, ehr.signed("order-sign", **claims)).status_code == 401, claims
    other = Ehr(ehr.world, ehr.http, ECKey.generate_key("P-384", {"kid": ehr.key.as_dict()["kid"]}))
    assert ehr.call("order-sign", good, other.signed("order-sign")).status_code == 401
    once = ehr.signed("order-sign")
    assert ehr.call("order-sign", good, once).status_code == 200
    assert ehr.call("order-sign", good, once).status_code == 401


def test_every_answer_is_written_down_with_its_call(ehr: Ehr, rows: Callable[[], dict[str, int]]) -> None:
    before = rows()["pas_exchange"]
    ehr.call("order-sign", body("order-sign", order("70553")))
    assert rows()["pas_exchange"] == before + 1


def test_a_call_of_somebody_unknown_waits_for_nobody_who_writes(ehr: Ehr, world: World) -> None:
    """Anybody may call: whoever did so often enough would else keep the offices from writing."""
    nobody = ehr.signed("order-sign", iss="nobody")
    with writing(world.engine):
        assert ehr.call("order-sign", body("order-sign", order("70553")), nobody).status_code == 401


@pytest.mark.parametrize(
    ("wish", "needed"),
    [
        ({"occurrenceDateTime": "2026-12-31"}, "no-auth"),
        ({"occurrenceDateTime": "2027-01-01"}, "auth-needed"),
        ({"occurrencePeriod": {"start": "2026-12-15", "end": "2026-12-31"}}, "no-auth"),
        ({"occurrencePeriod": {"start": "2026-12-15", "end": "2027-03-15"}}, "auth-needed"),
        ({"occurrencePeriod": {"start": "2027-12-15", "end": "2028-01-15"}}, "auth-needed"),  # then nobody knows
        ({"occurrenceDateTime": "2028-01-15"}, "indeterminate"),
    ],
)
def test_an_order_is_judged_by_the_rules_of_its_own_days(
    ehr: Ehr, payers_server: Api, wish: Json, needed: str
) -> None:
    for id, needs, period in (
        ("rules-now", False, {"end": "2026-12-31"}), ("rules-then", True, {"start": "2027-01-01", "end": "2027-12-31"}),
    ):  # fmt: skip
        made = book(rule(needs, code="99214")) | {"id": id, "effectivePeriod": period}
        assert payers_server.put(f"/PlanDefinition/{id}", made).status_code == 201
    (parts,) = said(ehr.call("order-sign", body("order-sign", order("99214") | wish)))
    assert parts["pa-needed"] == [needed]
