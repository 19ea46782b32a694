"""From criteria to conditions: which index rows a search argument wants, and what the asker may see on the way.

Where a search goes from resource to resource (chains, _has), the filter of each type passed is part of the condition:
what somebody may not read they can not find out by asking either. A filter's own chains are not filtered again, for
they are our rule and not their question.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from carecoord.fhir.search import criteria as asked
from carecoord.fhir.search.collation import fold
from carecoord.fhir.search.criteria import MOST_VALUES, Chain, Criterion, Has, Not, Requested, Term
from carecoord.fhir.search.extract import clip
from carecoord.fhir.search.operands import Absent, Amount, Code, Operand, Pair, Place, Span, Target, Uri, Words
from carecoord.fhir.search.params import Param, key
from carecoord.fhir.search.query import EVERYTHING, Filter
from carecoord.fhir.search.values import WINDOW
from carecoord.store.database.among import listed
from carecoord.store.search.conditions import (
    NEAR,
    Alternative,
    Attached,
    Condition,
    Either,
    Every,
    No,
    Referred,
    Refers,
    Rows,
    Some,
    Test,
    Values,
    Whose,
)
from carecoord.store.search.prefixes import AMOUNTS, INSTANTS, LONGEST, Step, Steps, spans

May = Callable[[str], Filter]  # of a type: which of its resources the asker may see

TABLES = {  # where the rows of a kind of parameter stand
    "token": "ix_token",
    "string": "ix_string",
    "date": "ix_date",
    "number": "ix_number",
    "quantity": "ix_number",
    "reference": "ix_reference",
    "uri": "ix_uri",
    "composite": "ix_pair",
    "special": "ix_pair",
}
_RANKS = {"reference": 2, "composite": 3, "special": 3, "uri": 3, "string": 4, "quantity": 5, "token": 6, "date": 7}
COMMON = 6  # from this rank on, a condition is likely to be met by many
_LAST = "\U0010ffff"  # behind every string that begins alike
_KEPT = 400  # bytes of a long string that its index entry begins with (fhir.extract.clip)
_PIECES = 8  # of a text that is looked for in long strings
_DEGREE = 111.195  # kilometres


class SearchCompiler:
    """Turns criteria into conditions, and keeps their values."""

    def __init__(self, values: Values, may: May) -> None:
        self.values, self.may = values, may

    def all(self, criteria: Iterable[Criterion]) -> list[Condition]:
        """The condition of each criterion, those first that are likely to leave the fewest resources."""
        return [self.condition(criterion) for criterion in sorted(criteria, key=rank)]

    def allowed(self, type: str) -> Condition:
        """What the asker may see of a type."""
        ours = SearchCompiler(self.values, lambda _: EVERYTHING)
        filter = self.may(type)
        if len(filter) < 2:
            return every(ours.all(filter[0])) if filter else Some(())
        shared = [each for each in filter[0] if isinstance(each, Not) and all(each in way for way in filter[1:])]
        ways = Some(tuple(every(ours.all(each for each in way if each not in shared)) for way in filter))
        return every([ways, *ours.all(shared)]) if shared else ways

    def of_type(self, type: str) -> Rows:
        """Every resource of a type."""
        return Rows("resource", self.values.name(type), ((),))

    def condition(self, criterion: Criterion) -> Condition:
        """The condition that one criterion stands for."""
        match criterion:
            case Term():
                return self._term(criterion)
            case Chain(param, branches):
                hops = tuple(
                    Refers(self.values.name(param.key), self.values.name(type), self._within(type, inner))
                    for type, inner in branches
                )
                return hops[0] if len(hops) == 1 else Some(hops)
            case Has(param, inner, base):
                key, within = self.values.name(param.key), self._within(param.type, inner)
                return Attached(key, self.values.name(base), within) if base else Referred(key, within)
            case asked.Whose(param, types, patient, ways):
                key, kinds = self.values.name(param.key), self.values.name(list(types) if patient else types[0])
                within = every([Some(tuple(every(self.all(way)) for way in ways)), self.allowed(_owner(criterion))])
                return Whose(key, kinds, within) if patient else Refers(key, kinds, within)
            case Not(criteria):
                return No(every([self.condition(each) for each in criteria]))
            case Requested(payers):
                sent = self._test("payer_order", "=", True)
                return self._rows("case_row", "", [(self._equal("payer_key", payers), sent)])

    def _within(self, type: str, criterion: Criterion) -> Condition:
        return every([self.condition(criterion), self.allowed(type)])

    def _term(self, term: Term) -> Condition:
        param, first = term.param, term.operands[0]
        if isinstance(first, Absent):
            return self._absent(term, first)
        if param.code == "_id":
            ids = tuple(str(code.code) for code in term.operands if isinstance(code, Code))
            own: Condition = self._rows("resource", param.type, [(self._equal("id", ids),)])
            return No(own) if term.modifier == "not" else own
        if param.code == "_lastUpdated":
            spans = [o for o in term.operands if isinstance(o, Span)]
            tests = (self._compared(INSTANTS[span.prefix], a=span.low, b=span.high) for span in spans)
            return self._rows("resource", param.type, tests)
        table, number = TABLES[param.kind], param.key
        if term.modifier in ("text", "identifier"):
            table, code = _derived(param.code, term.modifier)
            number = key(param.type, code)
        if param.kind == "date":
            spans = [o for o in term.operands if isinstance(o, Span)]
            return self._rows(table, number, (self._span(span, param) for span in spans))
        if term.modifier == "contains":
            return self._contained(param, [o for o in term.operands if isinstance(o, Words)])
        if param.kind == "string" and not term.modifier:
            return self._begun(param, [o for o in term.operands if isinstance(o, Words)])
        rows = self._rows(table, number, self._alternatives(term.operands, term.modifier))
        return No(rows) if term.modifier == "not" else rows

    def _contained(self, param: Param, operands: Sequence[Words]) -> Condition:
        """In a string as the index has it, or in the parts of a long one: a text longer than what one part surely
        holds is looked for piece by piece."""
        short = self._rows("ix_string", param.key, [self._like(fold(operand.text)) for operand in operands])
        return Some((short, *(every(self._pieces(param, fold(operand.text))) for operand in operands)))

    def _begun(self, param: Param, operands: Sequence[Words]) -> Condition:
        """At the beginning of a string. Of one that the index has only the beginning of, and that is asked for further
        than that, the pieces must stand in its parts besides: as much as the index can tell."""
        rows = self._rows("ix_string", param.key, [self._words(operand, "") for operand in operands])
        long = [folded for folded in (fold(operand.text) for operand in operands) if _cut(folded) != folded]
        if not long:
            return rows
        whole = [self._starts("folded", fold(operand.text)) for operand in operands]
        cut = (every([self._rows("ix_string", param.key, [self._starts("folded", _cut(folded))]),
                      *self._pieces(param, folded)]) for folded in long)  # fmt: skip
        return Some((self._rows("ix_string", param.key, whole), *cut))

    def _pieces(self, param: Param, folded: str) -> list[Condition]:
        """That each piece of a text stands in a part of a long string."""
        step, number = WINDOW // 2, key(param.type, f"{param.code}:parts")
        pieces = [folded[n : n + step] for n in range(0, len(folded), step)][:_PIECES] or [""]
        return [self._rows("ix_string", number, [self._like(piece)]) for piece in pieces]

    def _like(self, folded: str) -> Alternative:
        escaped = _cut(folded).replace("~", "~~").replace("%", "~%").replace("_", "~_")
        return (self._test("folded", "like", f"%{escaped}%"),)

    def _absent(self, term: Term, operand: Absent) -> Condition:
        """An element counts as there when any index speaks of it: a reference by identifier, a code by its text."""
        param = term.param
        tables = [(TABLES[param.kind], param.code)]
        if param.kind in ("token", "reference"):
            tables.append(_derived(param.code, "text" if param.kind == "token" else "identifier"))
        there = Some(tuple(self._rows(table, key(param.type, code), [()]) for table, code in tables))
        return No(there) if operand.absent else there

    def _rows(self, table: str, key: object, alternatives: Iterable[Alternative]) -> Rows:
        return Rows(table, self.values.name(key), tuple(alternatives))

    def _test(self, column: str, op: str, value: object) -> Test:
        return Test(column, op, self.values.name(value))

    def _equal(self, column: str, values: Sequence[str]) -> Test:
        if len(values) > MOST_VALUES:  # more than a search may list: what is withheld
            return self._test(column, "among", listed(tuple(values)))
        return self._test(column, "in", list(values)) if len(values) > 1 else self._test(column, "=", values[0])

    def _alternatives(self, operands: tuple[Operand, ...], modifier: str) -> Iterable[Alternative]:
        match operands[0]:  # the kind of a parameter decides the kind of all its operands
            case Code():
                return self._codes([o for o in operands if isinstance(o, Code)])
            case Target():
                return self._targets([o for o in operands if isinstance(o, Target)])
            case Uri():
                return self._uris([o for o in operands if isinstance(o, Uri)], modifier)
            case _:
                return [self._alternative(operand, modifier) for operand in operands]

    def _alternative(self, operand: Operand, modifier: str) -> Alternative:
        match operand:
            case Words():
                return self._words(operand, modifier)
            case Amount():
                return self._amount(operand)
            case Pair():
                return (*self._part(operand.first, ""), *self._part(operand.second, "2"))
            case Place():
                return self._place(operand)
            case _:
                raise TypeError(f"{operand} compares with no row")

    def _codes(self, operands: list[Code]) -> Iterator[Alternative]:
        for system in dict.fromkeys(code.system for code in operands):
            codes = [code.code for code in operands if code.system == system and code.code is not None]
            whole = any(code.code is None for code in operands if code.system == system)
            of_system = () if system is None else (self._test("system", "=", system),)
            yield of_system if whole else (self._equal("code", codes), *of_system)

    def _targets(self, operands: list[Target]) -> Iterator[Alternative]:
        for type in dict.fromkeys(target.type for target in operands if not target.url):
            ids = [target.id for target in operands if not target.url and target.type == type]
            local = (self._equal("id", ids), self._test("url", "=", ""))
            yield local if type is None else (*local, self._test("type", "=", type))
        urls = [target.url for target in operands if target.url]
        if urls:
            yield (self._test("id", "=", ""), self._equal("url", urls))

    def _uris(self, operands: list[Uri], modifier: str) -> Iterator[Alternative]:
        if modifier == "below":
            yield from (self._starts("value", _cut(uri.text)) for uri in operands)
        else:
            texts = [text for uri in operands for text in (_above(uri.text) if modifier == "above" else [uri.text])]
            yield (self._equal("value", [clip(text) for text in texts]),)

    def _starts(self, column: str, start: str) -> Alternative:
        return (self._test(column, ">=", start), self._test(column, "<", start + _LAST))

    def _words(self, operand: Words, modifier: str) -> Alternative:
        folded = fold(operand.text)
        if modifier == "exact":
            return (self._equal("folded", [clip(folded)]), self._equal("exact", [clip(operand.text)]))
        return self._starts("folded", _cut(folded))

    def _span(self, span: Span, param: Param) -> Alternative:
        longest = [LONGEST.get(path.datatype) for path in param.paths]
        if None in longest:
            return self._compared(spans(span.prefix, span.is_moment), a=span.low, b=span.high)
        before = span.low - max(length for length in longest if length)
        steps = spans(span.prefix, span.is_moment, single=True)
        return self._compared(steps, a=span.low, b=span.high, before=before)

    def _amount(self, amount: Amount) -> Alternative:
        given = (("code", amount.code), ("system", amount.system))
        unit = tuple(self._test(column, "=", value) for column, value in given if value is not None)
        return (*self._compared(AMOUNTS[amount.prefix], a=amount.low, b=amount.high, v=amount.value), *unit)

    def _compared(self, steps: Steps, **values: float) -> Alternative:
        def test(step: Step) -> Test:
            return self._test(step[0], step[1], values[step[2]])

        return tuple(test(step) if isinstance(step, Step) else Either((test(step[0]), test(step[1]))) for step in steps)

    def _part(self, operand: Operand, suffix: str) -> Alternative:
        """One side of a pair; see fhir.extract for what each kind is written as."""
        code, system = f"code{suffix}", f"system{suffix}"
        match operand:
            case Code():
                given = ((code, operand.code), (system, operand.system))
                return tuple(self._test(column, "=", value) for column, value in given if value is not None)
            case Target():
                return (self._test(code, "=", operand.url or f"{operand.type}/{operand.id}"),)
            case Words():
                return self._starts(code, _cut(fold(operand.text)))
            case Amount():
                unit = Code(operand.system, operand.code)
                return (*self._amount(replace(operand, system=None, code=None)), *self._part(unit, suffix))
            case Span(prefix, low, high):
                return self._compared(spans(prefix, operand.is_moment), a=low, b=high)
            case _:
                raise TypeError(f"{operand} is no part of a pair")

    def _place(self, place: Place) -> Alternative:
        """A box that the index can narrow to, and within it the circle, on a map flat enough at this scale."""
        shrink = max(math.cos(math.radians(place.latitude)), 0.01)
        tall = place.kilometres / _DEGREE
        wide = tall / shrink
        circle = self.values.name(None)
        for end, value in zip(NEAR, (place.latitude, place.longitude, shrink, tall), strict=True):
            self.values[circle + end] = value
        return (
            self._test("low", ">=", place.latitude - tall),
            self._test("low", "<=", place.latitude + tall),
            self._test("high", ">=", place.longitude - wide),
            self._test("high", "<=", place.longitude + wide),
            Test("low", "near", circle),
        )


def every(conditions: Sequence[Condition]) -> Condition:
    """All of them, as one condition."""
    kept = [condition for condition in conditions if condition != Every(())]
    return kept[0] if len(kept) == 1 else Every(tuple(kept))


def rank(criterion: Criterion) -> int:
    """A guess from the kind of parameter alone, 0 to 9: the lower, the fewer resources will meet the criterion."""
    match criterion:
        case Term(param, modifier):
            if modifier in ("missing", "not"):
                return 9
            if param.code == "_id":
                return 0
            return 1 if param.code == "identifier" or modifier == "identifier" else _RANKS[param.kind]
        case Chain(_, branches):
            return max(2, *(rank(inner) for _, inner in branches))
        case Has(_, inner, _):
            return max(2, rank(inner))
        case Not():
            return 9
        case Requested() | asked.Whose():
            return COMMON


def _owner(whose: asked.Whose) -> str:
    return "Patient" if whose.patient else whose.types[0]


def _derived(code: str, modifier: str) -> tuple[str, str]:
    return ("ix_string" if modifier == "text" else "ix_token"), f"{code}:{modifier}"


def _cut(text: str) -> str:
    return text.encode()[:_KEPT].decode(errors="ignore")


def _above(text: str) -> list[str]:
    """The uri, and each that it is below of: search.html#uri."""
    steps = text.split("/")
    return ["/".join(steps[:n]) for n in range(len(steps), 0, -1) if steps[n - 1]]
