"""What is done about a claim, as one table of states: corrected and sent again, appealed, written off. Above a limit a
write-off takes a second person. What a payer says next decides whether there is anything left to do. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

from carecoord.domain.claims.claim import TROUBLED
from carecoord.errors import Conflict, Forbidden
from carecoord.words.sentence import sentence

Work = Literal["open", "corrected", "appealed", "asked", "written-off", "closed"]
ClaimVerb = Literal[
    "correct-claim", "appeal-claim", "write-off", "close-claim", "agree-write-off", "refuse-write-off", "reopen-claim",
]
VERBS: Final[tuple[ClaimVerb, ...]] = get_args(ClaimVerb)
LIMIT: Final = 10_000  # cents: more than so much one person alone does not write off
_MOVES: Final[Mapping[tuple[Work, ClaimVerb], Work]] = MappingProxyType({
    ("open", "correct-claim"): "corrected", ("open", "appeal-claim"): "appealed", ("open", "write-off"): "written-off",
    ("corrected", "appeal-claim"): "appealed", ("corrected", "write-off"): "written-off",
    ("open", "close-claim"): "closed", ("corrected", "close-claim"): "closed", ("appealed", "close-claim"): "closed",
    ("corrected", "reopen-claim"): "open",
    ("appealed", "correct-claim"): "corrected", ("appealed", "write-off"): "written-off",
    ("appealed", "reopen-claim"): "open",
    ("asked", "agree-write-off"): "written-off", ("asked", "refuse-write-off"): "open",
    ("written-off", "reopen-claim"): "open", ("closed", "reopen-claim"): "open",
})  # fmt: skip


def named(said: str) -> Work:
    """The state of this name."""
    return next(each for each in get_args(Work) if each == said)


def legal(work: Work) -> tuple[ClaimVerb, ...]:
    """What can be done from a state, in the order of the table."""
    return tuple(verb for verb in VERBS if (work, verb) in _MOVES)


def moved(work: Work, verb: ClaimVerb, *, amount: int, by: str, asked_by: str | None) -> Work:
    """The state after an act. amount: in cents, of a write-off; by: who acts; asked_by: who asked for the write-off
    that is agreed to. Raises Conflict naming what is legal, Forbidden for one person in two places."""
    to = _MOVES.get((work, verb))
    if to is None:
        raise Conflict(sentence("refusals.claim-no-such-act"), "http.act")
    if verb == "agree-write-off" and by == asked_by:
        raise Forbidden(sentence("refusals.claim-second-person"), "http.act")
    return "asked" if verb == "write-off" and amount > LIMIT else to


def after(status: str, *, short: int, gap: int, matched: bool) -> Work:
    """What there is to do after a payer said something about a claim."""
    return "open" if status in TROUBLED or short > 0 or gap or not matched else "closed"
