"""What a write means for a payer that takes requests by PAS: noted in its transaction, sent by the worker. A request
that was sent by PAS goes once, one that is taken back is taken back there, and what the payer waits for is sent.

What is about one patient goes to one payer in its order: an update never overtakes what it updates."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection

from carecoord.domain.prior_auth.clinic import channels
from carecoord.domain.prior_auth.pas import outgoing
from carecoord.domain.resource.elements import Json, item, key, target, text
from carecoord.fhir.instants import micros
from carecoord.store.database import outbox
from carecoord.store.prior_auth import payer_endpoints, sendings
from carecoord.store.prior_auth.sendings import OPEN, Operation
from carecoord.store.resources.write import Touched

JOB: Final = "pas-send"  # in the outbox; its key: the payer and the patient; its payload: the id of the sending
INQUIRE_JOB: Final = "pas-inquire"  # its key: the id of the Claim
_decode = msgspec.json.Decoder().decode


def note(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
    """Order what these changes want sent."""
    for each in touched:
        if each.type == "Claim" and each.after and b"/request-channel" in each.after:
            _request(conn, _decode(each.before) if each.before else {}, _decode(each.after), now)
        elif each.type == "Task" and each.after and b"attachment-request-" in each.after and not _by_payer(each):
            _answered(conn, _decode(each.before) if each.before else {}, _decode(each.after), now)


def _by_payer(touched: Touched) -> bool:
    """Whether a payer said so itself: what it says of its own wish sends it nothing of ours."""
    return (touched.actor.subject or "").startswith("payer:")


def _request(conn: Connection, before: Json, after: Json, now: datetime) -> None:
    payer = target(item(after, "insurer")).removeprefix("Organization/")
    if channels.channel(after) != "pas" or payer_endpoints.one(conn, payer) is None:
        return
    was, status = text(before, "status"), text(after, "status")
    if status == "active" and channels.delivery(after) == "waiting":
        if was != "active" or channels.delivery(before) == "refused":
            _order(conn, "submit", after, str(after["id"]), payer, now)
    elif was == "active" and status in ("cancelled", "entered-in-error"):
        sent = sendings.submitted(conn, key(after))
        if sent and sent.state == "waiting":  # it never left
            sendings.settle(conn, sent.id, "dropped", micros(now))
        elif sent and sent.state in ("sending", "answered"):
            _order(conn, "cancel", after, str(after["id"]), payer, now)


def _answered(conn: Connection, before: Json, task: Json, now: datetime) -> None:
    """A wish of a payer that we have a request with by PAS was fulfilled."""
    if not outgoing.is_answered(before, task):
        return
    claim = target(item(task, "reasonReference"))
    sent = sendings.submitted(conn, claim)
    if sent and sent.state in ("sending", "answered"):
        patient = target(item(task, "for")).removeprefix("Patient/")
        id = sendings.order(conn, "attach", str(task["id"]), claim, sent.payer, micros(now))
        outbox.add(conn, JOB, f"{sent.payer}/{patient}", id.encode(), now)


def _order(conn: Connection, operation: Operation, claim: Json, subject: str, payer: str, now: datetime) -> None:
    known = sendings.one(conn, sendings.name(operation, subject))
    if known and known.state in OPEN:
        return
    id = sendings.order(conn, operation, subject, key(claim), payer, micros(now))
    patient = target(item(claim, "patient")).removeprefix("Patient/")
    outbox.add(conn, JOB, f"{payer}/{patient}", id.encode(), now)


def ask(conn: Connection, claim: str, now: datetime, after: timedelta = timedelta()) -> None:
    """Have the payer asked how a request, `Claim/id`, stands: after a while, or at once."""
    outbox.add(conn, INQUIRE_JOB, claim.partition("/")[2], b"", now + after)
