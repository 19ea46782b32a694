"""What waits for a payer sent by PAS: by the worker, never in the transaction of an act. A try whose end nobody saw may
have reached the payer: then the payer is asked first, and only what it does not have is sent again, to the byte, under
the number of the same Bundle.

Clauses: Da Vinci PAS 2.2.1, specification.html (spec-7, spec-39: 4xx is the sender's fault, 5xx is tried again; a
payer's own refusal comes in the answer); OperationDefinitions Claim-submit, Claim-inquiry."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import Connection

from carecoord.actions.ehrs import attachments
from carecoord.actions.prior_auth.pas import packets
from carecoord.actions.prior_auth.pas_client import answers, due, payers
from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.prior_auth.pas import heard, metric, outgoing
from carecoord.domain.prior_auth.pas.guide import GUIDES
from carecoord.domain.prior_auth.pas.heard import Said
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.errors import Unavailable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.prior_auth import exchanges, payer_endpoints, sendings
from carecoord.store.prior_auth.exchanges import Exchange
from carecoord.store.prior_auth.payer_endpoints import Standing
from carecoord.store.prior_auth.sendings import OPEN, Sending
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, put_all
from carecoord.world import World
from fhir_adapters.errors import EhrError
from fhir_adapters.http import Http

SUBMIT: Final = "Claim/$submit"
INQUIRE: Final = "Claim/$inquire"
ATTACH: Final = "$submit-attachment"
_SPACE: Final = UUID("a3c7c5de-98a5-5b0e-8f52-2a3c5d3c9f0b")
_GIVE_UP: Final = ("refused", "not-there", "odd")  # sending the same once more would change nothing


@dataclass(frozen=True, slots=True)
class Answered:
    """What a payer answered to a Bundle of ours, by which operation, and when it was asked."""

    operation: str
    asked: datetime
    sent: Json
    document: Json


def send(world: World, id: str) -> None:
    """Send what a row says. Raises Unavailable where it has to be tried again."""
    with reading(world.engine) as conn:
        sending = sendings.one(conn, id)
        standing = payer_endpoints.one(conn, sending.payer) if sending else None
    if sending is None or sending.state not in OPEN:
        return
    if standing is None:
        _refused(world, sending, "no-endpoint", "")
        return
    payers.demand_awake(world, standing)
    try:
        with payers.calling(world, standing) as http:
            _sent(world, http, standing, sending)
    except EhrError as error:
        code = payers.trouble(error)
        if code in _GIVE_UP:
            _refused(world, sending, code, error.text)
            return
        with writing(world.engine) as conn:
            sendings.trouble(conn, id, code, error.text)
            payer_endpoints.failed(conn, sending.payer, code, error.text, micros(world.clock()))
        raise Unavailable(error.text) from error


def _sent(world: World, http: Http, standing: Standing, sending: Sending) -> None:
    if sending.state == "sending" and sending.operation != "attach" and _found(world, http, standing, sending):
        return
    if sending.operation == "submit" and sending.body and _withdrawn(world, sending):
        return
    body = sending.body or _made(world, sending)
    if body is None:
        return
    if sending.operation == "attach":
        with reading(world.engine) as conn:
            task = _resource(conn, "Task", sending.id.partition(":")[2])
        to = outgoing.payer_url(task) or f"{http.ehr.base_url}/{ATTACH}"
        http.send("POST", to, body, {}, again=False)
        _settled(world, standing, sending)
        return
    asked = world.clock()
    answer = http.send("POST", f"{http.ehr.base_url}/{SUBMIT}", body, {}, again=False)
    told = Answered("submit", asked, json.loads(body), json.loads(answer.body))
    _taken(world, standing, sending, told, heard.of_request(heard.bundles(told.document), told.sent, direct=True))


def _withdrawn(world: World, sending: Sending) -> bool:
    """Whether a request that the payer does not have was taken back here meanwhile: then neither is sent."""
    with writing(world.engine) as conn:
        claim = answers.stored(conn, sending.claim)
        if text(claim, "status") == "active":
            return False
        for each in (sending.id, sendings.name("cancel", sending.claim.partition("/")[2])):
            sendings.settle(conn, each, "dropped", micros(world.clock()))
    return True


def _made(world: World, sending: Sending) -> bytes | None:
    """What is sent, kept before it is: whatever happens then, the same bytes go again. None where there is nothing to
    send any more."""
    with writing(world.engine) as conn:
        alone(conn, f"pas sending {sending.id}")
        claim = answers.stored(conn, sending.claim)
        if sending.operation == "submit" and text(claim, "status") != "active":
            sendings.settle(conn, sending.id, "dropped", micros(world.clock()))
            return None
        made = _document(world, conn, sending, claim)
        number = text(item(made, "identifier"), "value") or sending.id
        body = json.dumps(made)
        sendings.begin(conn, sending.id, number, body, micros(world.clock()))
    return body


def _document(world: World, conn: Connection, sending: Sending, claim: Json) -> Json:
    version = text(item(claim, "meta"), "versionId")
    if sending.operation == "attach":
        task = _resource(conn, "Task", sending.id.partition(":")[2])
        return outgoing.attachments(task, _first(conn, sending.claim), _papers(conn, task, claim))
    if sending.operation == "cancel":
        update = outgoing.taken_back(str(uuid5(_SPACE, f"{key(claim)}|{version}")), claim, world.clock())
        return packets.gathered(world, conn, update, f"{claim['id']}-{version}-cancel")
    return packets.gathered(world, conn, claim, f"{claim['id']}-{version}")


def _papers(conn: Connection, task: Json, claim: Json) -> list[Json]:
    """The documents and forms by which a payer's wish was fulfilled, with their data: those of the patient alone whom
    the wish and its request are about."""
    patient = target(item(claim, "patient"))
    if target(item(task, "for")) != patient:
        return []
    named = [target(item(each, "valueReference")).partition("/") for each in items(task, "output")]
    found = [_resource(conn, kind, id) for kind, _, id in named]
    given = [{k: v for k, v in each.items() if k not in ("meta", "text")} for each in found
             if each.get("resourceType") in ("DocumentReference", "QuestionnaireResponse")
             and target(item(each, "subject")) == patient]  # fmt: skip
    words = [text(each, "valueString") for each in items(task, "output") if text(each, "valueString")]
    note = [outgoing.letter(each, item(task, "for")) for each in words]
    return [attachments.inlined(conn, each, ()) for each in (*given, *note)]


def _first(conn: Connection, claim: str) -> Json:
    """The Bundle by which a request went."""
    sent = sendings.submitted(conn, claim)
    return json.loads(sent.body) if sent and sent.body else {}


def _resource(conn: Connection, kind: str, id: str) -> Json:
    row = read.get(conn, kind, id)
    return json.loads(row.body) if row and not row.deleted else {}


def _found(world: World, http: Http, standing: Standing, sending: Sending) -> bool:
    """Whether the payer has what may have been sent already; then its answer is taken in. A payer that answers no
    inquiry knows a Bundle by its number."""
    if sending.body is None:
        return False
    sent = json.loads(sending.body)
    try:
        told = inquired(world, http, sent)
    except EhrError as error:
        if payers.trouble(error) in ("refused", "not-there"):
            return False
        raise
    said = heard.of_request(heard.bundles(told.document), sent)
    if not said:
        return False
    _taken(world, standing, sending, told, said)
    return True


def inquired(world: World, http: Http, sent: Json) -> Answered:
    """Ask how the request of a Bundle stands. Raises an EhrError."""
    asked = world.clock()
    question = outgoing.inquiry(sent, world.new_id(), asked)
    answer = http.send("POST", f"{http.ehr.base_url}/{INQUIRE}", json.dumps(question), {}, again=False)
    return Answered("inquire", asked, question, json.loads(answer.body))


def _taken(world: World, standing: Standing, sending: Sending, told: Answered, said: list[Said]) -> None:
    """Take an answer in, in one transaction with the row that says so. An answer that says nothing of the request is
    none: nobody knows then that the payer has it."""
    if not said:
        _refused(world, sending, "odd", "")
        return
    now = world.clock()
    with writing(world.engine) as conn:
        alone(conn, f"pas sending {sending.id}")
        claim = answers.locked(conn, sending.claim)
        if claim:
            answers.take(world, conn, claim, said, now)
        sendings.settle(conn, sending.id, "answered", micros(now))
        payer_endpoints.answered(conn, sending.payer)
        keep(conn, world, standing, told, said, sending.claim)


def _settled(world: World, standing: Standing, sending: Sending) -> None:
    with writing(world.engine) as conn:
        sendings.settle(conn, sending.id, "answered", micros(world.clock()))
        payer_endpoints.answered(conn, standing.endpoint.payer)
        due.ask(conn, sending.claim, world.clock(), answers.ALONE)


def keep(
    conn: Connection, world: World, standing: Standing, told: Answered, said: list[Said], claim: str
) -> None:
    """The row of an exchange in which we asked."""
    body, answer, ended = json.dumps(told.sent), json.dumps(told.document), world.clock()
    guide = GUIDES[standing.endpoint.version]
    parties = {key(found): found for each in items(told.sent, "entry") if (found := item(each, "resource"))}
    first = item(items(told.sent, "entry")[0], "resource")
    provider, payer = (parties.get(target(item(first, name)), {}) for name in ("provider", "insurer"))
    row = metric.measured(told.operation, guide, told.asked, ended, 200, provider, payer,
                          said[0].answer if said else {})  # fmt: skip
    exchanges.keep(conn, Exchange(
        world.new_id(), micros(told.asked), micros(ended) - micros(told.asked), False, told.operation, guide.version,
        standing.endpoint.payer, None, hashlib.sha256(body).digest(), 200, claim, {}, body, answer, row,
    ))  # fmt: skip


def _refused(world: World, sending: Sending, code: str, words: str) -> None:
    """It will not be taken as it is: people are told, and may send it again or by another way."""
    now = world.clock()
    with writing(world.engine) as conn:
        sendings.settle(conn, sending.id, "refused", micros(now), code, words)
        claim = answers.locked(conn, sending.claim)
        if sending.operation == "submit" and text(claim, "status") == "active":
            change = answers.change(channels.standing(claim, "refused"), claim)
            by = Actor(f"payer:{sending.payer}", None, sending.payer, answers.ACTOR)
            put_all(conn, [change], now=now, actor=by, base=world.base, project=world.project)
