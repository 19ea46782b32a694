"""What a policy may say, and what is said where nobody has said anything: one table, each row with where its value
comes from. `decision` and `appeal` are federal rules for those whom they bind (CMS-0057-F: Medicare Advantage, Medicaid
and CHIP; not commercial plans); for others they are an assumption until the payer's own is written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from carecoord.domain.policies import calendars
from carecoord.domain.policies.spans import span

Kind = Literal["clock", "lead", "words", "week", "hours", "place", "days", "zone", "choice"]
Whose = Literal["office", "payer", "both"]
PRIORITIES: Final = ("stat", "asap", "urgent", "routine")
MOST_WORDS: Final = 200
_SEED: Final = "referrals.md 5"  # seeds from published policies of Mass General, UNC and the PCPI pilot


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a policy says. `whose`: who may say it for themselves. A `clock` may count business days; a `lead`
    is counted backwards or is an age, in hours or days. `source`: where the shipped value comes from."""

    name: str
    kind: Kind
    whose: Whose
    value: str
    source: str

    @property
    def cited(self) -> str:
        """The source where it is a rule of law, which people may look up; empty for a seed of our own design."""
        return "" if ".md" in self.source else self.source


def _by_priority(name: str, *values: str) -> list[Term]:
    pairs = zip(PRIORITIES, values, strict=True)
    return [Term(f"{name}.{priority}", "clock", "office", value, _SEED) for priority, value in pairs]


TERMS: Final[Mapping[str, Term]] = {
    term.name: term
    for term in (
        Term("decision.expedited", "clock", "payer", "72 hours", "CMS-0057-F, 89 FR 8758"),
        Term("decision.standard", "clock", "payer", "7 days", "CMS-0057-F, 89 FR 8758"),
        # Medicare Advantage and Medicaid: at most so much longer, from where the clock would have ended
        Term("extension.standard", "clock", "payer", "14 days", "42 CFR 422.568(b), 438.210(d)"),
        Term("extension.expedited", "clock", "payer", "14 days", "42 CFR 422.572(b), 438.210(d)"),
        Term("extension.by", "choice", "payer", "either", "42 CFR 422.568(b), 438.210(d)"),
        Term("extension.ground", "words", "payer", "", "42 CFR 422.568(b), 438.210(d)"),
        # Medicare Advantage: reconsideration
        Term("appeal", "clock", "payer", "65 days", "42 CFR 422.582"),
        # of what was decided on an appeal, and on an appeal of that; where a payer says nothing, as the level before
        Term("appeal.second", "clock", "payer", "", "prior-auth.md 5"),
        Term("appeal.third", "clock", "payer", "", "prior-auth.md 5"),
        Term("peer-to-peer", "clock", "payer", "", "prior-auth.md 5"),
        Term("eligibility-age", "lead", "payer", "30 days", "prior-auth.md 5"),
        Term("eligibility-reply", "clock", "payer", "24 hours", "prior-auth.md 5"),
        Term("information-lead", "lead", "payer", "24 hours", "prior-auth.md 5"),
        Term("channel", "words", "payer", "", "prior-auth.md 5"),
        # by which way its letters to members go: printed by itself, by a mail house, or read in the member's app
        Term("letter.channel", "choice", "payer", "print", "prior-auth.md 6"),
        # a payer that has to publish its yearly metrics says so: nobody else's numbers are shown to everybody
        Term("metrics-published", "choice", "payer", "no", "CMS-0057-F, 42 CFR 422.122(c)"),
        Term("metrics-items", "words", "payer", "", "CMS-0057-F, 42 CFR 422.122(c)"),
        Term("visit-lead", "lead", "both", "3 days", "prior-auth.md 5"),
        Term("expiring", "lead", "both", "30 days", "contracts.md 1.3"),
        Term("confirm", "clock", "office", "24 hours", _SEED),
        Term("report", "clock", "office", "7 days", _SEED),
        Term("acknowledge-report", "clock", "office", "3 days", _SEED),
        Term("tell-patient", "clock", "office", "7 days", _SEED),
        *_by_priority("send", "2 hours", "8 hours", "24 hours", "48 hours"),
        *_by_priority("acknowledge", "2 hours", "8 hours", "24 hours", "48 hours"),
        *_by_priority("triage", "4 hours", "12 hours", "24 hours", "72 hours"),
        *_by_priority("submit", "4 hours", "8 hours", "24 hours", "72 hours"),
        *_by_priority("settle", "4 hours", "8 hours", "24 hours", "72 hours"),
        *_by_priority("book", "8 hours", "24 hours", "48 hours", "120 hours"),
        *_by_priority("reroute", "4 hours", "8 hours", "24 hours", "48 hours"),
        *_by_priority("window", "24 hours", "72 hours", "14 days", "60 days"),
        Term("hold", "clock", "office", "3 days", "referrals.md 1.9"),
        Term("patient-cancels", "choice", "office", "at-once", "referrals.md 4"),
        Term("approval-steps", "words", "both", "", "contracts.md 2"),
        Term("approval-step", "clock", "both", "3 business days", "contracts.md 2"),
        Term("calendar.week", "week", "both", "Mon-Fri", "5 U.S.C. 6101"),
        Term("calendar.hours", "hours", "both", "08:00-17:00", "referrals.md 5"),
        Term("calendar.holidays", "place", "both", "US", "5 U.S.C. 6103"),
        Term("calendar.closed", "days", "both", "", "referrals.md 5"),
        Term("calendar.zone", "zone", "both", "", "CARECOORD_TIMEZONE"),
    )
}
AT_SITES: Final = tuple(name for name in TERMS if name.startswith("calendar."))  # what is said of a Location
SHIPPED: Final[Mapping[str, str]] = {term.name: term.value for term in TERMS.values()}
_WINDOWS: Final = tuple(f"window.{each}" for each in PRIORITIES)
_IN_DAYS: Final = frozenset({"eligibility-age", "visit-lead", "expiring"})  # that sentences tell in days
CHOICES: Final = {
    "patient-cancels": ("at-once", "ask-first"), "extension.by": ("either", "patient", "payer", "nobody"),
    "metrics-published": ("no", "yes"), "letter.channel": ("print", "mail", "portal"),
}  # fmt: skip
MAY_EXTEND: Final[Mapping[str, tuple[str, ...]]] = {  # what a policy says -> who may have a payer's clock extended
    "either": ("patient", "payer"), "patient": ("patient",), "payer": ("payer",), "nobody": (),
}  # fmt: skip
_MAY_BE_EMPTY: Final = frozenset({
    "peer-to-peer", "extension.ground", "channel", "approval-steps", "calendar.closed", "calendar.zone",
    "calendar.holidays", "metrics-items", "appeal.second", "appeal.third",
})  # fmt: skip


def checked(name: str, value: str) -> str:
    """A value as it is kept. Raises ValueError when the term can not have it, KeyError when there is no such term."""
    term, said = TERMS[name], " ".join(value.split())
    if not said and name in _MAY_BE_EMPTY:
        return ""
    return _READ[term.kind](term, said)


def _clock(term: Term, said: str) -> str:
    found = span(said)
    if (term.kind == "lead" or term.name in _WINDOWS) and found.of_business:
        raise ValueError("counts no business days")
    if term.name in _IN_DAYS and found.unit != "day":
        raise ValueError("counted in days")
    if found.amount == 0:
        raise ValueError("no time at all")
    return str(found)


def _words(_: Term, said: str) -> str:
    if not said or len(said) > MOST_WORDS:
        raise ValueError("too long")
    return said


def _choice(term: Term, said: str) -> str:
    chosen = said.casefold().replace(" ", "-")
    if chosen not in CHOICES[term.name]:
        raise ValueError("no such choice")
    return chosen


def _place(_: Term, said: str) -> str:
    if not calendars.known_place(said.upper()):
        raise ValueError("no such place")
    return said.upper()


def _zone(_: Term, said: str) -> str:
    try:
        ZoneInfo(said)
    except (ZoneInfoNotFoundError, OSError) as e:
        raise ValueError("no such zone") from e
    return said


def _parsed(read: Callable[[str], Any]) -> Callable[[Term, str], str]:
    def check(_: Term, said: str) -> str:
        read(said)
        return said

    return check


_READ: Final[Mapping[Kind, Callable[[Term, str], str]]] = {
    "clock": _clock,
    "lead": _clock,
    "words": _words,
    "choice": _choice,
    "week": _parsed(calendars.weekdays),
    "hours": _parsed(calendars.hours),
    "days": _parsed(calendars.closed_days),
    "place": _place,
    "zone": _zone,
}
