"""Whose a claim is: patient, card and payer by the member's number and name, the authorization by its number or by
what it is for, the visit by its day. What fits nobody, or several, is said and stays with nobody."""

from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import Any, Final

from sqlalchemy import Row

from carecoord.actions.access.turn import Turn
from carecoord.domain.resource.days import days, local, midnight, moment
from carecoord.domain.resource.elements import Json, identifiers, item, items, target, targets, text
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.fhir.search.collation import fold
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.sentence import Sentence, sentence

_GRANTED: Final = ("approved", "modified", "partly")
_SEEN: Final = ("booked", "arrived", "checked-in", "fulfilled")  # a visit that was to be, or has been


@dataclass(frozen=True, slots=True)
class Claimed:
    """Of whom and of what a claim speaks, as a file says it."""

    last: str
    first: str
    member: str
    authorization: str
    day: date | None
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Match:
    """What it is matched to, each empty where nothing fits. doubts: why."""

    patient: str = ""
    coverage: Json = field(default_factory=dict)
    payer: str = ""  # id of an Organization
    authorization: str = ""
    number: str = ""
    visit: str = ""
    doubts: tuple[Sentence, ...] = ()

    @property
    def plan(self) -> str:
        """The number of the plan on the card."""
        kinds = ((each, item(each, "type")) for each in items(self.coverage, "class"))
        plans = [text(each, "value") for each, kind in kinds
                 if any(text(coding, "code") == "plan" for coding in items(kind, "coding"))]  # fmt: skip
        return plans[0] if plans else ""


def match(turn: Turn, claimed: Claimed) -> Match:
    """What a claim is matched to, among what the asker's office sees."""
    if not claimed.member:
        return Match(doubts=(sentence("claims.doubt.no-member"),))
    cards = _cards(turn, claimed.member)
    if not cards:
        return Match(doubts=(sentence("claims.doubt.member", number=claimed.member),))
    known = {name: _person(turn, name) for name in {target(item(each, "beneficiary")) for each in cards}}
    named = {name for name, person in known.items() if person and _has_name(person, claimed)}
    fitting = [each for each in cards if target(item(each, "beneficiary")) in named]
    if not fitting:
        said = sentence("claims.doubt.name", name=f"{claimed.first} {claimed.last}".strip(), number=claimed.member)
        return Match(doubts=(said,))
    if len(named) > 1:
        return Match(doubts=(sentence("claims.doubt.several", number=claimed.member),))
    card = _holding(fitting, claimed.day, turn.world.base.zone)
    patient = next(iter(named)).partition("/")[2]
    kind, _, payer = next(iter(targets(card, "payor")), "").partition("/")
    authorization, doubts = _authorization(turn, patient, claimed)
    return Match(
        patient, card, payer if kind == "Organization" else "", authorization.root if authorization else "",
        (authorization.number or "") if authorization else "", _visit(turn, patient, claimed.day), tuple(doubts),
    )  # fmt: skip


def _cards(turn: Turn, member: str) -> list[Json]:
    """The cards with this number that the asker may read."""
    rows = registry.valued(turn.conn, "Coverage", member)
    for patient in sorted(authorizations.patients_of_number(turn.conn, member)):
        rows += read.of_patient(turn.conn, patient, ["Coverage"])
    alive = {row.rid: row for row in rows if not row.deleted}.values()
    found = [json.loads(row.body) for row in alive if turn.sees(row, "r")]
    return [each for each in found if text(each, "status") == "active" and _has_number(each, member)]


def _has_number(card: Json, member: str) -> bool:
    numbers = {each.partition("|")[2] for each in identifiers(card)} | {text(card, "subscriberId")}
    return member in numbers


def _person(turn: Turn, name: str) -> Json | None:
    kind, _, id = name.partition("/")
    row = read.get(turn.conn, kind, id) if kind == "Patient" and id else None
    return json.loads(row.body) if row and not row.deleted and turn.sees(row, "r") else None


def _has_name(person: Json, claimed: Claimed) -> bool:
    wanted = fold(claimed.last), fold(claimed.first)
    return any(_same(each, *wanted) for each in items(person, "name"))


def _same(name: Json, last: str, first_: str) -> bool:
    given = name.get("given")
    firsts = [fold(str(each)) for each in given] if isinstance(given, list) else []
    return fold(text(name, "family")) == last and (not first_ or first_ in firsts)


def _holding(cards: list[Json], day: date | None, zone: tzinfo) -> Json:
    """The card that holds on a day; of several alike the first, for they have one number."""
    held = [each for each in cards if day is None or days(each.get("period"), zone).holds(day)]
    return min(held or cards, key=lambda each: str(each["id"]))


def _authorization(turn: Turn, patient: str, claimed: Claimed) -> tuple[Row[Any] | None, list[Sentence]]:
    """The request that was authorized: by its number, else the one that was for such a service on that day."""
    rows = authorizations.of_patient(turn.conn, patient)
    if claimed.authorization:
        numbered = [row for row in rows if row.number == claimed.authorization]
        if len(numbered) == 1:
            return numbered[0], []
        return None, [sentence("claims.doubt.authorization", number=claimed.authorization)]
    at = micros(midnight(claimed.day, turn.world.base.zone)) if claimed.day else None
    fitting = [
        row for row in rows
        if row.state in _GRANTED and row.code in claimed.codes and at is not None
        and (row.starts is None or row.starts <= at) and (row.ends is None or at < row.ends)
    ]  # fmt: skip
    return (fitting[0] if len(fitting) == 1 else None), []


def _visit(turn: Turn, patient: str, day: date | None) -> str:
    """The one visit of that day; empty where there is none, or several."""
    zone = turn.world.base.zone
    rows = (row for row in read.of_patient(turn.conn, patient, ["Appointment"]) if not row.deleted)
    visits = [json.loads(row.body) for row in rows if turn.sees(row, "r")]
    seen = (each for each in visits if day and text(each, "status") in _SEEN)
    found = [each for each in seen if (at := moment(text(each, "start"), zone)) and local(at, zone) == day]
    return f"Appointment/{found[0]['id']}" if len(found) == 1 else ""
