"""The measures as FHIR says them: the Measure of each, and the MeasureReport of a figure. Pure.

Clauses: FHIR R4 measure.html, measurereport.html, measure-operation-evaluate-measure.html. What is counted are orders,
not patients (cqfm-populationBasis): a patient with two referrals counts twice, and a list is one of ServiceRequests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from carecoord.domain.measures.definitions import MEASURES, Definition
from carecoord.domain.measures.figures import Figure
from carecoord.domain.measures.names import MEASURES as NAMES
from carecoord.domain.resource.elements import Json
from carecoord.words.catalogue import say

Kind = Literal["summary", "subject-list", "individual"]
Population = Literal["initial-population", "denominator", "numerator", "measure-population"]
PUBLISHED: Final = {name: each for name, each in MEASURES.items() if not each.diaries}  # those that count referrals
_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem"
_BASIS: Final = "http://hl7.org/fhir/us/cqfmeasures/StructureDefinition/cqfm-populationBasis"
_UNITS: Final = {"percent": "%", "days": "d", "hours": "h", "times": "1"}  # UCUM


@dataclass(frozen=True)
class Evaluated:
    """A figure of the days from `first` to `last`, both in, of an organization (its id). `cases`: of each population
    the orders, `Type/id`, where they are listed; `subject`: the patient (id) of an individual one."""

    definition: Definition
    figure: Figure
    first: date
    last: date
    organization: str
    cases: Mapping[Population, Sequence[str]] | None = None
    subject: str | None = None


def populations(what: Definition) -> tuple[Population, ...]:
    """What is counted apart: of a share who are asked about and who are hit, of a length whose it is."""
    if what.kind == "share":
        return "initial-population", "denominator", "numerator"
    return "initial-population", "measure-population"


def canonical(base: str, what: Definition) -> str:
    """The address of a measure, without its version."""
    return f"{base}/Measure/{what.name}"


def measure(what: Definition, base: str) -> Json:
    """The Measure, as it is published below [base]."""
    title, how, excluded = (say(each) for each in NAMES[what.name])
    asked = [{"code": _coded("measure-population", each), "description": how, "criteria": _words(how)}
             for each in populations(what)]  # fmt: skip
    left_out = "denominator-exclusion" if what.kind == "share" else "measure-population-exclusion"
    coded = _coded("measure-population", left_out)
    asked.append({"code": coded, "description": excluded, "criteria": _words(excluded)})
    return {
        "resourceType": "Measure", "id": what.name, "url": canonical(base, what), "version": str(what.version),
        "extension": [{"url": _BASIS, "valueCode": "ServiceRequest"}],
        "name": "".join(part.title() for part in what.name.split("-")), "title": title, "status": "active",
        "description": how, "scoring": _coded("measure-scoring", _scoring(what)),
        "improvementNotation": _notation(what), "group": [{"description": title, "population": asked}],
    }  # fmt: skip


def report(of: Evaluated, base: str, at: str) -> Json:
    """The MeasureReport of a figure. at: the instant. A score of few is not told (see figures): only how many."""
    kind: Kind = "individual" if of.subject else "subject-list" if of.cases is not None else "summary"
    counts = {"numerator": of.figure.hits}
    lists = {each: f"list-{each}" for each in populations(of.definition)} if of.cases is not None else {}
    counted = [
        {"code": _coded("measure-population", each), "count": counts.get(each, of.figure.n)}
        | ({"subjectResults": {"reference": f"#{lists[each]}"}} if lists else {})
        for each in populations(of.definition)
    ]
    group: Json = {"population": counted}
    if of.figure.value is not None and not of.subject:
        unit = _UNITS[of.definition.unit]
        group["measureScore"] = {"value": of.figure.value, "unit": unit, "system": "http://unitsofmeasure.org",
                                 "code": unit}  # fmt: skip
    made: Json = {
        "resourceType": "MeasureReport", "status": "complete", "type": kind, "date": at,
        "measure": f"{canonical(base, of.definition)}|{of.definition.version}",
        "reporter": {"reference": f"Organization/{of.organization}"},
        "period": {"start": of.first.isoformat(), "end": of.last.isoformat()},
        "improvementNotation": _notation(of.definition), "group": [group],
    }  # fmt: skip
    if of.subject:
        made["subject"] = {"reference": f"Patient/{of.subject}"}
    if of.cases is not None:
        made["contained"] = [_list(lists[each], of.cases.get(each, ())) for each in lists]
    return made


def _list(id: str, orders: Sequence[str]) -> Json:
    entries = [{"item": {"reference": each}} for each in orders]
    return {"resourceType": "List", "id": id, "status": "current", "mode": "snapshot"} | (
        {"entry": entries} if entries else {}
    )


def _scoring(what: Definition) -> str:
    return "proportion" if what.kind == "share" else "continuous-variable"


def _notation(what: Definition) -> Json:
    return _coded("measure-improvement-notation", "increase" if what.good == "least" else "decrease")


def _words(said: str) -> Json:
    return {"language": "text/plain", "expression": said}


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{_SYSTEM}/{system}", "code": code}]}
