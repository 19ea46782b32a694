"""What a patient is still to be told: of each open referral what its next step asks them, a question of theirs that
waits, a visit of which nobody has spoken with them since it was made or called off. Pure.

Nothing is taken as said but what is on record: a call that reached them, a letter, a message, their own yes to the
visit. A message left for them is none: who heard it nobody knows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final, Literal

from carecoord.domain.contacts.attempts import MEDIUM, OUTCOME, is_message, is_note
from carecoord.domain.contacts.mentions import open_for
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, key, target, text

Thing = Literal["report", "card", "cancel", "question", "visit", "called-off"]
STEPS: Final[Mapping[str, Thing]] = {  # code of a next step -> what it has the patient told
    "tell-patient": "report",
    "ask-card": "card",
    "answer-cancel": "cancel",
}
_THEIRS: Final = ("Patient/", "RelatedPerson/")


@dataclass(frozen=True, slots=True)
class ToSay:
    """One thing to say. `case`: the id of the referral that it is about; `at`: when the visit is, or was to be, or when
    they asked."""

    thing: Thing
    case: str
    at: datetime | None = None


def to_say(
    steps: Mapping[str, str], visits: Sequence[Json], replies: Sequence[Json], talks: Sequence[Json],
    now: datetime, zone: tzinfo,
) -> list[ToSay]:  # fmt: skip
    """What there is to say, in the order of the cases. steps: by the id of each open case, the code of its next step;
    the others: the patient's Appointments, AppointmentResponses and Communications, of any case."""
    found: list[ToSay] = []
    for case, step in steps.items():
        order = f"ServiceRequest/{case}"
        about = [talk for talk in talks if order in _orders(talk)]
        if thing := STEPS.get(step):
            found.append(ToSay(thing, case))
        asked = max((at for each in about if _asks(each) and (at := _at(each, zone))), default=None)
        if asked:
            found.append(ToSay("question", case, asked))
        if not any(each.thing == "cancel" and each.case == case for each in found):
            mine = [each for each in visits if order in _orders(each)]
            found += _of_visits(case, mine, replies, _last_heard(about, zone), now, zone)
    return found


def _of_visits(
    case: str, visits: Sequence[Json], replies: Sequence[Json], heard: datetime | None, now: datetime, zone: tzinfo
) -> Iterator[ToSay]:
    """The visits ahead of which they have not heard; of those that were called off only where none is booked."""
    ahead = [(at, each) for each in visits if (at := moment(text(each, "start"), zone)) and at > now]
    booked = [(at, each) for at, each in ahead if text(each, "status") == "booked"]
    said_yes = {target(item(each, "appointment")) for each in replies if _is_yes(each)}
    off = [(at, each) for at, each in ahead if text(each, "status") == "cancelled"]
    for at, visit in sorted(booked or off[-1:], key=lambda pair: pair[0]):
        if key(visit) not in said_yes and (heard is None or heard < _since(visit, zone, booked=bool(booked))):
            yield ToSay("visit" if booked else "called-off", case, at)


def _since(visit: Json, zone: tzinfo, *, booked: bool) -> datetime:
    """From when on they can have heard of it: of a visit, since it was made or last changed here; of one that was
    called off, since that. An EHR's copy is younger than what it tells, so that what it says itself goes before."""
    changed = moment(text(item(visit, "meta"), "lastUpdated"), zone)
    made = moment(text(visit, "created"), zone)
    foreign = bool(text(item(visit, "meta"), "source"))
    found = (made or changed) if booked and foreign else (changed or made)
    return found or datetime.min.replace(tzinfo=zone)


def _is_yes(reply: Json) -> bool:
    return text(reply, "participantStatus") == "accepted" and target(item(reply, "actor")).startswith(_THEIRS)


def _last_heard(talks: Iterable[Json], zone: tzinfo) -> datetime | None:
    """When they last heard from us about a case."""
    return max((at for each in talks if _reached(each) and (at := _at(each, zone))), default=None)


def _reached(talk: Json) -> bool:
    """Whether somebody spoke with them or wrote to them."""
    if is_note(talk) or text(talk, "status") not in ("completed", "in-progress"):
        return False
    if not any(target(each).startswith(_THEIRS) for each in items(talk, "recipient")):
        return False
    written = any(code_of(each).upper() == MEDIUM["letter"] for each in items(talk, "medium"))
    return is_message(talk) or written or text(extension(talk, OUTCOME), "valueCode") in ("", "reached")


def _asks(talk: Json) -> bool:
    """Whether it is a message of theirs that nobody has taken up."""
    return target(item(talk, "sender")).startswith(_THEIRS) and bool(open_for(talk))


def _orders(resource: Json) -> set[str]:
    return {target(each) for each in items(resource, "basedOn")}


def _at(talk: Json, zone: tzinfo) -> datetime | None:
    return moment(text(talk, "sent") or text(talk, "received"), zone)
