"""What a payer says of one order under one card: the extension coverage-information, and the cards beside it. Pure.

Clause: Da Vinci CRD 2.2.1, StructureDefinition ext-coverage-information with crd-ci-q1 to q9 (a form needs a
doc-needed; what is not covered needs no authorization; what is indeterminate, and a doc-purpose, need a reason)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from carecoord.domain.prior_auth.requirements import Requirement
from carecoord.domain.resource.elements import Json, items, key, text, words

EXTENSION: Final = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"
_TOPIC: Final = {"system": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp", "code": "coverage-info"}
_LONGEST: Final = 139  # characters of a card's summary


@dataclass(frozen=True)
class Verdict:
    """What holds of an order. said: the rule in words; origin: where the payer says so, empty where nobody tells;
    forms: canonicals of the payer's forms for the papers; satisfied: the number of an authorization that holds."""

    order: Json
    coverage: Json
    need: Requirement
    said: str
    origin: str = ""
    forms: tuple[str, ...] = ()
    satisfied: str = ""


def extension(verdict: Verdict, day: date) -> Json:
    """The extension. The id of the assertion is the same for the same order under the same card."""
    need = verdict.need
    parts: list[Json] = [{"url": "coverage", "valueReference": {"reference": key(verdict.coverage)}}]
    if need.answer is None:
        parts += [_code("covered", "indeterminate"), _code("pa-needed", "indeterminate")]
    else:
        needed = "no-auth" if not need.needed else "satisfied" if verdict.satisfied else "auth-needed"
        parts += [_code("covered", "covered"), _code("pa-needed", needed)]
    papers = [words(each) for each in need.papers] if need.needed and not verdict.satisfied else []
    if papers:
        parts += [_code("doc-needed", "clinical"), _code("doc-purpose", "withpa")]
    parts.append({"url": "reason", "valueCodeableConcept": {"text": verdict.said}})
    parts += [_detail("document", each) for each in papers]
    parts += [{"url": "questionnaire", "valueCanonical": each} for each in verdict.forms] if papers else []
    if verdict.satisfied:
        parts.append({"url": "satisfied-pa-id", "valueString": verdict.satisfied})
    if need.vendor:
        parts.append({"url": "contact", "valueContactDetail": {"name": need.vendor}})
    id = uuid5(NAMESPACE_URL, f"{key(verdict.order)}|{key(verdict.coverage)}")
    parts += [{"url": "date", "valueDate": day.isoformat()}, {"url": "coverage-assertion-id", "valueString": str(id)}]
    return {"url": EXTENSION, "extension": parts}


def assertions(order: Json) -> set[str]:
    """The ids of the coverage assertions that an order carries."""
    told = [each for each in items(order, "extension") if each.get("url") == EXTENSION]
    return {text(part, "valueString") for each in told for part in items(each, "extension")
            if part.get("url") == "coverage-assertion-id"}  # fmt: skip


def _code(url: str, code: str) -> Json:
    return {"url": url, "valueCode": code}


def _detail(code: str, value: str) -> Json:
    coded = {"coding": [{"system": _TOPIC["system"], "code": code}]}
    return {"url": "detail", "extension": [{"url": "code", "valueCodeableConcept": coded},
                                           {"url": "value", "valueString": value}]}  # fmt: skip


def answer(verdicts: Sequence[Verdict], day: date, source: str, wants: Any) -> Json:
    """The answer to a call: an update of each order, and the cards that its client wants. source: the payer's name."""
    wanted = wants if isinstance(wants, dict) else {}
    cards: list[Json] = []
    actions: list[Json] = []
    for each in verdicts:
        if wanted.get("coverage-info") is not False:
            told = extension(each, day)
            kept = [one for one in items(each.order, "extension") if one.get("url") != EXTENSION]
            update = each.order | {"extension": [*kept, told]}
            actions.append({"type": "update", "description": each.said[:_LONGEST], "resource": update})
        if wanted.get("instructions") is not False:
            cards.append(_card(each, source))
        if each.origin and wanted.get("external-reference") is not False:
            link = {"label": source, "url": each.origin, "type": "absolute"}
            cards.append(_card(each, source) | {"links": [link]})
    return {"cards": cards, "systemActions": actions}


def unread(said: str, source: str) -> Json:
    """The answer to a call that could not be judged: why, on a card. source: who says so."""
    card = {"summary": said[:_LONGEST], "indicator": "warning", "source": {"label": source, "topic": _TOPIC}}
    return {"cards": [card], "systemActions": []}


def _card(verdict: Verdict, source: str) -> Json:
    return {
        "summary": verdict.said[:_LONGEST],
        "indicator": "warning" if verdict.need.needed is not False else "info",
        "source": {"label": source, "topic": _TOPIC},
    }
