"""A decision that waits to leave, and two clerks who decided one request: what was before, what stands, and what one
has written, line by line, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.prior_auth.queue import Opened
from carecoord.domain.prior_auth.desk import hold
from carecoord.domain.prior_auth.desk.answers import REASONS
from carecoord.domain.resource.elements import Json, items, whole, words
from carecoord.domain.resource.elements import item as part
from carecoord.web.authorizations.line_view import outcome, read_day
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

DECISIONS: Final[Mapping[str, str]] = Glossary({
    "approve": sentence("decide.do.approve"),
    "modify": sentence("decide.do.modify"),
    "ask": sentence("decide.do.ask"),
    "deny": sentence("decide.do.deny"),
})  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """A decision that has not left. at: the hour at which it does; own: whether the reader made it; lines: (service,
    what was decided); stuck: whether it ought to have left long since."""

    who: str
    at: str
    own: bool
    lines: Sequence[tuple[str, str]]
    stuck: bool


@dataclass(frozen=True)
class ConflictLine:
    """One line as it was, as it stands, and as one has written it."""

    service: str
    before: Sequence[str]
    stands: Sequence[str]
    yours: Sequence[str]

    @property
    def differs(self) -> bool:
        """Whether what one has written is not what stands."""
        return bool(self.yours) and list(self.yours) != list(self.stands)


def waiting(found: Opened, who: tuple[str, str], subject: str, times: Times) -> Waiting | None:
    """The decision that is held; who: (account, name) of who made it; None where none is."""
    if found.held is None:
        return None
    lines = [(words(part(each, "productOrService")), ", ".join(outcome(n, found, hold.answer(found.held), times)))
             for n, each in _lines(found)]  # fmt: skip
    hour = times.stored(hold.leaves(found.held)).rpartition(" ")[2]
    own = bool(who[0]) and who[0] == subject
    return Waiting(who[1], hour, own, lines, hold.is_stuck(found.held, found.now))


def conflict(found: Opened, values: Mapping[str, str], times: Times) -> list[ConflictLine]:
    """The lines of a request that somebody else decided while one wrote. values: what was typed."""
    held = hold.answer(found.held) if found.held else {}
    stands = held or found.newest or {}
    before = (found.newest if held else found.answers[-2] if len(found.answers) > 1 else None) or {}
    return [
        ConflictLine(
            words(part(each, "productOrService")), outcome(n, found, before, times), outcome(n, found, stands, times),
            _typed(n, values, times),
        )
        for n, each in _lines(found)
    ]  # fmt: skip


def _lines(found: Opened) -> list[tuple[int, Json]]:
    return [(whole(each, "sequence") or 1, each) for each in items(found.claim, "item")]


def _typed(n: int, values: Mapping[str, str], times: Times) -> list[str]:
    chosen = values.get(f"do-{n}", "")
    if chosen not in DECISIONS:
        return []
    days = [read_day(values.get(f"{each}-{n}", "")) for each in ("first", "last")]
    reason = values.get(f"reason-{n}", "")
    said = {
        "approve": [" / ".join(times.date(day) for day in days if day)],
        "modify": [values.get(f"units-{n}", ""), " / ".join(times.date(day) for day in days if day),
                   values.get(f"words-{n}", "")],
        "ask": [values.get(f"paper-{n}", "")],
        "deny": [say(REASONS[reason]) if reason in REASONS else "", values.get(f"words-{n}", "")],
    }[chosen]  # fmt: skip
    return [DECISIONS[chosen], *(each for each in said if each)]
