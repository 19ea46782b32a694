"""What waits for whom: one table, a row a duty. It is read by the list, its number and its tabs alike.

A case waits for a side of it (the column by which that side sees it), for those who hold a verb there, where the next
move is of one of `movers`, or the work has come to one of `stages`, and, where `when` says so, once time has run out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from carecoord.domain.access.verbs import Verb, may
from carecoord.domain.gates.gate import Mover
from carecoord.domain.referrals.stages import Stage

Scope = Literal["placer", "performer", "payer_key"]  # columns of `case_row`: who refers, who is to see, who pays
When = Literal["any", "late", "seen"]  # whenever; once its clock has run out; once the hour of the visit has come
Why = Literal[
    "yours", "late", "team", "nobody", "stand-in", "office", "office-late", "clinic", "payer", "named", "desk", "index"
]


@dataclass(frozen=True, slots=True)
class Duty:
    """`by_owner`: it waits for whoever has the case, their team or their substitute, and for everybody where nobody has
    it; else for all of the office who hold the verb."""

    verb: Verb
    scope: Scope
    by_owner: bool = False
    movers: tuple[Mover | None, ...] = ()
    stages: tuple[Stage, ...] = ()
    when: When = "any"


DUTIES: Final[tuple[Duty, ...]] = (
    # a coordinator: what is the office's move, and everybody else's whose clock has run out: somebody has to ask
    Duty("assign", "placer", by_owner=True, movers=("coordinator",)),
    Duty("assign", "placer", by_owner=True, movers=("clinician", "payer", "contracts", "performer", "patient", None),
         when="late"),
    # a supervisor: whatever is late in the office, whoever has it
    Duty("supervise", "placer", when="late",
         movers=("coordinator", "clinician", "payer", "contracts", "performer", "patient", None)),
    # a clinician: reports to acknowledge, orders to take up again, and the drafts and questions of the office
    Duty("acknowledge", "placer", movers=("clinician",)),
    # the clinic that was asked: to triage, to book, to say what became of the visit, to report
    Duty("accept", "performer", stages=("sent", "in-triage", "cancel-requested")),
    Duty("accept", "performer", stages=("accepted", "contacting-patient", "in-progress", "waitlisted")),
    Duty("accept", "performer", stages=("no-show", "appointment-cancelled", "visit-done")),
    Duty("accept", "performer", stages=("scheduled",), when="seen"),
    # a payer's clerk: what is to be decided
    Duty("see-as-payer", "payer_key", movers=("payer",)),
)  # fmt: skip


def duties(roles: Iterable[str]) -> tuple[Duty, ...]:
    """The duties of somebody with these roles, in the order in which a case that falls under several is told."""
    held = frozenset(roles)
    return tuple(duty for duty in DUTIES if may(held, duty.verb))


def keeps_agreements(roles: Iterable[str]) -> bool:
    """Whether notice that is due, and drafts that nobody has signed, wait for somebody with these roles."""
    return may(frozenset(roles), "draft")
