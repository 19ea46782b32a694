"""A row of the clinic's requests for authorization in words: its clock, its state, its units as a bar, the next
visit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Row

from carecoord.domain.prior_auth.units import UNITS
from carecoord.fhir.instants import micros
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import Clock, Times, age
from carecoord.web.prior_auth.address import RequestsAddress
from carecoord.words.catalogue import in_words, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import dumps, sentence

CLOCKS: Final[Mapping[str, str]] = Glossary({
    "send": sentence("requests.clock.send"),
    "papers": sentence("requests.clock.papers"),
    "decision": sentence("requests.clock.decision"),
    "visit": sentence("requests.clock.visit"),
    "ends": sentence("requests.clock.ends"),
    "appeal": sentence("requests.clock.appeal"),
    "call": sentence("requests.clock.call"),
})  # fmt: skip
STATES: Final = {
    "draft": Chip(sentence("labels.authorization.draft"), "grey", icon="pencil"),
    "submitted": Chip(sentence("labels.authorization.submitted"), "blue", icon="send"),
    "pended": Chip(sentence("labels.authorization.pended"), "amber", icon="circle-question-mark"),
    "asked": Chip(sentence("decide.state.asked"), "amber", icon="file-question-mark"),
    "approved": Chip(sentence("labels.authorization.approved"), "green", icon="badge-check"),
    "modified": Chip(sentence("decide.state.modified"), "amber", icon="badge-check"),
    "partly": Chip(sentence("labels.authorization.partly"), "amber", icon="badge-check"),
    "denied": Chip(sentence("labels.authorization.denied"), "red", icon="circle-x"),
    "not-required": Chip(sentence("labels.authorization.not-required"), "quiet", icon="circle-dashed"),
    "cancelled": Chip(sentence("decide.state.cancelled"), "grey", icon="ban"),
    "contact": Chip(sentence("requests.state.contact"), "amber", icon="phone"),
    "error": Chip(sentence("requests.state.error"), "red", icon="circle-alert"),
    "void": Chip(sentence("requests.state.void"), "grey", icon="ban"),
    "unclear": Chip(sentence("labels.authorization.unknown"), "grey", icon="circle-question-mark"),
}
EXPIRED: Final = Chip(sentence("labels.authorization.expired"), "red", icon="calendar-x")
_GRANTED: Final = ("approved", "modified", "partly")
SEX: Final = {"female": "F", "male": "M", "other": "X", "unknown": "?"}



@dataclass(frozen=True)
class Units:
    """What was granted and became of it: words, and the shares of a bar in percent; no bar of a single unit."""

    said: str
    tone: str
    used: float = 0
    booked: float = 0
    bar: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Line:
    """A row of the list. case: the id of the one whose work it is, empty where its order is not here; beside: under its
    state; visit: the next one, `alarm` where it is not covered."""

    id: str
    case: str
    href: str
    open: bool
    name: str
    about: str
    clock: Clock | None
    clock_label: str
    urgent: bool
    service: str
    code: str
    payer: str
    plan: str
    state: Chip
    beside: str
    units: Units | None
    valid: str
    visit: str
    alarm: bool
    touch: str
    owner: str | None


def line(row: Row[Any], address: RequestsAddress, times: Times) -> Line:
    """A row in words."""
    id, today = row.root.partition("/")[2], times.now.astimezone(times.zone).date()
    about = " · ".join(filter(None, (SEX.get(row.gender or "", ""), age(row.birth_date, today), row.mrn)))
    visit, alarm = next_visit(row, times)
    return Line(
        id, next(iter(msgspec.json.decode(row.orders)), ""),
        address.show(id).href(), id == address.shown, row.patient_name, about,
        times.clock(row.office_due, row.received, times.midnight(0)) if row.open and not over(row, times) else None,
        CLOCKS.get(row.office_clock or "") or "", row.expedited, row.service, row.code, row.payer_name or "",
        " · ".join(filter(None, (row.plan_name, row.number))), state(row, times), beside(row, times), units(row),
        valid(row, times), visit, alarm, times.day(row.touch) if row.touch else "", row.owner_name,
    )  # fmt: skip


def state(row: Row[Any], times: Times) -> Chip:
    """How a request stands; what was granted and is over is expired."""
    if row.state in _GRANTED and row.ends is not None and row.ends <= micros(times.now):
        return EXPIRED
    return chip(STATES, row.state) if row.state in STATES else chip(labels.AUTHORIZATION, "unknown")


def over(row: Row[Any], times: Times) -> bool:
    """Whether what was granted has ended, and no visit hangs on it: nothing is due of it any more."""
    return row.state in _GRANTED and not row.outside and row.ends is not None and row.ends <= micros(times.now)


def beside(row: Row[Any], times: Times) -> str:
    """What there is to know beside its state."""
    if row.state == "asked":
        return spoken("decide.papers-in", attached=row.attached, n=row.asked)
    if row.state in ("submitted", "pended"):
        return spoken("decide.expedited") if row.expedited else spoken("decide.standard")
    if row.state == "denied" and row.peer_by and row.peer_by > micros(times.now):
        return spoken("requests.peer-until", day=times.day(row.peer_by))
    return row.denial or "" if row.state in ("denied", "partly") else ""


def units(row: Row[Any]) -> Units | None:
    """What was granted: used, booked and left of it."""
    if row.authorized is None:
        return None
    if row.left is None:
        return Units(spoken("requests.granted", n=row.authorized, unit=noun(row.unit, row.authorized)), "")
    total, left = float(row.authorized), float(row.left)
    used, booked = float(row.used or 0), float(row.booked or 0)
    tone = "red" if left <= 0 else "amber" if left <= 2 and total > 1 else ""
    unit = in_words(row.unit)
    detail = spoken("requests.units", used=row.used or "0", booked=row.booked or "0", left=row.left, unit=unit)
    said = spoken("requests.left", left=row.left, n=row.authorized)
    share = 100 / total if total else 0
    return Units(said, tone, min(100, used * share), min(100, booked * share), total > 1, detail)


def noun(stored: str | None, n: str | None) -> str:
    """What so many units are called."""
    pairs = UNITS.values() if n == "1" else ()
    return next((say(one) for one, several in pairs if dumps(several) == stored), "") or in_words(stored)


def valid(row: Row[Any], times: Times) -> str:
    """The last day of what was granted; else what the clinic can still do."""
    if row.ends is not None and row.state in _GRANTED:
        return spoken("requests.until", day=times.day(row.ends - 1))
    if row.state == "denied" and row.appeal_by:
        return spoken("requests.appeal-by", day=times.day(row.appeal_by - 1))
    if row.due is not None:
        return spoken("requests.decision-by", day=times.exact(row.due))
    return ""


def next_visit(row: Row[Any], times: Times) -> tuple[str, bool]:
    """(the first visit that is not covered, else the next one, in words; whether it is not covered)."""
    ahead = msgspec.json.decode(row.visits)
    now = micros(times.now)
    outside = next((each for each in ahead if each["outside"]), None)
    if outside:
        day = times.day(outside["at"])
        return spoken("requests.visit-outside", day=day, why=in_words(outside["outside"])), True
    coming = next((each for each in ahead if each["at"] > now), None)
    return (spoken("requests.visit", day=times.day(coming["at"])), False) if coming else ("", False)


