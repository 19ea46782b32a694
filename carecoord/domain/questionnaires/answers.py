"""What somebody wrote into a form, read as the items of a QuestionnaireResponse, and a response as the fields of its
form again. Pure.

A field goes by the place of its item in the form, `q7`, within the n-th of a repeating group `q7.2`; of several answers
each has its number after it, `q7-1`. What is not asked is left out, whatever was written there.

Clause: FHIR R4 questionnaireresponse.html: items in the order of the form, only those that are enabled."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from carecoord.domain.questionnaires.conditions import enabled
from carecoord.domain.questionnaires.form import Form, Item, Option, label, plain, walk
from carecoord.domain.resource.elements import Json, items, text
from carecoord.words.sentence import Sentence, dated, sentence

Where = tuple[int, ...]  # of each repeating group around an item, which one
OTHER: Final = "other"  # the answer to an open choice that is written out
_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_ASKS: Final = frozenset({"group", "display"})


@dataclass(frozen=True)
class Reading:
    """`items`: of the response; `faults`: by field, what is wrong with it; `asked`: the fields of all that is asked."""

    items: Sequence[Json]
    faults: Mapping[str, Sentence]
    asked: frozenset[str]


def name(item: Item, where: Where) -> str:
    """The field of an item."""
    return f"q{item.n}" + "".join(f".{n}" for n in where)


def instances(item: Item, where: Where, said: Mapping[str, str]) -> int:
    """How many of a repeating group there are."""
    told = said.get(f"{name(item, where)}-n", "")
    return max(1, item.limits.fewest, min(int(told) if told.isascii() and told.isdecimal() else 1, item.limits.most))


def read(form: Form, said: Mapping[str, str], zone: tzinfo) -> Reading:
    """Read all fields of a form. zone: whose hours are written."""
    reader = _Reader(form, said, zone)
    reader.gather(form.items, (), reader.answers)
    made = reader.build(form.items, (), reader.answers)
    return Reading(made, reader.faults, frozenset(reader.asked))


@dataclass
class _Reader:
    form: Form
    said: Mapping[str, str]
    zone: tzinfo
    answers: dict[str, list[Json]] = field(default_factory=dict)
    inner: dict[str, list[dict[str, list[Json]]]] = field(default_factory=dict)  # of repeating groups, by field
    unread: dict[str, Sentence] = field(default_factory=dict)
    faults: dict[str, Sentence] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def gather(self, found: Sequence[Item], where: Where, into: dict[str, list[Json]]) -> None:
        """What was written, asked or not: which is asked depends on it."""
        for each in found:
            if each.kind == "group" and each.repeats:
                for n in range(instances(each, where, self.said)):
                    one: dict[str, list[Json]] = {}
                    self.gather(each.items, (*where, n), one)
                    self.inner.setdefault(name(each, where), []).append(one)
                    for link_id, values in one.items():
                        into.setdefault(link_id, []).extend(values)
                continue
            if each.kind not in _ASKS:
                into[each.link_id] = self.values(each, name(each, where))
            self.gather(each.items, where, into)

    def values(self, each: Item, at: str) -> list[Json]:
        """The answers in the fields of a question."""
        if each.fixed or each.hidden:
            return list(each.initial)
        try:
            if each.options:
                return self.chosen(each, at)
            names = [f"{at}-{n}" for n in range(each.limits.most)] if each.repeats else [at]
            return [self.value(each, one) for one in names if self.said.get(one, "").strip()]
        except _Unread as fault:
            self.unread[at] = fault.told
            return []

    def chosen(self, each: Item, at: str) -> list[Json]:
        if each.repeats:
            picked = [n for n in range(len(each.options)) if self.said.get(f"{at}-{n}")]
        else:
            told = self.said.get(at, "")
            picked = [int(told)] if told.isascii() and told.isdecimal() and int(told) < len(each.options) else []
        found = [each.options[n].value for n in picked]
        other = self.said.get(f"{at}-{OTHER}", "").strip()
        open = each.kind == "open-choice" and other and (each.repeats or not picked)
        return [*found, {"valueString": self.long(each, other)}] if open else found

    def value(self, each: Item, at: str) -> Json:
        """One answer as a value[x]."""
        told = self.said[at].strip()
        match each.kind:
            case "boolean":
                return {"valueBoolean": told == "true"}
            case "integer" | "decimal":
                return {f"value{each.kind.capitalize()}": self.number(each, told)}
            case "quantity":
                chosen = self.said.get(f"{at}-unit", "0")
                n = int(chosen) if chosen.isascii() and chosen.isdecimal() and int(chosen) < len(each.units) else 0
                unit = each.units[n] if each.units else {}
                named = {"unit": text(unit, "display") or text(unit, "code")} if unit else {}
                coded = {to: text(unit, to) for to in ("system", "code") if text(unit, to)}
                return {"valueQuantity": {"value": self.number(each, told), **named, **coded}}
            case "date" | "time" | "dateTime":
                return {f"value{each.kind[0].upper()}{each.kind[1:]}": self.moment(each, told)}
            case "url":
                if not _URI.fullmatch(told):
                    raise _Unread(sentence("form.fault.url"))
                return {"valueUri": self.long(each, told)}
            case _:
                return {"valueString": self.long(each, told)}

    def number(self, each: Item, told: str) -> int | float:
        digits = told.replace(" ", "").replace(",", ".")
        try:
            read = Decimal(digits)
        except InvalidOperation:
            read = Decimal("nan")
        if not read.is_finite() or (each.kind == "integer" and read != read.to_integral_value()) or len(digits) > 18:
            whole = each.kind == "integer"
            raise _Unread(sentence("form.fault.whole") if whole else sentence("form.fault.number"))
        self.within(each, read)
        exponent = read.as_tuple().exponent
        if each.limits.decimals is not None and isinstance(exponent, int) and -exponent > each.limits.decimals:
            raise _Unread(sentence("form.fault.decimals", n=each.limits.decimals))
        return int(read) if each.kind == "integer" else float(read)

    def moment(self, each: Item, told: str) -> str:
        try:
            if each.kind == "date":
                day = date.fromisoformat(told)
                self.within(each, day.isoformat())
                return day.isoformat()
            if each.kind == "time":
                at = time.fromisoformat(told).replace(tzinfo=None).isoformat()
                self.within(each, at)
                return at
            found = datetime.fromisoformat(told)
            return (found if found.tzinfo else found.replace(tzinfo=self.zone)).isoformat(timespec="seconds")
        except ValueError:
            raise _Unread(sentence("form.fault.moment")) from None

    def within(self, each: Item, found: Any) -> None:
        least, greatest = each.limits.least, each.limits.greatest
        if least is not None and type(least) is type(found) and found < least:
            raise _Unread(sentence("form.fault.least", least=_bound(least)))
        if greatest is not None and type(greatest) is type(found) and found > greatest:
            raise _Unread(sentence("form.fault.greatest", greatest=_bound(greatest)))

    def long(self, each: Item, told: str) -> str:
        if len(told) > each.limits.longest:
            raise _Unread(sentence("form.fault.longest", n=len(told), most=each.limits.longest))
        if len(told) < each.limits.shortest:
            raise _Unread(sentence("form.fault.shortest", least=each.limits.shortest))
        return told

    def build(self, found: Sequence[Item], where: Where, answers: Mapping[str, list[Json]]) -> list[Json]:
        """The items of the response, of those that are asked."""
        asked, made = enabled(self.form, answers), list[Json]()
        for each in found:
            if each.link_id not in asked or each.kind == "display":
                continue
            at = name(each, where)
            if each.kind == "group" and each.repeats:
                for n, one in enumerate(self.inner[at]):
                    made += self.group(each, (*where, n), {**answers, **one})
                self.asked.add(at)
            elif each.kind == "group":
                made += self.group(each, where, answers)
            else:
                made += self.question(each, where, answers)
        return made

    def group(self, each: Item, where: Where, answers: Mapping[str, list[Json]]) -> list[Json]:
        inside = self.build(each.items, where, answers)
        asks = next((one for one in walk(each.items) if one.kind not in _ASKS and not one.hidden), None)
        if each.required and not inside and asks:
            self.faults.setdefault(name(asks, where), sentence("form.fault.group", group=each.text))
        return [_answered(each) | {"item": inside}] if inside else []

    def question(self, each: Item, where: Where, answers: Mapping[str, list[Json]]) -> list[Json]:
        at, values = name(each, where), answers.get(each.link_id, [])
        self.asked |= set() if each.hidden else {at}
        if at in self.unread:
            self.faults[at] = self.unread[at]
        elif not values and each.required and not each.hidden:
            self.faults[at] = sentence("form.fault.missing")
        elif len(values) < each.limits.fewest and (values or each.required):
            self.faults[at] = sentence("form.fault.fewest", n=each.limits.fewest)
        elif len(values) > each.limits.most and each.repeats:
            self.faults[at] = sentence("form.fault.most", n=each.limits.most)
        inside = self.build(each.items, where, answers)
        told = [*values]
        if not told:
            return []
        first = {**told[0], **({"item": inside} if inside else {})}
        return [_answered(each) | {"answer": [first, *told[1:]]}]


class _Unread(Exception):
    def __init__(self, told: Sentence) -> None:
        super().__init__(told.key)
        self.told = told


def _answered(each: Item) -> Json:
    return {"linkId": each.link_id, **({"text": each.text} if each.text else {})}


def _bound(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    try:
        return dated(date.fromisoformat(value))
    except ValueError:
        return value


def written(form: Form, response: Json | None) -> dict[str, str]:
    """The fields of a form as a response fills them; where there is none, as the form begins."""
    said: dict[str, str] = {}
    if response is None:
        for each in form.every():
            _write(each, (), each.initial, said)
        return said
    _fill(form.items, (), items(response, "item"), said)
    return said


def _fill(found: Sequence[Item], where: Where, told: Sequence[Json], said: dict[str, str]) -> None:
    for each in found:
        mine = [one for one in told if text(one, "linkId") == each.link_id]
        if each.kind == "group" and each.repeats:
            said[f"{name(each, where)}-n"] = str(max(1, len(mine)))
            for n, one in enumerate(mine):
                _fill(each.items, (*where, n), items(one, "item"), said)
        elif each.kind == "group":
            _fill(each.items, where, [inside for one in mine for inside in items(one, "item")], said)
        else:
            given = [answer for one in mine for answer in items(one, "answer")]
            values = [{key: value for key, value in answer.items() if key.startswith("value")} for answer in given]
            _write(each, where, values, said)
            _fill(each.items, where, [inside for answer in given for inside in items(answer, "item")], said)


def _write(each: Item, where: Where, values: Sequence[Json], said: dict[str, str]) -> None:
    at = name(each, where)
    for n, value in enumerate(values):
        found = next(iter(value.values()), None)
        if each.options:
            place = next((m for m, option in enumerate(each.options) if _is(option, value)), None)
            if place is None:
                said[f"{at}-{OTHER}"] = label(value)
            else:
                said[f"{at}-{place}" if each.repeats else at] = "1" if each.repeats else str(place)
            continue
        one = f"{at}-{n}" if each.repeats else at
        if isinstance(found, dict):
            said[one] = plain(found.get("value", ""))
            units = [m for m, unit in enumerate(each.units) if text(unit, "code") == text(found, "code")]
            said[f"{one}-unit"] = str(units[0]) if units else "0"
        elif isinstance(found, bool):
            said[one] = str(found).lower()
        else:
            said[one] = str(found)[:16] if each.kind == "dateTime" else plain(found)


def _is(option: Option, value: Json) -> bool:
    """Whether an answer is one of those to choose from: a code by its system and code, else as it is."""
    ours, theirs = (next(iter(each.values()), None) for each in (option.value, value))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return text(ours, "code") == text(theirs, "code") and text(ours, "system") == text(theirs, "system")
    return bool(ours == theirs)
