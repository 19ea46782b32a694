"""Is an authorization needed for this service, under this plan, from a performer in or out of network?

The most exact of the payer's rules wins: the exemption of a provider before a rule for the plan, that before one for
the line of business, that before one for the network; of the same rank the one that is narrower somewhere (code or
range, diagnosis, age, visit, modifier, place, specialty, setting, sex) and nowhere wider. Rules of which neither is the
more exact and that disagree are reported, never guessed; so is a rule that would change the answer if the case fitted a
part of its key of which it says nothing. No rule is "unknown". A rule that spares services in network only means that
they need one out of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.prior_auth.question import Question, doubts
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.resource.elements import Json
from carecoord.words.sentence import Sentence, joined, sentence

Codes = frozenset[tuple[str, str]]
Network = Literal["in", "out", "unknown"]  # whether the performer is in the network of the plan
Answer = Literal["required", "not-required", "notification-only", "delegated"]
Fitting = list[tuple[Rule, tuple[str, ...]]]  # rules, each with what has to be known before it is certain that it fits

_SIDES: Final[tuple[Network, Network]] = ("in", "out")
_PARTS: Final = {
    "plan": sentence("requirement.part.plan"),
    "business": sentence("requirement.part.business"),
    "modifier": sentence("requirement.part.modifier"),
    "place": sentence("requirement.part.place"),
    "setting": sentence("requirement.part.setting"),
    "age": sentence("requirement.part.age"),
    "sex": sentence("requirement.part.sex"),
    "diagnosis": sentence("requirement.part.diagnosis"),
    "visit": sentence("requirement.part.visit"),
    "specialty": sentence("requirement.part.specialty"),
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """`answer` is None when nobody can tell: no rule, two that disagree, or something that the case does not say.
    `reason`: why, as a clause without its full stop. `vendor`: who decides in the payer's place."""

    answer: Answer | None
    reason: Sentence
    papers: tuple[Json, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    vendor: str = ""
    lead_days: int | None = None

    @property
    def needed(self) -> bool | None:
        """Whether an authorization has to be had; None when nobody can tell."""
        return None if self.answer is None else self.answer in ("required", "delegated")


def requirement(asked: Question, table: Sequence[Rule]) -> Requirement:
    """When the network is unknown, the answer stands only if both lead to the same."""
    if asked.network == "unknown":
        inside, outside = (requirement(replace(asked, network=each), table) for each in _SIDES)
        if (inside.answer, inside.vendor) == (outside.answer, outside.vendor):
            return inside
        return Requirement(None, sentence("requirement.network"), evidence=inside.evidence or outside.evidence)
    mine = [(rule, unknown) for rule in table if (unknown := doubts(rule, asked)) is not None]
    fitting = [each for each in mine if each[0].network in ("any", asked.network)]
    if fitting:
        found = _of(fitting)
        return _up_to_a_visit(found, asked, table) if found.answer == "not-required" else found
    spared = [rule for rule, unknown in mine if rule.network == "in" and rule.answer == "not-required" and not unknown]
    if asked.network == "out" and spared:
        only_inside = sentence("requirement.outside", rule=_title(spared[0]))
        return Requirement("required", only_inside, evidence=(spared[0].evidence,))
    return Requirement(None, sentence("requirement.none"))


def _of(fitting: Fitting) -> Requirement:
    certain = [rule for rule, unknown in fitting if not unknown]
    live = [(rule, unknown) for rule, unknown in fitting if not any(other.beats(rule) for other in certain)]
    best = [rule for rule, unknown in live if not unknown]
    said = {(rule.answer, rule.vendor) for rule in best}
    if any(answer == "unclear" for answer, _ in said):
        which = next(rule for rule in best if rule.answer == "unclear")
        return Requirement(None, sentence("requirement.unclear", rule=_title(which)), evidence=_proof(best))
    if len(said) > 1:
        return _disputed(best)
    open_ = [(rule, unknown) for rule, unknown in live if unknown and (rule.answer, rule.vendor) not in said]
    if open_:
        return _undetermined(open_, best)
    return _decided(best)


def _disputed(best: Sequence[Rule]) -> Requirement:
    first = best[0]
    other = next(rule for rule in best if (rule.answer, rule.vendor) != (first.answer, first.vendor))
    reason = sentence("requirement.disputed", rule=_title(first), other=_title(other))
    return Requirement(None, reason, evidence=_proof(best))


def _undetermined(open_: Fitting, best: Sequence[Rule]) -> Requirement:
    """What would settle it: the parts that the first of the rules in doubt wants to know."""
    rule, unknown = open_[0]
    parts = joined([_PARTS[part] for part in unknown])
    reason = sentence("requirement.doubt", rule=_title(rule), parts=parts)
    return Requirement(None, reason, evidence=_proof([rule for rule, _ in open_] + list(best)))


def _decided(best: Sequence[Rule]) -> Requirement:
    rule = best[0]
    papers: list[Json] = []
    for each in best:
        papers += [paper for paper in each.papers if paper not in papers]
    reason = sentence("requirement.rule", rule=_title(rule))
    if rule.provider and rule.answer == "not-required":
        reason = sentence("requirement.exempt", rule=_title(rule))
    elif rule.answer == "delegated":
        vendor = rule.vendor or sentence("vendor.unnamed")
        reason = sentence("requirement.delegated", rule=_title(rule), vendor=vendor)
    leads = [each.lead_days for each in best if each.lead_days is not None]
    answer: Answer | None = None if rule.answer == "unclear" else rule.answer
    return Requirement(answer, reason, tuple(papers), _proof(best), rule.vendor, max(leads, default=None))


def _up_to_a_visit(found: Requirement, asked: Question, table: Sequence[Rule]) -> Requirement:
    """None is needed for this visit; say from which on one is, so that it is asked for in time."""
    later = sorted({n for rule in table if (n := rule.visit_from) is not None and n > asked.visit[1]})
    for n in later if asked.as_visit is None else ():
        if requirement(replace(asked, as_visit=n), table).needed:
            return replace(found, reason=sentence("requirement.until-visit", need=found.reason, visit=str(n)))
    return found


def _proof(rules: Iterable[Rule]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(rule.evidence for rule in rules))


def _title(rule: Rule) -> str:
    """The payer's own words for its rule, as a clause."""
    return rule.title.rstrip(".")
