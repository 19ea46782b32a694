"""The life of a request for authorization, from both sides of the desk: a chain of Claims (the first, and what updates,
extends, appeals or cancels it) with the payer's answers. One table says who moves it from which state to which.

Clauses: Da Vinci PAS 2.2.1 (an update is a new Claim that names the one before it; a decision is the reviewAction of an
item; "an update to a denied request is not allowed: a new request is needed"); X12 278 UM02 (code list 1322);
prior-auth.md 5."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from typing import Final, Literal, get_args

from carecoord.domain.prior_auth.clinic.channels import delivery
from carecoord.domain.prior_auth.decisions import certification
from carecoord.domain.prior_auth.review_action import FAVORABLE, LineState, decided, overall
from carecoord.domain.resource import moves
from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.days import When, days, when
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, key, target, text
from carecoord.domain.resource.moves import Move, Need, Side

LifeState = Literal[
    "draft", "submitted", "pended", "asked", "approved", "modified", "partly", "denied", "not-required", "contact",
    "error", "unclear", "cancelled", "void",
]  # fmt: skip
LifeVerb = Literal[
    "draft", "submit", "retro", "inquire", "update", "extend", "withdraw", "void", "answer", "peer-to-peer", "appeal",
    "acknowledge", "pend", "ask", "approve", "approve-in-part", "modify", "spare", "contact", "refuse", "deny",
    "cancel",
]  # fmt: skip
RECEIVED: Final = f"{EXTENSION}/received"  # of a Claim: when it came here, which is the server's alone to say
SENT: Final[tuple[LifeState, ...]] = tuple(each for each in get_args(LifeState) if each not in ("draft", "void"))
WAITING: Final[tuple[LifeState, ...]] = ("submitted", "pended", "asked")
UNDECIDED: Final[tuple[LifeState, ...]] = (*WAITING, "contact", "unclear")  # at its payer, whatever is still to be said
_UNSETTLED: Final[tuple[LifeState, ...]] = (*WAITING, "contact", "error", "unclear")
_GRANTED: Final[tuple[LifeState, ...]] = ("approved", "modified", "partly")
_DECIDED: Final[tuple[LifeState, ...]] = (*_GRANTED, "not-required", "denied")
_R: Final[frozenset[Side]] = frozenset({"requester"})
_P: Final[frozenset[Side]] = frozenset(("payer",))  # the side, of whichever role
_DENIAL: Final[tuple[Need, ...]] = ("reason", "second-look")
_Row = tuple[LifeVerb, tuple[str, ...], LifeState, frozenset[Side], tuple[Need, ...]]

_ROWS: Final[tuple[_Row, ...]] = (
    ("draft", ("new",), "draft", _R, ()),
    ("submit", ("new", "draft"), "submitted", _R, ()),
    ("retro", ("new", "draft"), "submitted", _R, ()),  # for what was done already
    ("update", (*_UNSETTLED, *_GRANTED, "not-required"), "submitted", _R, ()),
    ("extend", _GRANTED, "submitted", _R, ()),
    ("answer", ("asked",), "pended", _R, ()),
    ("appeal", ("denied", "partly", "modified"), "submitted", _R, ()),
    ("withdraw", ("draft", *_UNSETTLED, *_DECIDED), "cancelled", _R, ()),
    ("void", ("draft", *SENT), "void", _R, ()),
    ("pend", _UNSETTLED, "pended", _P, ()),
    ("ask", _UNSETTLED, "asked", _P, ()),
    ("contact", _UNSETTLED, "contact", _P, ()),
    ("refuse", _UNSETTLED, "error", _P, ()),
    ("approve", (*_UNSETTLED, *_DECIDED), "approved", _P, ()),
    ("approve-in-part", (*_UNSETTLED, *_DECIDED), "partly", _P, ()),
    ("modify", (*_UNSETTLED, *_DECIDED), "modified", _P, ()),
    ("spare", (*_UNSETTLED, *_DECIDED), "not-required", _P, ()),
    ("deny", (*_UNSETTLED, *_DECIDED), "denied", _P, _DENIAL),
    ("cancel", (*_UNSETTLED, *_DECIDED), "cancelled", _P, ()),
)
_STAY: Final[tuple[tuple[LifeVerb, tuple[LifeState, ...], frozenset[Side]], ...]] = (  # what is said, and moves nothing
    ("inquire", SENT, _R),
    ("peer-to-peer", ("denied", "partly", "modified"), _R | _P),
    ("acknowledge", _UNSETTLED, _P),
)


def _table() -> moves.Table:
    table: dict[tuple[str, str], tuple[Move, ...]] = {}
    for verb, starts, to, who, needs in _ROWS:
        table |= {(start, verb): (Move(to, who, needs),) for start in starts}
    for verb, stays, who in _STAY:
        table |= {(state, verb): (Move(state, who),) for state in stays}
    return table


TABLE: Final = _table()
_CERTIFIED: Final[dict[str, LifeVerb]] = {  # X12 1322 of a Claim that names another -> what it does to it
    "1": "appeal",
    "2": "appeal",
    "N": "appeal",
    "3": "withdraw",
    "4": "extend",
}


def legal(state: LifeState | Literal["new"], side: Side) -> tuple[str, ...]:
    """The verbs that a side has in a state, in the order of the table."""
    return moves.legal(TABLE, state, side)


def advance(state: LifeState | Literal["new"], verb: LifeVerb, side: Side, where: str) -> Move:
    """The move that a verb means. Raises Conflict (409) naming the legal verbs, Forbidden (403) for the other side."""
    return moves.advance(TABLE, state, verb, side, where=where)


def asks(claim: Json, received: date, zone: tzinfo) -> LifeVerb:
    """What a Claim that is sent asks for: by its certification where it names the one before it, else a first look; a
    look back where all that it asks for was done before the day on which it came."""
    if precedent(claim):
        return _CERTIFIED.get(certification(claim), "update")
    served = [days(span, zone).end for each in items(claim, "item") if (span := _served(each))]
    over = len(served) == len(items(claim, "item")) and all(end is not None and end <= received for end in served)
    return "retro" if served and over else "submit"


def _served(line: Json) -> Json:
    day = text(line, "servicedDate")
    return item(line, "servicedPeriod") or ({"start": day, "end": day} if day else {})


def precedent(claim: Json) -> str:
    """The request, `Claim/id`, that this one takes the place of; empty for a first one. One that is only associated
    with another stands beside it."""
    named = (each for each in items(claim, "related") if code_of(item(each, "relationship")) != "associated")
    return next((to for each in named if (to := target(item(each, "claim")))), "")


def chain(claims: Iterable[Json], asked: str) -> list[Json]:
    """A request, `Claim/id`, and those in whose place it stands, itself first. claims: those that may be among them."""
    known, found = {key(each): each for each in claims}, list[Json]()
    while asked in known:
        found.append(known.pop(asked))
        asked = precedent(found[-1])
    return found


def level(claims: Iterable[Json], asked: str) -> int:
    """Of which level of appeal a request, `Claim/id`, is: 0 for what is no appeal. claims: those that may be in its
    chain. Of an appeal that is itself changed the level stays."""
    later = (each for each in chain(claims, asked) if precedent(each))
    return sum(_CERTIFIED.get(certification(each)) == "appeal" for each in later)


def tells(answer: Json) -> LifeVerb:
    """What an answer does to its request, by all its lines."""
    return "refuse" if text(answer, "outcome") == "error" else _verb(states(answer))


def outcome(said: set[LineState]) -> LifeState:
    """How a request stands whose answer has lines in these states."""
    verb = _verb(said)
    return "unclear" if verb == "acknowledge" else named(TABLE["submitted", verb][0].to)


def _verb(said: set[LineState]) -> LifeVerb:
    if open_ := next((each for each in ("pended", "contact") if each in said), None):
        return "pend" if open_ == "pended" else "contact"
    if "unclear" in said or not said:
        return "acknowledge"
    left = said - {"cancelled"}
    if not left:
        return "cancel"
    if left == {"denied"}:
        return "deny"
    if "denied" in left or "partly" in left:
        return "approve-in-part"
    return "modify" if "modified" in left else "spare" if left == {"not-required"} else "approve"


def states(answer: Json) -> set[LineState]:
    """The states of the lines of an answer; of one without lines that of the whole."""
    lines = [decided(answer, each) for name in ("item", "addItem") for each in items(answer, name)]
    return set(lines) or {overall(answer)}


def state(claim: Json, answers: Iterable[Json], zone: tzinfo, asked: bool = False) -> LifeState:
    """How a request stands. answers: to it; asked: whether the payer waits for papers."""
    status = text(claim, "status")
    if status in ("draft", "entered-in-error"):
        return "draft" if status == "draft" else "void"
    if status == "cancelled" or certification(claim) == "3":
        return "cancelled"
    heard = [each for each in answers if text(each, "status") == "active"]
    found: LifeState = "submitted"
    if heard:
        last = newest(heard, zone)
        found = "error" if text(last, "outcome") == "error" else outcome(states(last))
    return "asked" if asked and found in WAITING else found


def named(said: str) -> LifeState:
    """The state of this name."""
    return next(each for each in get_args(LifeState) if each == said)


def newest(answers: Sequence[Json], zone: tzinfo) -> Json:
    """The answer that holds."""
    return max(answers, key=lambda each: _age(each, zone))


def _age(answer: Json, zone: tzinfo) -> tuple[When, When, bool, str]:
    """By when it was made, which was before it came here, whatever year it says; then by when it came; of two that can
    not be told apart the one that grants less holds."""
    said, came = when(text(answer, "created"), zone), when(text(item(answer, "meta"), "lastUpdated"), zone)
    made = min(said, came) if came.precision else said
    decisions = {decided(answer, each) for each in items(answer, "item")} or {overall(answer)}
    return made, came, not decisions <= FAVORABLE, key(answer)


def received(claim: Json) -> str:
    """When a request came here, as the server marked it; of one that was made elsewhere, as it says itself. A payer's
    clock runs from here: what the sender writes into `created` moves it only where nobody saw it come."""
    return text(extension(claim, RECEIVED), "valueInstant") or text(claim, "created")


def arrived(claim: Json, now: datetime) -> Json:
    """A request that reached its payer now, later than it was sent: the payer's clock runs from here."""
    rest = [each for each in items(claim, "extension") if each.get("url") != RECEIVED]
    return claim | {"extension": [*rest, {"url": RECEIVED, "valueInstant": now.isoformat(timespec="seconds")}]}


def marked(before: Json, after: Json, now: datetime | None) -> Json:
    """A Claim with the mark of when it came: the one that it has, else `now` where it is sent with this change, else
    none. None: it was made elsewhere, and keeps what it brings."""
    if now is None and not extension(before, RECEIVED):
        return after
    own = extension(before, RECEIVED)
    sent = text(after, "status") == "active" != text(before, "status")
    elsewhere = delivery(before) == "refused" and delivery(after) is None  # it went by another way only now
    if (not own and now and sent) or (now and elsewhere):
        own = {"url": RECEIVED, "valueInstant": now.isoformat(timespec="seconds")}
    rest = [each for each in items(after, "extension") if each.get("url") != RECEIVED]
    found = [*rest, own] if own else rest
    if found == after.get("extension", []):
        return after
    bare = {name: value for name, value in after.items() if name != "extension"}
    return bare | ({"extension": found} if found else {})
