"""What is said with one patient: the messages about their cases, what they are still to be told, and whether the asker
may call and write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.patients import records
from carecoord.actions.patients.reads import is_closed, is_withheld, listed
from carecoord.actions.worklist.worklist import seen_cases
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.contacts.attempts import is_message
from carecoord.domain.documents import audience
from carecoord.domain.messages import threads
from carecoord.domain.messages.threads import Message
from carecoord.domain.patients.to_say import STEPS, ToSay, to_say
from carecoord.domain.resource.elements import Json, items, target
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.store.messages import receipts
from carecoord.store.resources import read
from carecoord.store.worklist import case_ids
from carecoord.words.sentence import sentence
from carecoord.world import World

SHOWN: Final = 6  # messages
_READ: Final = 60  # Communications that are looked through
_REPLIES: Final = 30


@dataclass(frozen=True, slots=True)
class Said:
    """A message, the case that it is about, by its id, and its number."""

    message: Message
    case: str
    number: str


@dataclass(frozen=True)
class Talks:
    """`messages`: the newest first, of cases that the asker sees; `read`: message -> recipient -> when first; `to_say`:
    what the patient is still to be told; `acts`: by the id of an open case, what of calling (`contact`), writing
    (`message`), noting that the patient was told (`tell`) and asking their payer about the card (`check-eligibility`)
    is the asker's there."""

    messages: Sequence[Said] = ()
    read: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    to_say: Sequence[ToSay] = ()
    acts: Mapping[str, tuple[Verb, ...]] = field(default_factory=dict)


def talks(turn: Turn, patient: Sequence[str], rows: Sequence[Row[Any]], visits: Sequence[Json]) -> Talks:
    """What is said with a patient, by the ids of their records. rows: their open cases, as the worklist has them. Where
    a role or a Consent keeps messages from the asker, only what the next steps say is known."""
    acts = {row.id: _acts(turn, row) for row in rows}
    ours = [row for row in rows if "requester" in _sides(turn, row)]
    steps = {row.id: row.action or "" for row in ours}
    if is_closed(turn, "Communication") or is_withheld(turn, ("Communication",), patient):
        known = {case: step for case, step in steps.items() if step in STEPS}
        return Talks((), {}, to_say(known, (), (), (), turn.now, turn.world.base.zone), acts)
    held = frozenset(turn.office().organizations)
    sent = listed(turn, "Communication", patient, _READ).entries
    said = [each for each in sent if audience.is_seen(each, held)]
    replies = listed(turn, "AppointmentResponse", patient, _REPLIES).entries
    found = _messages(turn, said, rows)
    return Talks(
        found, receipts.of(turn.conn, {each.message.id for each in found}),
        to_say(steps, visits, replies, said, turn.now, turn.world.base.zone), acts,
    )  # fmt: skip


def _sides(turn: Turn, row: Row[Any]) -> frozenset[verbs.Side]:
    return verbs.sides(row.placer, row.performer, turn.office().organizations)


def _acts(turn: Turn, row: Row[Any]) -> tuple[Verb, ...]:
    held = verbs.acts(turn.grant.roles, _sides(turn, row))
    return tuple(verb for verb in ("contact", "message", "tell", "check-eligibility") if verb in held)


def _messages(turn: Turn, said: Sequence[Json], rows: Sequence[Row[Any]]) -> list[Said]:
    """The newest messages of cases that the asker sees, open and closed."""
    numbers: dict[str, str | None] = {row.id: row.number for row in rows}
    found: list[Said] = []
    for talk in (each for each in said if is_message(each)):
        case = next((to.partition("/")[2] for to in _orders(talk)), "")
        if case and case not in numbers:
            row = seen_cases(turn).one(case)
            numbers[case] = row.number if row else None
        number, message = numbers.get(case), threads.read(talk)
        if message and number is not None:
            found.append(Said(message, case, number))
        if len(found) == SHOWN:
            break
    return found


def _orders(talk: Json) -> list[str]:
    return [to for to in map(target, items(talk, "basedOn")) if to.startswith("ServiceRequest/")]


def demand_case(world: World, grant: Grant, request: str, patient: str, case: str) -> None:
    """Raise NotFound for a case that is not this patient's, or a patient who is not the asker's."""
    with looking(world, grant, request) as turn:
        row = read.get(turn.conn, "Patient", patient)
        record = json.loads(row.body) if row and not row.deleted else {}
        ids = [patient, *(str(each["id"]) for each in records.behind(turn, record))]
        if not any(case in case_ids.of_patient(turn.conn, id) for id in ids) or seen_cases(turn).one(case) is None:
            raise NotFound(sentence("refusals.there-no-such-referral-or"), "http.id")
