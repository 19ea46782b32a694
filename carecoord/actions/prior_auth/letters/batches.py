"""How a payer's letters go out: by the way that its policy names, those on paper in batches, each one file to print and
marked once it is in the post. A form that is sent twice makes one batch, and no letter stands in two."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pypdf import PdfReader, PdfWriter
from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing, looking
from carecoord.actions.acts.provenance import act_id
from carecoord.actions.documents import open
from carecoord.domain.access import verbs
from carecoord.domain.policies.shipped import CHOICES
from carecoord.domain.resource.elements import Json
from carecoord.errors import Conflict, NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.audit.events import told
from carecoord.store.database.engine import alone
from carecoord.store.prior_auth import letters
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

ON_PAPER: Final = tuple(each for each in CHOICES["letter.channel"] if each != "portal")  # goes in batches
MOST: Final = 200  # letters of a batch
_SHOWN: Final = 50  # batches


@dataclass(frozen=True)
class Post:
    """What waits, and the batches, at an instant."""

    now: datetime
    waiting: Sequence[Row[Any]]
    batches: Sequence[Row[Any]]


def post(world: World, grant: Grant, request: str) -> Post:
    """The letters that wait and the batches of the asker's payer. Raises NotFound for who sends none."""
    with looking(world, grant, request) as turn:
        payers = _payers(turn)
        withheld = turn.cases_withheld()
        waits = [each for way in ON_PAPER for each in letters.waiting(turn.conn, payers, withheld, way, MOST)]
        _audit(turn, "search", [each.patient for each in waits], query="letters")
        return Post(turn.now, waits, letters.batches(turn.conn, payers, _SHOWN))


def make(world: World, grant: Grant, request: str, form: str, channel: str) -> str:
    """Put the letters together that wait for a way, at most MOST; returns the id of the batch. The same form makes it
    once. Raises Conflict where none waits any more."""
    id = act_id(grant, f"letters-{channel}-{form}")
    with changing(world, grant, request) as turn:
        payers = _payers(turn)
        alone(turn.conn, f"letters of {payers}")
        if letters.one(turn.conn, payers, id):
            return id
        wanted = letters.waiting(turn.conn, payers, turn.cases_withheld(), channel, MOST)
        made = {"payer": grant.organization, "channel": channel, "made": micros(turn.now), "made_by": grant.name}
        if not letters.put_together(turn.conn, id, [each.document for each in wanted], **made):
            raise Conflict(sentence("refusals.no-letter-waits"), "http.act")
        _audit(turn, "update", [each.patient for each in wanted], query=f"letters batch={id}")
    return id


def sheets(world: World, grant: Grant, request: str, id: str) -> bytes:
    """The letters of a batch as one PDF, each on a sheet of its own where both sides are printed. Raises NotFound."""
    with looking(world, grant, request) as turn:
        if letters.one(turn.conn, _payers(turn), id) is None:
            raise NotFound(sentence("refusals.no-such-batch"), "http.id")
        printed = _printed(turn, id)
        _audit(turn, "read", [row.patient for row, _ in printed], query=f"letters batch={id}")
        files = [open.of_document(turn, document, 1).data for _, document in printed]
    whole = PdfWriter()
    for data in files:
        pages = PdfReader(io.BytesIO(data)).pages
        for page in pages:
            whole.add_page(page)
        if len(pages) % 2:
            whole.add_blank_page()
    out = io.BytesIO()
    whole.write(out)
    return out.getvalue()


def mark_sent(world: World, grant: Grant, request: str, id: str) -> None:
    """Write down that a batch is in the post; nothing where that is written down already. What is not in the asker's
    file of it, since a Consent keeps it from them or it is here no longer, waits again. Raises NotFound."""
    with changing(world, grant, request) as turn:
        if letters.one(turn.conn, _payers(turn), id) is None:
            raise NotFound(sentence("refusals.no-such-batch"), "http.id")
        printed = _printed(turn, id)
        documents = [row.document for row, _ in printed]
        if letters.mark_sent(turn.conn, id, documents, at=micros(turn.now), by=grant.name):
            _audit(turn, "update", [row.patient for row, _ in printed], query=f"letters sent={id}")


def _printed(turn: Turn, id: str) -> list[tuple[Row[Any], Json]]:
    """The letters of a batch that the asker may read, each with its DocumentReference."""
    rows = letters.of_batch(turn.conn, id, turn.cases_withheld())
    found = read.many(turn.conn, [("DocumentReference", each.document) for each in rows])
    seen = {row.id: json.loads(row.body) for row in turn.seen([one for one in found if not one.deleted], "r")}
    return [(each, seen[each.document]) for each in rows if each.document in seen]


def _payers(turn: Turn) -> tuple[str, ...]:
    """The copies of the asker's payer. Raises NotFound for who sends no letters."""
    if not verbs.may(turn.grant.roles, "send-letters"):
        raise NotFound(sentence("refusals.no-page-for-role"), "http.url")
    return turn.office().organizations


def _audit(turn: Turn, interaction: str, shown: Sequence[str], query: str) -> None:
    patient, patients = told(shown)
    turn.world.journal.append(event(
        turn.now, turn.request, interaction, by=turn.grant, type="DocumentReference", query=query, patient=patient,
        patients=patients,
    ))  # fmt: skip
