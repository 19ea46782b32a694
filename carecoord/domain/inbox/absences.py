"""Who is away, and who stands in for them: by kind of what waits, and by whoever stands in for a substitute that is
away too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carecoord.domain.inbox.kinds import KINDS, Kind

ALL = ""  # stands for every kind that is not named


@dataclass(frozen=True, slots=True)
class Absence:
    """Of an account. `begins`, `ends`: microseconds, the end not included. `covers`: kind, or ALL -> the account that
    stands in."""

    account: str
    begins: int
    ends: int
    covers: Mapping[str, str]

    def holds(self, now: int) -> bool:
        """Whether they are away at an instant."""
        return self.begins <= now < self.ends


def stood_in_for(absences: Sequence[Absence], account: str, now: int) -> dict[str, frozenset[Kind]]:
    """For whom an account stands in now, and for which kinds of what waits for them.

    A substitute who is away hands on to theirs. Where all of a round are away, nobody stands in."""
    away = {each.account: each for each in absences if each.holds(now)}
    found: dict[str, set[Kind]] = {}
    for one in away:
        for kind in KINDS:
            if one != account and _holder(away, one, kind) == account:
                found.setdefault(one, set()).add(kind)
    return {one: frozenset(kinds) for one, kinds in found.items()}


def holder(absences: Sequence[Absence], account: str, kind: Kind, now: int) -> str:
    """Who has what waits of a kind for an account now: whoever stands in, or itself."""
    return _holder({each.account: each for each in absences if each.holds(now)}, account, kind)


def _holder(away: Mapping[str, Absence], account: str, kind: Kind) -> str:
    """Who has what waits of a kind for an account; the account itself where nobody does."""
    holder, seen = account, {account}
    while holder in away:
        covers = away[holder].covers
        holder = covers.get(kind) or covers.get(ALL) or account
        if holder in seen:
            return account
        seen.add(holder)
    return holder
