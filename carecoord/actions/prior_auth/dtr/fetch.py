"""A payer's forms fetched for a request, by the worker: kept here as Questionnaires, each with a Task of the office to
fill it in. An adaptive form is refused, and said to be."""

from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import changing
from carecoord.actions.prior_auth import requests
from carecoord.actions.prior_auth.pas_client import answers, payers
from carecoord.domain.access import verbs
from carecoord.domain.prior_auth.dtr import package, wanted
from carecoord.domain.prior_auth.pas import packet
from carecoord.domain.questionnaires.form import canonical
from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.errors import Conflict, Forbidden, Unavailable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.fhir.validation import validate
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import payer_endpoints
from carecoord.store.resources import read
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters.errors import EhrError

JOB: Final = "payer-forms"  # in the outbox; its key: the id of the Claim
PACKAGE: Final = "Questionnaire/$questionnaire-package"
_SPACE: Final = UUID("c5a1fa0e-8d7d-5d6b-8f0a-51d6f3f5b1ad")
_KEPT: Final = ("Questionnaire", "ValueSet")


def ask(world: World, grant: Grant, request: str, claim: str) -> None:
    """Have the payer's forms for a request (the id of its first Claim) fetched. Raises NotFound, Forbidden, Conflict
    where the payer gives none."""
    with changing(world, grant, request) as turn, noted(turn, "questionnaire-package", "Claim", claim):
        if not verbs.may(turn.grant.roles, "put-in"):
            raise Forbidden(sentence("refusals.this-not-yours-do-on"), "http.act")
        found = requests.opened(turn, claim)
        if found.standing is None or found.order is None:
            raise Conflict(sentence("refusals.payer-gives-no-forms"), "http.act")
        outbox.add(turn.conn, JOB, str(found.claim["id"]), b"", turn.now)


def fetch(world: World, id: str) -> None:
    """Fetch the forms for the request of a Claim (its id). Raises Unavailable where the payer gives no answer."""
    with reading(world.engine) as conn:
        claim = answers.stored(conn, f"Claim/{id}")
        payer = target(item(claim, "insurer")).removeprefix("Organization/")
        standing = payer_endpoints.one(conn, payer)
        order = _order(conn, claim)
        card = _resource(conn, next(iter(_cards(claim)), ""))
        house = _resource(conn, f"Organization/{payer}")
    if standing is None or not order or not card or text(claim, "status") not in ("draft", "active"):
        return
    if not (packet.is_disclosed(claim, order) and packet.is_disclosed(claim, card)):
        return
    payers.demand_awake(world, standing)
    try:
        with payers.calling(world, standing) as http:
            asked = json.dumps(package.request(card, house, order))
            answer = http.send("POST", f"{http.ehr.base_url}/{PACKAGE}", asked, {}, again=True)
    except EhrError as error:
        code = payers.trouble(error)
        if code in ("refused", "not-there"):
            return  # it answers, and has no forms
        with writing(world.engine) as conn:
            payer_endpoints.failed(conn, payer, code, error.text, micros(world.clock()))
        raise Unavailable(error.text) from error
    forms, sets, refused = package.taken(json.loads(answer.body))
    with writing(world.engine) as conn:
        _keep(world, conn, claim, key(order), payer, (forms, sets, refused))


def _keep(
    world: World, conn: Connection, claim: Json, order: str, payer: str, found: tuple[list[Json], list[Json], list[str]]
) -> None:
    forms, sets, refused = found
    now, base = world.clock(), str(claim["id"])
    made = [_ours(payer, each) for each in (*forms, *sets) if each.get("resourceType") in _KEPT]
    tasks = [wanted.task(_id(base, canonical(each)), claim, order, each, now) for each in forms]
    tasks += [wanted.refused(_id(base, each), claim, order, each, now) for each in refused]
    new = [each for each in tasks if not _resource(conn, key(each))]
    changes = [Change(str(each["resourceType"]), str(each["id"]), each, flags=tuple(validate.issues(each)))
               for each in (*made, *new)]  # fmt: skip
    put_all(conn, changes, now=now, actor=Actor(f"payer:{payer}", None, payer, answers.ACTOR), base=world.base,
            project=world.project)  # fmt: skip
    payer_endpoints.answered(conn, payer)


def _ours(payer: str, resource: Json) -> Json:
    """A payer's form as it is kept here: under an id of its own, and marked as fetched from that payer, so that it
    never takes the place of one of ours or of another payer's."""
    named = canonical(resource) if resource["resourceType"] == "Questionnaire" else text(resource, "url")
    bare = {name: value for name, value in resource.items() if name not in ("meta", "text")}
    return wanted.fetched(bare, payer) | {"id": _id(payer, named)}


def _id(*parts: str) -> str:
    return str(uuid5(_SPACE, "|".join(parts)))


def _cards(claim: Json) -> list[str]:
    return [target(item(each, "coverage")) for each in items(claim, "insurance")]


def _order(conn: Connection, claim: Json) -> Json:
    named = [target(item(each, "valueReference")) for line in items(claim, "item") for each in items(line, "extension")]
    return _resource(conn, next((each for each in named if each.startswith("ServiceRequest/")), ""))


def _resource(conn: Connection, name: str) -> Json:
    kind, _, id = name.partition("/")
    row = read.get(conn, kind, id) if id else None
    return json.loads(row.body) if row and not row.deleted else {}
