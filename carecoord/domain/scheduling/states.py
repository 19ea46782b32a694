"""The states of an Appointment and of a Slot, for every road. Partners do not differ in these: what 360X and BSeR call
scheduled, no-show and cancelled are stages of the referral Task.

Clauses: FHIR R4 appointment.html (AppointmentStatus), slot.html (SlotStatus); referrals.md 1.9. What ended is never
booked again: a missed or cancelled visit is followed by a new Appointment, so that both stay in the record.
`move` and `slot_move` tell what verb a plain change means."""

from collections.abc import Iterable
from typing import Final, Literal

from carecoord.domain.resource import moves
from carecoord.domain.resource.elements import Json, item, items, target, text
from carecoord.domain.resource.moves import BOTH, Move, Need, Side
from carecoord.errors import Forbidden

Verb = Literal[
    "propose", "hold", "release", "wait", "book", "move", "arrive", "check-in", "fulfil", "no-show", "cancel", "void",
    "keep",
]  # fmt: skip
SlotVerb = Literal["open", "hold", "book", "free", "block", "void", "keep"]

_ANYBODY: Final[frozenset[Side]] = frozenset({"requester", "performer", "patient"})
_Row = tuple[Verb, tuple[str, ...], str, frozenset[Side], tuple[Need, ...]]
_AHEAD = ("proposed", "pending", "waitlist", "booked")
_HERE = ("arrived", "checked-in")
_ROWS: tuple[_Row, ...] = (
    ("propose", ("new", "pending"), "proposed", BOTH, ()),
    ("hold", ("new", "proposed", "waitlist"), "pending", _ANYBODY, ()),
    ("wait", ("new", "proposed"), "waitlist", _ANYBODY, ()),
    ("book", ("new", "proposed", "pending", "waitlist"), "booked", _ANYBODY, ()),
    ("move", ("booked",), "booked", _ANYBODY, ()),
    ("arrive", ("booked",), "arrived", BOTH, ()),
    ("check-in", ("booked", "arrived"), "checked-in", BOTH, ()),
    ("fulfil", _HERE, "fulfilled", BOTH, ()),
    ("no-show", ("booked",), "noshow", BOTH, ()),
    ("cancel", ("proposed", "pending"), "cancelled", _ANYBODY, ()),  # an offer or a hold lapses
    ("cancel", ("waitlist", "booked"), "cancelled", _ANYBODY, ("reason",)),
    ("cancel", _HERE, "cancelled", BOTH, ("reason",)),
    ("void", (*_AHEAD, *_HERE, "fulfilled", "noshow", "cancelled"), "entered-in-error", BOTH, ()),
)  # fmt: skip
STATES = (*_AHEAD, *_HERE, "fulfilled", "noshow", "cancelled", "entered-in-error")


def _table(rows: Iterable[_Row]) -> dict[tuple[str, str], tuple[Move, ...]]:
    return {(start, verb): (Move(to, who, needs),) for verb, starts, to, who, needs in rows for start in starts}


TABLE: Final = _table(_ROWS) | {(state, "keep"): (Move(state, _ANYBODY),) for state in STATES}

SLOTS: Final = {
    (start, verb): (Move(to, BOTH),)
    for verb, starts, to in (
        ("open", ("new", "busy-unavailable"), "free"),
        ("hold", ("new", "free"), "busy-tentative"),
        ("book", ("new", "free", "busy-tentative"), "busy"),
        ("block", ("new", "free"), "busy-unavailable"),
        ("free", ("busy", "busy-tentative"), "free"),
        ("void", ("free", "busy-tentative", "busy", "busy-unavailable"), "entered-in-error"),
    )
    for start in starts
} | {
    (state, "keep"): (Move(state, BOTH),)
    for state in ("free", "busy-tentative", "busy", "busy-unavailable", "entered-in-error")
}
TAKES = frozenset({"pending", "booked", "arrived", "checked-in"})  # a visit in these states has its slot to itself


def legal(status: str, side: Side) -> tuple[Verb, ...]:
    """The verbs that a side has for an Appointment of a status; `keep` is any change that leaves it."""
    return moves.legal(TABLE, status, side)  # type: ignore[return-value]


def advance(status: str, verb: str, side: Side) -> str:
    """The Appointment.status that a verb leads to.

    Raises Conflict (409) where none does, naming the legal verbs; Forbidden (403) where it is another side's.
    """
    return moves.advance(TABLE, status, verb, side).to


def move(before: Json, after: Json) -> Verb:
    """What a plain change of an Appointment means (`before` empty: a new one), legal or not. A booked one that gets
    another time, place or slot is moved."""
    start, to = text(before, "status") if before else "new", text(after, "status")
    if start == to:
        return "move" if start == "booked" and _place(before) != _place(after) else "keep"
    return moves.between(TABLE, start, to) or "propose"  # type: ignore[return-value]


def _place(appointment: Json) -> tuple[object, ...]:
    return text(appointment, "start"), text(appointment, "end"), slots(appointment), _locations(appointment)


def _locations(appointment: Json) -> frozenset[str]:
    actors = (target(item(each, "actor")) for each in items(appointment, "participant"))
    return frozenset(actor for actor in actors if actor.startswith("Location/"))


def slots(appointment: Json) -> tuple[str, ...]:
    """The `Slot/id`s that an Appointment takes, in order; none while it does not stand."""
    if text(appointment, "status") not in TAKES:
        return ()
    return tuple(sorted({to for each in items(appointment, "slot") if (to := target(each)).startswith("Slot/")}))


def lacks(before: Json, after: Json) -> tuple[str, ...]:
    """What is wrong with the content of an Appointment that moved, in words that say what would put it right."""
    start = text(before, "status") if before else "new"
    way = moves.found(TABLE, start, move(before, after))
    if way and "reason" in way.needs and not item(after, "cancelationReason"):
        return ("A visit that was called off says why: give Appointment.cancelationReason.",)
    return ()


def slot_move(before: Json, after: Json) -> SlotVerb:
    """What a plain change of a Slot means, legal or not."""
    start, to = text(before, "status") if before else "new", text(after, "status")
    return "keep" if start == to else moves.between(SLOTS, start, to) or "open"  # type: ignore[return-value]


_LABELS: Final = ("profile", "security", "tag")  # who may see it hangs on them; the rest of meta is the server's
_TIMES: Final = frozenset({"start", "end", "minutesDuration", "slot"})
_PATIENTS: Final[dict[str, frozenset[str]]] = {  # verb -> the elements that a patient changes by it, beside the answer
    "keep": frozenset(),
    "cancel": frozenset({"status", "cancelationReason"}),
    "move": _TIMES,
    **dict.fromkeys(("hold", "wait", "book"), _TIMES | {"status"}),
}


def _demand_patients_own(before: Json, after: Json, verb: Verb) -> None:
    """Refuse what is not a patient's to change: who else takes part, what the visit is for and about."""
    told = {"id", "meta", "comment", "participant", *_PATIENTS.get(verb, ())}
    wrong = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    wrong = [name for name in wrong if name not in told]
    if _others(before) != _others(after):
        wrong.append("participant")
    if any(item(before, "meta").get(name) != item(after, "meta").get(name) for name in _LABELS):
        wrong.append("meta")
    if wrong:
        said = f"A patient says whether they come, and cancels; {', '.join(wrong)} is not theirs to change."
        raise Forbidden(said, "Appointment")


def _others(appointment: Json) -> list[Json]:
    """Who takes part and how, but for the patient's own answer."""
    found = items(appointment, "participant")
    own = [target(item(each, "actor")).startswith("Patient/") for each in found]
    return [{k: v for k, v in e.items() if k != "status"} if mine else e for e, mine in zip(found, own, strict=True)]


def judge(before: Json, after: Json, side: Side) -> None:
    """Refuse a change of an Appointment that the table does not have (`before` empty: a new one), and of a patient one
    of what is not theirs.

    Raises Conflict (409) naming the legal verbs, Forbidden (403), Unprocessable (422).
    """
    start = text(before, "status") if before else "new"
    verb = move(before, after)
    moves.advance(TABLE, start, verb, side, where="Appointment.status")
    if side == "patient":
        _demand_patients_own(before, after, verb)
    moves.demand_whole(lacks(before, after), "Appointment.cancelationReason")


def judge_slot(before: Json, after: Json, side: Side) -> None:
    """The same of a Slot."""
    start = text(before, "status") if before else "new"
    moves.advance(SLOTS, start, slot_move(before, after), side, where="Slot.status")
