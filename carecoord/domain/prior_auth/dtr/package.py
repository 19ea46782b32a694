"""A payer's forms for what an order needs, as DTR hands them over: what is asked, which forms are meant, the package of
each. Pure.

Clause: Da Vinci DTR 2.2.0, OperationDefinition questionnaire-package (coverage 1..1, order, questionnaire, context;
`packagebundle`: the Questionnaire first, then value sets expanded, and a draft QuestionnaireResponse with its context),
OperationDefinition log-questionnaire-errors. The forms are static and carry no CQL: what a server fills in stands in
their initialExpression."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from carecoord.domain.prior_auth.pas.packet import outward
from carecoord.domain.prior_auth.rule_book import payer_of
from carecoord.domain.questionnaires.form import canonical
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, codes, extensions, identifiers, item, items, key, target, text
from carecoord.errors import Invalid, Unprocessable

DTR: Final = "http://hl7.org/fhir/us/davinci-dtr/StructureDefinition"
FORM: Final = f"{EXTENSION}/form"  # of a paper that a rule wants (valueCanonical): the form by which it is given
CONTEXT: Final = f"{DTR}/qr-context"  # of a response: the order and the card that it is for
ADAPTIVE: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-questionnaireAdaptive"
_ADAPT: Final = ("dtr-questionnaire-adapt", "sdc-questionnaire-adapt", "sdc-questionnaire-adapt-srch")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call of the operation asks for: the card, orders, forms by canonical, the id of a coverage assertion, and
    since when a form has to have changed (a prefix of an instant), empty for whenever."""

    coverage: Json
    orders: tuple[Json, ...]
    forms: tuple[str, ...]
    context: str
    since: str


def read(parameters: Json) -> Asked:
    """The Parameters of $questionnaire-package. Raises Invalid (400), Unprocessable (422)."""
    if parameters.get("resourceType") != "Parameters":
        raise Invalid("$questionnaire-package takes Parameters.", "resourceType")
    given = items(parameters, "parameter")

    def resources(name: str) -> list[Json]:
        return [found for each in given if each.get("name") == name and (found := item(each, "resource"))]

    def values(name: str) -> list[str]:
        rows = [each for each in given if each.get("name") == name]
        return [str(value) for each in rows for part, value in each.items() if part.startswith("value")]

    cards = resources("coverage")
    if len(cards) != 1 or cards[0].get("resourceType") != "Coverage":
        raise Unprocessable("One Coverage is asked about.", "Parameters.parameter.where(name='coverage')")
    asked = Asked(cards[0], tuple(resources("order")), tuple(values("questionnaire")),
                  next(iter(values("context")), ""), next(iter(values("changedsince")), ""))  # fmt: skip
    if not (asked.orders or asked.forms or asked.context):
        raise Unprocessable("Say an order, a questionnaire or a context.", "Parameters.parameter")
    return asked


def is_adaptive(questionnaire: Json) -> bool:
    """Whether a form asks its next question only when it knows the answer to the one before."""
    profiles = item(questionnaire, "meta").get("profile")
    named = [str(each).rpartition("/")[2] for each in profiles] if isinstance(profiles, list) else []
    return bool(extensions(questionnaire, ADAPTIVE)) or not set(_ADAPT).isdisjoint(named)


def of_payer(kept: Iterable[Json], payer: frozenset[str]) -> list[Json]:
    """Of the forms that are kept a payer's own, and after them those that say nobody's (extension `plan-payer`, as of a
    rule book). payer: its identifiers, `system|value`."""
    mine, nobodys = list[Json](), list[Json]()
    for each in kept:
        whose = payer_of(each)
        (mine if whose in payer else nobodys if not whose else []).append(each)
    return [*mine, *nobodys]


def for_papers(kept: Iterable[Json], papers: Sequence[Json], payer: frozenset[str]) -> list[Json]:
    """The forms by which papers that a payer's rule wants are given. For each paper: those that the rule names; where
    it names none, the payer's own that carry the code of the paper; where there is none, nobody's that do. Another
    payer's are never meant. payer: its identifiers."""
    active = [each for each in of_payer(kept, payer) if text(each, "status") == "active" and not is_adaptive(each)]
    found: dict[str, Json] = {}
    for paper in papers:
        named = {text(each, "valueCanonical") for each in extensions(paper, FORM)} - {""}
        fitting = [each for each in active if named & {canonical(each), text(each, "url")}]
        if not named:
            coded = [each for each in active if codes({"coding": items(each, "code")}) & codes(paper)]
            fitting = [each for each in coded if payer_of(each)] or coded
        found |= {canonical(each): each for each in fitting}
    return sorted(found.values(), key=canonical)


def packages(
    forms: Sequence[Json], sets: Mapping[str, Json], asked: Asked, missing: Sequence[str], now: datetime
) -> Json:
    """The answer: a package for each form. sets: by canonical, the value sets that their questions are answered from;
    missing: canonicals that there is no form of here."""
    rows: list[Json] = []
    for each in forms:
        wanted = [sets[name] for name in _sets(each) if name in sets]
        entries = [each, *wanted, _draft(each, asked, now)]
        rows.append({"name": "packagebundle", "resource": {
            "resourceType": "Bundle", "meta": {"profile": [f"{DTR}/DTR-QPackageBundle"]}, "type": "collection",
            "timestamp": now.isoformat(timespec="milliseconds"),
            "entry": [{"fullUrl": _url(one), "resource": one} for one in entries]}})  # fmt: skip
    if missing:
        issues = [{"severity": "warning", "code": "not-found", "diagnostics": f"There is no form {each[:200]} here."}
                  for each in missing]  # fmt: skip
        rows.append({"name": "outcome", "resource": {"resourceType": "OperationOutcome", "issue": issues}})
    return {"resourceType": "Parameters", "meta": {"profile": [f"{DTR}/dtr-qpackage-output-parameters"]},
            **({"parameter": rows} if rows else {})}  # fmt: skip


def _sets(questionnaire: Json) -> list[str]:
    found: dict[str, None] = {}
    left = list(items(questionnaire, "item"))
    while left:
        one = left.pop()
        if named := text(one, "answerValueSet"):
            found[named] = None
        left += items(one, "item")
    return sorted(found)


def _draft(questionnaire: Json, asked: Asked, now: datetime) -> Json:
    """The response that is to be filled in, with what it is for."""
    about = [*({"url": CONTEXT, "valueReference": {"reference": key(each)}} for each in asked.orders if each.get("id")),
             *([{"url": CONTEXT, "valueReference": {"reference": key(asked.coverage)}}]
               if asked.coverage.get("id") else [])]  # fmt: skip
    id = str(uuid5(NAMESPACE_URL, f"{canonical(questionnaire)}|{key(asked.coverage)}|{asked.context}"))
    subject = item(asked.coverage, "beneficiary")
    return {
        "resourceType": "QuestionnaireResponse", "id": id,
        "meta": {"profile": [f"{DTR}/dtr-questionnaireresponse"]},
        **({"extension": about} if about else {}), "questionnaire": canonical(questionnaire), "status": "in-progress",
        **({"subject": subject} if subject else {}), "authored": now.isoformat(timespec="seconds"),
    }  # fmt: skip


def _url(resource: Json) -> str:
    return text(resource, "url") or f"urn:uuid:{uuid5(NAMESPACE_URL, key(resource))}"


def taken(document: Json) -> tuple[list[Json], list[Json], list[str]]:
    """Of an answer of the operation: (the forms that can be filled in here, their value sets, the titles of those that
    can not, being adaptive)."""
    bundles = [item(each, "resource") for each in items(document, "parameter") if each.get("name") == "packagebundle"]
    found = [item(entry, "resource") for each in bundles for entry in items(each, "entry")]
    forms = [each for each in found if each.get("resourceType") == "Questionnaire" and text(each, "url")]
    refused = [text(each, "title") or canonical(each) for each in forms if is_adaptive(each)]
    sets = [each for each in found if each.get("resourceType") == "ValueSet" and text(each, "url")]
    return [each for each in forms if not is_adaptive(each)], sets, refused


def request(coverage: Json, payer: Json, order: Json) -> Json:
    """The Parameters by which the forms for an order are asked for. payer: contained, so that its identifiers go
    along. What is ours alone of these stays here, and so does what they name beside one another and their patient."""
    known = {key(coverage), key(order), target(item(order, "subject")), target(item(coverage, "beneficiary"))}
    card = outward(coverage, known) | {"contained": [outward(payer, known) | {"id": "payer"}],
                                       "payor": [{"reference": "#payer"}]}  # fmt: skip
    rows: list[dict[str, Any]] = [
        {"name": "coverage", "resource": card}, {"name": "order", "resource": outward(order, known)},
    ]  # fmt: skip
    return {"resourceType": "Parameters", "parameter": rows}


def payer_keys(coverage: Json) -> frozenset[str]:
    """The identifiers of who pays by a card, as it says them itself: contained or by identifier."""
    inside = {f"#{text(each, 'id')}": each for each in items(coverage, "contained")}
    found = frozenset[str]()
    for each in items(coverage, "payor"):
        found |= identifiers(inside.get(text(each, "reference"), {}))
        found |= identifiers({"identifier": [item(each, "identifier")]})
    return found
