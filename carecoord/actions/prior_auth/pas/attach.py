"""$submit-attachment: what a payer waits for with a request lands with it, and the payer's Tasks end.

Clause: Da Vinci CDex 2.1.0, OperationDefinition submit-attachment."""

import hashlib
from dataclasses import replace
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.audited import refusals_noted
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.fhir import door
from carecoord.actions.prior_auth.pas.explode import disclosed, own_id
from carecoord.domain.prior_auth.pas import attachment, links
from carecoord.domain.prior_auth.pas.answer import numbers
from carecoord.domain.prior_auth.pas.attachment import Attachments, Piece
from carecoord.domain.resource.codes import PAS
from carecoord.domain.resource.elements import Json, extension, item, items, key, target, text
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.search import params
from carecoord.fhir.search.operands import escape
from carecoord.fhir.search.query import parse
from carecoord.fhir.validation import validate
from carecoord.store.database.engine import alone
from carecoord.store.resources import read
from carecoord.store.resources.write import Change, put_all
from carecoord.store.search.search import find
from carecoord.world import World

_MOST: Final = 200  # of one member's requests that are looked through, the newest first
_TRACE: Final = f"{PAS}/extension-itemTraceNumber"


def attach(world: World, grant: Grant, parameters: Json, *, request: str = "") -> None:
    """Take in what belongs to a request. Raises Invalid, Unprocessable where there is no such request of the asker's,
    Forbidden."""
    given = attachment.read(parameters)
    for each in given.pieces:
        validate.judge(each.content)
    with changing(world, grant, request) as turn, refusals_noted(turn, "submit-attachment", "Claim"):
        turn.demand("Claim", "c")
        claim = _request(turn, given)
        alone(turn.conn, f"authorizations of {target(item(claim, 'patient'))}")
        payer = target(item(claim, "insurer")).partition("/")[2]
        came = [(each, _kept(turn, each, claim, payer)) for each in given.pieces]
        wishes = [attachment.settled(each, came, key(claim), given.final, turn.now) for each in _tasks(turn, claim)]
        changes = [Change(str(one["resourceType"]), str(one["id"]), one)
                   for one in (*(kept for _, kept in came), *(each for each in wishes if each))]  # fmt: skip
        door.admit(turn, [each for each in changes if each.type == "Task"])
        put_all(turn.conn, changes, now=turn.now, actor=turn.actor(), base=world.base, project=world.project)


def _kept(turn: Turn, piece: Piece, claim: Json, payer: str) -> Json:
    kept = attachment.kept(piece, _id(turn, claim, piece.content), claim)
    kept = links.elsewhere(kept, turn.world.base.url)
    return disclosed(kept, payer) if kept["resourceType"] == "QuestionnaireResponse" else kept


def _id(turn: Turn, claim: Json, content: Json) -> str:
    """The same paper sent again is the same."""
    return own_id(turn, "attachment", key(claim), hashlib.sha256(json.dumps(content)).hexdigest())


def _request(turn: Turn, given: Attachments) -> Json:
    """The asker's request of this patient with this number: of the Claim, of a line, or of what the payer said of it;
    of several in one chain the newest. Raises Unprocessable where there is none."""
    turn.demand("Claim", "s")
    pairs = [("patient.identifier", escape(given.member)), ("status", "active"), ("_sort", "-_lastUpdated")]
    search = turn.asked(parse("Claim", pairs, turn.world.base, strict=True))
    for row in find(turn.conn, replace(search, count=_MOST), turn.may("s")).rows:
        claim = json.loads(row.body)
        if given.tracking in _numbers(turn, claim):
            return claim
    words = "No request of yours for this member has that number."
    raise Unprocessable(words, "Parameters.parameter.where(name='TrackingId')")


def _numbers(turn: Turn, claim: Json) -> set[str]:
    rows = read.referring(turn.conn, params.key("ClaimResponse", "request"), "Claim", str(claim["id"]))
    said = [number for row in rows if not row.deleted for number in numbers(json.loads(row.body))]
    traces = [text(item(extension(each, _TRACE), "valueIdentifier"), "value") for each in items(claim, "item")]
    return {*(text(each, "value") for each in items(claim, "identifier")), *traces, *said} - {""}


def _tasks(turn: Turn, claim: Json) -> list[Json]:
    patient = target(item(claim, "patient")).partition("/")[2]
    rows = read.referring(turn.conn, params.key("Task", "patient"), "Patient", patient)
    return [json.loads(row.body) for row in rows if not row.deleted]
