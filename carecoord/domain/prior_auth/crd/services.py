"""Coverage requirements discovery: which services there are, what comes in a call, and what of it is still to be asked
of the EHR. Pure.

Clauses: CDS Hooks 2.0 (discovery, HTTP request, FHIR resource access); Da Vinci CRD 2.2.1 (configuration options,
davinci-crd.version; order-dispatch by `dispatchedOrders` and `performer`, in 2.0.1 by `order` and `task`)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from carecoord.domain.resource.elements import Json, item, items, key, target, text
from carecoord.errors import Invalid

VERSIONS: Final = ("2.0", "2.2")
SERVICES: Final = {  # id -> hook, title
    "appointment-book": ("appointment-book", "Coverage requirements of an appointment"),
    "order-sign": ("order-sign", "Coverage requirements of orders to be signed"),
    "order-dispatch": ("order-dispatch", "Coverage requirements of orders to be carried out"),
}
_ORDERS: Final = ("ServiceRequest", "DeviceRequest", "MedicationRequest", "NutritionOrder", "Appointment")
_PREFETCH: Final = {
    "patient": "Patient/{{context.patientId}}",
    "coverage": "Coverage?patient={{context.patientId}}&status=active",
}
_OPTIONS: Final = (
    ("coverage-info", "boolean", "Coverage information", "What is needed of the payer for each order.", True),
    ("instructions", "boolean", "Instructions", "A card with the rule in words.", True),
    ("external-reference", "boolean", "References", "A card with where the payer says so.", True),
)


_ID: Final = re.compile(r"(?!\.+$)[A-Za-z0-9\-.]{1,64}")
_NAME: Final = re.compile(rf"[A-Z][A-Za-z]+/{_ID.pattern}")


@dataclass(frozen=True)
class Call:
    """A call of a hook: the orders to be answered for, by their place in it, and all that came along."""

    hook: str
    orders: tuple[Json, ...]
    along: Mapping[str, Json]
    wants: Mapping[str, Any]
    performer: str = ""
    patient: str = ""

    @property
    def person(self) -> Json:
        """The Patient whom the call is about; empty where it did not come along."""
        return self.along.get(f"Patient/{self.patient}", {})

    def named(self, kind: str) -> list[Json]:
        """What came along of a type."""
        return [each for each in self.along.values() if each.get("resourceType") == kind]


def discovery() -> Json:
    """The answer to GET cds-services."""
    return {"services": [_service(id, *named) for id, named in SERVICES.items()]}


def _service(id: str, hook: str, title: str) -> Json:
    options = [{"code": code, "type": kind, "name": name, "description": words, "default": default}
               for code, kind, name, words, default in _OPTIONS]  # fmt: skip
    return {
        "id": id, "hook": hook, "title": title, "description": "Answered from the payer's rules and agreements.",
        "prefetch": dict(_PREFETCH),
        "extension": {"davinci-crd.configuration-options": options, "davinci-crd.version": list(VERSIONS)},
    }  # fmt: skip


def read(id: str, body: Json) -> Call:
    """A call of the service of an id. Raises Invalid (400) for what can not be read."""
    context, along = _opened(id, body)
    orders = tuple(_orders(id, context, along))
    if not orders:
        raise Invalid("There is no order in the context.", "context")
    wants = item(item(body, "extension"), "davinci-crd.configuration")
    return Call(id, orders, along, wants, text(context, "performer"), text(context, "patientId"))


def access(body: Json) -> tuple[str, str]:
    """The FHIR server of who calls and the token for it; both empty where they do not both come."""
    server, token = text(body, "fhirServer").rstrip("/"), text(item(body, "fhirAuthorization"), "access_token")
    return (server, token) if server and token else ("", "")


def without_token(body: Json) -> Json:
    """The call as it may be kept."""
    if "fhirAuthorization" not in body:
        return body
    access = {name: said for name, said in item(body, "fhirAuthorization").items() if name != "access_token"}
    return body | {"fhirAuthorization": access}


def lacking(id: str, body: Json) -> dict[str, bool]:
    """What did not come along, as it is asked for under the base of a FHIR server, and whether nothing can be said
    without it, as without the card, its payer and the orders; who is to do them, and for whom, is not needed. Only
    plain names are asked for. Raises Invalid as `read` does."""
    context, along = _opened(id, body)
    patient = text(context, "patientId")
    cards = [each for each in along.values() if each.get("resourceType") == "Coverage"]
    needed = list(_dispatched(context)) if id == "order-dispatch" else []
    needed += [target(each) for card in cards for each in items(card, "payor") if not item(each, "identifier")]
    beside = [target(each) for order in _orders(id, context, along) for each in performers(order)]
    beside += [text(context, "performer")]
    search = f"Coverage?patient={patient}&status=active&_include=Coverage:payor"
    found = {search: True} if not cards and _ID.fullmatch(patient) else {}
    named = dict.fromkeys(beside, False) | dict.fromkeys(needed, True) | {f"Patient/{patient}": False}
    return found | {each: is_needed for each, is_needed in named.items() if each not in along and _NAME.fullmatch(each)}


def _opened(id: str, body: Json) -> tuple[Json, dict[str, Json]]:
    """The context of a call, and what came along by its names."""
    if body.get("hook") != SERVICES[id][0]:
        raise Invalid(f"This service answers {SERVICES[id][0]}, not {str(body.get('hook'))[:40]!r}.", "hook")
    for name in ("hookInstance", "context"):
        if not body.get(name):
            raise Invalid(f"{name} is missing.", name)
    context = item(body, "context")
    if not text(context, "patientId"):
        raise Invalid("context.patientId is missing.", "context.patientId")
    return context, {key(each): each for each in _resources(body.get("prefetch"))}


def _orders(id: str, context: Json, along: Mapping[str, Json]) -> Iterator[Json]:
    if id == "order-dispatch":
        yield from (along[each] for each in _dispatched(context) if each in along)
        return
    name = "appointments" if id == "appointment-book" else "draftOrders"
    chosen = context.get("selections")
    for each in _resources(item(context, name)):
        if each.get("resourceType") in _ORDERS and (not isinstance(chosen, list) or key(each) in chosen):
            yield each


def _dispatched(context: Json) -> list[str]:
    named = context.get("dispatchedOrders", [context.get("order")])
    return [each for each in named if isinstance(each, str)] if isinstance(named, list) else []


def _resources(value: Any) -> Iterator[Json]:
    """The resources of a prefetch: each as it is, or inside a Bundle."""
    if not isinstance(value, dict):
        return
    if value.get("resourceType") == "Bundle":
        for each in items(value, "entry"):
            yield from _resources(item(each, "resource"))
    elif isinstance(value.get("resourceType"), str):
        yield value
    else:
        for each in value.values():
            yield from _resources(each)


def codings(order: Json) -> frozenset[tuple[str, str]]:
    """What is ordered: (system, code)."""
    names = ("code", "codeCodeableConcept", "medicationCodeableConcept", "oralDiet")
    concepts = [item(order, name) for name in names] + items(order, "serviceType")
    return frozenset((text(c, "system"), text(c, "code")) for each in concepts for c in items(each, "coding")
                     if text(c, "code"))  # fmt: skip


def performers(order: Json) -> list[Json]:
    """The References to who is to do it."""
    found = order.get("performer")
    named = items(order, "performer") if isinstance(found, list) else [item(order, "performer")]
    return [each for each in [*named, *(item(each, "actor") for each in items(order, "participant"))] if target(each)]


def doers(call: Call, order: Json) -> list[Json]:
    """Who may do it, as far as they came along: the organizations and people, and those behind a role."""
    named = [*(target(each) for each in performers(order)), call.performer]
    came = [call.along.get(each, {}) for each in named]
    members = [item(each, name) for each in came for name in ("practitioner", "organization")]
    behind = [call.along.get(target(each), {}) for each in members]
    kinds = ("Organization", "Practitioner")
    return [each for each in (*came, *behind) if each.get("resourceType") in kinds]
