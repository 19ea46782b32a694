"""The messages of one referral as one line, and of it the part that somebody takes part in. Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from carecoord.domain.contacts.attempts import is_message
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.codes import MESSAGES
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, code_of, item, items, key, target, text


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


def thread(case: Case, parties: Collection[str] | None = None) -> tuple[Message, ...]:
    """The messages of a case, the newest first. parties: those that these (`Type/id`) sent or were sent; None: all."""
    found = [_message(each) for each in case.talks if is_message(each)]
    mine = [each for each in found if each and (parties is None or not _parties(each).isdisjoint(parties))]
    return tuple(sorted(mine, key=lambda each: (each.at, each.id), reverse=True))


def _parties(message: Message) -> set[str]:
    named = {target(each) for each in (message.sender, *message.to)}
    return named - {""}


def _message(talk: Json) -> Message | None:
    at = moment(text(talk, "sent"), UTC)
    if at is None:
        return None
    kind = next((code for each in items(talk, "category") if (code := code_of(each, MESSAGES))), "")
    said = [text(each, "contentString") for each in items(talk, "payload")]
    papers = tuple(found for each in items(talk, "payload") if (found := item(each, "contentReference")))
    return Message(
        key(talk).partition("/")[2], at, kind, item(talk, "sender"), tuple(items(talk, "recipient")),
        "\n".join(filter(None, said)), papers,
    )  # fmt: skip
