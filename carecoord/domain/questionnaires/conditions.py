"""Which items of a form are asked, given what was answered so far. Pure.

Clause: FHIR R4 questionnaire-definitions.html, enableWhen: of several answers to the question one that fits is enough,
but `!=` wants none that is equal; what is not asked counts as not answered. `!=` of a question without an answer does
not hold, as no comparison does: use `exists`."""

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from carecoord.domain.questionnaires.form import Condition, Form, Item
from carecoord.domain.resource.elements import Json, text

COMPARES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq, ">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le,
}  # fmt: skip
Answers = Mapping[str, Sequence[Json]]  # linkId -> values, each a value[x]


def enabled(form: Form, answers: Answers) -> frozenset[str]:
    """The linkIds of the items that are asked. What an item that is not asked was answered is left out of account, so
    that a question opened by one that closed again is closed as well."""
    known: dict[str, bool] = {}
    above: dict[str, Item | None] = {}
    by_id = {each.link_id: each for each in form.every()}
    for each in form.every():
        above.setdefault(each.link_id, None)
        above |= {child.link_id: each for child in each.items}

    def is_asked(link_id: str) -> bool:
        if link_id in known:
            return known[link_id]
        known[link_id] = False  # one that depends on itself is not asked
        each, parent = by_id[link_id], above[link_id]
        if parent is None or is_asked(parent.link_id):
            held = [
                holds(one, answers.get(one.question, ()) if is_asked(one.question) else ()) for one in each.conditions
            ]
            known[link_id] = not held or (any(held) if each.any_of else all(held))
        return known[link_id]

    return frozenset(each for each in by_id if is_asked(each))


def holds(condition: Condition, values: Sequence[Json]) -> bool:
    """Whether one condition holds of the answers to its question."""
    if condition.operator == "exists":
        return bool(values) is (condition.answer is True)
    given = [_comparable(next(iter(each.values()))) for each in values]
    wanted = _comparable(condition.answer)
    if condition.operator == "!=":
        return bool(given) and not any(_same(each, wanted) for each in given)
    if condition.operator == "=":
        return any(_same(each, wanted) for each in given)
    compare = COMPARES[condition.operator]
    return any(type(each) is type(wanted) and not isinstance(wanted, tuple) and compare(each, wanted) for each in given)


def _same(one: Any, other: Any) -> bool:
    """Whether two answers are the same; a code without a system on either side is compared by itself."""
    if isinstance(one, tuple) and isinstance(other, tuple) and one[0] == other[0] == "code":
        return bool(one[2] == other[2] and (one[1] == other[1] or not one[1] or not other[1]))
    return type(one) is type(other) and bool(one == other)


def _comparable(value: Any) -> Any:
    """What an answer is compared by: numbers by what they are worth, moments by when they are."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    if isinstance(value, dict):
        if "value" in value:
            return _comparable(value["value"])
        if "reference" in value:
            return ("reference", "", text(value, "reference"))
        return ("code", text(value, "system"), text(value, "code"))
    return _moment(str(value))


def _moment(said: str) -> Any:
    for read in (date.fromisoformat, _aware, time.fromisoformat):
        try:
            return read(said)
        except (ValueError, InvalidOperation):
            continue
    return said.casefold().strip()


def _aware(said: str) -> datetime:
    found = datetime.fromisoformat(said)
    if found.tzinfo is None:
        raise ValueError(said)
    return found
