"""A row of the trail as a FHIR AuditEvent.

Clause: FHIR R4 auditevent.html; codes of DICOM PS3.16 CID 400 (audit-event-type, audit-event-sub-type) and of
http://hl7.org/fhir/restful-interaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from carecoord.fhir.instants import instant

Json = dict[str, Any]

DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
REST: Final = "http://hl7.org/fhir/restful-interaction"
EVENT: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
OURS: Final = "https://carecoord.example/fhir/CodeSystem/interaction"  # what no standard has a code for
OBSERVER: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
BREAK_GLASS: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "BTG"}

_INTERACTIONS: Final = {  # ours -> (restful-interaction, action)
    "read": ("read", "R"), "vread": ("vread", "R"), "history": ("history-instance", "R"),
    "search": ("search-type", "E"), "create": ("create", "C"), "update": ("update", "U"), "delete": ("delete", "D"),
    "clearance": ("operation", "E"), "participation": ("operation", "E"), "rates": ("operation", "E"),
    "offers": ("operation", "E"),
    "expand": ("operation", "E"), "validate": ("operation", "E"), "everything": ("operation", "E"),
    "search-system": ("search-system", "E"), "transaction": ("transaction", "E"),
}  # fmt: skip
_OTHERS: Final = {  # ours -> (type, its display, subtype or "", its display, action)
    "sign-in": ("110114", "User Authentication", "110122", "Login", "E"),
    "sign-out": ("110114", "User Authentication", "110123", "Logout", "E"),
    "break-glass": ("110113", "Security Alert", "110127", "Emergency Override Started", "E"),
    "break-glass-end": ("110113", "Security Alert", "110138", "Emergency Override Stopped", "E"),
    "audit": ("110101", "Audit Log Used", "", "", "R"),
    "export": ("110106", "Export", "", "", "R"),
    "export-table": ("110106", "Export", "", "", "R"),
}
_ANYTHING_ELSE: Final = ("110113", "Security Alert", "", "", "E")


@dataclass(frozen=True)
class Deed:
    """What happened. id: of the row. at: microseconds. what: our name of the interaction. asked: the names of a
    search's arguments, as text. who, app: (id, name), if known. roles: the person's. patients: ids. launch: under which
    it happened. emergency: whether the breaking of the glass alone opened the record."""

    id: str
    at: int
    what: str
    status: int
    request: str
    type: str = ""
    resource: str = ""
    version: int | None = None
    asked: str = ""
    who: tuple[str, str] | None = None
    roles: Sequence[str] = ()
    app: tuple[str, str] | None = None
    launch: str = ""
    emergency: bool = False
    patients: Sequence[str] = ()


def audit_event(deed: Deed, site: str) -> Json:
    """The AuditEvent. site: the address of this server, which observed it."""
    kind, subtype, action = _coded(deed.what)
    found: Json = {"resourceType": "AuditEvent", "id": deed.id, "meta": {"source": site}, "type": kind}
    if subtype:
        found["subtype"] = [subtype]
    found |= {"action": action, "recorded": instant(deed.at), "outcome": _outcome(deed.status)}
    if deed.status >= 400:
        found["outcomeDesc"] = f"HTTP {deed.status}"
    if deed.emergency:
        found["purposeOfEvent"] = [{"coding": [BREAK_GLASS]}]
    found["agent"] = list(_agents(deed))
    found["source"] = {
        "site": site,
        "observer": {"display": "carecoord"},
        "type": [{"system": OBSERVER, "code": "4", "display": "Application Server"}],
    }
    found["entity"] = list(_entities(deed))
    return found


def _coded(what: str) -> tuple[Json, Json | None, str]:
    if what in _INTERACTIONS:
        code, action = _INTERACTIONS[what]
        rest = {"system": EVENT, "code": "rest", "display": "RESTful Operation"}
        return rest, {"system": REST, "code": code, "display": code}, action
    code, display, sub, sub_display, action = _OTHERS.get(what, _ANYTHING_ELSE)
    kind = {"system": DCM, "code": code, "display": display}
    if sub:
        return kind, {"system": DCM, "code": sub, "display": sub_display}, action
    return kind, {"system": OURS, "code": what} if what not in _OTHERS else None, action


def _outcome(status: int) -> str:
    """http://hl7.org/fhir/audit-event-outcome: 0 success, 4 minor failure (the asker's), 8 serious failure (ours)."""
    return "0" if status < 400 else "4" if status < 500 else "8"


def _agents(deed: Deed) -> Any:
    """Exactly one asked for it: the person, or the app by itself, or nobody who is known."""
    person = deed.who or deed.app or ("", "unknown")
    by_itself = deed.who is None or deed.who == deed.app
    asker: Json = {"who": _named(person), "requestor": True}
    if deed.roles:
        asker["role"] = [{"text": role} for role in deed.roles]
    if deed.launch and by_itself:
        asker["policy"] = [f"urn:carecoord:launch:{deed.launch}"]
    yield asker
    if deed.app and not by_itself:
        app: Json = {
            "type": {"coding": [{"system": DCM, "code": "110150", "display": "Application"}]},
            "who": _named(deed.app), "requestor": False,
        }  # fmt: skip
        if deed.launch:
            app["policy"] = [f"urn:carecoord:launch:{deed.launch}"]
        yield app


def _named(party: tuple[str, str]) -> Json:
    id, name = party
    found: Json = {"display": name or id}
    if id:
        found["identifier"] = {"value": id}
    return found


def _entities(deed: Deed) -> Any:
    """What was asked for, each patient who was shown, and the request that it was."""
    if deed.type:
        what: Json = {"type": {"system": ENTITY, "code": "2", "display": "System Object"}}
        if deed.resource:
            version = f"/_history/{deed.version}" if deed.version else ""
            what["what"] = {"reference": f"{deed.type}/{deed.resource}{version}"}
        else:
            what["what"] = {"type": deed.type}
        if deed.asked:
            what["description"] = f"asked by {deed.asked}"
        yield what
    for patient in deed.patients:
        yield {
            "what": {"reference": f"Patient/{patient}"},
            "type": {"system": ENTITY, "code": "1", "display": "Person"},
            "role": {"system": ROLE, "code": "1", "display": "Patient"},
        }
    yield {
        "what": {"identifier": {"value": deed.request or "none"}},
        "type": {"system": ENTITY, "code": "4", "display": "Other"},
        "role": {"system": ROLE, "code": "21", "display": "Job Stream"},
    }
