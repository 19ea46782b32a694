"""Who hears of a referral, and has heard: the clinic, the payer, the patient, the relatives whom the patient lets know;
for the office that refers."""

from collections.abc import Sequence
from dataclasses import dataclass

from carecoord.actions.access.turn import Turn
from carecoord.actions.messages.family import family
from carecoord.actions.patients.records import has_stopped
from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.messages.recipients import Recipient, recipients
from carecoord.domain.messages.threads import Message, thread
from carecoord.domain.resource.elements import target
from carecoord.store.guests import links
from carecoord.store.guests.links import Link
from carecoord.store.messages import receipts


@dataclass(frozen=True, slots=True)
class Hearer:
    """Somebody who hears of a referral. `link`: by which they take part, None where there is none; `last`: what was
    written to them last, and when they first read it (microseconds), None where they have not; `stopped`: they want no
    more messages."""

    who: Recipient
    link: Link | None
    last: Message | None
    read: int | None
    stopped: bool


@dataclass(frozen=True, slots=True)
class Hearing:
    """`kept_from`: the names of relatives of whom the patient has not said that they may know."""

    hearers: Sequence[Hearer]
    kept_from: Sequence[str]


def hearing(turn: Turn, panel: Panel) -> Hearing | None:
    """Who hears of the case of a panel; None for any other office than the one that refers, and where the patient's
    Consent keeps messages from it."""
    if "requester" not in panel.sides or panel.silent:
        return None
    kin = family(turn, panel.row.patient)
    found = recipients(panel.clearance, panel.sides, panel.case.patient, kin.told)
    written = thread(panel.case, lambda _: True)
    read = receipts.of(turn.conn, {each.id for each in written})
    made = [each for each in links.of_case(turn.conn, panel.row.id) if each.withdrawn is None]
    quiet = has_stopped(turn.conn, panel.row.patient)
    hearers = []
    for who in found:
        last = next((each for each in written if who.reference in map(target, each.to)), None)
        seen = read.get(last.id, {}).get(who.reference) if last else None
        link = next((each for each in made if _holder(each) == who.reference), None)
        hearers.append(Hearer(who, link, last, seen, quiet and who.kind in ("patient", "relative")))
    others = recipients(panel.clearance, panel.sides, None, kin.others)
    return Hearing(hearers, [each.name for each in others if each.kind == "relative"])


def _holder(link: Link) -> str:
    if link.audience == "clinic":
        return f"Organization/{link.organization}"
    return f"RelatedPerson/{link.relative}" if link.audience == "relative" else f"Patient/{link.patient}"
