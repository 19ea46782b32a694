"""Coverage requirements discovery: which services there are, and what comes in a call. Pure.

Clauses: CDS Hooks 2.0 (discovery, HTTP request); Da Vinci CRD 2.2.1 (configuration options, davinci-crd.version;
order-dispatch by `dispatchedOrders` and `performer`, in 2.0.1 by `order` and `task`)."""

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


@dataclass(frozen=True)
class Call:
    """A call of a hook: the orders to be answered for, by their place in it, and all that came along."""

    hook: str
    orders: tuple[Json, ...]
    along: Mapping[str, Json]
    wants: Mapping[str, Any]
    performer: str = ""

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
    if body.get("hook") != SERVICES[id][0]:
        raise Invalid(f"This service answers {SERVICES[id][0]}, not {str(body.get('hook'))[:40]!r}.", "hook")
    for name in ("hookInstance", "context"):
        if not body.get(name):
            raise Invalid(f"{name} is missing.", name)
    context = item(body, "context")
    if not text(context, "patientId"):
        raise Invalid("context.patientId is missing.", "context.patientId")
    along = {key(each): each for each in _resources(body.get("prefetch"))}
    orders = tuple(_orders(id, context, along))
    if not orders:
        raise Invalid("There is no order in the context.", "context")
    wants = item(item(body, "extension"), "davinci-crd.configuration")
    return Call(id, orders, along, wants, text(context, "performer"))


def _orders(id: str, context: Json, along: Mapping[str, Json]) -> Iterator[Json]:
    if id == "order-dispatch":
        named = context.get("dispatchedOrders", [context.get("order")])
        names = [each for each in named if isinstance(each, str)] if isinstance(named, list) else []
        yield from (along[each] for each in names if each in along)
        return
    name = "appointments" if id == "appointment-book" else "draftOrders"
    chosen = context.get("selections")
    for each in _resources(item(context, name)):
        if each.get("resourceType") in _ORDERS and (not isinstance(chosen, list) or key(each) in chosen):
            yield each


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
