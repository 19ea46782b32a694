"""A document that came by a watched folder or a mailbox: filed by the bar code of its cover sheet where it has one of
ours, else kept to be indexed, once, however often it lies there."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from auth.grant import Grant
from carecoord.actions.acts.act import Submission
from carecoord.actions.acts.documents import upload
from carecoord.actions.claims import files as x12_files
from carecoord.actions.documents.drops import letters
from carecoord.actions.guests import cover_sheets
from carecoord.actions.referrals import intake
from carecoord.domain.access import verbs
from carecoord.domain.resource.codes import DROP
from carecoord.errors import Problem, Unavailable, Unprocessable
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence
from carecoord.world import World

LETTER: Final = 2  # times as large as a document may be a letter, for its attachments are written in letters


@dataclass(frozen=True)
class Refused:
    """Why something that came, or a part of it, is not filed."""

    reasons: Sequence[str]  # in words


def asker(organization: str) -> Grant:
    """Who acts for an organization where a document comes by itself."""
    return Grant(
        f"{DROP}{organization}", roles=frozenset(verbs.holders("refer")), organization=organization,
        name=f"Documents that come in at {organization}",
    )  # fmt: skip


def demand_organization(world: World, organization: str) -> None:
    """Raise Unavailable for one that is not among our organizations."""
    with reading(world.engine) as conn:
        row = read.get(conn, "Organization", organization)
        if row is None or row.deleted:
            raise Unavailable(f"There is no Organization/{organization} here to take documents in for.")


def file_letter(world: World, organization: str, data: bytes) -> Refused | None:
    """File what an e-mail brings, each of its documents by itself. Returns why one of them, or all, is not filed."""
    found = letters.papers(data)
    if not found:
        return Refused([say(sentence("intake.nothing-in-it"))])
    refused = [each for paper in found if (each := file_paper(world, organization, paper))]
    return Refused([reason for each in refused for reason in each.reasons]) if refused else None


def file_paper(world: World, organization: str, data: bytes) -> Refused | None:
    """File a document; an X12 file of a payer is taken in as such. One whose bytes came before is filed already.
    Returns why it is not filed."""
    if x12_files.is_x12(data):
        return _file_x12(world, organization, data)
    try:
        given = upload("document", data, world.settings.max_document)
    except Unprocessable as fault:
        return Refused([fault.text])
    grant, form = asker(organization), hashlib.sha256(data).hexdigest()
    if cover_sheets.number(given):
        try:
            cover_sheets.file_it(world, grant, world.new_id(), Submission("", f"cover-{form}"), (given, ""))
        except Problem as fault:
            if isinstance(fault, Unavailable):
                raise
        else:
            return None
    intake.receive(world, grant, world.new_id(), Submission("", form), given)
    return None


def _file_x12(world: World, organization: str, data: bytes) -> Refused | None:
    """Keep a payer's file to be read by a worker; what becomes of it stands at `/claims/files`."""
    name = f"{hashlib.sha256(data).hexdigest()[:12]}.x12"
    try:
        x12_files.upload(world, x12_files.reader(organization), world.new_id(), name, data)
    except Unavailable:
        raise
    except Problem as fault:
        return Refused([fault.text])
    return None
