"""What the 835 files of an office have told of a claim so far, read again from the files as they came: a part that
comes later is added to what was told before, and one that is decided anew takes its place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from carecoord.domain.prior_auth.x12 import envelope, remittance
from carecoord.domain.prior_auth.x12.remittance import Paid, Remittance
from carecoord.fhir.search.collation import fold
from carecoord.store.claims import claims, files

Told = tuple[Remittance, Sequence[Paid]]  # a remittance, and its CLPs of one claim


@dataclass(frozen=True, slots=True)
class Remittances:
    """Reads each file once, however many claims of another file are told of in it."""

    known: dict[str, Sequence[Remittance]] = field(default_factory=dict)

    def of(self, conn: Connection, claim: str, now: Remittance, part: Paid) -> list[Told]:
        """What was told of a claim (its id) by the payer of a remittance under the number of a part, the oldest first;
        that remittance itself only where it was taken already."""
        told = [each.subject for each in claims.acts(conn, claim) if each.verb == "835"]
        found: list[Told] = []
        for file in dict.fromkeys(reversed(told)):
            if file not in self.known:
                self.known[file] = _taken(conn, file)
            for each in self.known[file]:
                some = [one for one in each.claims if (one.number, one.member) == (part.number, part.member)]
                if some and _is_same_payer(each, now):
                    found.append((each, some))
        return by_day(found)


def by_day(told: Iterable[Told]) -> list[Told]:
    """By the day on which the payer says it; of one day in the order in which they came."""
    return sorted(told, key=lambda each: each[0].at or date.min)


def _taken(conn: Connection, file: str) -> list[Remittance]:
    """The remittances that were taken of a file."""
    states = {each.n: each.state for each in files.transactions(conn, file)}
    found = enumerate(envelope.read(files.body(conn, file)).transactions, 1)
    return [remittance.read(each)[0] for n, each in found if each.kind == "835" and states.get(n) == "taken"]


def _is_same_payer(one: Remittance, other: Remittance) -> bool:
    numbered = bool(one.payer_id) and one.payer_id == other.payer_id
    return numbered or fold(one.payer) == fold(other.payer)
