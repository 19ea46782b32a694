"""What is between an EHR and us, in words: both values of a conflict with who and when, and each delivery's end."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from carecoord.actions.ehrs.between import Between, EhrReading
from carecoord.domain.ehrs import disputes
from carecoord.domain.ehrs.merge import WHOLE
from carecoord.fhir.instants import micros
from carecoord.store.ehrs.conflicts import Conflict
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

ELEMENTS: Final[Mapping[str, str]] = Glossary(
    {  # what people call an element that both may change
        "status": sentence("between.element.status"),
        "start": sentence("between.element.start"),
        "owner": sentence("between.element.owner"),
        "priority": sentence("between.element.priority"),
        "note": sentence("between.element.note"),
        "performer": sentence("between.element.performer"),
        "businessStatus": sentence("between.element.businessStatus"),
        "description": sentence("between.element.description"),
        "participant": sentence("between.element.participant"),
        "telecom": sentence("between.element.telecom"),
        "statusReason": sentence("between.element.statusReason"),
    }
)
WHY: Final[Mapping[str, Callable[[str, str], str]]] = {  # code -> why, said of the EHR and its own words
    "no-write": lambda ehr, words: spoken("between.why.no-write", ehr=ehr),
    "read-only": lambda ehr, words: spoken("between.why.read-only", ehr=ehr),
    "no-scope": lambda ehr, words: spoken("between.why.no-scope", ehr=ehr),
    "conflict": lambda ehr, words: spoken("between.why.conflict", ehr=ehr),
    "gone": lambda ehr, words: spoken("between.why.gone", ehr=ehr),
    "refused": lambda ehr, words: spoken("between.why.refused", ehr=ehr, words=words),
    "no-answer": lambda ehr, words: spoken("between.why.no-answer", ehr=ehr, words=words),
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
            f"{one.ehr}: {_read(one, times)}", one.state == "later",
            0 if one.awaited or one.state == "paused" else one.calls,
        )
        for one in found.readings
    ]  # fmt: skip


def _read(one: EhrReading, times: Times) -> str:
    at = times.exact(micros(one.good)) if one.good else ""
    said = spoken("between.read-at", at=at) if at else spoken("between.never-read")
    if one.state == "asked":
        said = spoken("between.asked-again", said=said)
    elif one.state == "paused":
        said = spoken("between.paused-since", said=said)
    return spoken("between.patient-asked-for", said=said) if one.awaited else said


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
        spoken("between.theirs") if one.stands == "theirs" else spoken("between.ours"),
    )


def _said(side: Mapping[str, object], element: str, times: Times) -> str:
    if element == WHOLE:
        return spoken("between.kept") if side else spoken("between.deleted")
    return say(disputes.value(dict(side), times.zone))


def _tellings(found: Between, times: Times) -> Iterator[Telling]:
    for one in found.deliveries:
        what = say(disputes.named(one.type))
        if one.state == "delivered":
            yield Telling(
                "circle-check",
                "green",
                spoken("between.told", ehr=one.ehr, what=what, at=times.exact(one.ended or one.asked)),
            )
        else:
            label, icon, tone = _STATES[one.state]
            yield Telling(icon, tone, f"{label} ({what}): {why(one.ehr, one.why, one.words)}")


_STATES: Final[Mapping[str, tuple[str, str, str]]] = Glossary(
    {
        "waiting": (sentence("between.waiting"), "clock", "amber"),
        "refused": (sentence("between.refused"), "circle-alert", "red"),
        "kept": (sentence("between.kept-here"), "inbox", "grey"),
    }
)


def why(ehr: str, code: str, words: str = "") -> str:
    """Why a delivery is where it is. words: the EHR's own."""
    told = WHY.get(code)
    return told(ehr, words).strip() if told else spoken("between.told-soon", ehr=ehr)
