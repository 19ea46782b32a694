"""Who is told of a new referral when it is sent, and by which way: the clinic that is asked, the payer whose word is
needed, the patient and the relatives whom the patient lets know, the clinician who orders; and what tells them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID, uuid5

from auth import store
from carecoord.actions.acts import work
from carecoord.actions.acts.act import Acting
from carecoord.actions.guests.links import language
from carecoord.actions.messages import notices, templates
from carecoord.actions.messages.family import family
from carecoord.actions.messages.messages import offices_of
from carecoord.actions.patients.records import has_stopped
from carecoord.domain.contacts import acts as contact_acts
from carecoord.domain.coverage.gate import Card
from carecoord.domain.documents import audience
from carecoord.domain.messages import acts as message_acts
from carecoord.domain.messages.recipients import Recipient, recipients
from carecoord.domain.messages.templates import Own, fits, written
from carecoord.domain.referrals.candidates import Candidate
from carecoord.domain.resource.elements import Json, item, items, target, text
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.words.reader import DEFAULT, reads
from carecoord.words.sentence import joined, say, sentence

# How somebody hears: at their own desk here; by a link or a fax, which is made afterwards; by a request for
# authorization, when that goes out; by a message, of which a mail tells, or of which none can; by a note; not at all,
# for they want no messages, or for no words fit yet.
Way = Literal["desk", "link", "request", "mail", "message", "note", "silent", "later"]
TEMPLATE: Final = "referral-sent"
PATIENT: Final = "patient"
CLINICIAN: Final = "clinician"
COVER: Final = "cover"  # whoever sends it goes on to the link and the cover sheet of a clinic that has nobody here


@dataclass(frozen=True, slots=True)
class Announcement:
    """`token`: by which a form chooses it; empty for who hears in any case, or can not be told here. `words`: of the
    message, in `language`; `meaning`: the same for whoever sends it, empty where they read that language."""

    who: Recipient
    way: Way
    token: str = ""
    language: str = DEFAULT
    words: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class Announcements:
    """`kept_from`: the names of relatives of whom the patient has not said that they may know."""

    told: Sequence[Announcement] = ()
    kept_from: Sequence[str] = ()


def announcements(acting: Acting, order: Json, asked: Sequence[Candidate]) -> Announcements:
    """Who is told of an order that goes to some clinics; before one is chosen, who could be."""
    kin = family(acting.turn, acting.row.patient)
    others = recipients(acting.clearance, acting.sides, None, kin.others)
    own, told = templates.own(acting), list[Announcement]()
    for each in asked:
        party = each.party
        way = _clinic_way(acting, each)
        told.append(Announcement(Recipient("clinic", party.reference, party.name), way, COVER if way == "link" else ""))
    told += _payer(order, asked)
    patient, clinics = acting.case.patient, [each.party.name for each in asked]
    for who in recipients(acting.clearance, acting.sides, patient, kin.told):
        if who.kind in ("patient", "relative"):
            told.append(_family(acting, who, clinics, own))
    told += _clinician(acting, order)
    return Announcements(told, [each.name for each in others if each.kind == "relative"])


def messages(acting: Acting, order: Json, asked: Sequence[Candidate], tokens: Sequence[str]) -> list[Json]:
    """The Communications that tell those who were chosen and can be told; a mail says of a message that it is there."""
    found = []
    clinics = [each.party.name for each in asked]
    for each in announcements(acting, order, asked).told:
        if each.token not in tokens or each.way not in ("mail", "message", "note"):
            continue
        id = str(uuid5(UUID(acting.id), each.token))
        if each.way == "note":
            words = say(sentence("act.referral-sent", whom=joined(clinics)))
            named = [each.who.named]
            found.append(contact_acts.note(acting.case, id, acting.person, words, acting.turn.now, named))
            continue
        talk = message_acts.message(
            acting.case, id, acting.person, [each.who.named], each.words, acting.turn.now
        )
        found.append(audience.listed(talk, offices_of(acting)))
        notices.announce(acting.turn.conn, id, acting.turn.now)
    return found


def names(found: Sequence[Json]) -> list[str]:
    """Who is told by these Communications."""
    return [text(to, "display") for each in found for to in items(each, "recipient")]


def _clinic_way(acting: Acting, asked: Candidate) -> Way:
    """At their own desk where somebody of theirs has an account here; else by a link or a fax."""
    keys = asked.party.keys
    people = (each for each in store.users(acting.turn.conn) if each.organization and not each.disabled)
    return "desk" if any(f"Organization/{each.organization}" in keys for each in people) else "link"


def requested(order: Json, chosen: Candidate) -> Card | None:
    """The card for which a request for authorization is begun when an order goes to a clinic; None where none is
    needed, nobody knows, one is there, or the order has no code to ask for."""
    judged = chosen.judged
    need, card = judged.ruling.need, judged.card
    if need is None or need.needed is not True or not item(order, "code"):
        return None
    return None if any(each.linked and each.state != "cancelled" for each in judged.facts.requests) else card


def _payer(order: Json, asked: Sequence[Candidate]) -> Iterator[Announcement]:
    """Whose word is needed before the visit: they hear of it when the request that is begun goes out."""
    card = requested(order, asked[0]) if asked else None
    if card and card.payer:
        yield Announcement(Recipient("payer", card.payer.reference, card.payer.name), "request")


def _family(acting: Acting, who: Recipient, clinics: Sequence[str], own: Own) -> Announcement:
    if has_stopped(acting.turn.conn, acting.row.patient):
        return Announcement(who, "silent")
    theirs, token = language(acting.case.patient or {}), PATIENT if who.kind == "patient" else who.reference
    of = replace(templates.fields(acting), clinic=say(joined(clinics), theirs) if clinics else "")
    if not fits(TEMPLATE, of, theirs, own):
        return Announcement(who, "later", token, theirs)
    words, mine = written(TEMPLATE, of, theirs, own), reads()
    meaning = written(TEMPLATE, of, mine, own) if mine != theirs and fits(TEMPLATE, of, mine, own) else ""
    way: Way = "mail" if _has_mail(acting, who) else "message"
    return Announcement(who, way, token, theirs, words, meaning)


def _has_mail(acting: Acting, who: Recipient) -> bool:
    """Whether a mail can tell them that they were written to."""
    if not acting.turn.world.settings.mail_url:
        return False
    kind, _, id = who.reference.partition("/")
    row = read.get(acting.turn.conn, kind, id)
    return bool(row and not row.deleted and notices.address(json.loads(row.body), acting.turn.present()))


def _clinician(acting: Acting, order: Json) -> Iterator[Announcement]:
    """The clinician who orders, where they have an account in the office, and somebody else sends it."""
    role = target(item(order, "requester"))
    row = read.get(acting.turn.conn, *role.split("/", 1)) if role.startswith("PractitionerRole/") else None
    known = json.loads(row.body) if row and not row.deleted else {}
    person = target(item(known, "practitioner")) or (role if role.startswith("Practitioner/") else "")
    if not person or person in acting.turn.office().people:
        return
    for each in work.colleagues(acting.turn.conn, acting.turn.grant):
        if target(each.reference) == person:
            yield Announcement(Recipient("office", person, each.name), "note", CLINICIAN)
            return
