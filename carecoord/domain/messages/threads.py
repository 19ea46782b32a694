"""The messages of one referral as one line, and of it the part that somebody may read. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from carecoord.domain.contacts.attempts import is_message
from carecoord.domain.documents import audience
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import MESSAGES
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, code_of, item, items, target, text

Reads = Callable[[Json], bool]


@dataclass(frozen=True, slots=True)
class Message:
    """`sender`, `to`: References. `kind`: of `acts.CALLED`, or `documents`; `documents`: References of what it came
    with."""

    id: str
    at: datetime
    kind: str
    sender: Json
    to: tuple[Json, ...]
    words: str
    documents: tuple[Json, ...]


def thread(case: Case, reads: Reads) -> tuple[Message, ...]:
    """The messages of a case that somebody reads, the newest first."""
    found = [read(each) for each in case.talks if is_message(each) and reads(each)]
    return tuple(sorted((each for each in found if each), key=lambda each: (each.at, each.id), reverse=True))


def open_to(case: Case, offices: Iterable[str]) -> Case:
    """A case with the documents and messages that are for these offices."""
    ours = frozenset(offices)
    papers = tuple(each for each in case.documents if audience.is_seen(each, ours))
    return replace(case, documents=papers, talks=tuple(each for each in case.talks if audience.is_seen(each, ours)))


def by_office(offices: Iterable[str]) -> Reads:
    """An office that takes part in the referral reads what it sent or was sent, and what lists no offices."""
    ours = frozenset(offices)
    return lambda talk: audience.is_seen(talk, ours)


def by_payer(offices: Iterable[str]) -> Reads:
    """A payer reads its own exchange, and nothing that lists no offices."""
    ours = frozenset(offices)
    return lambda talk: audience.is_listed(talk) and audience.is_seen(talk, ours)


def by_person(reference: str) -> Reads:
    """A patient or a relative (`Type/id`) reads what they sent or were sent."""
    return lambda talk: reference in {target(each) for each in (item(talk, "sender"), *items(talk, "recipient"))}


def read(talk: Json) -> Message | None:
    """A Communication as a message; None for one of which nobody says when it was sent."""
    at = moment(text(talk, "sent"), UTC)
    if at is None:
        return None
    kind = next((code for each in items(talk, "category") if (code := code_of(each, MESSAGES))), "")
    said = [text(each, "contentString") for each in items(talk, "payload")]
    papers = tuple(found for each in items(talk, "payload") if (found := item(each, "contentReference")))
    return Message(
        text(talk, "id"), at, kind, item(talk, "sender"), tuple(items(talk, "recipient")),
        "\n".join(filter(None, said)), papers,
    )  # fmt: skip
