"""A rule that somebody writes by hand: a PlanDefinition of its own with the one line `by-hand`, so that each has its
versions and no import of its payer's book touches it. A line of a book that an app wrote is changed where it stands.

The elements are those that `prior_auth/rule_book.py` reads; what a line says besides (criteria, automatic approval)
stays as it is."""

from collections.abc import Sequence
from typing import Final

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.prior_auth.rule_book import Rule, imported
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, extension, items, text

BY_HAND: Final = "by-hand"  # the id of the action, and so the number of the line
_MARK: Final = f"{EXTENSION}/authorization-rule"
_IN_PLACE_OF: Final = f"{EXTENSION}/in-place-of"
_OURS: Final = frozenset({
    "answer", "needed", "plan", "line-of-business", "modifier", "place", "setting", "sex", "network", "vendor",
    "specialty", "age", "diagnosis", "visit-from", "provider", "lead-days", "document", "period", "source", "retrieved",
})  # fmt: skip


def book(id: str, rules: Sequence[Rule], replaces: str) -> Json:
    """The PlanDefinition of a rule, which is one for each of its plans. `replaces`: the line of an imported book in
    whose place it stands (`PlanDefinition/id 4711`), empty where there was none."""
    system, _, value = rules[0].payer.partition("|")
    before = [{"url": _IN_PLACE_OF, "valueString": replaces}] if replaces else []
    return {
        "resourceType": "PlanDefinition",
        "id": id,
        "status": "active",
        "title": rules[0].title,
        "extension": [
            {"url": f"{EXTENSION}/plan-payer", "valueIdentifier": {"system": system, "value": value}}, *before,
        ],
        "action": [action(rules, {"id": BY_HAND})],
    }  # fmt: skip


def in_place_of(book: Json) -> tuple[str, str]:
    """The source and the number of the imported line in whose place a rule stands; both empty where there was none."""
    source, _, line = text(extension(book, _IN_PLACE_OF), "valueString").partition(" ")
    return source, line


def replaced(book: Json, element: str, rules: Sequence[Rule]) -> Json:
    """The book with these in the place of the line at an element (`Rule.evidence`)."""
    n = place(book, element)
    actions = items(book, "action")
    changed = [action(rules, each) if i == n else each for i, each in enumerate(actions)]
    own = len(actions) == 1 and text(actions[0], "id") == BY_HAND
    kept = {name: value for name, value in book.items() if name != "meta"}
    return kept | {"action": changed} | ({"title": rules[0].title} if own else {})


def place(book: Json, element: str) -> int | None:
    """Which action of a book an element names; None: it has no such."""
    for n, each in enumerate(items(book, "action")):
        said = text(each, "id")
        if element == (f"PlanDefinition.action.where(id='{said}')" if said else f"PlanDefinition.action[{n}]"):
            return n
    return None


def is_one(book: Json, element: str) -> bool:
    """Whether the line at an element speaks of one service and one diagnosis, as a form does, and the book has it."""
    n = place(book, element)
    if n is None or imported(book):
        return False
    said = items(book, "action")[n]
    codes = [coding for concept in items(said, "code") for coding in items(concept, "coding")]
    diagnoses = [each for each in items(extension(said, _MARK), "extension") if text(each, "url") == "diagnosis"]
    return len(items(said, "code")) <= 1 and len(codes) <= 1 and len(diagnoses) <= 1


def at(rule: Rule, source: str, element: str) -> Evidence:
    """Where a rule will stand."""
    return Evidence(source, rule.evidence.version, element)


def action(rules: Sequence[Rule], before: Json) -> Json:
    """The line of a rule, with what `before` says besides."""
    rule = rules[0]
    mark = extension(before, _MARK)
    rest = [each for each in items(mark, "extension") if text(each, "url") not in _OURS]
    others = [each for each in items(before, "extension") if text(each, "url") != _MARK]
    kept = {name: value for name, value in before.items() if name not in ("code", "extension", "title")}
    made = kept | {"title": rule.title, "extension": [*others, {"url": _MARK, "extension": [*_said(rules), *rest]}]}
    if rule.code:
        made["code"] = [{"coding": [_coding(rule.system, rule.code, rule.code_end)]}]
    return made


def _said(rules: Sequence[Rule]) -> list[Json]:
    rule = rules[0]
    one = {"line-of-business": rule.business, "setting": rule.setting, "sex": rule.sex, "vendor": rule.vendor}
    several = {
        "plan": [each.plan for each in rules if each.plan], "modifier": sorted(rule.modifiers),
        "place": sorted(rule.places), "specialty": sorted(rule.specialties),
    }  # fmt: skip
    found: list[Json] = [{"url": "answer", "valueCode": rule.answer}, {"url": "network", "valueCode": rule.network}]
    found += [{"url": name, "valueString": said} for name, said in one.items() if said]
    found += [{"url": name, "valueString": said} for name, all_ in several.items() for said in all_]
    ages = {end: {"value": age} for end, age in (("low", rule.age_from), ("high", rule.age_to)) if age is not None}
    found += [{"url": "age", "valueRange": ages}] if ages else []
    if rule.diagnosis:
        system = "http://hl7.org/fhir/sid/icd-10-cm"
        coding = _coding(system, rule.diagnosis, rule.diagnosis_end)
        found.append({"url": "diagnosis", "valueCoding": coding})
    for name, number in (("visit-from", rule.visit_from), ("lead-days", rule.lead_days)):
        found += [{"url": name, "valueInteger": number}] if number is not None else []
    if rule.provider:
        system, _, value = rule.provider.partition("|")
        found.append({"url": "provider", "valueIdentifier": {"system": system, "value": value}})
    found += [{"url": "document", "valueCodeableConcept": each} for each in rule.papers]
    days = {"start": rule.days.start, "end": rule.days.last}
    period = {end: day.isoformat() for end, day in days.items() if day}
    found += [{"url": "period", "valuePeriod": period}] if period else []
    found += [{"url": "source", "valueUri": rule.origin}] if rule.origin else []
    found += [{"url": "retrieved", "valueDate": rule.retrieved}] if rule.retrieved else []
    return found


def _coding(system: str, code: str, end: str) -> Json:
    last = {"extension": [{"url": f"{EXTENSION}/code-end", "valueCode": end}]} if end else {}
    return {"system": system, "code": code, **last}
