"""A search, read: which resources, in what order, with what else, and what was passed over.

Clause: FHIR R4 search.html 3.1.1.5.4 to 3.1.1.6 (_sort, _count, _include, _revinclude, _total, _summary, _elements) and
3.1.1.3 (empty parameters are ignored; unknown ones are ignored and told, or refused where the client asked for that).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from carecoord.errors import Invalid, Issue
from carecoord.fhir.search.criteria import Chain, Criterion, Has, Term, Unknown, criterion
from carecoord.fhir.search.operands import Code
from carecoord.fhir.search.params import Param, params
from carecoord.fhir.service_base import Base
from carecoord.fhir.types import TYPES

__all__ = [
    "CURSOR", "EVERYTHING", "NOTHING", "Chain", "Criterion", "Filter", "Has", "Include", "Search", "Sort", "Term",
    "limits", "parse",
]  # fmt: skip

CURSOR = "_cursor"  # what a paging link adds to the search it continues
_MANY = 10**9  # a _count beyond it means as many as there can be
_MOST = 60  # arguments of one search
_SUMMARIES = ("true", "text", "data", "count", "false")
_TOTALS = ("none", "estimate", "accurate")
_SHAPE = ("_count", "_elements", "_summary", "_total", "_format", "_pretty", CURSOR)  # of the answer, not of the query

Filter = tuple[tuple[Criterion, ...], ...]  # alternatives, each of criteria that all hold
EVERYTHING: Filter = ((),)
NOTHING: Filter = ()


@dataclass(frozen=True)
class Sort:
    """One key of the order."""

    param: Param
    descending: bool


@dataclass(frozen=True)
class Include:
    """What else to send. reverse: resources that refer to those found (`_revinclude`), by any of `params`, which
    belong to the referring type; otherwise those that they refer to. target: only of this type. iterate: also from
    what was included."""

    params: tuple[Param, ...]
    target: str | None
    reverse: bool
    iterate: bool


@dataclass(frozen=True)
class Search:
    """A search on one type. count: resources on a page, None: as the server likes. total: none, estimate or accurate.
    summary: true, text, data, count, false or None. cursor: the page to go on from. pairs: the arguments that were
    heeded, as given, without the cursor. warnings: what was passed over."""

    type: str
    criteria: tuple[Criterion, ...] = ()
    sorts: tuple[Sort, ...] = ()
    includes: tuple[Include, ...] = ()
    count: int | None = None
    total: str = "none"
    summary: str | None = None
    elements: tuple[str, ...] = ()
    cursor: str | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    warnings: tuple[Issue, ...] = ()

    @property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """The arguments that decide what is found and in what order: what a paging link is bound to."""
        return tuple(pair for pair in self.pairs if pair[0] not in _SHAPE)


def parse(type: str, pairs: Sequence[tuple[str, str]], base: Base, *, strict: bool) -> Search:
    """Read the arguments of a search.

    Raises Invalid naming the argument (`where` is `http.<name>`) for what can not be understood; when not `strict`,
    parameters that are not known become warnings. Raises NotFound for a type that is not ours.
    """
    params(type)
    if len(pairs) > _MOST:
        raise Invalid(f"A search may have {_MOST} arguments, not {len(pairs)}.")
    draft = _Draft(type, base, strict)
    for name, value in pairs:
        draft.take(name, value)
    return draft.search()


@lru_cache(maxsize=1024)
def limits(type: str, alternatives: tuple[tuple[tuple[str, str], ...], ...] | None, base: Base) -> Filter:
    """The Filter that alternatives of search arguments stand for; None is NOTHING, `((),)` EVERYTHING.

    Raises Invalid for an argument that the type does not know: better no answer than too wide a one.
    """
    if alternatives is None:
        return NOTHING
    return tuple(tuple(criterion(type, name, value, base) for name, value in pairs) for pairs in alternatives)


class _Draft:
    """A search while its arguments are being read."""

    def __init__(self, type: str, base: Base, strict: bool) -> None:
        self.type, self.base, self.strict = type, base, strict
        self.criteria: list[Criterion] = []
        self.sorts: list[Sort] = []
        self.includes: list[Include] = []
        self.single: dict[str, str] = {}
        self.pairs: list[tuple[str, str]] = []
        self.warnings: list[Issue] = []

    def take(self, name: str, value: str) -> None:
        """Read one argument."""
        # 3.1.1.3: "Empty parameters are not an error - they are just ignored"; a paging link without its word is one
        if not value and name != CURSOR:
            return
        plain = name.partition(":")[0]
        known = _CONTROLS.get(plain)
        try:
            if "\0" in value:
                raise Invalid("A value can not hold a NUL.")
            if known:
                known(self, name, value)
            else:
                self.criteria.append(criterion(self.type, name, value, self.base))
        except Unknown as e:
            self._pass_over(name, e)
            return
        except Invalid as e:
            e.where = e.where or f"http.{name}"
            raise
        if name != CURSOR:
            self.pairs.append((name, value))

    def _pass_over(self, name: str, why: Invalid) -> None:
        if self.strict:
            why.where = f"http.{name}"
            raise why
        self.warnings.append(Issue("warning", "not-supported", f"Passed over {name}: {why.text}", f"http.{name}"))

    def search(self) -> Search:
        """All that was read."""
        summary = self.single.get("_summary")
        elements = tuple(part for part in self.single.get("_elements", "").split(",") if part)
        if elements and summary not in (None, "false"):
            raise Invalid("_elements and _summary can not be asked for together.", where="http._elements")
        return Search(
            type=self.type,
            criteria=tuple(self.criteria),
            sorts=tuple(self.sorts),
            includes=tuple(self.includes),
            count=_whole("_count", self.single.get("_count")),
            total=self.single.get("_total", "none"),
            summary=None if summary == "false" else summary,
            elements=elements,
            cursor=self.single.get(CURSOR),
            pairs=tuple(self.pairs),
            warnings=tuple(self.warnings),
        )


def _once(draft: _Draft, name: str, value: str) -> None:
    if name in draft.single:
        raise Invalid(f"{name} is given twice.")
    draft.single[name] = value


def _choice(options: tuple[str, ...]) -> Callable[[_Draft, str, str], None]:
    def take(draft: _Draft, name: str, value: str) -> None:
        if value not in options:
            raise Invalid(f"{name} is one of {', '.join(options)}, not {value!r}.")
        _once(draft, name, value)

    return take


def _whole(name: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        raise Invalid(f"{name} is a whole number from 0, not {value!r}.", where=f"http.{name}")
    return min(int(value), _MANY)


def _sort(draft: _Draft, name: str, value: str) -> None:
    if draft.sorts:
        raise Invalid("_sort is given twice: list its keys with commas.")
    draft.sorts = [_key(draft.type, key) for key in dict.fromkeys(value.split(","))]


def _key(type: str, key: str) -> Sort:
    code = key.removeprefix("-")
    param = params(type).get(code)
    if param is None:
        raise Unknown(f"{type} has no search parameter {code!r} to sort by.")
    if param.kind in ("composite", "special"):
        raise Invalid(f"{code} is a {param.kind} parameter: it has no order.")
    return Sort(param, key.startswith("-"))


def _include(draft: _Draft, name: str, value: str) -> None:
    command, _, modifier = name.partition(":")
    if modifier not in ("", "iterate"):
        raise Invalid(f"{command} takes the modifier iterate, not {modifier!r}.")
    reverse, iterate = command == "_revinclude", modifier == "iterate"
    source, _, rest = value.partition(":")
    code, _, target = rest.partition(":")
    if target and target not in TYPES:
        raise Invalid(f"{target!r} is not a resource type of this server.")
    if value == "*":
        found = _pointing_at(draft.type) if reverse else _references(draft.type, "*")
    elif source not in TYPES:
        raise Invalid(f"Write {command}=Type:parameter; {source!r} is not a resource type of this server.")
    elif not reverse and not iterate and source != draft.type:
        raise Invalid(f"What is found is {draft.type}: to go on from {source}, write _include:iterate={value}.")
    else:
        found = _references(source, code)
    wanted = target or None
    if reverse and not iterate:
        wanted = target or draft.type
        found = tuple(param for param in found if wanted in param.targets)
        if not found or wanted != draft.type:
            raise Invalid(f"{value} does not refer to {draft.type}.")
    draft.includes.append(Include(found, wanted, reverse, iterate))


def _references(type: str, code: str) -> tuple[Param, ...]:
    if code == "*":
        return tuple(param for param in params(type).values() if param.kind == "reference")
    param = params(type).get(code)
    if param is None:
        raise Unknown(f"{type} has no search parameter {code!r} to follow.")
    if param.kind != "reference":
        raise Invalid(f"{type}.{code} is a {param.kind}, not a reference.")
    return (param,)


def _pointing_at(type: str) -> tuple[Param, ...]:
    """Every parameter of every type that may refer to this one."""
    return tuple(param for owner in TYPES for param in _references(owner, "*") if type in param.targets)


def _list(draft: _Draft, name: str, value: str) -> None:
    """What a List holds: search.html#list."""
    item, id_ = params("List")["item"], params("List")["_id"]
    draft.criteria.append(Has(item, Term(id_, "", (Code(None, value),))))


def _contained(draft: _Draft, name: str, value: str) -> None:
    if value != "false":
        raise Invalid("Contained resources are not searched on their own here; leave _contained out.")


_CONTROLS: dict[str, Callable[[_Draft, str, str], None]] = {
    "_sort": _sort,
    "_include": _include,
    "_revinclude": _include,
    "_count": _once,
    "_elements": _once,
    "_summary": _choice(_SUMMARIES),
    "_total": _choice(_TOTALS),
    "_list": _list,
    "_contained": _contained,
    "_format": _once,
    "_pretty": _once,
    CURSOR: _once,
}
