"""A FHIR Questionnaire as a form on paper would have it: its items in order, what each takes, when it is asked. Pure.

Clause: FHIR R4 questionnaire.html; the limits are its core extensions: minValue, maxValue, minLength, maxDecimalPlaces,
questionnaire-minOccurs, questionnaire-maxOccurs, questionnaire-unit, questionnaire-unitOption, questionnaire-hidden."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, cast, get_args

from carecoord.domain.resource.elements import Json, extension, extensions, item, items, number, text, whole, words
from carecoord.errors import Invalid

Kind = Literal[
    "group", "display", "boolean", "decimal", "integer", "date", "dateTime", "time", "string", "text", "url", "choice",
    "open-choice", "quantity",
]  # fmt: skip
Operator = Literal["exists", "=", "!=", ">", "<", ">=", "<="]
HL7: Final = "http://hl7.org/fhir/StructureDefinition"
MOST_ITEMS: Final = 400
MOST_ANSWERS: Final = 10  # to one question, or of one group


@dataclass(frozen=True, slots=True)
class Option:
    """An answer to choose. `value`: its value[x], `{"valueCoding": {..}}`."""

    value: Json
    label: str
    initial: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One enableWhen: the question by its linkId, and the answer (`Type`, value) that it is held against."""

    question: str
    operator: Operator
    kind: str
    answer: Any


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may be: the least and greatest value, its length, its decimal places, how many there may be."""

    least: Any = None
    greatest: Any = None
    shortest: int = 0
    longest: int = 4000
    decimals: int | None = None
    fewest: int = 0
    most: int = 1


@dataclass(frozen=True, slots=True)
class Item:
    """A question, a group or a text. `n`: its place in the form, by which its fields go; `shown`: its text in the
    reader's language; `conditions`: when it is asked, `any_of` them or all; `units`: of a quantity, the first where
    none is chosen."""

    n: int
    link_id: str
    kind: Kind
    text: str
    shown: str
    prefix: str
    conditions: tuple[Condition, ...]
    any_of: bool
    required: bool
    repeats: bool
    fixed: bool  # readOnly
    hidden: bool
    limits: Limits
    options: tuple[Option, ...]
    initial: tuple[Json, ...]
    units: tuple[Json, ...]
    items: tuple["Item", ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A Questionnaire that can be filled in. `canonical`: what a response says it answers, `url|version`; `spoken`: the
    element with the translations of its title."""

    canonical: str
    title: str
    shown: str
    description: str
    items: tuple[Item, ...]
    spoken: Json

    def every(self) -> Iterator[Item]:
        """All items, each before those in it."""
        return walk(self.items)


def walk(found: tuple[Item, ...]) -> Iterator[Item]:
    """These items and all in them, in order."""
    for each in found:
        yield each
        yield from walk(each.items)


def canonical(questionnaire: Json) -> str:
    """By what a Questionnaire is known: its url and version, else its place here."""
    url, version = text(questionnaire, "url"), text(questionnaire, "version")
    return f"{url}|{version}" if url and version else url or f"Questionnaire/{text(questionnaire, 'id')}"


def value_sets(questionnaire: Json) -> set[str]:
    """The canonicals of the value sets that its questions are answered from."""
    found: set[str] = set()
    heap = [*items(questionnaire, "item")]
    while heap:
        each = heap.pop()
        found |= {text(each, "answerValueSet")} - {""}
        heap += items(each, "item")
    return found


def form(questionnaire: Json, sets: Mapping[str, tuple[Json, ...]] | None = None, language: str = "") -> Form:
    """The form of a Questionnaire. sets: by canonical, the Codings of value sets; language: in which it is read, where
    it was translated. Raises Invalid for one that can not be asked on a page: a question whose kind of answer nobody
    can write there, or whose answers are not known."""
    contained = {f"#{text(each, 'id')}": codings(each) for each in items(questionnaire, "contained")}
    counter = iter(range(1, MOST_ITEMS + 1))
    known = _Known({**(sets or {}), **contained}, language)
    seen: set[str] = set()
    made = tuple(_item(each, known, counter, seen) for each in items(questionnaire, "item"))
    if not made:
        raise Invalid("The questionnaire asks nothing.", "item")
    for each in walk(made):
        if strange := {one.question for one in each.conditions} - seen:
            raise Invalid(f"Item {each.link_id} depends on {min(strange)}, which is not in the questionnaire.", "item")
    title = text(questionnaire, "title") or text(questionnaire, "name") or text(questionnaire, "id")
    shown = translated(questionnaire, "title", language) or title
    about = translated(questionnaire, "description", language)
    return Form(canonical(questionnaire), title, shown, about, made, item(questionnaire, "_title"))


@dataclass(frozen=True, slots=True)
class _Known:
    """What a form is read with: the Codings of value sets by their canonical, and the language of who reads."""

    sets: Mapping[str, tuple[Json, ...]]
    language: str


def translated(element: Json, name: str, language: str) -> str:
    """A text in a language, where the extension `translation` has it; else as it stands."""
    for each in extensions(item(element, f"_{name}"), f"{HL7}/translation"):
        parts = {text(part, "url"): part for part in items(each, "extension")}
        if language and text(parts.get("lang", {}), "valueCode").partition("-")[0] == language:
            said = parts.get("content", {})
            return text(said, "valueString") or text(said, "valueMarkdown")
    return text(element, name)


def codings(value_set: Json) -> tuple[Json, ...]:
    """The Codings of a value set that lists them: its expansion, else the concepts that it includes."""
    contains = [_worded(each) for each in items(item(value_set, "expansion"), "contains") if text(each, "code")]
    if contains:
        return tuple(contains)
    included = items(item(value_set, "compose"), "include")
    return tuple(
        _worded({**concept, "system": text(each, "system")}) for each in included for concept in items(each, "concept")
    )


def _coding(concept: Json) -> Json:
    return {name: text(concept, name) for name in ("system", "code", "display") if text(concept, name)}


def _worded(concept: Json) -> Json:
    """The same with the translations of its words."""
    return _coding(concept) | {name: concept[name] for name in ("_display",) if name in concept}


def _item(told: Json, known: _Known, counter: Iterator[int], seen: set[str]) -> Item:
    link_id, kind, n = text(told, "linkId"), text(told, "type"), next(counter, 0)
    if not n:
        raise Invalid(f"The questionnaire has more than {MOST_ITEMS} items.", "item")
    if not link_id or link_id in seen:
        raise Invalid(f"Each item needs a linkId of its own: {link_id or 'one has none'}.", "item.linkId")
    if kind not in get_args(Kind):
        raise Invalid(f"Item {link_id} is of type {kind or '(none)'}, which can not be asked here.", "item.type")
    seen.add(link_id)
    options = _options(told, known)
    if kind == "choice" and not options:
        raise Invalid(f"Item {link_id} has no answers to choose from that are known here.", "item.answerOption")
    repeats = told.get("repeats") is True
    initial = tuple(one for each in items(told, "initial") if (one := _value(each)))
    chosen = tuple(each.value for each in options if each.initial)
    units = [item(each, "valueCoding") for each in extensions(told, f"{HL7}/questionnaire-unitOption")]
    unit = item(extension(told, f"{HL7}/questionnaire-unit"), "valueCoding")
    return Item(
        n, link_id, cast("Kind", kind), text(told, "text"), translated(told, "text", known.language),
        text(told, "prefix"), tuple(_conditions(told, link_id)),
        text(told, "enableBehavior") == "any", told.get("required") is True, repeats, told.get("readOnly") is True,
        extension(told, f"{HL7}/questionnaire-hidden").get("valueBoolean") is True, _limits(told, kind, repeats),
        options, initial or chosen, tuple(each for each in (unit, *units) if each),
        tuple(_item(each, known, counter, seen) for each in items(told, "item")),
    )  # fmt: skip


def _options(told: Json, known: _Known) -> tuple[Option, ...]:
    listed = [{"valueCoding": each} for each in known.sets.get(text(told, "answerValueSet"), ())]
    given = [*items(told, "answerOption"), *listed]
    return tuple(
        Option(_plain(value), _shown(each, value, known.language), each.get("initialSelected") is True)
        for each in given
        if (value := _value(each))
    )


def _shown(option: Json, value: Json, language: str) -> str:
    coding = item(value, "valueCoding")
    return translated(coding, "display", language) or translated(option, next(iter(value)), language) or label(value)


def _plain(value: Json) -> Json:
    """An answer without the translations of its words."""
    coding = item(value, "valueCoding")
    return {"valueCoding": _coding(coding)} if coding else value


def _value(element: Json) -> Json:
    return next(({name: each} for name, each in element.items() if name.startswith("value")), {})


def label(value: Json) -> str:
    """An answer as people read it."""
    for name, each in value.items():
        if name == "valueCoding" and isinstance(each, dict):
            return text(each, "display") or text(each, "code")
        if name == "valueQuantity" and isinstance(each, dict):
            return " ".join(filter(None, (plain(each.get("value", "")), text(each, "unit") or text(each, "code"))))
        if isinstance(each, dict):
            return text(each, "display") or words(each) or text(each, "reference")
        return plain(each)
    return ""


def plain(value: Any) -> str:
    """A number as people write it, `2` and not `2.0`; anything else as it stands."""
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return f"{Decimal(str(value)).normalize():f}" if number else str(value)


def _conditions(told: Json, link_id: str) -> Iterator[Condition]:
    for each in items(told, "enableWhen"):
        operator = text(each, "operator")
        kind, answer = next(((name, one) for name, one in each.items() if name.startswith("answer")), ("", None))
        if operator not in get_args(Operator) or answer is None:
            raise Invalid(f"Item {link_id} says not when it is asked: {operator or 'no operator'}.", "item.enableWhen")
        yield Condition(text(each, "question"), cast("Operator", operator), kind.removeprefix("answer"), answer)


def _limits(told: Json, kind: str, repeats: bool) -> Limits:
    least, greatest = (_value(extension(told, f"{HL7}/{name}")) for name in ("minValue", "maxValue"))
    shortest = whole(extension(told, f"{HL7}/minLength"), "valueInteger") or 0
    fewest = whole(extension(told, f"{HL7}/questionnaire-minOccurs"), "valueInteger") or 0
    most = whole(extension(told, f"{HL7}/questionnaire-maxOccurs"), "valueInteger") or MOST_ANSWERS
    return Limits(
        _bound(least), _bound(greatest), shortest, whole(told, "maxLength") or (300 if kind != "text" else 4000),
        whole(extension(told, f"{HL7}/maxDecimalPlaces"), "valueInteger"), fewest if repeats else 0,
        min(most, MOST_ANSWERS) if repeats else 1,
    )  # fmt: skip


def _bound(value: Json) -> Any:
    """A least or greatest value: a Decimal of a number or a quantity, else as it is written."""
    found = next(iter(value.values()), None)
    read = number({"of": found}, "of") if not isinstance(found, dict) else number(found, "value")
    return Decimal(str(read)) if read is not None else found if isinstance(found, str) else None
