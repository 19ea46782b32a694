"""Whether a file may speak for a payer about what was asked of it: anybody of an office can bring a file, and can have
written it. So it comes from where the question went; and a payer that decides at its own desk here, decides there."""

from collections.abc import Sequence

from sqlalchemy import Connection

from auth import store
from auth.people import memberships
from carecoord.actions.access.turn import Turn
from carecoord.actions.clearance.library import Library
from carecoord.domain.access import verbs
from carecoord.domain.prior_auth.x12 import envelope
from carecoord.domain.prior_auth.x12.envelope import Fault, Transaction, fault
from carecoord.domain.resource.elements import Json, item, target
from carecoord.words.sentence import sentence


def strangers(transaction: Transaction, sent: bytes) -> list[Fault]:
    """Where an answer does not come from whom the question went to. sent: the file that went out."""
    asked = {each.receiver for each in envelope.read(sent).transactions}
    if transaction.sender in asked:
        return []
    said = sentence("x12.fault.other-sender", sender=transaction.sender or "-", asked=", ".join(sorted(asked)) or "-")
    return [fault(transaction.segments[0], 0, said)]


def decided_here(turn: Turn, transaction: Transaction, claim: Json) -> Sequence[Fault]:
    """Where the payer of a request decides at its own desk on this server, so that no file decides for it."""
    payer = target(item(claim, "insurer"))
    if not payer or not _has_desk(turn.conn, payer):
        return []
    return [fault(transaction.segments[0], 0, sentence("x12.fault.decided-here"))]


def _has_desk(conn: Connection, payer: str) -> bool:
    """Whether somebody of a payer, `Organization/id`, or of a copy of it, may decide here."""
    known = {str(each["id"]) for each in Library(conn).copies([payer])}
    further = memberships.every(conn)
    return any(
        not each.disabled and verbs.may(each.roles, "decide")
        and not known.isdisjoint((each.organization, *further.get(each.id, ())))
        for each in store.users(conn)
    )  # fmt: skip
