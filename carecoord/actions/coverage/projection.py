"""The rows of questions about cards kept true: in the transaction that writes a question, an answer to it, or a card. A
question about no card of the payer that is asked has none: that payer has nothing to say to it."""

from collections.abc import Collection, Sequence
from datetime import datetime, tzinfo
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine

from carecoord.domain.coverage import inquiries
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, identifiers, item, target, targets, text
from carecoord.domain.resource.parties import directory, is_payer
from carecoord.fhir.instants import micros
from carecoord.fhir.search import params
from carecoord.store.agreements import register
from carecoord.store.coverage import questions
from carecoord.store.database import marks, outbox
from carecoord.store.database.bulk import runs
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.store.resources.write import Touched
from carecoord.store.worklist import rows as cases

_decode = msgspec.json.Decoder().decode
JOB: Final = "card-questions"  # in the outbox: one for all of them
_RUN: Final = 50  # questions that are looked at in one transaction
_MARK: Final = "questions about cards"
_FORM: Final = b"1"  # of the rows
_ASKED, _ANSWERED, _CARD = "CoverageEligibilityRequest", "CoverageEligibilityResponse", "Coverage"


def note(conn: Connection, touched: Sequence[Touched], zone: tzinfo) -> None:
    """Write down of each question that was written, or whose answer or card was, how it stands now. To be called when
    the transaction is alone with their patients (`worklist.rows.hold`): who writes an answer beside us would not see
    ours, nor we theirs."""
    ids = {each.id for each in touched if each.type == _ASKED}
    bodies = [body for each in touched if each.type == _ANSWERED for body in (each.before, each.after) if body]
    ids |= {id for body in bodies if (id := _question(_decode(body)))}
    cards = [_decode(body) for each in touched if each.type == _CARD for body in (each.before, each.after) if body]
    whose = {target(item(each, "beneficiary")).partition("/")[2] for each in cards} - {""}
    for id in sorted(ids | (_turned(conn, whose) if whose else set())):
        _settle(conn, id, zone)


def call(conn: Connection, touched: Sequence[Touched], now: datetime) -> None:
    """Have the worker look again where a payer is another by now. At the end of a transaction, for whoever does so too
    waits for it: who then waited for a patient would wait for one who waits for them."""
    if any(each.type == "Organization" and _is_another(each) for each in touched) and questions.are_there(conn):
        outbox.add(conn, JOB, JOB, b"", now)  # of a payer there may be as many as it has members


def _is_another(each: Touched) -> bool:
    """Whether a payer is another by now: cards and questions name it by any of its copies."""
    before, after = (_decode(body) if body else {} for body in (each.before, each.after))
    return identifiers(before) != identifiers(after) and (is_payer(before) or is_payer(after))


def look_again(engine: Engine, zone: tzinfo) -> None:
    """Write down how every question stands, a few at a time: a payer is another than it was."""
    with reading(engine) as conn:
        bodies = [_decode(body) for each in register.present(conn, (_ASKED,)) for _, body in each if body]
    for run in runs(bodies, _RUN):
        with writing(engine) as conn:
            cases.hold(conn, {target(item(each, "patient")).partition("/")[2] for each in run} - {""})
            for id in sorted(text(each, "id") for each in run):
                _settle(conn, id, zone)


def _turned(conn: Connection, patients: Collection[str]) -> set[str]:
    """The questions of these patients that are about a card of the payer who is asked by now and were not, or the
    reverse: for all others a card changes nothing."""
    rows = [row for each in read.of_patients(conn, sorted(patients), (_ASKED,)).values() for row in each]
    held = questions.ids(conn, patients) if rows else ()
    cards: dict[tuple[str, str], list[Json]] = {}
    found = set[str]()
    for row in rows:
        question = _decode(row.body)
        whose = target(item(question, "patient")).partition("/")[2], target(item(question, "insurer"))
        if whose not in cards:
            cards[whose] = _cards(conn, *whose)
        about = text(question, "status") == "active" and bool(inquiries.cards(question, cards[whose]))
        if about != (row.id in held):
            found.add(row.id)
    return found


def renew(engine: Engine, zone: tzinfo) -> None:
    """Write down how every question stands, where it was not done yet: the update that let go of those about nobody's
    card (0067) took some for such that name a version of their card, or none of several, and kept some about another
    payer's."""
    with marks.anew(engine, _MARK, _FORM) as conn:
        if conn is None:
            return
        for bodies in register.present(conn, (_ASKED,)):
            for id in sorted(text(_decode(body), "id") for _, body in bodies if body):
                _settle(conn, id, zone)


def _question(answer: Json) -> str:
    kind, _, id = target(item(answer, "request")).partition("/")
    return id if kind == _ASKED else ""


def _settle(conn: Connection, id: str, zone: tzinfo) -> None:
    row = read.get(conn, _ASKED, id)
    question = _decode(row.body) if row and not row.deleted else {}
    kind, _, payer = target(item(question, "insurer")).partition("/")
    patient = target(item(question, "patient")).partition("/")[2]
    asked = moment(text(question, "created"), zone)
    sound = text(question, "status") == "active" and kind == "Organization" and payer and patient
    if not sound or asked is None or not inquiries.cards(question, _cards(conn, patient, f"{kind}/{payer}")):
        questions.remove(conn, id)
        return
    rows = read.referring(conn, params.key(_ANSWERED, "request"), _ASKED, id)
    answers = [_decode(each.body) for each in rows if not each.deleted]
    came = [at for each in answers if _answers(each) and (at := moment(text(each, "created"), zone))]
    answered = micros(min(came)) if came else None
    questions.put(conn, id, payer=payer, patient=patient, asked=micros(asked), answered=answered)


def _cards(conn: Connection, patient: str, payer: str) -> list[Json]:
    """A patient's cards with a payer, `Organization/id`, or a copy of it."""
    held = [_decode(row.body) for row in read.of_patient(conn, patient, (_CARD,)) if not row.deleted]
    named = {to for each in held for to in targets(each, "payor")} | {payer}
    pairs = [("Organization", each.partition("/")[2]) for each in sorted(named) if each.startswith("Organization/")]
    known = directory(_decode(row.body) for row in read.many(conn, pairs) if not row.deleted)
    ours = known.get(payer)
    same = {to for to in named if to == payer or (ours and ours.same(known.get(to)))}
    return [each for each in held if not same.isdisjoint(targets(each, "payor"))]


def _answers(response: Json) -> bool:
    """Whether this is an answer; `queued` says only that there will be one (R4 remittance-outcome)."""
    return text(response, "status") == "active" and text(response, "outcome") != "queued"
