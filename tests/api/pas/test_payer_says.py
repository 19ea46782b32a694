"""What a payer says is taken for what it is: of its own request, its own patient, and never as the act of somebody
here; on both databases."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from carecoord.actions.prior_auth.pas import packets
from carecoord.actions.prior_auth.pas_client import inquire, payers
from carecoord.domain.access.roles import DISCLOSED
from carecoord.domain.prior_auth.clinic import channels
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import payer_endpoints, sendings
from carecoord.store.prior_auth.payer_endpoints import Endpoint
from tests.api.pas.test_two_servers import CODES, answers, ask_for, both, decide, event, notice, state
from tests.api.pas.two_servers import MARIA, Pair, request

__all__ = ["both"]
Json = dict[str, Any]


def sent(both: Pair, *ids: str) -> None:
    """Requests of a patient each that the payer has."""
    for each in ids:
        both.clinic.put(*request(each))
        both.send(each)
    both.work()


def told(both: Pair, claim: str, along: tuple[Json, ...] = (), **changed: Any) -> None:
    """A notice that a request is approved, with resources beside the answer; changed: elements of the answer."""
    with writing(both.clinic.world.engine) as conn:
        payer_endpoints.subscribed(conn, "insurer", secret=hashlib.sha256(b"known").digest(), state="active")
    found = event(both, claim)
    entries = found["entry"][1]["resource"]["entry"]
    entries[0]["resource"] |= changed
    entries += [{"fullUrl": f"http://payer.example/{each['resourceType']}/{each['id']}", "resource": each}
                for each in along]  # fmt: skip
    assert notice(both, json.dumps(found).encode(), "known") == 200


def test_a_payers_own_word_that_its_wish_is_fulfilled_sends_it_nothing(both: Pair) -> None:
    sent(both, "r1", "r2")
    base = both.clinic.world.settings.fhir_url
    wish = {
        "resourceType": "Task", "id": "w", "status": "completed", "intent": "order",
        "code": {"coding": [{"system": CODES, "code": "attachment-request-code"}]},
        "reasonReference": {"reference": f"{base}/Claim/r1"}, "focus": {"reference": f"{base}/Claim/r2"},
        "output": [{"type": {"text": "paper"}, "valueReference": {"reference": f"{base}/DocumentReference/note-r2"}}],
    }  # fmt: skip
    told(both, "r1", (wish, wish | {"id": "v", "status": "in-progress"}))
    both.work()
    kept = sorted((each for each in both.clinic.held("Task") if "reasonReference" in each), key=lambda t: t["status"])
    assert [(each["status"], "output" in each, "focus" in each) for each in kept] == [
        ("completed", False, False), ("requested", False, False)]  # fmt: skip
    assert both.payer.held("DocumentReference") == []
    with reading(both.clinic.world.engine) as conn:
        assert {each.operation for each in sendings.of_claims(conn, ["Claim/r1", "Claim/r2"])} == {"submit"}


def test_of_the_papers_of_a_wish_only_those_of_its_patient_leave(both: Pair) -> None:
    sent(both, "r1", "r2")
    (there,) = [each for each in both.payer.held("Claim") if each["identifier"][0]["value"] == "Q-r1"]
    ask_for(both, there)
    both.work()
    (wish,) = [each for each in both.clinic.held("Task") if "reasonReference" in each]
    papers = [{"type": {"text": "paper"}, "valueReference": {"reference": f"DocumentReference/note-{each}"}}
              for each in ("r2", "r1")]  # fmt: skip
    both.clinic.put(wish | {"status": "completed", "output": papers})
    both.work()
    assert len(both.payer.held("DocumentReference")) == 1
    (task,) = [each for each in both.payer.held("Task") if "reasonReference" in each]
    assert task["status"] == "completed"


def test_a_request_takes_nothing_of_another_patient_along_that_it_names(both: Pair) -> None:
    """Whoever may write a request would open any record to the payer by naming it there."""
    both.clinic.put(*request("r2"))
    *along, claim = request("r1")
    strange = ["Patient/p-r2", "Coverage/card-r2", "DocumentReference/note-r2", "Task/task-r2"]
    system = "http://terminology.hl7.org/CodeSystem/claiminformationcategory"
    category = {"coding": [{"system": system, "code": "info"}]}
    claim["supportingInfo"] = [
        {"sequence": n, "category": category, "valueReference": {"reference": each}}
        for n, each in enumerate([*strange, "DocumentReference/note-r1"], 1)
    ]
    both.clinic.put(*along, claim)
    with reading(both.clinic.world.engine) as conn:
        bundle = packets.request_bundle(both.clinic.world, conn, "r1")
    base = both.clinic.world.settings.fhir_url
    assert sorted(each["fullUrl"].removeprefix(f"{base}/") for each in bundle["entry"]) == [
        "Claim/r1", "Coverage/card-r1", "DocumentReference/note-r1", "Organization/insurer", "Organization/office",
        "Organization/surgeon", "Patient/p-r1", "ServiceRequest/order-r1",
    ]  # fmt: skip
    assert "r2" not in json.dumps(bundle, default=str)


def test_a_file_that_a_payer_names_is_none_of_ours(both: Pair) -> None:
    sent(both, "r1")
    letter = "https://payer.example/letter"
    told(both, "r1", extension=[{"url": letter, "valueAttachment": {"url": "Binary/letter"}}])
    (named,) = [one for each in answers(both, "r1") for one in each.get("extension", []) if one["url"] == letter]
    assert named["valueAttachment"] == {"url": "urn:not-sent:Binary/letter"}


def test_a_number_that_two_requests_share_gives_none_of_them_the_answer_to_the_other(both: Pair) -> None:
    first, second = request("r1"), request("r2")
    number = [{"system": "https://carecoord.example/id/authorization", "value": "Q-1"}]
    for each in (first[-1], second[-1]):
        each["identifier"] = number
    both.clinic.put(*first, *second)
    both.send("r1")
    both.send("r2")
    both.work()
    base = both.clinic.world.settings.fhir_url
    elsewhere = {"reference": "http://payer.example/Claim/9"}
    told(both, "r2", request=elsewhere, identifier=number)
    told(both, "r2", patient={"reference": f"{base}/Patient/p-r1"})
    other: Json = {"resourceType": "Patient", "id": "1", "identifier": [{"system": "https://x.example", "value": "1"}]}
    told(both, "r2", (other,), patient={"reference": "http://payer.example/Patient/1"})
    assert (state(both, "r1").state, state(both, "r2").state) == ("pended", "pended")
    own = [{"system": "urn:carecoord:pas", "value": "r2"}]
    told(both, "r2", request=elsewhere, identifier=own)
    assert (state(both, "r1").state, state(both, "r2").state) == ("pended", "approved")
    told(both, "r1", identifier=own, disposition="by its reference")
    assert (state(both, "r1").state, len(answers(both, "r2"))) == ("approved", 2)


def test_a_refused_request_stays_refused_until_the_payer_has_it(both: Pair) -> None:
    sent(both, "r1")
    with writing(both.clinic.world.engine) as conn:
        sendings.settle(conn, "submit:r1", "refused", 1, "odd", "")
    held = both.clinic.get("Claim/r1")
    both.clinic.put(channels.standing(held, "refused"))
    inquire.inquire(both.clinic.world, "r1")
    assert channels.delivery(both.clinic.get("Claim/r1")) == "refused"
    assert both.sending("r1").asked is None


def test_silence_is_no_delivery(both: Pair) -> None:
    """A server that answers 200, and says nothing of the request."""
    both.clinic.put(*request("r1"))
    both.work()
    both.send("r1")
    with silent() as url:
        payers.remove(both.clinic.world, "insurer")
        payers.add(both.clinic.world, Endpoint("insurer", url, "office"))
        both.hasten()
        both.clinic.work()
    assert (both.sending("r1").state, both.sending("r1").trouble) == ("refused", "odd")
    assert channels.delivery(both.clinic.get("Claim/r1")) == "refused"
    assert (state(both, "r1").office_clock, answers(both, "r1")) == ("send", [])


@contextmanager
def silent() -> Iterator[str]:
    class Silent(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = b'{"resourceType": "Bundle", "type": "collection"}'
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/fhir"
        server.shutdown()


def test_an_approval_that_the_payer_takes_back_holds_no_longer(both: Pair) -> None:
    sent(both, "r1")
    told(both, "r1")
    assert state(both, "r1").state == "approved"
    told(both, "r1", status="entered-in-error")
    assert state(both, "r1").state == "pended"
    told(both, "r1")  # an older notice comes late
    assert (state(both, "r1").state, len(answers(both, "r1"))) == ("pended", 2)
    told(both, "r1", created="2030-01-02T10:00:00Z")
    assert state(both, "r1").state == "approved"
    told(both, "r1", status="cancelled", created="2030-01-03T10:00:00Z", item=[], disposition="Withdrawn.")
    assert state(both, "r1").state == "pended"


def test_the_same_approval_after_a_denial_is_an_approval(both: Pair) -> None:
    sent(both, "r1")
    told(both, "r1")
    denial = event(both, "r1")["entry"][1]["resource"]["entry"][0]["resource"]["item"]
    denial[0]["adjudication"][0]["extension"][0]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] = "A3"
    told(both, "r1", created="2030-01-02T10:00:00Z", item=denial)
    assert state(both, "r1").state == "denied"
    told(both, "r1")  # an older notice comes late
    assert state(both, "r1").state == "denied"
    told(both, "r1", created="2030-01-03T10:00:00Z")
    assert (state(both, "r1").state, len(answers(both, "r1"))) == ("approved", 4)


def test_a_server_tells_its_clinics_of_an_answer_that_is_void_now(both: Pair) -> None:
    sent(both, "r1")
    (there,) = both.payer.held("Claim")
    made = decide(both, there, "A1", "AUTH-5")
    both.work()
    assert state(both, "r1").state == "approved"
    both.payer.put(made | {"status": "entered-in-error"})
    both.work()
    assert state(both, "r1").state == "pended"


def test_only_an_act_says_to_whom_a_form_went_and_by_which_way_a_request_goes(both: Pair) -> None:
    tag = {"system": DISCLOSED, "code": "insurer"}
    both.clinic.put(*request("r1"))
    form = {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": {"reference": "Patient/p-r1"},
            "questionnaire": "https://x.example/q", "meta": {"tag": [tag]}}  # fmt: skip
    made = both.clinic.call("POST", "QuestionnaireResponse", form, MARIA)
    assert made.status_code == 201, made.text
    assert "tag" not in made.json()["meta"]
    name = f"QuestionnaireResponse/{made.json()['id']}"
    whole = both.clinic.call("PUT", name, made.json() | {"meta": {"tag": [tag]}})
    assert whole.json()["meta"]["tag"] == [tag], "who keeps whole records brings it"
    bare = {each: value for each, value in form.items() if each != "meta"} | {"id": made.json()["id"], "language": "en"}
    changed = both.clinic.call("PUT", name, bare, MARIA)
    assert changed.status_code == 200, changed.text
    assert changed.json()["meta"]["tag"] == [tag], "it stays where it stands"
    draft = both.clinic.get("Claim/r1")
    both.clinic.call("PUT", "Claim/r1", channels.by(draft, "pas") | {"status": "active"}, MARIA)
    both.work()
    assert channels.channel(both.clinic.get("Claim/r1")) == ""
    assert both.payer.held("Claim") == []


def test_a_partners_marks_on_its_request_send_it_nowhere(both: Pair) -> None:
    sent(both, "r1")
    body = json.loads(both.sending("r1").body or b"")
    body["identifier"]["value"] = "another"
    body["entry"][0]["resource"] = channels.by(body["entry"][0]["resource"], "pas")
    body["entry"][0]["fullUrl"] += "-b"
    answer = both.payer.call("POST", "Claim/$submit", body, MARIA)
    assert answer.status_code == 200, answer.text
    assert [channels.channel(each) for each in both.payer.held("Claim")] == ["", ""]
