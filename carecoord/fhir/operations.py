"""The operations of this server: which there are, where they are called, and the definition of the one that is ours.

Clause: FHIR R4 operations.html, operationdefinition.html. Arguments come in a query or in a Parameters resource.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from carecoord.errors import Invalid
from carecoord.fhir import pas_operations

Json = dict[str, Any]
Pairs = list[tuple[str, str]]

CLEARANCE: Final = "OperationDefinition/clearance"  # below [base]
PARTICIPATION: Final = "OperationDefinition/participation"
RATES: Final = "OperationDefinition/rates"
OFFERS: Final = "OperationDefinition/offers"
_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport"
_DTR: Final = "http://hl7.org/fhir/us/davinci-dtr/OperationDefinition"
EVERY: Final = "*"  # on each type
OPERATIONS: Final = {  # type -> (name, its definition: an address of HL7's, or one below [base])
    EVERY: (("validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate"),),
    "Patient": (("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"),),
    "": (("submit-attachment", "http://hl7.org/fhir/us/davinci-cdex/OperationDefinition/submit-attachment"),),
    "Claim": pas_operations.OPERATIONS,
    "CoverageEligibilityRequest": (
        ("submit", "http://hl7.org/fhir/OperationDefinition/CoverageEligibilityRequest-submit"),
    ),
    "Subscription": (("status", f"{_BACKPORT}/OperationDefinition/backport-subscription-status"),),
    "Questionnaire": (
        ("questionnaire-package", f"{_DTR}/questionnaire-package"),
        ("log-questionnaire-errors", f"{_DTR}/log-questionnaire-errors"),
    ),
    "ServiceRequest": (("clearance", CLEARANCE),),
    "DeviceRequest": (("clearance", CLEARANCE),),
    "PlanDefinition": (("apply", "http://hl7.org/fhir/OperationDefinition/PlanDefinition-apply"),),
    "Measure": (("evaluate-measure", "http://hl7.org/fhir/OperationDefinition/Measure-evaluate-measure"),),
    "Contract": (("participation", PARTICIPATION), ("rates", RATES), ("offers", OFFERS)),
    "ValueSet": (("expand", "http://hl7.org/fhir/OperationDefinition/ValueSet-expand"),),
}
_SHAPE: Final = ("_format", "_pretty")  # of the answer, not of the question

_IN: Final = (
    ("date", "date", "The day of a visit to judge for, in place of the one that is booked or wanted."),
    ("asOf", "dateTime", "Answer from history what was known at this instant, or when this day was over."),
    ("as-of", "dateTime", "The same as asOf, as it is written in an address."),
)
_MOVE: Final = (
    ("action", "Coding", "What is to be done next."),
    ("who", "code", "Whose move it is."),
    ("due", "dateTime", "Until when."),
    ("dueFor", "string", "What it is that is due then."),
)
_OUT: Final = (
    ("order", "Reference", "The referral."),
    ("asOf", "instant", "The instant of what was known."),
    ("date", "date", "The day that was judged for."),
    ("window", "Period", "The days that were judged for, where none was booked or given."),
    ("cleared", "boolean", "Whether nothing stands in the way of the visit."),
    ("headline", "string", "What hurts first, in words."),
    ("headlineGate", "code", "The gate that the headline is about."),
    *_MOVE,
    ("conflict", "boolean", "Whether sources contradict each other; a payer is not told of its clinics' sources."),
    ("conflictReason", "string", "In what they do."),
    ("warning", "string", "What does not stand in the way and should be known."),
    ("change", "date", "A day on which the answer changes by itself."),
    ("changesAt", "instant", "When it next does."),
    ("gate", (
        ("name", "code", "Which of the gates."),
        ("state", "code", "met, open, blocked, unknown ..."),
        ("reason", "string", "Why, in words."),
        ("rule", "string", "The id of the rule that says so."),
        *_MOVE,
        ("waitsOn", "code", "The gate that has to be settled before."),
        ("withheld", "boolean", "True: this access may not read what the gate rests on."),
        ("evidence", (
            ("resource", "Reference", "What it was read from."),
            ("version", "string", "Its version."),
            ("element", "string", "Where in it."),
        ), "What it rests on."),
        ("span", (
            ("period", "Period", "Days."),
            ("state", "code", "The state on these days."),
            ("reason", "string", "Why."),
        ), "How the gate stands from day to day."),
        ("offer", (
            ("performer", "Reference", "Who could see the patient instead."),
            ("agreement", "string", "By which agreement."),
            ("until", "date", "Until when that holds."),
            ("distance", "Quantity", "How far that is from where the patient lives, as the crow flies."),
        ), "A way out."),
    ), "Each thing that must be so before the visit."),
)  # fmt: skip


_EVIDENCE: Final = (
    ("resource", "Reference", "What it was read from."),
    ("version", "string", "Its version."),
    ("element", "string", "Where in it."),
)
_CLAUSE: Final = (
    ("page", "integer", "Its page, the first of the file is 1."),
    ("heading", "string", "Its number and heading."),
    ("words", "string", "Its words, to who may read the document."),
    ("document", "Reference", "The document that shows it, to who may read it."),
)
ASKED_OF_PARTICIPATION: Final = (
    ("provider", "string", "Organization/id, Practitioner/id, PractitionerRole/id, or an identifier system|value."),
    ("plan", "string", "The plan, as its number stands on the card, or InsurancePlan/id."),
    ("payer", "string", "Organization/id, where several payers have a plan of that number."),
    ("site", "string", "Location/id where the service is given: a participation may be for some sites only."),
    ("specialty", "string", "In words or as a code: a participation may be for some specialties only."),
    ("service", "string", "What it is paid for: a code, or system|code. Needed for a rate."),
    ("modifier", "string", "All modifiers that are billed with it, with commas between; none where none is given."),
    ("place", "string", "The CMS place of service, two digits: a rate may be for some only."),
    ("billing", "code", "professional or institutional."),
    ("business", "string", "The line of business."),
    ("billed", "decimal", "What is billed for one unit: a rate may be a share of it, or no more than it."),
    ("date", "date", "The day of the service; today unless given."),
    ("asOf", "dateTime", "Answer from what was known at this instant, or when this day was over."),
    ("as-of", "dateTime", "The same as asOf, as it is written in an address."),
)  # fmt: skip
_PARTICIPATION_OUT: Final = (
    ("result", "code", "in, out, excluded, pending or unknown. Where the directory is silent it is unknown."),
    ("reason", "string", "Why, in words."),
    ("rule", "string", "The id of the rule that says so."),
    ("date", "date", "The day that was judged for."),
    ("asOf", "instant", "The instant of what was known."),
    ("provider", "Reference", "Who was judged."),
    ("network", "string", "The networks of the plan on that day."),
    ("agreement", "string", "The number of the agreement that it rests on."),
    ("version", "string", "Its version in force on that day."),
    ("amendment", "code", "What that version amends of the one before."),
    ("tier", "string", "In which tier of the network."),
    ("page", "string", "Where the paper of the agreement says so."),
    ("paper", "Reference", "The version whose paper that is."),
    ("clause", _CLAUSE, "The clause that says so, to the offices that see the document."),
    ("until", "date", "The first day on which it no longer holds."),
    ("continuityUntil", "date", "It has ended: before this day a patient in treatment may be due the terms as before."),
    ("rate", (
        ("status", "code", "known or unknown."),
        ("reason", "string", "By which line, or why nobody can tell."),
        ("agreement", "string", "The number of the agreement whose rate it is."),
        ("amount", "Money", "For one unit."),
        ("unit", "string", "What it is paid for, where the line says so."),
        ("method", "code", "In which way it is agreed."),
        ("schedule", "string", "The schedule of the line."),
        ("line", "string", "The line in it."),
        ("page", "string", "Where in the paper that stands."),
        ("clause", _CLAUSE, "The clause on which the schedule stands, to the offices that see the document."),
        ("until", "date", "The first day on which the line no longer holds."),
        ("wants", "code", "What has to be told besides: place, site, specialty, setting, billing, business, billed."),
        ("step", "string", "How it came about, in order."),
        ("rejected", (
            ("line", "string", "A line that does not speak."),
            ("reason", "string", "Why not."),
        ), "The lines that were near."),
    ), "What is paid, to staff of a party who may see rates; to nobody else."),
    ("freshness", "instant", "When the oldest of the evidence was recorded."),
    ("evidence", _EVIDENCE, "What it rests on."),
)  # fmt: skip
ASKED_OF_RATES: Final = (
    ("schedule", "string", "Only the schedule of this name."),
    ("_count", "integer", "Lines of a page: 100 unless said, 1000 at most."),
    ("_cursor", "string", "Where the page before ended: it stands in its `next`."),
    ("asOf", "dateTime", "The lines as they were known at this instant, or when this day was over."),
    ("as-of", "dateTime", "The same as asOf, as it is written in an address."),
)
_RATES_OUT: Final = (
    ("contract", "Contract", "A part of the Contract: a page of its rate lines, in term.asset.valuedItem."),
    ("total", "integer", "How many lines there are, of those that this access may see."),
    ("next", "uri", "Where the next page is."),
    ("unread", (
        ("path", "string", "A valued item of the Contract that is no rate line."),
        ("reason", "string", "Why not."),
    ), "What the Contract says besides."),
)  # fmt: skip
ASKED_OF_OFFERS: Final = (
    ("plan", "string", "The plan, as its number stands on the card, or InsurancePlan/id."),
    ("payer", "string", "Organization/id, where several payers have a plan of that number."),
    ("specialty", "string", "In words or as a code: only those whom the directory lists for it, or for all."),
    ("near", "string", "A US ZIP code, or degrees north and east with a comma between: the nearest come first."),
    ("date", "date", "The day; today unless given."),
    ("_count", "integer", "Offers of a page: 25 unless said, 100 at most."),
    ("_cursor", "string", "Where the page before ended: it stands in its `next`."),
)
_OFFERS_OUT: Final = (
    ("offer", (
        ("provider", "Reference", "Who takes part."),
        ("network", "string", "The networks of the plan on that day."),
        ("agreement", "string", "The number of the agreement that it rests on."),
        ("version", "string", "Its version in force on that day."),
        ("tier", "string", "In which tier of the network."),
        ("until", "date", "The first day on which it no longer holds."),
        ("distance", "Quantity", "How far the nearest of their places is, as the crow flies."),
    ), "An organization that is in network, the nearest first, then by name."),
    ("date", "date", "The day that was judged for."),
    ("next", "uri", "Where the next page is."),
)  # fmt: skip
_WORDS: Final = {  # id -> its name, title, description, types, whether it is called on a type (else on an instance)
    "clearance": (
        "Clearance", "Can this patient be seen there, then, and be paid for?",
        "The gates that a referral has to pass before its visit, each with its rule and evidence.",
        ("ServiceRequest", "DeviceRequest"), False, _IN, _OUT,
    ),
    "participation": (
        "Participation", "Is this provider in this plan's network, on that day?",
        "Under which agreement and version, until when, by which evidence; as it is known, or was at any instant.",
        ("Contract",), True, ASKED_OF_PARTICIPATION, _PARTICIPATION_OUT,
    ),
    "rates": (
        "Rates", "What is paid under this version of an agreement?",
        "Its rate lines, written in it or imported, as a Contract says them; to staff of its parties who see rates.",
        ("Contract",), False, ASKED_OF_RATES, _RATES_OUT,
    ),
    "offers": (
        "Offers", "Who is in this plan's network, on that day, and near?",
        "Organizations that take part, each judged as $participation judges it, the nearest first, a page at a time.",
        ("Contract",), True, ASKED_OF_OFFERS, _OFFERS_OUT,
    ),
}  # fmt: skip
OURS: Final = (*(f"OperationDefinition/{id}" for id in _WORDS), *pas_operations.OURS)


def definition(id: str, base_url: str) -> Json:
    """The OperationDefinition of one of our operations."""
    if f"OperationDefinition/{id}" in pas_operations.OURS:
        return pas_operations.definition(id, base_url)
    name, title, description, types, of_type, given, answered = _WORDS[id]
    return {
        "resourceType": "OperationDefinition",
        "id": id,
        "url": f"{base_url}/OperationDefinition/{id}",
        "name": name,
        "title": title,
        "status": "active",
        "kind": "operation",
        "affectsState": False,
        "description": description,
        "code": id,
        "resource": list(types),
        "system": False,
        "type": of_type,
        "instance": not of_type,
        "parameter": [*(_parameter(row, "in") for row in given), *(_parameter(row, "out") for row in answered)],
    }


_NEEDED: Final = {
    "out": ("order", "asOf", "gate", "result", "reason", "rule", "status", "contract", "total", "path"),
    "in": ("provider", "plan"),
}
_MANY: Final = {
    "conflictReason", "warning", "change", "gate", "evidence", "span", "offer", "rate", "wants", "step", "rejected",
    "unread",
}  # fmt: skip


def _parameter(row: Sequence[Any], use: str) -> Json:
    name, kind, words = row
    least = int(name in _NEEDED[use])
    made: Json = {"name": name, "use": use, "min": least, "max": "*" if name in _MANY else "1", "documentation": words}
    if isinstance(kind, str):
        return {**made, "type": kind}
    return {**made, "part": [_parameter(part, use) for part in kind]}


def arguments(pairs: Iterable[tuple[str, str]], known: Sequence[str]) -> dict[str, str]:
    """The arguments of an operation by name, empty ones left out. Raises Invalid for one that it does not have, or
    that is given twice: to pass it over would answer another question."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in _SHAPE:
            continue
        if name not in known:
            raise Invalid(f"This operation takes {', '.join(known)}, not {name[:80]!r}.", f"http.{name[:80]}")
        if name in found:
            raise Invalid(f"{name} is given twice.", f"http.{name}")
        if value:
            found[name] = value
    return found


def told(parameters: Any) -> Pairs:
    """The primitive values of a Parameters resource, as they would stand in an address. Raises Invalid."""
    pairs: Pairs = []
    for n, one in enumerate(_listed(parameters)):
        where = f"Parameters.parameter[{n}]"
        if not isinstance(one, dict) or not isinstance(one.get("name"), str):
            raise Invalid("A parameter has a name.", where)
        values = [value for name, value in one.items() if name.startswith("value")]
        if "resource" in one and not values:
            continue
        if len(values) != 1 or isinstance(values[0], dict | list) or values[0] is None:
            raise Invalid(f"The parameter {one['name'][:80]!r} has one primitive value.", where)
        value = values[0]
        pairs.append((one["name"], str(value).lower() if isinstance(value, bool) else str(value)))
    return pairs


def carried(parameters: Any, name: str) -> Any:
    """The resource that a Parameters resource carries under a name; None where there is none."""
    found = [one for one in _listed(parameters) if isinstance(one, dict) and one.get("name") == name]
    return found[0].get("resource") if found else None


def _listed(parameters: Any) -> list[Any]:
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise Invalid("Send the arguments of an operation as a Parameters resource.", "resourceType")
    found = parameters.get("parameter", [])
    if not isinstance(found, list):
        raise Invalid("Parameters.parameter must be a list.", "Parameters.parameter")
    return found
