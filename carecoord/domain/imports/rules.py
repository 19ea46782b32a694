"""Payers' rules about authorization as rows: a row is a line, and is kept as a book of one line (PlanDefinition), so
that each stands for itself. Lines that came as whole books are the payer's, and are not written here."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.organizations import called
from carecoord.domain.imports.rows import Row, stable_id
from carecoord.domain.prior_auth.code_ranges import sound
from carecoord.domain.resource.codes import EXTENSION, IDENTIFIER, LOINC
from carecoord.domain.resource.elements import (
    Json,
    extension,
    extensions,
    identifier,
    item,
    items,
    key,
    text,
    whole,
)
from carecoord.domain.resource.parties import PAYER_ID
from carecoord.words.sentence import sentence

_OWN: Final = f"{IDENTIFIER}/rule"
_MARK: Final = f"{EXTENSION}/authorization-rule"
_SYSTEMS: Final = {
    "hcpcs": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "cpt": "http://www.ama-assn.org/go/cpt",
    "cdt": "http://www.ada.org/cdt",
    "revenue": "https://www.nubc.org/CodeSystem/RevenueCodes",
}
_SHAPES: Final = {"hcpcs": r"[A-CE-Z]\d{4}", "cpt": r"\d{4}[0-9FTU]", "cdt": r"D\d{4}", "revenue": r"0\d{3}"}
_ANSWERS: Final = {
    "required": "required", "yes": "required", "y": "required", "auth required": "required",
    "not required": "not-required", "no": "not-required", "n": "not-required", "not-required": "not-required",
    "notification only": "notification-only", "notification": "notification-only",
    "notification-only": "notification-only", "delegated": "delegated",
}  # fmt: skip
_SIDES: Final = {"any": "any", "in": "in", "in network": "in", "out": "out", "out of network": "out"}
COLUMNS: Final = (
    Column("payer", ("Payer", "Payer number", "Insurer"), "payer", required=True, example="EX001"),
    Column("code", ("Code", "Procedure code", "CPT/HCPCS", "Service code", "HCPCS"), "code", example="G0463"),
    Column("code-end", ("Last code", "Code to", "Range end"), "code"),
    Column("system", ("Code system",), "choice", choices={name: name for name in _SYSTEMS}),
    Column("title", ("Rule", "Description", "Service", "Title"), example="Outpatient clinic visit"),
    Column("plan", ("Plan", "Plan number", "Plan code"), "code"),
    Column("business", ("Line of business", "LOB"), "code"),
    Column("network", ("Network", "In or out of network"), "choice", choices=_SIDES, example="in"),
    Column("answer", ("Authorization", "Prior authorization", "Auth required", "PA required", "Required"), "choice",
           required=True, choices=_ANSWERS, example="not required"),
    Column("vendor", ("Delegated to", "Vendor")),
    Column("places", ("Places of service", "Place of service", "POS"), "code", many=True),
    Column("documents", ("Documents", "Documents (LOINC)", "Documentation"), "code", many=True),
    Column("lead-days", ("Lead days", "Days ahead"), "whole"),
    Column("starts", ("Starts", "Effective", "Effective date", "From"), "day", example="2026-01-01"),
    Column("ends", ("Ends", "Termination date", "To"), "day"),
    Column("source", ("Source",)),
)  # fmt: skip
_KEY: Final = ("payer", "code", "code-end", "plan", "business", "network", "places", "starts")


def names(row: Row) -> Iterator[tuple[str, str, str]]:
    """A line is told apart by what it is about; what it said before is not asked for."""
    return iter(())


def build(row: Row, known: Known) -> list[Json]:
    """The book of the line."""
    payer = _payer(known.get(row.get("payer")) or {})
    if not payer:
        row.fault("payer", sentence("import.rule.payer"))
    if row.get("starts") and row.get("ends") and row.get("ends") < row.get("starts"):
        row.fault("ends", sentence("import.backwards", day=row.get("ends").isoformat()))
    if row.get("answer") == "delegated" and not row.get("vendor"):
        row.fault("vendor", sentence("import.rule.vendor"))
    code = row.get("code", "").upper()
    system = row.get("system") or next((n for n, shape in _SHAPES.items() if re.fullmatch(shape, code)), "")
    if code and not system:
        row.fault("code", sentence("import.rule.code", text=code))
    if row.get("code-end") and not (code and sound(code, row.get("code-end").upper())):
        row.fault("code-end", sentence("import.rule.range", first=code, last=row.get("code-end")))
    if row.faults:
        return []
    id = stable_id("rule", *(str(row.get(name, "")).upper() for name in _KEY))
    book: Json = {
        "resourceType": "PlanDefinition",
        "id": id,
        "identifier": [{"system": _OWN, "value": id}],
        "status": "active",
        "title": _title(row, code),
        "extension": [{"url": f"{EXTENSION}/plan-payer", "valueIdentifier": payer}],
        "action": [_action(row, code, system)],
    }
    period = {end: row.get(name).isoformat() for end, name in (("start", "starts"), ("end", "ends")) if row.get(name)}
    return [book | ({"effectivePeriod": period} if period else {})]


def _payer(organization: Json) -> Json:
    """The identifier by which a payer's rules are found."""
    found = sorted(items(organization, "identifier"), key=lambda each: each.get("system") != PAYER_ID[:-1])
    return next(({"system": each["system"], "value": each["value"]} for each in found if identifier(each)), {})


def _title(row: Row, code: str) -> str:
    return str(row.get("title") or code or row.get("answer"))


def _action(row: Row, code: str, system: str) -> Json:
    parts: list[tuple[str, str, Any]] = [("answer", "valueCode", row.get("answer"))]
    parts += [("plan", "valueString", row.get("plan")), ("line-of-business", "valueString", row.get("business"))]
    parts += [("network", "valueCode", row.get("network")), ("vendor", "valueString", row.get("vendor"))]
    parts += [("place", "valueCode", each) for each in row.get("places", ())]
    parts += [("lead-days", "valueInteger", row.get("lead-days"))]
    parts += [
        ("document", "valueCodeableConcept", {"coding": [{"system": LOINC, "code": each}]})
        for each in row.get("documents", ())
    ]
    said = [{"url": name, element: value} for name, element, value in parts if value is not None]
    action: Json = {"title": _title(row, code), "extension": [{"url": _MARK, "extension": said}]}
    if row.get("source"):
        action["documentation"] = [{"type": "documentation", "display": row.get("source")}]
    if code:
        coding: Json = {"system": _SYSTEMS[system], "code": code}
        if row.get("code-end"):
            coding["extension"] = [{"url": f"{EXTENSION}/code-end", "valueCode": row.get("code-end").upper()}]
        action["code"] = [{"coding": [coding]}]
    return action


def cells(resource: Json, known: Known) -> Iterator[Mapping[str, str]]:
    """The row of a line that a table brought; none for the books that came whole."""
    if not any(each.get("system") == _OWN for each in items(resource, "identifier")):
        return
    payer = item(extension(resource, f"{EXTENSION}/plan-payer"), "valueIdentifier")
    owner = known.identified("Organization", text(payer, "system"), text(payer, "value"))
    action = next(iter(items(resource, "action")), {})
    mark, period = extension(action, _MARK), item(resource, "effectivePeriod")
    coding = next((c for concept in items(action, "code") for c in items(concept, "coding")), {})
    documents = [item(each, "valueCodeableConcept") for each in extensions(mark, "document")]
    yield {
        "payer": called(key(owner), known) if owner else text(payer, "value"),
        "code": text(coding, "code"),
        "code-end": text(extension(coding, f"{EXTENSION}/code-end"), "valueCode"),
        "system": next((name for name, system in _SYSTEMS.items() if system == text(coding, "system")), ""),
        "title": text(action, "title"),
        "plan": text(extension(mark, "plan"), "valueString"),
        "business": text(extension(mark, "line-of-business"), "valueString"),
        "network": text(extension(mark, "network"), "valueCode"),
        "answer": text(extension(mark, "answer"), "valueCode"),
        "vendor": text(extension(mark, "vendor"), "valueString"),
        "places": "; ".join(text(each, "valueCode") for each in extensions(mark, "place")),
        "documents": "; ".join(text(c, "code") for each in documents for c in items(each, "coding")),
        "lead-days": str(whole(extension(mark, "lead-days"), "valueInteger") or ""),
        "starts": text(period, "start")[:10],
        "ends": text(period, "end")[:10],
        "source": next((text(each, "display") for each in items(action, "documentation")), ""),
    }
