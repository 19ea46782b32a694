"""Rules of a payer that say different things of one case, and of which neither is the more exact: nobody can tell then
(`prior_auth/requirements.py`), so whoever writes one is told of the other."""

from collections.abc import Iterable
from datetime import date

from carecoord.domain.prior_auth.code_ranges import within
from carecoord.domain.prior_auth.question import SETTINGS
from carecoord.domain.prior_auth.rule_book import Rule

_ONCE, _EVER = 0, 999


def tied(rule: Rule, others: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those of the others that tie with a rule."""
    return tuple(
        each
        for each in others
        if (each.answer, each.vendor) != (rule.answer, rule.vendor)
        and each.rank == rule.rank
        and not each.beats(rule)
        and not rule.beats(each)
        and meet(rule, each)
    )


def meet(one: Rule, other: Rule) -> bool:
    """Whether a case may fit both. Parts of which a case can have several (modifiers, diagnoses, specialties of whoever
    orders) keep none apart."""
    alike = ("payer", "provider", "plan", "business", "setting", "sex")
    pairs = ((getattr(one, name), getattr(other, name)) for name in alike)
    if any(a and b and a.casefold() != b.casefold() for a, b in pairs):
        return False
    if "any" not in (one.network, other.network) and one.network != other.network:
        return False
    return _codes(one, other) and _places(one, other) and _ages(one, other) and _days(one, other)


def _codes(one: Rule, other: Rule) -> bool:
    if not one.code or not other.code:
        return True
    if one.system and other.system and one.system != other.system:
        return False
    return within(one.code, other.code, other.code_end) or within(other.code, one.code, one.code_end)


def _places(one: Rule, other: Rule) -> bool:
    mine, theirs = _at(one), _at(other)
    return mine is None or theirs is None or not mine.isdisjoint(theirs)


def _at(rule: Rule) -> frozenset[str] | None:
    """At which places of service a rule can speak; None: at any."""
    setting = SETTINGS.get(rule.setting.casefold())
    places = frozenset(setting) if setting else None
    if rule.places:
        return rule.places if places is None else rule.places & places
    return places


def _ages(one: Rule, other: Rule) -> bool:
    low = max(_ONCE if each.age_from is None else each.age_from for each in (one, other))
    high = min(_EVER if each.age_to is None else each.age_to for each in (one, other))
    return low <= high


def _days(one: Rule, other: Rule) -> bool:
    both = one.days.clip(other.days)
    return (both.start or date.min) < (both.end or date.max)
