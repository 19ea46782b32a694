"""A payer's rules about authorization, one line each, and how a PlanDefinition says them.

The book names its payer (extension `plan-payer`, an Identifier) and holds while it is active, in its effectivePeriod.
Each action with the extension `authorization-rule` is a line of it. `action.code`: the services, any where there is
none; a Coding with the extension `code-end` (valueCode) is the range up to that code. What the extension holds:

`answer` (valueCode `required`, `not-required`, `notification-only`, `delegated`; or `needed`, valueBoolean),
`plan`*, `line-of-business`, `modifier`*, `place`* (CMS place of service), `setting`, `sex`, `network` (`in`, `out`,
`any`), `vendor`, `specialty`* as valueString or valueCode; `age` (valueRange in years, both ends included);
`diagnosis`* (valueCoding, ICD-10, with `code-end` for a range); `visit-from` (valueInteger, 13: the 13th and later);
`provider` (valueIdentifier: the exemption of one provider, a gold card); `lead-days` (valueInteger); `document`*
(valueCodeableConcept; its extension `form`, valueCanonical, names the Questionnaire by which the paper is given);
`period` (valuePeriod); `source` (valueUri) and `retrieved` (valueDate). A line of several
services, plans or diagnoses (*) is one rule for each.

A book with the extension `imported-rules` (valueBoolean true) is the cover of lines that an import keeps: see
`actions/clearance/rule_lines.py`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import product
from typing import Final, Literal, get_args

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.prior_auth.code_ranges import ANY, sound, stem, width
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.days import ALWAYS, Days, possible, sure
from carecoord.domain.resource.elements import (
    Json,
    evidence,
    extension,
    extensions,
    identifier,
    item,
    items,
    number,
    text,
    whole,
)
from carecoord.fhir.code_systems import canonical

# `unclear`: the line is there, and what it says can not be read: it stands in the way of a more general answer.
RuleAnswer = Literal["required", "not-required", "notification-only", "delegated", "unclear"]
ANSWERS: Final[tuple[RuleAnswer, ...]] = get_args(RuleAnswer)
WHOEVER: Final[frozenset[str]] = frozenset()
_OLDEST: Final = 200  # years: no age limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line. What is empty or None does not matter to it; of several modifiers, places or specialties one will do.
    `code_end`, `diagnosis_end`: the last of a range. `age_to` is the last age that is meant. `visit_from`: the first
    visit of the year that is meant. `provider` (`system|value`): the exemption of one. `origin`, `retrieved`: where the
    payer said so, and when that was read."""

    payer: str  # identifier system|value
    answer: RuleAnswer
    title: str
    line: str
    evidence: Evidence
    provider: str = ""
    plan: str = ""
    business: str = ""
    system: str = ""
    code: str = ""
    code_end: str = ""
    modifiers: frozenset[str] = WHOEVER
    places: frozenset[str] = WHOEVER
    setting: str = ""
    age_from: int | None = None
    age_to: int | None = None
    sex: str = ""
    diagnosis: str = ""
    diagnosis_end: str = ""
    visit_from: int | None = None
    network: str = "any"
    specialties: frozenset[str] = WHOEVER
    vendor: str = ""
    days: Days = ALWAYS
    lead_days: int | None = None
    papers: tuple[Json, ...] = field(default=())
    origin: str = ""
    retrieved: str = ""

    @property
    def rank(self) -> tuple[bool, bool, bool, bool]:
        """What is looked at first, whatever else two rules say: the exemption of a provider before a plan, a plan
        before a line of business, that before the network."""
        return bool(self.provider), bool(self.plan), bool(self.business), self.network != "any"

    @property
    def exactness(self) -> tuple[int, ...]:
        """How narrow the rule is in each other part of its key; the greater the narrower."""
        codes = width(self.code, self.code_end)
        ages = -_OLDEST if (self.age_from, self.age_to) == (None, None) else (self.age_from or 0) - self._last_age
        return (
            -(_OLDEST**9) if codes == ANY else -codes,
            len(stem(self.diagnosis, self.diagnosis_end)) if self.diagnosis else -1,
            ages,
            self.visit_from or 0,
            *(-len(each) if each else -_OLDEST for each in (self.modifiers, self.places, self.specialties)),
            bool(self.setting),
            bool(self.sex),
        )

    @property
    def _last_age(self) -> int:
        return _OLDEST - 1 if self.age_to is None else self.age_to

    def beats(self, other: "Rule") -> bool:
        """Whether it is the more exact: by rank, or, of the same rank, narrower somewhere and nowhere wider. Two of
        which each is narrower somewhere beat each other not: neither is a special case of the other."""
        if self.rank != other.rank:
            return self.rank > other.rank
        mine, theirs = self.exactness, other.exactness
        return mine != theirs and all(a >= b for a, b in zip(mine, theirs, strict=True))


def payer_of(book: Json) -> str:
    """The identifier, `system|value`, of the payer whose rule book it is; empty where it names none."""
    return identifier(item(extension(book, f"{EXTENSION}/plan-payer"), "valueIdentifier"))


def holds(book: Json) -> bool:
    """Whether the book is in use."""
    return text(book, "status") == "active" and bool(payer_of(book))


def imported(book: Json) -> bool:
    """Whether it is the cover of lines that an import keeps, and says none itself."""
    return extension(book, f"{EXTENSION}/imported-rules").get("valueBoolean") is True


def lines(book: Json, zone: tzinfo) -> tuple[Rule, ...]:
    """Every rule of a book; none of one that is not in use."""
    if not holds(book):
        return ()
    return tuple(rule for n, action in enumerate(items(book, "action"), 1) for rule in _rules(book, action, n, zone))


def _rules(book: Json, action: Json, n: int, zone: tzinfo) -> Iterator[Rule]:
    mark = extension(action, f"{EXTENSION}/authorization-rule")
    if not mark:
        return
    about = _codes(action)
    answer = _answer(mark) if _readable(mark, about) else "unclear"
    ages = item(extension(mark, "age"), "valueRange")
    diagnoses = [_coding(item(each, "valueCoding")) for each in extensions(mark, "diagnosis")]
    claims = sure if answer == "not-required" else possible
    when = claims(book.get("effectivePeriod"), zone).clip(claims(extension(mark, "period").get("valuePeriod"), zone))
    line = text(action, "id") or str(n)
    for (system, low, high), plan, (_, why, why_end) in product(
        about or [("", "", "")], _said(mark, "plan") or [""], diagnoses or [("", "", "")]
    ):
        yield Rule(
            payer=payer_of(book),
            answer=answer,
            title=text(action, "title") or text(book, "title"),
            line=line,
            evidence=evidence(book, f"action.where(id='{line}')" if text(action, "id") else f"action[{n - 1}]"),
            provider=identifier(item(extension(mark, "provider"), "valueIdentifier")),
            plan=plan,
            business=_one(mark, "line-of-business"),
            system=system,
            code=low,
            code_end=high,
            modifiers=frozenset(_said(mark, "modifier")),
            places=frozenset(_said(mark, "place")),
            setting=_one(mark, "setting"),
            age_from=_years(ages, "low"),
            age_to=_years(ages, "high"),
            sex=_one(mark, "sex"),
            diagnosis=why,
            diagnosis_end=why_end,
            visit_from=whole(extension(mark, "visit-from"), "valueInteger"),
            network=side if (side := _one(mark, "network")) in ("in", "out") else "any",
            specialties=frozenset(_said(mark, "specialty")),
            vendor=_one(mark, "vendor"),
            days=when,
            lead_days=whole(extension(mark, "lead-days"), "valueInteger"),
            papers=tuple(item(each, "valueCodeableConcept") for each in extensions(mark, "document")),
            origin=text(extension(mark, "source"), "valueUri"),
            retrieved=text(extension(mark, "retrieved"), "valueDate"),
        )


def _answer(mark: Json) -> RuleAnswer:
    said = _one(mark, "answer")
    if said in ANSWERS:
        return said
    needed = extension(mark, "needed").get("valueBoolean")
    return "unclear" if said or not isinstance(needed, bool) else "required" if needed else "not-required"


def _readable(mark: Json, about: Sequence[tuple[str, str, str]]) -> bool:
    """Whether every part that narrows the rule can be read: one that can not must not count as absent, for then the
    rule would speak of more than the payer meant."""
    numbers = ("visit-from", "lead-days")
    return (
        all(sound(low, high) for _, low, high in about if high)
        and all(whole(extension(mark, n), "valueInteger") is not None for n in numbers if extension(mark, n))
        and all(any(_years(r, end) is not None for end in ("low", "high")) for r in _ranges(mark))
        and all(_coding(item(each, "valueCoding"))[1] for each in extensions(mark, "diagnosis"))
        and all(identifier(item(each, "valueIdentifier")) for each in extensions(mark, "provider"))
        and (_one(mark, "network") or "any") in ("in", "out", "any")
    )


def _ranges(mark: Json) -> list[Json]:
    return [item(each, "valueRange") for each in extensions(mark, "age")]


def _codes(action: Json) -> list[tuple[str, str, str]]:
    """(system, code, last code of the range) of each service. A service that is said in words only is one that no order
    has: the code is a blank."""
    found = []
    for concept in items(action, "code"):
        coded = [_coding(each) for each in items(concept, "coding")]
        found += [each for each in coded if each[1]] or [("", " ", "")]
    return found


def _coding(coding: Json) -> tuple[str, str, str]:
    end = text(extension(coding, f"{EXTENSION}/code-end"), "valueCode").strip()
    return canonical(text(coding, "system")), text(coding, "code").strip(), end


def _years(ages: Json, end: str) -> int | None:
    found = number(item(ages, end), "value")
    return None if found is None else int(found)


def _said(mark: Json, name: str) -> list[str]:
    found = (text(e, "valueString") or text(e, "valueCode") for e in extensions(mark, name))
    return [each.strip() for each in found if each.strip()]


def _one(mark: Json, name: str) -> str:
    return next(iter(_said(mark, name)), "")
