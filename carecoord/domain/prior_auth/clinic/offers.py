"""What a clinic can do with a request as it stands, the next act first: the verbs of its desk, by the table of the
request's life. Pure."""

from datetime import datetime
from typing import Any, Final

from carecoord.domain.access.verbs import Verb
from carecoord.domain.prior_auth import lifecycle
from carecoord.errors import Conflict
from carecoord.fhir.instants import micros
from carecoord.words.sentence import sentence

_MOVES: Final[dict[Verb, str]] = {  # of the desk -> of the table
    "send-request": "submit",
    "answer-payer": "answer",
    "appeal": "appeal",
    "peer-to-peer": "peer-to-peer",
    "extend-request": "extend",
    "call-payer": "inquire",
    "withdraw-request": "withdraw",
    "void-request": "void",
}
_OVER: Final = ("cancelled", "void")
# Rules of the gate by which what was granted helps no more, however much of it there is.
_OTHERWISE: Final = frozenset({
    "authorization.payer", "authorization.coverage", "authorization.performer", "authorization.site",
})  # fmt: skip
ENDING: Final[tuple[Verb, ...]] = ("withdraw-request", "void-request")  # a request is over after them


def offered(row: Any, talking: bool, now: datetime, refused: bool = False, rule: str = "") -> tuple[Verb, ...]:
    """The acts that a request is open to, the next one first. talking: whether a talk with the payer's clinician was
    asked for, and not held yet; refused: the payer's server did not take it, or its file was never written; rule: by
    which the referral's gate speaks of it."""
    legal = lifecycle.legal(lifecycle.named(row.state), "requester")
    found: list[Verb] = [verb for verb, move in _MOVES.items() if move in legal]
    if row.state == "draft":
        found.insert(1, "put-in")
    if "appeal" in found and not _in_time(row.appeal_by, now):
        found.remove("appeal")
    if "peer-to-peer" in found and (talking or not _in_time(row.peer_by, now)):
        found.remove("peer-to-peer")
    if talking:
        found.insert(0, "tell-peer")
    if row.state not in ("draft", *_OVER):
        found.append("renew-request")
    if row.state not in _OVER:
        found.append("check-eligibility")
    if refused and row.state in lifecycle.WAITING:
        found.insert(0, "send-request")
    first = "send-request" if refused else following(row, now, rule)
    return tuple(sorted(found, key=lambda verb: (verb != first, verb in ENDING)))


def following(row: Any, now: datetime, rule: str = "") -> Verb:
    """The act that is next: what the payer asked for, what runs out first."""
    by_state: dict[str, Verb] = {"draft": "send-request", "asked": "answer-payer"}
    if row.state in by_state:
        return by_state[row.state]
    if row.state in ("denied",) and _in_time(row.peer_by, now) and row.peer_by:
        return "peer-to-peer"
    if row.state == "denied":
        return "appeal" if _in_time(row.appeal_by, now) else "renew-request"
    if row.state in _OVER:
        return "renew-request"
    if row.state not in ("approved", "modified", "partly"):
        return "call-payer"
    if rule in _OTHERWISE:
        return "renew-request"
    needs_more = row.outside or row.office_clock == "ends" or rule == "authorization.units"
    return "extend-request" if needs_more else "call-payer"


def _in_time(until: int | None, now: datetime) -> bool:
    return until is None or micros(now) < until


def demand_in_time(until: int | None, now: datetime) -> None:
    """Raise Conflict where a window (its end in microseconds) is over."""
    if not _in_time(until, now):
        raise Conflict(sentence("refusals.window-over"), "http.act")
