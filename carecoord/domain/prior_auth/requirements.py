"""Is an authorization needed for this service, under this plan, from a performer in or out of network?

The payers' rules are a table (PlanDefinition). The most specific rule wins; equal ones that disagree are reported,
never guessed; no rule is "unknown". A rule that spares services in network only means that they need one out of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.gates.policy import Policy
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.days import Days, days
from carecoord.domain.resource.elements import (
    Json,
    codes,
    evidence,
    extension,
    extensions,
    identifier,
    item,
    items,
    text,
)
from carecoord.domain.resource.parties import Party
from carecoord.words.sentence import Sentence, sentence

Codes = frozenset[tuple[str, str]]
Network = Literal["in", "out", "unknown"]  # whether the performer is in the network of the plan

_SIDES: Final[tuple[Network, Network]] = ("in", "out")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a payer's table. Empty `codes` or `plans`: any. `network`: in | out | any. `papers`: document types
    that must come with the request."""

    payer: str  # identifier system|value
    title: str
    codes: Codes
    plans: frozenset[str]
    network: str
    needed: bool
    papers: tuple[Json, ...]
    days: Days
    evidence: Evidence

    @property
    def exactness(self) -> tuple[bool, bool, bool]:
        """Plan before network before code."""
        return bool(self.plans), self.network != "any", bool(self.codes)


@dataclass(frozen=True, slots=True)
class Requirement:
    """`needed` is None when no rule, or two that disagree, answer. `reason`: why, as a clause without its full stop."""

    needed: bool | None
    reason: Sentence
    papers: tuple[Json, ...] = ()
    evidence: tuple[Evidence, ...] = ()


def payer_of(book: Json) -> str:
    """The identifier, `system|value`, of the payer whose rule book it is; empty where it names none."""
    return identifier(item(extension(book, f"{EXTENSION}/plan-payer"), "valueIdentifier"))


def rules(books: Iterable[Json], service: Codes, policy: Policy) -> tuple[Rule, ...]:
    """Every line of the active rule books that speaks of this service or of any."""
    found = []
    for book in books:
        owner = payer_of(book)
        when = days(book.get("effectivePeriod"), policy.zone)
        if text(book, "status") == "active":
            for action in items(book, "action"):
                about = _about(action, service)
                if about is not None and (rule := _rule(book, action, about, owner, when)):
                    found.append(rule)
    return tuple(found)


def _about(action: Json, service: Codes) -> Codes | None:
    """Which services a line speaks of, empty for any; None when not of this one. Most lines are not: they cost
    little."""
    concepts = items(action, "code")
    wanted = {code for _, code in service}
    if concepts and not any(text(c, "code") in wanted for concept in concepts for c in items(concept, "coding")):
        return None
    about = frozenset[tuple[str, str]]().union(*(codes(concept) for concept in concepts))
    return about if not about or about & service else None


def _rule(book: Json, action: Json, about: Codes, payer: str, when: Days) -> Rule | None:
    mark = extension(action, f"{EXTENSION}/authorization-rule")
    needed = extension(mark, "needed").get("valueBoolean")
    if not isinstance(needed, bool):
        return None
    return Rule(
        payer,
        text(action, "title") or text(book, "title"),
        about,
        frozenset(text(each, "valueString") for each in extensions(mark, "plan")),
        text(extension(mark, "network"), "valueCode") or "any",
        needed,
        tuple(item(each, "valueCodeableConcept") for each in extensions(mark, "document")),
        when,
        evidence(book, f"action.where(id='{text(action, 'id')}')"),
    )


def requirement(
    service: Codes, payer: Party | None, plan: str, network: Network, day: date, table: Sequence[Rule]
) -> Requirement:
    """When the network is unknown, the answer stands only if both lead to the same."""
    if network == "unknown":
        inside, outside = (requirement(service, payer, plan, each, day, table) for each in _SIDES)
        if inside.needed == outside.needed:
            return inside
        return Requirement(None, sentence("requirement.network"), evidence=inside.evidence)
    mine = [
        rule
        for rule in table
        if payer
        and rule.payer in payer.keys
        and rule.days.holds(day)
        and (not rule.codes or rule.codes & service)
        and (not rule.plans or plan in rule.plans)
    ]
    fitting = [rule for rule in mine if rule.network in ("any", network)]
    if fitting:
        return _of(fitting)
    spared = [rule for rule in mine if rule.network == "in" and not rule.needed]
    if network == "out" and spared:
        only_inside = sentence("requirement.outside", rule=_title(spared[0]))
        return Requirement(True, only_inside, evidence=(spared[0].evidence,))
    return Requirement(None, sentence("requirement.none"))


def _of(fitting: Sequence[Rule]) -> Requirement:
    exact = max(rule.exactness for rule in fitting)
    best = [rule for rule in fitting if rule.exactness == exact]
    proof = tuple(rule.evidence for rule in best)
    if len({rule.needed for rule in best}) > 1:
        return Requirement(None, sentence("requirement.disputed"), evidence=proof)
    papers = [paper for rule in best for paper in rule.papers]
    return Requirement(best[0].needed, sentence("requirement.rule", rule=_title(best[0])), tuple(papers), proof)


def _title(rule: Rule) -> str:
    """The payer's own words for its rule, as a clause."""
    return rule.title.rstrip(".")
