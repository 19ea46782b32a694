"""Asking for authorization by Da Vinci PAS: the operations on Claim, on the base of each version of the guide."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from carecoord.actions.prior_auth.dtr import package as forms
from carecoord.actions.prior_auth.pas import attach as attaching
from carecoord.actions.prior_auth.pas import inquire as inquiring
from carecoord.actions.prior_auth.pas import statuses
from carecoord.actions.prior_auth.pas import submit as submitting
from carecoord.domain.prior_auth.pas.guide import GUIDES, Guide
from carecoord.errors import Invalid
from carecoord.fhir import operations, pas_operations, text
from carecoord.fhir.capability import security
from carecoord.fhir.outcome import outcome
from carecoord.web.fhir import responses
from carecoord.web.fhir.call import Call
from carecoord.web.fhir.responses import Answer

Handler = Callable[..., Answer]


def _bundle(call: Call) -> dict[str, Any]:
    """The Bundle of a request: as it is, or as the parameter `resource` of a Parameters resource."""
    body = call.resource()
    if body.get("resourceType") != "Parameters":
        return body
    found = operations.carried(body, "resource")
    if not isinstance(found, dict):
        raise Invalid("Parameters carries the request Bundle as `resource`.", "Parameters.parameter")
    return found


def submit(guide: Guide, call: Call) -> Answer:
    """Claim/$submit."""
    answer = submitting.submit(call.world, call.grant(), guide, _bundle(call), request=call.id)
    return responses.answer(answer, call.wish)


def inquire(guide: Guide, call: Call) -> Answer:
    """Claim/$inquire."""
    answer = inquiring.inquire(call.world, call.grant(), guide, _bundle(call), request=call.id)
    return responses.answer(answer, call.wish)


def attach(call: Call) -> Answer:
    """$submit-attachment."""
    attaching.attach(call.world, call.grant(), call.resource(), request=call.id)
    return responses.answer(text.dumps(outcome([])), call.wish)


def package(call: Call) -> Answer:
    """Questionnaire/$questionnaire-package (Da Vinci DTR)."""
    return responses.answer(forms.packaged(call.world, call.grant(), call.resource(), request=call.id), call.wish)


def log_errors(call: Call) -> Answer:
    """Questionnaire/$log-questionnaire-errors (Da Vinci DTR)."""
    forms.log(call.world, call.grant(), call.resource(), request=call.id)
    return responses.answer(text.dumps(outcome([])), call.wish)


def status(call: Call, id: str | None = None) -> Answer:
    """Subscription/$status: of one, or of those that `id` names."""
    asker, pairs = call.asked()
    ids = [id] if id else [value for name, value in pairs if name == "id"]
    return responses.answer(text.dumps(statuses.status(call.world, asker, ids, request=call.id)), call.wish)


def _metadata(guide: Guide, date: str, endpoints: Mapping[str, str], call: Call) -> Answer:
    told = pas_operations.statement(f"{call.base}/{guide.base}", guide.version, date, security(endpoints))
    return responses.answer(text.dumps(told), call.wish)


def _definition(guide: Guide, id: str, call: Call) -> Answer:
    told = pas_operations.definition(id, f"{call.base}/{guide.base}", bool(guide.returns))
    return responses.answer(text.dumps(told), call.wish)


def _named(handler: Handler, name: str, guide: Guide) -> Handler:
    handler.__name__ = f"{name} {guide.version}"  # a partial has none of its own
    return handler


def _routes(guide: Guide) -> list[tuple[str, str, Handler]]:
    base = f"/{guide.base}" if guide.base else ""
    return [
        ("POST", f"{base}/Claim/$submit", _named(partial(submit, guide), "pas_submit", guide)),
        ("POST", f"{base}/Claim/$inquire", _named(partial(inquire, guide), "pas_inquire", guide)),
    ]


def described(date: str, endpoints: Mapping[str, str]) -> list[tuple[str, str, Handler]]:
    """What tells of the bases that are not the main one. date: when that last changed; endpoints: the OAuth addresses,
    by their oauth-uris names."""
    found: list[tuple[str, str, Handler]] = []
    for guide in GUIDES.values():
        if guide.base:
            told = _named(partial(_metadata, guide, date, endpoints), "pas_metadata", guide)
            found.append(("GET", f"/{guide.base}/metadata", told))
            for path in pas_operations.OURS:
                id = path.rpartition("/")[2]
                found.append(("GET", f"/{guide.base}/{path}", _named(partial(_definition, guide, id), id, guide)))
    return found


ROUTES: Final[tuple[tuple[str, str, Handler], ...]] = (
    *(route for guide in GUIDES.values() for route in _routes(guide)),
    ("POST", "/$submit-attachment", attach),
    ("POST", "/Questionnaire/$questionnaire-package", package),
    ("POST", "/Questionnaire/$log-questionnaire-errors", log_errors),
    ("GET", "/Subscription/$status", status),
    ("POST", "/Subscription/$status", status),
    ("GET", "/Subscription/<id>/$status", status),
    ("POST", "/Subscription/<id>/$status", status),
)
