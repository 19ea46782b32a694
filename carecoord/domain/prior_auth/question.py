"""What a payer's rule is asked about: the parts of its key as a case knows them. What a case does not know is told
apart from what it knows to be otherwise: only the second lets a rule be passed over."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from carecoord.domain.prior_auth.code_ranges import coarser, normal, under, within
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.referrals.case import Case
from carecoord.domain.referrals.visits import Visits
from carecoord.domain.resource.codes import specialties
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, codes, item, items, key, target, text
from carecoord.domain.resource.parties import Directory, Party, Role, party
from carecoord.fhir.code_systems import canonical

PLACE_OF_SERVICE: Final = canonical(
    "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
)
ICD_10: Final = frozenset(canonical(f"http://hl7.org/fhir/sid/icd-10{end}") for end in ("", "-cm"))
_MODIFIER: Final = re.compile(r"[0-9A-Z]{2}")
SETTINGS: Final = {  # setting -> the places of service that it is
    "inpatient": ("21", "51", "61"),
    "outpatient": ("05", "06", "07", "08", "11", "17", "19", "20", "22", "24", "49", "50", "62", "65", "71", "72"),
    "emergency": ("23",),
    "home": ("12",),
    "skilled-nursing": ("31", "32"),
    "hospice": ("34",),
    "telehealth": ("02", "10"),
}
_SETTING: Final = {place: name for name, places in SETTINGS.items() for place in places}
Some = frozenset[str] | None  # None: nobody says


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a case says, whatever the day. None or empty: it does not. `sites`: the places of service of each
    `Location/id`. `birth`: the first and the last day that it may have been. `reasons_left`: there are reasons that are
    not told as ICD-10 codes. `visits`: the days of every visit of the patient for one of the services, done or booked;
    `undated`: how many more there are. `providers`: `system|value` of who orders and who performs."""

    codes: frozenset[tuple[str, str]] = frozenset()
    modifiers: Some = None
    places: Some = None
    sites: Mapping[str, frozenset[str]] = field(default_factory=dict)
    birth: tuple[date, date] | None = None
    sex: str = ""
    diagnoses: frozenset[str] = frozenset()
    reasons_left: bool = True
    specialties: Some = None
    providers: frozenset[str] = frozenset()
    visits: tuple[date, ...] = ()
    undated: int = 0

    def places_at(self, site: Party | None) -> Some:
        """The places of service that a visit there may be at."""
        if self.places is not None or site is None:
            return self.places
        return frozenset[str]().union(*(each for at, each in self.sites.items() if at in site.keys)) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Is one needed for a visit on the day, under this plan? `plan`, `businesses` empty: the card does not say.
    `network`: in | out | unknown. `as_visit`: as if it were that visit of the year."""

    known: Known
    payer: Party | None
    plan: str
    network: str
    day: date
    businesses: frozenset[str] = frozenset()
    site: Party | None = None
    as_visit: int | None = None

    @property
    def places(self) -> Some:
        """The places of service that the visit may be at."""
        return self.known.places_at(self.site)

    @property
    def visit(self) -> tuple[int, int]:
        """Which visit of the calendar year it is, at least and at most: what counts as the payer's year, nobody says,
        so it may be all there were; one whose day nobody knows may have been before."""
        if self.as_visit is not None:
            return self.as_visit, self.as_visit
        before = [day for day in self.known.visits if day < self.day]
        same = max(0, sum(day == self.day for day in self.known.visits) - 1)
        return 1 + sum(day.year == self.day.year for day in before), 1 + len(before) + same + self.known.undated

    @property
    def ages(self) -> tuple[int, int] | None:
        """The least and the greatest age that the patient may have on the day."""
        birth = self.known.birth
        return (_age(birth[1], self.day), _age(birth[0], self.day)) if birth else None


def doubts(rule: Rule, asked: Question) -> tuple[str, ...] | None:
    """The parts of the rule's key of which the case does not say enough to know whether it speaks of it; none when it
    does. None when it certainly does not. The network is looked at by whoever asks."""
    unknown = []
    for part, fits in _parts(rule, asked):
        if fits is False:
            return None
        if fits is None:
            unknown.append(part)
    return tuple(unknown)


def _parts(rule: Rule, asked: Question) -> Iterable[tuple[str, bool | None]]:
    """Each part of the key that the rule names, and whether the case fits it; None: nobody knows."""
    known = asked.known
    yield "payer", asked.payer is not None and rule.payer in asked.payer.keys
    yield "day", rule.days.holds(asked.day)
    if rule.code:
        mine = (code for system, code in known.codes if not rule.system or system == rule.system)
        yield "code", any(within(code, rule.code, rule.code_end) for code in mine)
    if rule.provider:
        yield "provider", rule.provider in known.providers
    if rule.plan:
        yield "plan", rule.plan == asked.plan if asked.plan else None
    if rule.business:
        yield "business", _one_of(asked.businesses or None, frozenset({rule.business.casefold()}))
    if rule.modifiers:
        yield "modifier", None if known.modifiers is None else bool(rule.modifiers & known.modifiers)
    if rule.places:
        yield "place", _one_of(asked.places, rule.places)
    if rule.setting:
        yield "setting", _one_of(settings(asked.places), frozenset({rule.setting.casefold()}))
    if rule.age_from is not None or rule.age_to is not None:
        yield "age", _between(asked.ages, rule.age_from, rule.age_to)
    if rule.sex:
        yield "sex", rule.sex.casefold() == known.sex if known.sex else None
    if rule.diagnosis:
        yield "diagnosis", _diagnosed(rule, known)
    if rule.visit_from is not None:
        yield "visit", _between(asked.visit, rule.visit_from, None)
    if rule.specialties:
        wanted = frozenset(" ".join(each.casefold().split()) for each in rule.specialties)
        yield "specialty", None if known.specialties is None else bool(wanted & known.specialties)


def _one_of(mine: Some, wanted: frozenset[str]) -> bool | None:
    """Whether the one thing meant, of which `mine` are the candidates, is wanted."""
    if mine is None:
        return None
    return True if mine <= wanted else False if mine.isdisjoint(wanted) else None


def _between(mine: tuple[int, int] | None, low: int | None, high: int | None) -> bool | None:
    if mine is None:
        return None
    least, most = (0 if low is None else low), (mine[1] if high is None else high)
    if mine[1] < least or mine[0] > most:
        return False
    return True if least <= mine[0] and mine[1] <= most else None


def _diagnosed(rule: Rule, known: Known) -> bool | None:
    ends = (rule.diagnosis, rule.diagnosis_end)
    if any(under(each, *ends) for each in known.diagnoses):
        return True
    return None if known.reasons_left or any(coarser(each, *ends) for each in known.diagnoses) else False


def settings(places: Some) -> Some:
    """The settings of these places of service; None where one of them tells none."""
    if not places or not places <= _SETTING.keys():
        return None
    return frozenset(_SETTING[place] for place in places)


def known(
    case: Case, performers: Iterable[Party], parties: Directory, roles: Mapping[str, Role], counted: Sequence[Visits]
) -> Known:
    """Read what a case says. performers: who is to see the patient. counted: the visits of this order and of every
    other of the patient for the same service."""
    days = [visit.day for each in counted for visit in each.done]
    days += [booking.day for each in counted for booking in each.open if booking.day]
    reasons = items(case.order, "reasonCode")
    coded = [{code for system, code in codes(reason) if system in ICD_10} for reason in reasons]
    left = not coded or not all(coded) or bool(case.order.get("reasonReference"))
    return replace(
        ordered(case.order, case.locations),
        birth=_birth(case.patient or {}),
        sex=sex if (sex := text(case.patient or {}, "gender")) in ("female", "male") else "",
        diagnoses=frozenset[str]().union(*coded),
        reasons_left=left,
        specialties=_specialties(case),
        providers=_providers(case, performers, parties, roles),
        visits=tuple(sorted(days)),
        undated=sum(each.undated for each in counted),
    )


def ordered(order: Json, locations: Iterable[Json]) -> Known:
    """What an order says by itself: which service, and how and where it is to be done."""
    return Known(
        codes=codes(item(order, "code")),
        modifiers=modifiers(items(order, "orderDetail")),
        places=_places(items(order, "locationCode")),
        sites={key(each): found for each in locations if (found := _places(items(each, "type")))},
    )


def of_line(line: Json, case: Known) -> Known:
    """What a line of a request says of its service; what it does not say is as the case has it."""
    return replace(
        case,
        codes=codes(item(line, "productOrService")),
        modifiers=modifiers(items(line, "modifier")) or case.modifiers,
        places=_places([item(line, "locationCodeableConcept")]) or case.places,
    )


def modifiers(concepts: Iterable[Json]) -> Some:
    """The modifiers of a procedure code among these: what says the same in another code system is none."""
    said = {normal(code) for concept in concepts for _, code in codes(concept)}
    return frozenset(each for each in said if _MODIFIER.fullmatch(each)) or None


def _places(concepts: Iterable[Json]) -> Some:
    said = (code for concept in concepts for system, code in codes(concept) if system == PLACE_OF_SERVICE)
    return frozenset(said) or None


def _birth(patient: Json) -> tuple[date, date] | None:
    said = text(patient, "birthDate")
    try:
        if len(said) == 10:
            return date.fromisoformat(said), date.fromisoformat(said)
        if len(said) == 7:
            first = date.fromisoformat(f"{said}-01")
            after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            return first, shifted(after, -1)
        return (date(int(said), 1, 1), date(int(said), 12, 31)) if len(said) == 4 else None
    except ValueError:
        return None


def _age(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _specialties(case: Case) -> Some:
    """Of whoever ordered: where the order names the role in which they did."""
    asker = target(item(case.order, "requester"))
    role = next((each for each in case.roles if key(each) == asker), {})
    return frozenset[str]().union(*(specialties(each) for each in items(role, "specialty"))) or None


def _providers(
    case: Case, performers: Iterable[Party], parties: Directory, roles: Mapping[str, Role]
) -> frozenset[str]:
    asker = item(case.order, "requester")
    role = roles.get(target(asker))
    who = [role.practitioner, role.organization] if role else [party(asker, parties)]
    return frozenset(each for found in (*who, *performers) if found for each in found.keys if "|" in each)


def edges(rules: Iterable[Rule], known: Known) -> frozenset[date]:
    """The days on which one of the rules begins or ends to speak of the case, because it does, because the patient
    comes of age, or because another visit lies behind."""
    found = set[date]()
    for rule in rules:
        found.update(rule.days.edges)
        found.update(_birthdays(rule, known))
        if rule.visit_from is not None:
            found.update(shifted(day, n) for day in known.visits for n in (0, 1))
            found.update(date(day.year + 1, 1, 1) for day in known.visits if day.year < date.max.year)
    return frozenset(found)


def _birthdays(rule: Rule, known: Known) -> Iterable[date]:
    years = [rule.age_from, None if rule.age_to is None else rule.age_to + 1]
    for born in known.birth or ():
        for n in years:
            if n is not None and born.year + n <= date.max.year:
                leap = (born.month, born.day) == (2, 29)
                yield date(born.year + n, 3, 1) if leap else born.replace(year=born.year + n)
