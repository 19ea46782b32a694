"""What the payer's rule about a line says to whoever decides by it: the criteria to be ticked, and whether a rule may
approve by itself, up to how much and for how long. All of it is data of the rule (the extension `authorization-rule`
of an action of a PlanDefinition, see `rule_book`): `criterion`* (valueString); `automatic` (valueBoolean),
`automatic-units` (valueInteger: at most so many), `automatic-days` (valueInteger: for so long where no last day is
asked for), `sample` (valueInteger: one in so many is looked at by a person afterwards; 0: none). A rule never denies.

Clauses: Da Vinci PAS 2.2.1 (ClaimResponseReviewer: whether a human reviewed); CMS-0057-F (a specific reason)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal, get_args

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, extension, extensions, items, text, whole

Met = Literal["yes", "no", "unclear"]
METS: Final[tuple[Met, ...]] = get_args(Met)
CRITERION: Final = f"{EXTENSION}/criterion"  # of an item of a ClaimResponse: a criterion as it was ticked
BY_RULE: Final = f"{EXTENSION}/decided-by-rule"  # of a ClaimResponse: the rule that approved, and no person
_RULE: Final = f"{EXTENSION}/authorization-rule"
_DAYS: Final = 90
_ONE_IN: Final = 10


@dataclass(frozen=True, slots=True)
class Automatic:
    """A rule that may approve by itself: at most `units` of a line (None: however many), for `days` where no last day
    is asked for; one in `sample` is looked at afterwards (0: none)."""

    units: int | None
    days: int
    sample: int


@dataclass(frozen=True, slots=True)
class Guide:
    """The rule about a line. reference: `PlanDefinition/id`, version and element that say it; papers: what it wants to
    see."""

    title: str
    evidence: Evidence
    criteria: tuple[str, ...] = ()
    papers: tuple[Json, ...] = ()
    automatic: Automatic | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A criterion as somebody has ticked it."""

    words: str
    met: Met


def guide(title: str, evidence: Evidence, papers: Sequence[Json], book: Json) -> Guide:
    """The rule at its place in a PlanDefinition; of lines that an import keeps the book says no more than the title."""
    action = next((each for n, each in enumerate(items(book, "action")) if _place(each, n) == evidence.element), {})
    mark = extension(action, _RULE)
    said = [text(each, "valueString").strip() for each in extensions(mark, "criterion")]
    return Guide(title, evidence, tuple(filter(None, said)), tuple(papers), _automatic(mark))


def approves(book: Json) -> bool:
    """Whether any rule of a book may approve by itself."""
    return any(_automatic(extension(each, _RULE)) for each in items(book, "action"))


def _place(action: Json, n: int) -> str:
    id = text(action, "id")
    return f"PlanDefinition.action.where(id='{id}')" if id else f"PlanDefinition.action[{n}]"


def _automatic(mark: Json) -> Automatic | None:
    if extension(mark, "automatic").get("valueBoolean") is not True:
        return None
    sample = whole(extension(mark, "sample"), "valueInteger")
    days = whole(extension(mark, "automatic-days"), "valueInteger")
    units = whole(extension(mark, "automatic-units"), "valueInteger")
    return Automatic(units, days or _DAYS, _ONE_IN if sample is None else sample)


def sampled(claim: str, automatic: Automatic) -> bool:
    """Whether an approval by rule is among those that a person looks at: by the request, so that it can be told again
    and nobody chooses."""
    if automatic.sample < 1:
        return False
    return int.from_bytes(sha256(claim.encode()).digest()[:8]) % automatic.sample == 0


def ticked(guide: Guide, ticks: Sequence[Tick], who: Json, at: datetime) -> list[Json]:
    """The criteria of a line as its answer keeps them: each as it was ticked, by whom (a Reference) and when."""
    return [
        {"url": CRITERION, "extension": [
            {"url": "words", "valueString": each.words},
            {"url": "met", "valueCode": each.met},
            {"url": "rule", "valueString": guide.title},
            {"url": "who", "valueReference": who},
            {"url": "at", "valueInstant": at.isoformat(timespec="seconds")},
        ]}
        for each in ticks
    ]  # fmt: skip


def ticks(line: Json) -> list[tuple[Tick, str]]:
    """The criteria that an item of an answer keeps, each with when it was ticked."""
    found = []
    for each in extensions(line, CRITERION):
        said = text(extension(each, "met"), "valueCode")
        met: Met = next((one for one in METS if one == said), "unclear")
        at = text(extension(each, "at"), "valueInstant")
        found.append((Tick(text(extension(each, "words"), "valueString"), met), at))
    return found


def by_rule(guide: Guide) -> Json:
    """The mark of an answer that a rule gave, with the rule named."""
    return {"url": BY_RULE, "valueString": guide.title}


def rule_of(answer: Json) -> str:
    """The rule that gave an answer; empty where somebody decided."""
    return text(extension(answer, BY_RULE), "valueString")
