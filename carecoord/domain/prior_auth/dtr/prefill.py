"""A payer's form filled in from what we know: by its launch contexts and its named expressions, in a small part of
FHIRPath. And where each answer came from: filled in (auto), filled in and changed (override), written (manual). Pure.

What is understood of an expression: `%name` and the elements behind it by dots, `first()`, `last()` and
`where(element = 'value')`. The names are the launch contexts patient, order and coverage, and the form's own variables.
Of anything else an answer stays open: nothing is guessed, and no CQL is run.

Clauses: SDC 3.0, launchContext, variable, initialExpression; Da Vinci DTR 2.2.0, information-origin."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

from carecoord.domain.prior_auth.dtr.package import DTR
from carecoord.domain.resource.elements import Json, extension, extensions, item, items, text

ORIGIN: Final = f"{DTR}/information-origin"
Origin = Literal["auto", "override", "manual"]
INITIAL: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-initialExpression"
VARIABLE: Final = "http://hl7.org/fhir/StructureDefinition/variable"
NAMES: Final = ("patient", "order", "coverage")
LANGUAGE: Final = "text/fhirpath"
_STEP: Final = re.compile(
    r"\.(?:(?P<call>first|last)\(\)|where\(\s*(?P<by>\w+)\s*=\s*'(?P<is>[^']*)'\s*\)|(?P<name>[A-Za-z]\w*))"
)
_ROOT: Final = re.compile(r"%(\w+)")
_VALUES: Final[dict[str, tuple[str, type | tuple[type, ...]]]] = {
    "string": ("valueString", str), "text": ("valueString", str), "date": ("valueDate", str),
    "dateTime": ("valueDateTime", str), "url": ("valueUri", str), "boolean": ("valueBoolean", bool),
    "integer": ("valueInteger", int), "quantity": ("valueQuantity", dict),
}  # fmt: skip
_DAY: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


def evaluate(expression: str, known: Mapping[str, Sequence[Any]]) -> list[Any]:
    """What an expression finds; nothing for one that is not of the part that is understood."""
    root = _ROOT.match(expression.strip())
    if root is None or root[1] not in known:
        return []
    found, rest = list(known[root[1]]), expression.strip()[root.end() :]
    while rest:
        step = _STEP.match(rest)
        if step is None:
            return []
        rest = rest[step.end() :]
        if step["call"]:
            found = found[:1] if step["call"] == "first" else found[-1:]
        elif step["by"]:
            found = [each for each in found if isinstance(each, dict) and str(each.get(step["by"])) == step["is"]]
        else:
            found = _walked(found, step["name"])
    return found


def _walked(found: Sequence[Any], name: str) -> list[Any]:
    values = [each[name] for each in found if isinstance(each, dict) and name in each]
    return [one for each in values for one in (each if isinstance(each, list) else [each])]


def filled(questionnaire: Json, contexts: Mapping[str, Json]) -> list[Json]:
    """The items of a response with what could be filled in. contexts: of NAMES, those that there are."""
    known: dict[str, Sequence[Any]] = {name: [each] for name, each in contexts.items() if each}
    for each in extensions(questionnaire, VARIABLE):
        said = item(each, "valueExpression")
        if text(said, "language") == LANGUAGE and text(said, "name"):
            known[text(said, "name")] = evaluate(text(said, "expression"), known)
    return _items(items(questionnaire, "item"), known)


def _items(asked: Sequence[Json], known: Mapping[str, Sequence[Any]]) -> list[Json]:
    made = []
    for each in asked:
        inner = _items(items(each, "item"), known)
        answers = [] if text(each, "type") in ("group", "display") else _answers(each, known)
        if inner or answers:
            made.append({"linkId": text(each, "linkId"), **({"answer": answers} if answers else {}),
                         **({"item": inner} if inner else {})})  # fmt: skip
    return made


def _answers(question: Json, known: Mapping[str, Sequence[Any]]) -> list[Json]:
    said = item(extension(question, INITIAL), "valueExpression")
    if text(said, "language") != LANGUAGE:
        return []
    found = [value for each in evaluate(text(said, "expression"), known) if (value := _value(question, each))]
    return found if question.get("repeats") else found[:1]


def _value(question: Json, found: Any) -> Json:
    kind = text(question, "type")
    if kind in ("choice", "open-choice"):
        return _option(question, found)
    name, wanted = _VALUES.get(kind, ("", ()))
    if not name or not isinstance(found, wanted) or (wanted is int and isinstance(found, bool)):
        return {}
    if kind == "date":
        day = _DAY.match(str(found))
        return {name: day[0]} if day else {}
    return {name: found}


def _option(question: Json, found: Any) -> Json:
    """The option that a code or a coding means."""
    code = text(found, "code") if isinstance(found, dict) else str(found)
    for each in items(question, "answerOption"):
        coding = item(each, "valueCoding")
        if text(coding, "code") == code or each.get("valueString") == found:
            return {name: value for name, value in each.items() if name.startswith("value")}
    return {}


def marked(made: Sequence[Json], first: Sequence[Json], author: Json) -> list[Json]:
    """The items of a response, each answer marked with where it came from. first: the items as they were filled in;
    author: who wrote the others."""
    began: dict[str, list[Json]] = {}
    _gather(first, began)
    return [_origin(each, began, author) for each in made]


def origin(answers: Sequence[Json]) -> Origin | None:
    """Where the answers to a question came from: of several the one that a reader has to know of first, a change before
    what was written. None where one of them does not say."""
    said = {text(extension(extension(each, ORIGIN), "source"), "valueCode") for each in answers}
    if not said or not said <= set(get_args(Origin)):
        return None
    return "override" if "override" in said else "manual" if "manual" in said else "auto"


def _gather(found: Sequence[Json], into: dict[str, list[Json]]) -> None:
    for each in found:
        into.setdefault(text(each, "linkId"), []).extend(items(each, "answer"))
        _gather(items(each, "item"), into)


def _origin(one: Json, began: Mapping[str, list[Json]], author: Json) -> Json:
    filled_in = began.get(text(one, "linkId"), [])
    answers = []
    for each in items(one, "answer"):
        bare = {name: value for name, value in each.items() if name.startswith("value")}
        kind = "auto" if bare in filled_in else "override" if filled_in else "manual"
        who = [{"url": "author", "extension": [{"url": "practitioner", "valueReference": author}]}]
        told = [{"url": "source", "valueCode": kind}, *(who if kind != "auto" and author.get("reference") else [])]
        inner = [_origin(part, began, author) for part in items(each, "item")]
        origin = {"extension": [{"url": ORIGIN, "extension": told}]}
        answers.append(origin | each | ({"item": inner} if inner else {}))
    inner = [_origin(part, began, author) for part in items(one, "item")]
    return one | ({"answer": answers} if answers else {}) | ({"item": inner} if inner else {})
