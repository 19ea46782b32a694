"""An answer that stands here, as its partner reads it: in the names of the Bundle by which the request came, with what
the payer asks for besides."""

from sqlalchemy import Connection

from carecoord.domain.prior_auth.pas import answer as wire
from carecoord.domain.prior_auth.pas import request as request_bundle
from carecoord.domain.prior_auth.pas.guide import GUIDES
from carecoord.domain.resource.codes import FORM_WANTED, PAPER_WANTED, has
from carecoord.domain.resource.elements import Json, item, target, text
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.store.prior_auth import exchanges
from carecoord.store.resources import read
from carecoord.world import World

_MAIN = GUIDES["2.2.1"]


def answer_bundle(world: World, conn: Connection, response: str, version: int) -> Json:
    """The Bundle of a version of a ClaimResponse (its id), as its partner would have got it at once."""
    row = read.version(conn, "ClaimResponse", response, version)
    if row is None:
        raise LookupError(f"ClaimResponse/{response} has no version {version}")
    answer = json.loads(row.body)
    request = target(item(answer, "request"))
    claims = read.many(conn, [("Claim", request.partition("/")[2])])
    claim = json.loads(claims[0].body) if claims else {}
    first = exchanges.of_claim(conn, request)
    names = first.names if first else {}
    base = world.base.url
    told = wire.told(answer, claim, names, base, GUIDES.get(first.version, _MAIN) if first else _MAIN)
    url = f"{base}/ClaimResponse/{response}"
    more = [wire.wish(each, names, base) for each in _wishes(conn, request)]
    if first:
        whole = wire.bundle(url, told, request_bundle.read(json.loads(first.sent), "Claim/$submit"), world.clock())
        return whole | {"entry": [*whole["entry"], *more]}
    houses = read.many(conn, [("Organization", to.partition("/")[2]) for to in _parties(answer, claim)])
    parties = [{"fullUrl": f"{base}/Organization/{each.id}", "resource": json.loads(each.body)} for each in houses]
    return wire.collected({}, world.clock(), [{"fullUrl": url, "resource": told}, *parties, *more])


def _parties(answer: Json, claim: Json) -> set[str]:
    named = {target(item(answer, "insurer")), target(item(claim, "provider"))}
    return {each for each in named if each.startswith("Organization/")}


def _wishes(conn: Connection, request: str) -> list[Json]:
    """What the payer still waits for with a request."""
    kind, _, id = request.partition("/")
    key = params.key("Task", "patient")
    claim = read.get(conn, kind, id) if kind == "Claim" else None
    if claim is None or not claim.patient:
        return []
    tasks = [json.loads(row.body) for row in read.referring(conn, key, "Patient", claim.patient)]
    return [each for each in tasks if text(each, "status") == "requested"
            and target(item(each, "reasonReference")) == request
            and (has(item(each, "code"), *PAPER_WANTED) or has(item(each, "code"), *FORM_WANTED))]  # fmt: skip
