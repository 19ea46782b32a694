"""The FHIR API: the whole surface is the table ROUTES.

Clause: FHIR R4 http.html. Every route but `metadata` needs a bearer token. Stored bytes go out as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from importlib.metadata import version
from typing import Any

from flask import Blueprint, Response, request
from flask.globals import request_ctx

from carecoord.actions.access.turn import Asker
from carecoord.actions.agreements import offers as network_offers
from carecoord.actions.agreements import participation as network
from carecoord.actions.agreements import rate_pages
from carecoord.actions.care_plans import operation as care_plan
from carecoord.actions.clearance import asked, operation
from carecoord.actions.fhir import bundle as fhir_bundle
from carecoord.actions.fhir import everything as record
from carecoord.actions.fhir import interactions as api
from carecoord.actions.fhir import system_search as several
from carecoord.actions.fhir import validate as validating
from carecoord.actions.fhir.bundle_entries import conditions
from carecoord.actions.measures import operation as measured
from carecoord.actions.prior_auth import eligibility
from carecoord.actions.terms import expand as terms
from carecoord.domain.claims import authorization_benefit
from carecoord.domain.measures import reports
from carecoord.domain.measures.definitions import Name
from carecoord.domain.referrals.case import case_id
from carecoord.errors import Invalid
from carecoord.fhir import operations, text
from carecoord.fhir.capability import Abilities, statement
from carecoord.fhir.etag import expected
from carecoord.fhir.operations import OPERATIONS
from carecoord.fhir.patch.json_patch import JSON_PATCH
from carecoord.web.fhir import pas, raw_binary, responses
from carecoord.web.fhir.call import Call, call_of
from carecoord.web.fhir.responses import Answer
from carecoord.web.server.negotiation import JSON, wish
from carecoord.world import World

CHANGED = "2026-11-29"  # when the abilities below last changed
ABILITIES = Abilities(
    interactions=(
        "read",
        "vread",
        "update",
        "patch",
        "delete",
        "history-instance",
        "history-type",
        "create",
        "search-type",
    ),
    system=("transaction", "batch", "search-system", "history-system"),
    conditional_create=True,
    conditional_read="full-support",
    conditional_update=True,
    conditional_delete="single",
    patch_formats=(JSON_PATCH, JSON),
    operations=OPERATIONS,
    profiles={"ExplanationOfBenefit": (authorization_benefit.PROFILE,)},
)

Reply = Answer | Response


def _sent(call: Call, type: str, id: str | None = None) -> dict[str, Any]:
    """The resource of a write: of a file that is sent as itself, its Binary."""
    kind = call.header("Content-Type")
    if type != raw_binary.TYPE or not raw_binary.is_raw(kind):
        return call.resource()
    return raw_binary.resource(str(kind), call.body(), call.header(raw_binary.CONTEXT), id)


def read(call: Call, type: str, id: str) -> Reply:
    row = call.read(type, id)
    if call.wish.raw:
        return raw_binary.answer(row)
    return responses.resource(row, call.wish, call.environ, call.args)


def vread(call: Call, type: str, id: str, number: str) -> Reply:
    row = api.vread(call.world, call.asker, type, id, number, request=call.id)
    if call.wish.raw:
        return raw_binary.answer(row)
    return responses.resource(row, call.wish, call.environ, None)


def history(call: Call, type: str, id: str) -> Reply:
    return responses.answer(api.history(call.world, call.asker, type, id, call.pairs(), request=call.id), call.wish)


def changes(call: Call, type: str | None = None) -> Reply:
    return responses.answer(api.changes(call.world, call.asker, type, call.pairs(), request=call.id), call.wish)


def search(call: Call, type: str) -> Reply:
    found = api.search(call.world, call.asker, type, call.pairs(), call.wish.strict, request=call.id)
    return responses.answer(found, call.wish)


def post_search(call: Call, type: str) -> Reply:
    grant = call.grant()
    pairs = [*call.pairs(), *call.form()]
    found = api.search(call.world, grant, type, pairs, call.wish.strict, request=call.id)
    return responses.answer(found, call.wish)


def compartment(call: Call, owner: str, id: str, type: str) -> Reply:
    inside = (owner, id)
    found = api.search(
        call.world, call.asker, type, call.pairs(), call.wish.strict, within=inside, request=call.id
    )
    return responses.answer(found, call.wish)


def create(call: Call, type: str) -> Reply:
    unless = _unless(call)
    made = api.create(call.world, call.grant(), type, _sent(call, type), unless=unless, request=call.id)
    return responses.written(made, call.wish, call.base)


def _unless(call: Call) -> Sequence[tuple[str, str]] | None:
    """The condition of a create: If-None-Exist, or the query, where some clients put it. Raises Invalid for both."""
    header = conditions(call.header("If-None-Exist"))
    asked = [pair for pair in call.pairs() if pair[0] not in ("_format", "_pretty")]
    if asked and header is not None:
        raise Invalid("Give the condition of a create in If-None-Exist alone, not in the query as well.", "http.url")
    return asked or header


def update(call: Call, type: str, id: str) -> Reply:
    made = api.update(
        call.world,
        call.grant(),
        type,
        id,
        _sent(call, type, id),
        expected=expected(call.header("If-Match")),
        only_new=call.header("If-None-Match") == "*",
        request=call.id,
    )
    return responses.written(made, call.wish, call.base)


def update_match(call: Call, type: str) -> Reply:
    made = api.update_match(
        call.world,
        call.grant(),
        type,
        call.pairs(),
        call.resource(),
        expected=expected(call.header("If-Match")),
        request=call.id,
    )
    return responses.written(made, call.wish, call.base)


def patch(call: Call, type: str, id: str) -> Reply:
    version, grant = expected(call.header("If-Match")), call.grant()
    made = api.patch(call.world, grant, type, id, call.patch(), expected=version, request=call.id)
    return responses.written(made, call.wish, call.base)


def patch_match(call: Call, type: str) -> Reply:
    version, grant = expected(call.header("If-Match")), call.grant()
    made = api.patch_match(call.world, grant, type, call.pairs(), call.patch(), expected=version, request=call.id)
    return responses.written(made, call.wish, call.base)


def delete(call: Call, type: str, id: str) -> Reply:
    version = expected(call.header("If-Match"))
    gone = api.delete(call.world, call.grant(), type, id, expected=version, request=call.id)
    return responses.deleted(gone, call.wish)


def delete_match(call: Call, type: str) -> Reply:
    version = expected(call.header("If-Match"))
    gone = api.delete_match(call.world, call.grant(), type, call.pairs(), expected=version, request=call.id)
    return responses.deleted(gone, call.wish)


def bundle(call: Call) -> Reply:
    full = call.wish.returning == "representation"
    return responses.answer(
        fhir_bundle.process(call.world, call.grant(), call.resource(), full=full, request=call.id), call.wish
    )


def clearance_of_device(call: Call, id: str) -> Reply:
    return clearance(call, case_id({"resourceType": "DeviceRequest", "id": id}))


def clearance(call: Call, id: str) -> Reply:
    asker, pairs = call.asked()
    given = operations.arguments(pairs, ("date", "asOf", "as-of"))
    at = asked.one_spelling(given)
    found = operation.clearance(call.world, asker, id, given.get("date"), at, request=call.id)
    return responses.answer(text.dumps(found), call.wish)


def participation(call: Call) -> Reply:
    asker, pairs = call.asked()
    given = operations.arguments(pairs, [name for name, *_ in operations.ASKED_OF_PARTICIPATION])
    found = network.answer(call.world, asker, given, request=call.id)
    return responses.answer(text.dumps(found), call.wish)


def offers(call: Call) -> Reply:
    asker, pairs = call.asked()
    given = operations.arguments(pairs, [name for name, *_ in operations.ASKED_OF_OFFERS])
    found = network_offers.offered(call.world, asker, given, request=call.id)
    return responses.answer(text.dumps(found), call.wish)


def rates(call: Call, id: str) -> Reply:
    asker, pairs = call.asked()
    given = operations.arguments(pairs, [name for name, *_ in operations.ASKED_OF_RATES])
    found = rate_pages.told(call.world, asker, id, given, request=call.id)
    return responses.answer(text.dumps(found), call.wish)


def apply(call: Call, id: str) -> Reply:
    asker, pairs = call.asked()
    found = care_plan.apply(call.world, asker, id, operations.arguments(pairs, care_plan.ASKED), request=call.id)
    return responses.answer(text.dumps(found), call.wish)


def evaluate_measure(call: Call, id: str | None = None) -> Reply:
    asker, pairs = call.asked()
    given = operations.arguments(pairs, measured.ASKED)
    found = measured.evaluate(call.world, asker, id, given, request=call.id)
    return responses.answer(text.dumps(found), call.wish)


def expand(call: Call) -> Reply:
    asker, pairs = call.asked()
    found = terms.expand(call.world, asker, operations.arguments(pairs, terms.ASKED), request=call.id)
    return responses.answer(text.dumps(found), call.wish)


def validate(call: Call, type: str, id: str | None = None) -> Reply:
    asker: Asker = call.asker
    body: dict[str, Any] | None = None
    pairs = call.pairs()
    if call.request.method == "POST":
        asker, body = call.grant(), call.resource()
        if body.get("resourceType") == "Parameters" and (type != "Parameters" or operations.carried(body, "resource")):
            pairs, body = [*pairs, *operations.told(body)], operations.carried(body, "resource")
    given = operations.arguments(pairs, ("mode", "profile"))
    found = validating.validate(call.world, asker, type, id, body, **given, request=call.id)
    return responses.answer(text.dumps(found), call.wish)


def submit_eligibility(call: Call) -> Reply:
    body = call.resource()
    asked = operations.carried(body, "resource") if body.get("resourceType") == "Parameters" else body
    return responses.answer(eligibility.submit(call.world, call.grant(), asked, request=call.id), call.wish)


def everything(call: Call, id: str | None = None) -> Reply:
    asker, pairs = call.asked()
    found = record.everything(call.world, asker, id, pairs, request=call.id)
    return responses.answer(found, call.wish)


def search_all(call: Call) -> Reply:
    posted = call.request.method == "POST"
    asker: Asker = call.grant() if posted else call.asker
    pairs = [*call.pairs(), *(call.form() if posted else ())]
    found = several.search_all(call.world, asker, pairs, call.wish.strict, request=call.id)
    return responses.answer(found, call.wish)


Handler = Callable[..., Reply]
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "", bundle),
    ("GET", "", search_all),
    ("POST", "/_search", search_all),
    ("GET", "/_history", changes),
    ("GET", "/<type>/_history", changes),
    ("GET", "/<type>", search),
    ("POST", "/<type>", create),
    ("PUT", "/<type>", update_match),
    ("PATCH", "/<type>", patch_match),
    ("DELETE", "/<type>", delete_match),
    ("POST", "/<type>/_search", post_search),
    ("GET", "/<type>/<id>", read),
    ("PUT", "/<type>/<id>", update),
    ("PATCH", "/<type>/<id>", patch),
    ("DELETE", "/<type>/<id>", delete),
    ("GET", "/<type>/<id>/_history", history),
    ("GET", "/<type>/<id>/_history/<number>", vread),
    ("POST", "/CoverageEligibilityRequest/$submit", submit_eligibility),
    ("GET", "/ServiceRequest/<id>/$clearance", clearance),
    ("POST", "/ServiceRequest/<id>/$clearance", clearance),
    ("GET", "/DeviceRequest/<id>/$clearance", clearance_of_device),
    ("POST", "/DeviceRequest/<id>/$clearance", clearance_of_device),
    ("GET", "/Contract/$participation", participation),
    ("POST", "/Contract/$participation", participation),
    ("GET", "/Contract/$offers", offers),
    ("POST", "/Contract/$offers", offers),
    ("GET", "/Contract/<id>/$rates", rates),
    ("POST", "/Contract/<id>/$rates", rates),
    ("GET", "/PlanDefinition/<id>/$apply", apply),
    ("POST", "/PlanDefinition/<id>/$apply", apply),
    ("GET", "/Measure/$evaluate-measure", evaluate_measure),
    ("POST", "/Measure/$evaluate-measure", evaluate_measure),
    ("GET", "/Measure/<id>/$evaluate-measure", evaluate_measure),
    ("POST", "/Measure/<id>/$evaluate-measure", evaluate_measure),
    ("GET", "/ValueSet/$expand", expand),
    ("POST", "/ValueSet/$expand", expand),
    ("POST", "/<type>/$validate", validate),
    ("GET", "/<type>/<id>/$validate", validate),
    ("POST", "/<type>/<id>/$validate", validate),
    ("GET", "/Patient/$everything", everything),
    ("POST", "/Patient/$everything", everything),
    ("GET", "/Patient/<id>/$everything", everything),
    ("POST", "/Patient/<id>/$everything", everything),
    *pas.ROUTES,
    ("GET", "/<owner>/<id>/<type>", compartment),
)


def blueprint(world: World, endpoints: Mapping[str, str]) -> Blueprint:
    """The routes, at /fhir. endpoints: the OAuth addresses that `metadata` tells, by their oauth-uris names."""
    routes = Blueprint("fhir", __name__, url_prefix="/fhir")

    def metadata() -> Response:
        headers = request.headers
        return responses.answer(_statement(), wish(headers.get("Accept"), None, request.args)).response()

    @cache
    def _statement() -> bytes:
        base, ours = world.settings.fhir_url, version("carecoord")
        return text.dumps(statement(base, version=ours, date=CHANGED, endpoints=endpoints, abilities=ABILITIES))

    def definition(id: str) -> Response:
        body = text.dumps(operations.definition(id, world.settings.fhir_url))
        return responses.answer(body, wish(request.headers.get("Accept"), None, request.args)).response()

    def measure(id: Name) -> Response:
        body = text.dumps(reports.measure(reports.PUBLISHED[id], world.settings.fhir_url))
        return responses.answer(body, wish(request.headers.get("Accept"), None, request.args)).response()

    for name in reports.PUBLISHED:
        shown = partial(measure, name)
        routes.add_url_rule(f"/Measure/{name}", f"measure {name}", shown, provide_automatic_options=False)
    for path in operations.OURS:
        id = path.rpartition("/")[2]
        view = partial(definition, id)
        routes.add_url_rule(f"/{path}", f"definition {id}", view, provide_automatic_options=False)
    routes.add_url_rule("/metadata", "metadata", metadata, provide_automatic_options=False)
    for method, path, handler in (*ROUTES, *pas.described(CHANGED, endpoints)):
        called = endpoint(method, path, handler).removeprefix("fhir.")
        routes.add_url_rule(path, called, _view(world, handler), methods=[method], provide_automatic_options=False)
    return routes


def endpoint(method: str, path: str, handler: Handler) -> str:
    """What the framework calls a route."""
    return "fhir." + f"{method} {path} {handler.__name__}".replace(".", "")


def _view(world: World, handler: Handler) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        asked = request_ctx.request  # the proxy would look itself up on each use
        made = handler(call_of(world, asked.environ, asked), **path)
        return made.response() if isinstance(made, Answer) else made

    return view
