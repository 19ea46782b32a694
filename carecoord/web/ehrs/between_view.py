"""What is between an EHR and us, in words: both values of a conflict with who and when, and each delivery's end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from carecoord.actions.ehrs.between import Between
from carecoord.domain.ehrs import disputes
from carecoord.domain.ehrs.merge import WHOLE
from carecoord.fhir.instants import micros
from carecoord.store.ehrs.conflicts import Conflict
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say

ELEMENTS: Final[Mapping[str, str]] = {  # what people call an element that both may change
    "status": "status", "start": "time", "owner": "who works on it", "priority": "priority", "note": "notes",
    "performer": "clinic", "businessStatus": "status", "description": "description", "participant": "who takes part",
    "telecom": "telephone", "statusReason": "reason",
}  # fmt: skip
WHY: Final[Mapping[str, str]] = {
    "no-write": "{ehr} takes no such change: it stays here.",
    "read-only": "We ask {ehr} for reading only: it stays here. An administrator can ask it for more.",
    "no-scope": "{ehr} does not let us write this. Ask it to grant our client the scope, then tell it anew with "
    "carecoord ehr add.",
    "conflict": "{ehr} is told once the conflict is settled.",
    "gone": "{ehr} holds it no longer.",
    "refused": "{ehr} said no: {words}",
    "no-answer": "{ehr} gave no answer; it is tried again. {words}",
}


@dataclass(frozen=True)
class Quarrel:
    """A conflict as the panel shows it."""

    n: int
    what: str
    ehr: str
    theirs: str
    theirs_when: str
    ours: str
    ours_who: str
    shown: str


@dataclass(frozen=True)
class Reading:
    """How fresh what we hold of an EHR is, as the panel shows it. `can_ask`: it can be asked now; `calls`: how many
    questions the patient alone costs it, 0 where that can not be asked."""

    text: str
    can_ask: bool
    calls: int = 0


@dataclass(frozen=True)
class Telling:
    """A delivery as the panel shows it. `tone`: of the design's."""

    icon: str
    tone: str
    text: str


def quarrels(found: Between, times: Times) -> list[Quarrel]:
    """Every conflict of the case, in words."""
    return [_quarrel(each, found, times) for each in found.conflicts]


def tellings(found: Between, times: Times) -> list[Telling]:
    """What became of telling the EHRs, the latest first."""
    return list(_tellings(found, times))


def freshness(found: Between, times: Times) -> list[Reading]:
    """When each EHR that holds the patient was read, and whether it is read just now."""
    return [
        Reading(
            f"{one.ehr}: {f'read at {times.exact(micros(one.good))}' if one.good else 'never read to its end'}"
            f"{_NEXT[one.state]}{', this patient is asked for now' if one.awaited else ''}", one.state == "later",
            0 if one.awaited or one.state == "paused" else one.calls,
        )
        for one in found.readings
    ]  # fmt: skip


_NEXT: Final = {"later": "", "asked": ", and asked again now", "paused": ", paused since", "by-hand": ""}


def _quarrel(one: Conflict, found: Between, times: Times) -> Quarrel:
    what = say(disputes.named(one.type)).removeprefix("the ")
    element = "" if one.element == WHOLE else ELEMENTS.get(one.element, one.element)
    who = found.names.get(one.ours_by or "", one.ours_by or "")
    when = times.exact(one.ours_at) if one.ours_at else ""
    return Quarrel(
        one.n,
        f"{what[:1].upper()}{what[1:]}{', ' if element else ''}{element}",
        one.ehr,
        _said(one.theirs, one.element, times),
        times.exact(one.theirs_at or one.found),
        _said(one.ours, one.element, times),
        ", ".join(part for part in (who, when) if part),
        "What the EHR says" if one.stands == "theirs" else "Ours",
    )


def _said(side: Mapping[str, object], element: str, times: Times) -> str:
    if element == WHOLE:
        return "Kept" if side else "Deleted"
    return say(disputes.value(dict(side), times.zone))


def _tellings(found: Between, times: Times) -> Iterator[Telling]:
    for one in found.deliveries:
        what = say(disputes.named(one.type))
        if one.state == "delivered":
            yield Telling("circle-check", "green", f"Told {one.ehr} of {what} at {times.exact(one.ended or one.asked)}")
        else:
            label, icon, tone = _STATES[one.state]
            yield Telling(icon, tone, f"{label} ({what}): {why(one.ehr, one.why, one.words)}")


_STATES: Final[Mapping[str, tuple[str, str, str]]] = {
    "waiting": ("Waiting", "clock", "amber"),
    "refused": ("Refused", "circle-alert", "red"),
    "kept": ("Kept here", "inbox", "grey"),
}


def why(ehr: str, code: str, words: str = "") -> str:
    """Why a delivery is where it is. words: the EHR's own."""
    if code not in WHY:
        return f"{ehr} is told within moments."
    return WHY[code].format(ehr=ehr, words=words).strip()
