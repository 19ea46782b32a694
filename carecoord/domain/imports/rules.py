"""Payers' rules about authorization as rows: a line of a book each. A payer's list is too long to be one resource, so
rows become rules as they are, under the cover of their book (`domain/prior_auth/rule_book.py`)."""

import re
from collections.abc import Mapping
from hashlib import sha1
from typing import Any, Final

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.imports.cells import Column
from carecoord.domain.imports.known import Known
from carecoord.domain.imports.rows import Row, stable_id
from carecoord.domain.prior_auth.code_ranges import sound
from carecoord.domain.prior_auth.question import SETTINGS
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.resource.codes import EXTENSION, IDENTIFIER, LOINC
from carecoord.domain.resource.days import Days, shifted
from carecoord.domain.resource.elements import Json, code_of, identifiers, words
from carecoord.domain.resource.parties import TAXES, name
from carecoord.domain.rules.written import BY_HAND
from carecoord.fhir.code_systems import NPI
from carecoord.words.sentence import sentence

_ANSWERS: Final = {
    "required": "required", "yes": "required", "y": "required", "auth required": "required",
    "not required": "not-required", "no": "not-required", "n": "not-required", "not-required": "not-required",
    "notification only": "notification-only", "notification": "notification-only",
    "notification-only": "notification-only", "delegated": "delegated",
}  # fmt: skip
SYSTEMS: Final = {
    "CPT": "http://www.ama-assn.org/go/cpt",
    "HCPCS": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "CDT": "http://www.ada.org/cdt",
    "Revenue": "https://www.nubc.org/CodeSystem/RevenueCodes",
}
_SHAPES: Final = {  # the codes of each are told apart by how they are written
    "HCPCS": re.compile(r"[A-CE-Z]\d{4}"), "CPT": re.compile(r"\d{4}[0-9FTU]"), "CDT": re.compile(r"D\d{4}"),
    "Revenue": re.compile(r"0\d{3}"),
}  # fmt: skip
_BUSINESSES: Final = ("commercial", "exchange", "self-funded", "medicare-advantage", "medicare", "medicaid", "chip",
                      "workers-compensation")  # fmt: skip
_LOINC: Final = re.compile(r"\d{1,5}-\d")
_SEXES: Final = {"female": "female", "f": "female", "male": "male", "m": "male"}
_NETWORKS: Final = {"any": "any", "in": "in", "in network": "in", "out": "out", "out of network": "out"}
COLUMNS: Final = (
    Column("payer", ("Payer", "Payer number", "Insurer"), "payer", required=True, example="EX001"),
    Column("answer", ("Authorization", "Answer", "Prior authorization", "Auth required", "PA required", "Required"),
           "choice", required=True, choices=_ANSWERS, example="required"),
    Column("title", ("Rule", "Title", "Description", "Service"), example="Outpatient therapy"),
    Column("line", ("Line", "Rule number"), "code", example="4711"),
    Column("book", ("Book", "Policy"), example="Example rules"),
    Column("system", ("Code system",), "choice", choices={each.lower(): url for each, url in SYSTEMS.items()}),
    Column("code", ("Code", "From code", "Procedure code", "CPT/HCPCS", "Service code", "HCPCS"), "code",
           example="G0151"),
    Column("code_end", ("Last code", "To code", "Code to", "Range end"), "code", example="G0162"),
    Column("plan", ("Plan", "Plan number", "Plan code", "Plans"), "code", many=True, example="EX-HMO"),
    Column("business", ("Line of business", "LOB"), "choice", choices={each: each for each in _BUSINESSES}),
    Column("network", ("Network", "In or out of network"), "choice", choices=_NETWORKS),
    Column("modifiers", ("Modifiers", "Modifier"), "code", many=True),
    Column("places", ("Places of service", "Place of service", "POS"), "code", many=True),
    Column("setting", ("Setting",), "choice", choices={each: each for each in SETTINGS}),
    Column("age_from", ("Age from", "Minimum age"), "whole"),
    Column("age_to", ("Age to", "Maximum age"), "whole"),
    Column("sex", ("Sex", "Gender"), "choice", choices=_SEXES),
    Column("diagnosis", ("Diagnosis", "Diagnosis from"), "code"),
    Column("diagnosis_end", ("Diagnosis to",), "code"),
    Column("visit_from", ("From visit",), "whole"),
    Column("specialties", ("Specialty of the orderer", "Specialties", "Specialty"), many=True),
    Column("provider", ("Exempt provider", "Gold card NPI"), "npi"),
    Column("vendor", ("Delegated to", "Vendor")),
    Column("lead_days", ("Lead days", "Days ahead"), "whole"),
    Column("documents", ("Documents", "Documents (LOINC)", "Documentation"), many=True),
    Column("starts", ("Starts", "Effective", "Effective date", "From"), "day", example="2026-01-01"),
    Column("ends", ("Ends", "Termination date", "To"), "day"),
    Column("origin", ("Source",)),
    Column("retrieved", ("Retrieved", "As read on"), "day"),
)  # fmt: skip


def cover(row: Row, known: Known) -> Json | None:
    """The book that a row stands in: one of its name for each payer. None, and a fault, where the payer has no
    number."""
    payer = known.get(row.get("payer")) or {}
    numbers = sorted(
        (each for each in identifiers(payer) if not each.startswith(TAXES)),
        key=lambda each: (not each.startswith(f"{IDENTIFIER}/payer|"), each),
    )
    if not numbers:
        row.fault("payer", sentence("import.rules.payer", payer=name(payer)))
        return None
    system, _, value = numbers[0].partition("|")
    title = row.get("book") or name(payer)
    return {
        "resourceType": "PlanDefinition",
        "id": _book_id(numbers[0], row.get("book", "")),
        "status": "active",
        "title": title,
        "extension": [
            {"url": f"{EXTENSION}/plan-payer", "valueIdentifier": {"system": system, "value": value}},
            {"url": f"{EXTENSION}/imported-rules", "valueBoolean": True},
        ],
    }


def _book_id(payer: str, title: str) -> str:
    """The book that a payer's rows stand in where they name none keeps its id when the payer is renamed."""
    return stable_id("PlanDefinition", payer, title)


def build(row: Row, book: Json, payer: str) -> list[Rule]:
    """The rules of a row: one for each plan."""
    _check(row)
    if row.faults:
        return []
    said = {name: row.get(name, "") for name in _TEXTS} | {name: row.get(name) for name in _NUMBERS}
    said["code"], said["code_end"], said["system"] = _code(row), row.get("code_end", "").upper(), system_of(row)
    line = row.get("line") or sha1(repr(sorted(row.values.items())).encode(), usedforsecurity=False).hexdigest()[:12]
    last = row.get("ends")
    common: dict[str, Any] = said | {
        "payer": payer,
        "answer": row.get("answer"),
        "title": row.get("title") or " ".join(filter(None, (book["title"], row.get("code"), row.get("code_end")))),
        "line": line,
        "evidence": Evidence(f"PlanDefinition/{book['id']}", None, f"PlanDefinition.action.where(id='{line}')"),
        "provider": f"{NPI}|{row.get('provider')}" if row.get("provider") else "",
        "network": row.get("network", "any"),
        "modifiers": frozenset(each.upper() for each in row.get("modifiers", ())),
        "places": frozenset(each.zfill(2) for each in row.get("places", ())),
        "specialties": frozenset(row.get("specialties", ())),
        "days": Days(row.get("starts"), shifted(last, 1) if last else None),
        "papers": tuple(map(_paper, row.get("documents", ()))),
        "retrieved": row.get("retrieved").isoformat() if row.get("retrieved") else "",
    }
    return [Rule(plan=plan, **common) for plan in row.get("plan") or [""]]


_TEXTS: Final = ("business", "system", "code", "code_end", "setting", "sex", "diagnosis", "diagnosis_end", "vendor",
                 "origin")  # fmt: skip
_NUMBERS: Final = ("age_from", "age_to", "visit_from", "lead_days")


def _check(row: Row) -> None:
    """What must not be read as if it were not there: the rule would speak of more than the payer meant."""
    low, high = _code(row), row.get("code_end", "").upper()
    if low and not system_of(row):
        row.fault("code", sentence("import.rules.code", text=low))
    if high and not sound(low, high):
        row.fault("code_end", sentence("import.rules.range", first=low or "…", last=high))
    if row.get("answer") == "delegated" and not row.get("vendor"):
        row.fault("vendor", sentence("import.rules.vendor"))
    if row.get("diagnosis_end") and not row.get("diagnosis"):
        row.fault("diagnosis_end", sentence("import.rules.range", first="…", last=row.get("diagnosis_end")))
    if row.get("age_from", 0) > row.get("age_to", 999):
        row.fault("age_to", sentence("import.rules.range", first=str(row.get("age_from")), last=str(row.get("age_to"))))
    if row.get("starts") and row.get("ends") and row.get("ends") < row.get("starts"):
        row.fault("ends", sentence("import.backwards", day=row.get("ends").isoformat()))


def _code(row: Row) -> str:
    return str(row.get("code", "")).upper()


def system_of(row: Row) -> str:
    """The code system of a row's code: as the row says, else as the code is written."""
    shaped = (each for each, shape in _SHAPES.items() if shape.fullmatch(_code(row)))
    return row.get("system") or SYSTEMS.get(next(shaped, ""), "")


def _paper(said: str) -> Json:
    return {"coding": [{"system": LOINC, "code": said}]} if _LOINC.fullmatch(said) else {"text": said}


def cells(rule: Rule, book: Json) -> Mapping[str, str]:
    """The row of a rule."""
    lists = {"plan": [rule.plan], "modifiers": rule.modifiers, "places": rule.places, "specialties": rule.specialties,
             "documents": [code_of(each, LOINC) or words(each) for each in rule.papers]}  # fmt: skip
    last, by_hand = rule.days.last, rule.line == BY_HAND
    return {
        **{name: str(value) for name in (*_TEXTS, *_NUMBERS) if (value := getattr(rule, name)) not in ("", None)},
        **{name: "; ".join(sorted(said)) for name, said in lists.items()},
        "payer": rule.payer.rpartition("|")[2],
        "answer": rule.answer.replace("-", " "),
        "title": rule.title,
        "line": "" if by_hand else rule.line,
        "book": "" if by_hand or book["id"] == _book_id(rule.payer, "") else str(book.get("title", "")),
        "system": next((each for each, url in SYSTEMS.items() if url == rule.system), ""),
        "network": "" if rule.network == "any" else rule.network,
        "provider": rule.provider.rpartition("|")[2],
        "starts": rule.days.start.isoformat() if rule.days.start else "",
        "ends": last.isoformat() if last else "",
        "retrieved": rule.retrieved,
    }
