"""The letters of a payer in words: what waits, the batches, and how one letter went."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Row

from carecoord.domain.messages.templates import TEMPLATES
from carecoord.store.prior_auth.letters import Sending
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

CHANNELS: Final[Mapping[str, str]] = Glossary({
    "print": sentence("letters-out.channel.print"),
    "mail": sentence("letters-out.channel.mail"),
    "portal": sentence("letters-out.channel.portal"),
})  # fmt: skip


@dataclass(frozen=True)
class Waiting:
    """A letter that waits. href: of the request."""

    name: str
    about: str
    kind: str
    written: str
    href: str


@dataclass(frozen=True)
class Batch:
    """A batch. made, sent: when and by whom; sent empty: not yet."""

    id: str
    channel: str
    letters: int
    made: str
    sent: str


def waiting(row: Row[Any], times: Times) -> Waiting:
    """A letter that waits."""
    about = " · ".join(filter(None, (row.member_id, row.service, row.number)))
    href = f"/decisions/{quote(row.root.partition('/')[2])}"
    return Waiting(row.patient_name, about, _kind(row.kind), times.exact(row.written), href)


def batch(row: Row[Any], times: Times) -> Batch:
    """A batch."""
    made = spoken("letters-out.by", at=times.exact(row.made), who=row.made_by)
    sent = spoken("letters-out.by", at=times.exact(row.sent), who=row.sent_by) if row.sent is not None else ""
    return Batch(row.id, CHANNELS[row.channel], row.letters, made, sent)


def _kind(name: str) -> str:
    """What a letter is about, as its template is called."""
    return say(TEMPLATES[f"decision-{name}"].title)


def went(sending: Sending | None, times: Times) -> str:
    """How a letter goes out and whether it went, for the page of its request; empty where nobody wrote that down."""
    if sending is None:
        return ""
    way = CHANNELS[sending.channel]
    if sending.sent is None:
        waits = sentence("letters-out.in-batch", way=way) if sending.batch else sentence("letters-out.waits", way=way)
        return say(waits)
    if not sending.sent_by:
        return spoken("letters-out.there", way=way, at=times.exact(sending.sent))
    return spoken("letters-out.sent", way=way, at=times.exact(sending.sent), who=sending.sent_by)
