"""The kinds of later work, one row each. To add one: a row here, and a handler in `carecoord/worker/handlers.py`.

A lane is a queue of its own with hands of its own, so that no kind waits behind another's slow ones: a notice goes out
while three EHRs are being read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

import msgspec

Lane = Literal["sync", "deliver", "notify", "refresh", "timers", "import", "intake", "papers"]

LANES: Mapping[str, int] = MappingProxyType(
    {"sync": 2, "deliver": 4, "notify": 2, "refresh": 1, "timers": 1, "import": 1, "intake": 1, "papers": 1}
)
"""How many jobs of each lane one process does at a time. Judging is work of the processor: one is enough."""


@dataclass(frozen=True)
class Kind:
    """What holds for every job of a kind.

    in_turn: all jobs of one key are done, one after the other, as they were added; else a later one takes the place of
    the one that waits. periodic: once done it is due again after its payload's `seconds`. tries: after so many failures
    it is parked until a person looks at it; None: it is tried for as long as it takes.
    """

    lane: Lane
    in_turn: bool = False
    periodic: bool = False
    tries: int | None = 12


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "sync": Kind("sync", periodic=True, tries=None),  # key: the EHR's name
        "sync-patient": Kind("sync", tries=8),  # key: the EHR's name and our id of the patient
        "deliver": Kind("deliver"),  # key: the EHR, the type and the id here; it tells the newest there is
        "import": Kind("import", tries=3),  # key: the file's id
        "x12-file": Kind("import", tries=3),  # key: the file's id
        "paper": Kind("import", tries=3),  # key: the id of the document of which the pages are read
        "codes": Kind("import", tries=3),  # key: the system of which the shipped codes are put in
        "assign": Kind("timers", tries=8),  # key: the case that nobody has
        "approve-by-rule": Kind("timers", tries=8),  # key: the Claim that the payer's rules look at
        "decision-letter": Kind("papers", tries=8),  # key: the payer's answer that a letter is about
        "decision-leaves": Kind("timers", tries=8),  # key: the Task that holds a payer's decision
        "ask-eligibility": Kind("timers", periodic=True, tries=None),  # one job for all visits whose day it is
        "digest": Kind("notify", periodic=True, tries=None),  # one job for all whose morning it is
        "intake": Kind("intake", periodic=True, tries=None),  # key: a watched folder's or mailbox's name
        "notice": Kind("notify", tries=8),  # key: the message of which it is told that it is there
        "release-hold": Kind("timers", tries=8),  # key: the Appointment by which a time is held
        "pas-notice": Kind("notify", in_turn=True),  # key: the id of the Subscription that is told its next event
        "pas-send": Kind("deliver", in_turn=True, tries=None),  # key: the payer and the patient; one after the other
        "pas-inquire": Kind("deliver", tries=None),  # key: the id of the Claim that its payer is asked about
        "payer-forms": Kind("deliver", tries=8),  # key: the id of the Claim for which its payer's forms are fetched
        "pas-subscribe": Kind("notify", periodic=True, tries=None),  # key: the id of the payer that is to tell us
        "card-questions": Kind("refresh", tries=8),  # one for all: a payer is another than it was
        "packet-ends": Kind("timers", tries=8),  # key: the id of a packet whose day is over
        "request-packet": Kind("papers", tries=3),  # key: the id of the packet that somebody asked for
        "measures": Kind("timers", tries=None),  # one job that follows the log to its end
        "refresh-cases": Kind("refresh", tries=None),  # one job for all rows whose time has come
        "foresee-cases": Kind("refresh", tries=None),  # one job for all rows whose time is coming
    }
)


def kind(name: str) -> Kind:
    """The row of a kind. Raises LookupError for a name that is not in the table."""
    if name not in KINDS:
        raise LookupError(f"{name} is no kind of later work; add its row to {__name__}")
    return KINDS[name]


def of_lanes(lanes: Iterable[str]) -> tuple[str, ...]:
    """The names of the kinds of these lanes."""
    chosen = set(lanes)
    return tuple(name for name, each in KINDS.items() if each.lane in chosen)


def interval(payload: bytes) -> timedelta:
    """How often a periodic job with this payload is done when all is well."""
    return timedelta(seconds=msgspec.json.decode(payload, type=dict[str, int]).get("seconds", 3600))
