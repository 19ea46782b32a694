"""The rows of questions about cards kept true: in the transaction that writes a question or an answer to it."""

from collections.abc import Sequence
from datetime import tzinfo

import msgspec
from sqlalchemy import Connection

from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, item, target, text
from carecoord.fhir.instants import micros
from carecoord.fhir.search import params
from carecoord.store.coverage import questions
from carecoord.store.resources import read
from carecoord.store.resources.write import Touched

_decode = msgspec.json.Decoder().decode
_ASKED, _ANSWERED = "CoverageEligibilityRequest", "CoverageEligibilityResponse"


def note(conn: Connection, touched: Sequence[Touched], zone: tzinfo) -> None:
    """Write down of each question that was written, or whose answer was, how it stands now."""
    ids = {each.id for each in touched if each.type == _ASKED}
    bodies = [body for each in touched if each.type == _ANSWERED for body in (each.before, each.after) if body]
    ids |= {id for body in bodies if (id := _question(_decode(body)))}
    for id in sorted(ids):
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
    if text(question, "status") != "active" or kind != "Organization" or not payer or not patient or asked is None:
        questions.remove(conn, id)
        return
    rows = read.referring(conn, params.key(_ANSWERED, "request"), _ASKED, id)
    answers = [_decode(each.body) for each in rows if not each.deleted]
    came = [at for each in answers if _answers(each) and (at := moment(text(each, "created"), zone))]
    answered = micros(min(came)) if came else None
    questions.put(conn, id, payer=payer, patient=patient, asked=micros(asked), answered=answered)


def _answers(response: Json) -> bool:
    """Whether this is an answer; `queued` says only that there will be one (R4 remittance-outcome)."""
    return text(response, "status") == "active" and text(response, "outcome") != "queued"
