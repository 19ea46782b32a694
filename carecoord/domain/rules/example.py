"""An example by which a rule is tried: one visit as a case would know it, every part of which somebody has said."""

from dataclasses import dataclass
from datetime import date

from carecoord.domain.prior_auth.code_ranges import normal
from carecoord.domain.prior_auth.question import SETTINGS, Known, Question
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.resource.parties import Party


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A visit. `network`: in | out | unknown. `visit`: which of the year it is. What is empty nobody says."""

    day: date
    system: str = ""
    code: str = ""
    plan: str = ""
    business: str = ""
    network: str = "in"
    place: str = ""
    age: int | None = None
    sex: str = ""
    diagnosis: str = ""
    modifier: str = ""
    visit: int = 1
    specialty: str = ""
    provider: str = ""

    def asked(self, payer: str) -> Question:
        """The question of the payer (`system|value`)."""
        birth = _born(self.day, self.age) if self.age is not None else None
        known = Known(
            codes=frozenset({(self.system, normal(self.code))}) if self.code else frozenset(),
            modifiers=frozenset({normal(self.modifier)}) if self.modifier else frozenset(),
            places=frozenset({self.place}) if self.place else None,
            birth=(birth, birth) if birth else None,
            sex=self.sex,
            diagnoses=frozenset({self.diagnosis}) if self.diagnosis else frozenset(),
            reasons_left=not self.diagnosis,
            specialties=frozenset({" ".join(self.specialty.casefold().split())}) if self.specialty else None,
            providers=frozenset({self.provider}) if self.provider else frozenset(),
        )
        return Question(
            known=known, payer=Party("", "", frozenset({payer})), plan=self.plan, network=self.network, day=self.day,
            businesses=frozenset({self.business.casefold()}) if self.business else frozenset(), as_visit=self.visit,
        )  # fmt: skip


def fitting(rule: Rule, today: date) -> Example:
    """A visit of which a rule speaks: today, or on the first or the last day of the rule."""
    day = max(filter(None, (today, rule.days.start)))
    last = rule.days.last
    places = sorted(rule.places) or [*SETTINGS.get(rule.setting.casefold(), ())]
    return Example(
        day=last if last and last < day else day, system=rule.system, code=rule.code, plan=rule.plan,
        business=rule.business, network="out" if rule.network == "out" else "in", place=next(iter(places), "11"),
        age=next((each for each in (rule.age_from, rule.age_to) if each is not None), 40), sex=rule.sex or "female",
        diagnosis=rule.diagnosis, modifier=next(iter(sorted(rule.modifiers)), ""), visit=rule.visit_from or 1,
        specialty=next(iter(sorted(rule.specialties)), ""), provider=rule.provider,
    )  # fmt: skip


def _born(day: date, age: int) -> date:
    """On which day somebody was born who is as old as this on a day."""
    year = day.year - age
    return date(year, 2, 28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
