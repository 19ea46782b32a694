"""Later work that begins where requests and answers are written: the rules of a payer look at a request that was sent,
and a letter is written about an answer. Each is a job of the same transaction, so that nobody waits for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection

from carecoord.domain.prior_auth.desk import guides
from carecoord.domain.prior_auth.rule_book import holds, payer_of
from carecoord.domain.resource.elements import Json, item, target, text
from carecoord.store.database import outbox
from carecoord.store.prior_auth import queues
from carecoord.store.resources.write import Touched

JOB: Final = "approve-by-rule"  # in the outbox; its key: the id of the Claim
LETTER_JOB: Final = "decision-letter"  # its key: the id of the ClaimResponse
LEAVE_JOB: Final = "decision-leaves"  # its key: the id of the Task that holds the decision
_decode = msgspec.json.Decoder().decode


def note(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
    """Remember which payers' books let a rule approve, and have the rules look at what was sent to such a payer. Of a
    request that is written with its answer nothing more is asked."""
    for each in touched:
        if each.type == "PlanDefinition":
            book = _decode(each.after) if each.after else {}
            source = f"{each.type}/{each.id}"
            queues.let_rules_approve(conn, source, payer_of(book) if book and _approves(book) else "")
    sent = [each for each in touched if each.type == "Claim" and each.after and _is_sent(each)]
    if not sent:
        return
    answered = {target(item(_decode(each.after), "request")) for each in touched
                if each.type == "ClaimResponse" and each.after}  # fmt: skip
    sent = [each for each in sent if f"Claim/{each.id}" not in answered]
    ruled = queues.approved_by_rules(conn, [f"Claim/{each.id}" for each in sent]) if sent else set[str]()
    for each in sent:
        if f"Claim/{each.id}" in ruled:
            outbox.add(conn, JOB, each.id, b"", now)


def order_letter(conn: Connection, answer: str, now: datetime) -> None:
    """Have the letter about an answer, by the id of its ClaimResponse, written once that stands."""
    outbox.add(conn, LETTER_JOB, answer, b"", now)


def let_leave(conn: Connection, task: str, at: datetime) -> None:
    """Have the decision that a Task (its id) holds leave at an instant."""
    outbox.add(conn, LEAVE_JOB, task, b"", at)


def _approves(book: Json) -> bool:
    return holds(book) and guides.approves(book)


def _is_sent(each: Touched) -> bool:
    after = _decode(each.after)
    before = _decode(each.before) if each.before else {}
    sent = text(after, "status") == "active" != text(before, "status")
    return sent and text(after, "use") == "preauthorization"
