"""Agreements and which of their versions is in force on a day.

One Contract is one version; the agreement number joins them. An amendment takes over from its first day; where it says
nothing of the term (rates only), the term of what it amends goes on. An evergreen term rolls over at its end, unless
notice was given in time for that end."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from typing import Literal

from carecoord.domain.gates.gate import Evidence
from carecoord.domain.resource.codes import EXTENSION, IDENTIFIER
from carecoord.domain.resource.days import Days, add_months, first, shifted, sure
from carecoord.domain.resource.elements import (
    Json,
    code_of,
    evidence,
    extension,
    identifier,
    item,
    items,
    key,
    target,
    text,
)
from carecoord.domain.resource.parties import Directory, party
from carecoord.fhir.search.values import clip
from carecoord.words.sentence import Sentence, dated, sentence

_MOST = 4_000_000  # days or months: more than the calendar has, and the most that is kept of what somebody wrote
IN_FORCE = {"executed", "renewed", "amended", "appended", "terminated"}  # a terminated one was, until its end
AWAITED: dict[str, Callable[[str], Sentence]] = {  # status -> what is still to be done about the agreement of a number
    "executable": lambda number: sentence("agreement.awaited.signature", number=number),
    "offered": lambda number: sentence("agreement.awaited.offered", number=number),
    "negotiable": lambda number: sentence("agreement.awaited.negotiable", number=number),
    "policy": lambda number: sentence("agreement.awaited.draft", number=number),
}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an agreement: one Contract. `written` is the version of that resource, `agreement` what joins the
    versions (the number with its system), `days` its own term as written, `notice` the day notice was given on it,
    `noticed` whether the Contract itself says so, `authority` the References to those whose agreement it is."""

    key: str
    written: str | None
    agreement: str
    number: str
    n: str
    status: str
    days: Days
    evergreen: bool
    notice: date | None
    notice_days: int
    renewal_months: int
    amends: str
    amendment: str
    noticed: bool
    authority: tuple[Json, ...]
    page: str = ""  # where its paper speaks of taking part
    paper: str = ""  # `Contract/id` of the version whose page that is

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The elements of the Contract that say how it stands."""
        parts = ("status", "applies", *(("extension('notice-given')",) if self.noticed else ()))
        return tuple(Evidence(self.key, self.written, f"Contract.{part}") for part in parts)

    @property
    def run(self) -> Days:
        """The days it is in force if nothing follows it: rolled on for ever when evergreen, to the first end that the
        notice is in time for when notice was given. One that was terminated does not roll on: nobody says until when it
        would have, and its own end is what is sure."""
        if not self.days.end or not self.evergreen or (self.status == "terminated" and self.notice is None):
            return self.days
        if self.notice is None:
            return Days(self.days.start, None)
        return Days(self.days.start, self._end_in_time())

    def term(self, day: date) -> "Term":
        """The term that runs on a day, rolled on when evergreen, and the next day by which notice has to be given."""
        end, given = self.days.end, self.notice is not None
        if end is None or given or not self.evergreen:
            end = self.run.end
            return Term(end, None if end is None or given or not self.notice_days else shifted(end, -self.notice_days))
        months = (day.year - end.year) * 12 + day.month - end.month
        rolls = max(0, months // self.renewal_months - 1)
        while (ends := _renewed(end, rolls * self.renewal_months)) <= day and ends < date.max:
            rolls += 1
        following = ends
        while self.notice_days and shifted(following, -self.notice_days) < day and following < date.max:
            rolls += 1
            following = _renewed(end, rolls * self.renewal_months)
        return Term(ends, shifted(following, -self.notice_days) if self.notice_days else None)

    def _end_in_time(self) -> date | None:
        """The first end that the notice is in time for; None when the calendar has none."""
        notice, end = self.notice or date.min, self.days.end or date.max
        if notice.toordinal() + self.notice_days > date.max.toordinal():
            return None
        soonest = shifted(notice, self.notice_days)
        months = (soonest.year - end.year) * 12 + soonest.month - end.month
        rolls = max(0, months // self.renewal_months - 1)
        while (ends := _renewed(end, rolls * self.renewal_months)) < soonest and ends < date.max:
            rolls += 1
        return ends if ends < date.max else None


@dataclass(frozen=True, slots=True)
class Term:
    """`end`: the first day after the term, None for none. `notice_by`: the last day on which notice is in time for an
    end, None where there is none to give: no period was agreed, notice was given, or nothing ends."""

    end: date | None
    notice_by: date | None


def _renewed(end: date, months: int) -> date:
    """The end (the day after the last) so many months on. A term to the 28th goes on to the 28th, and one to the end of
    a month to the end of a month: neither loses a day to a shorter month on the way."""
    return max(add_months(end, months), shifted(add_months(shifted(end, -1), months), 1))


State = Literal["in-force", "ended", "later", "awaited", "suspended", "unknown"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How an agreement stands on a day: `version` in force, or None and why not. `until` is the first day it no longer
    holds, None when nothing ends it. `beside` is the reason with how it lies to the visit, where it lies beside it."""

    number: str
    version: Version | None
    until: date | None
    state: State
    reason: Sentence
    evidence: tuple[Evidence, ...]
    beside: Sentence | None = None


def by_agreement(recorded: Iterable[Version], known: Directory) -> dict[str, tuple[Version, ...]]:
    """Every version by its agreement, with the term that amendments inherit, oldest first. Two payers may have given
    one number: then each has an agreement of its own."""
    read = {each.key: each for each in recorded}
    found: dict[str, dict[str, list[Version]]] = {}
    for each in read.values():
        own = found.setdefault(each.agreement, {})
        own.setdefault(_whose(each, read, known), []).append(_inherit(each, read, set()))
    made: dict[str, tuple[Version, ...]] = {}
    for agreement, by_payer in found.items():
        alone = len(by_payer.keys() - {""}) < 2
        parts = {"": [v for part in by_payer.values() for v in part]} if alone else by_payer
        made |= {f"{agreement}{whose}": tuple(sorted(part, key=_age)) for whose, part in parts.items()}
    return made


def _whose(version: Version, read: dict[str, Version], known: Directory) -> str:
    """The key of the party whose agreement a version is; of one that names nobody, that of what it amends."""
    seen: set[str] = set()
    while not version.authority and version.amends in read and version.key not in seen:
        seen.add(version.key)
        version = read[version.amends]
    parties = [found for each in version.authority if (found := party(each, known))]
    return f" {min(parties[0].keys)}" if parties else ""


def amended_by(contract: str, known: Mapping[str, Version]) -> list[str]:
    """A version, `Contract/id`, and what it amends, as far back as that goes on beside it: one that restates the
    agreement says all of it anew."""
    found = [contract]
    while (version := known.get(found[-1])) and version.amends in known and version.amends not in found:
        if version.amendment == "restate":
            break
        found.append(version.amends)
    return found


def number_of(contract: Json) -> str:
    """The agreement number; a Contract without one is an agreement by itself, under its own `Contract/id`."""
    return text(_numbered(contract), "value") or key(contract)


def agreement_of(contract: Json) -> str:
    """What all versions of an agreement share: its number with the number's system, as it stands in an index."""
    return clip(identifier(_numbered(contract)) or number_of(contract))


def _numbered(contract: Json) -> Json:
    """The identifier that is the agreement number."""
    ids = [each for each in items(contract, "identifier") if text(each, "value")]
    own = [each for each in ids if each.get("system") == f"{IDENTIFIER}/agreement"]
    return next(iter([*own, *ids]), {})


def version_of(contract: Json, zone: tzinfo) -> Version:
    """The version that a Contract is, by itself."""

    def mark(name: str) -> Json:
        return extension(contract, f"{EXTENSION}/{name}")

    applies = sure(contract.get("applies"), zone)
    start, notice = (
        _day(text(mark("effective-from"), "valueDate"), zone),
        _day(text(mark("notice-given"), "valueDate"), zone),
    )
    months = mark("renewal-months").get("valueInteger")
    ahead = mark("notice-days").get("valueInteger")
    return Version(
        evidence(contract).reference,
        evidence(contract).version,
        agreement_of(contract),
        number_of(contract),
        text(contract, "version"),
        text(contract, "status"),
        Days(start or applies.start, applies.end),
        mark("evergreen").get("valueBoolean") is True,
        notice,
        min(ahead, _MOST) if isinstance(ahead, int) and ahead > 0 else 0,
        min(months, _MOST) if isinstance(months, int) and months > 0 else 12,
        target(item(mark("amends"), "valueReference")),
        text(mark("amendment-type"), "valueCode"),
        notice is not None,
        tuple(items(contract, "authority")),
        _page(contract),
        key(contract) if _page(contract) else "",
    )


def _page(contract: Json) -> str:
    """The page of its first term about participation, else of its first term that has one (extension `page`)."""
    terms = items(contract, "term")
    about = [each for each in terms if code_of(item(each, "type")) == "participation"]
    found = (extension(each, f"{EXTENSION}/page") for each in (*about, *terms))
    return next((str(said) for mark in found if (said := mark.get("valueString") or mark.get("valueInteger"))), "")


def _day(text_: str, zone: tzinfo) -> date | None:
    try:
        return first(text_, zone) if text_ else None
    except ValueError:
        return None


def _inherit(version: Version, read: dict[str, Version], seen: set[str]) -> Version:
    """Give an amendment the bounds that it does not have itself of what it amends, with the term."""
    base = read.get(version.amends)
    if base is None or version.key in seen:
        return version
    base = _inherit(base, read, seen | {version.key})
    if not version.page:
        version = replace(version, page=base.page, paper=base.paper)
    if not version.days.start:
        version = replace(version, days=Days(base.days.start, version.days.end))
    if version.days.end:
        return version
    return replace(
        version,
        days=Days(version.days.start, base.days.end),
        evergreen=version.evergreen or base.evergreen,
        notice=version.notice or base.notice,
        notice_days=version.notice_days or base.notice_days,
        renewal_months=base.renewal_months,
    )


def _age(version: Version) -> tuple[date, int, str, str]:
    digits = version.n if version.n.isdigit() else "0"
    return version.days.start or date.min, int(digits), version.n, version.key


def standing(number: str, found: tuple[Version, ...], day: date) -> Standing:
    """Which version holds on the day: the latest to have begun of those that were signed governs, and what it replaced
    does not come back when it ends."""
    suspended = next((each for each in found if each.status == "disputed" and each.run.holds(day)), None)
    if suspended:
        said = sentence("agreement.suspended", number=number)
        return Standing(number, None, None, "suspended", said, suspended.evidence)
    signed = [each for each in found if each.status in IN_FORCE and (each.status != "terminated" or each.days.end)]
    begun = [each for each in signed if not each.run.start or each.run.start <= day]
    if begun and begun[-1].run.holds(day):
        until, said = _until(begun[-1], signed, day), sentence("agreement.in-force.at-all", number=number)
        return Standing(number, begun[-1], until, "in-force", said, begun[-1].evidence)
    awaited = next((each for each in reversed(found) if each.status in AWAITED and not _over(each, day)), None)
    if awaited:
        return Standing(number, None, None, "awaited", AWAITED[awaited.status](number), awaited.evidence)
    if begun:
        last = dated(begun[-1].run.last)
        said = sentence("agreement.ended.agreement", number=number, day=last)
        beside = sentence("agreement.ended.before-visit", number=number, day=last)
        return Standing(number, None, begun[-1].run.end, "ended", said, begun[-1].evidence, beside)
    if signed:
        start = dated(signed[0].run.start)
        said = sentence("agreement.later.agreement", number=number, day=start)
        beside = sentence("agreement.later.after-visit", number=number, day=start)
        return Standing(number, None, None, "later", said, signed[0].evidence, beside)
    return Standing(number, None, None, "unknown", sentence("agreement.unknown", number=number), ())


def _over(version: Version, day: date) -> bool:
    return version.run.end is not None and version.run.end <= day


def _until(version: Version, signed: list[Version], day: date) -> date | None:
    """The first day without a version in force: each successor that begins before a gap carries on."""
    until = version.run.end
    for each in signed:
        if each.run.start and each.run.start > day and (until is None or each.run.start <= until):
            until = each.run.end
    return until
