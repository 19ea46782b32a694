"""The packet of a request in words: its cover, the payer's forms as sheets of their own, what it says of the documents
behind it; and how the packet itself stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import render_template

from carecoord.actions.prior_auth.packet import Part, Sheets, Standing, State
from carecoord.actions.prior_auth.requests import Dossier
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, key, text
from carecoord.fhir.instants import micros
from carecoord.web.page.times import Times
from carecoord.web.prior_auth.view import Sheet
from carecoord.web.questionnaires.view import answers
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.reader import reads
from carecoord.words.sentence import sentence

BUTTONS: Final[Mapping[str, str]] = Glossary({
    "none": sentence("requests.packet.make"),
    "stale": sentence("requests.packet.make-anew"),
    "failed": sentence("requests.packet.try-again"),
})
ICONS: Final[Mapping[State, str]] = {
    "made": "circle-check", "stale": "triangle-alert", "failed": "circle-alert",
}  # fmt: skip


@dataclass(frozen=True)
class Head:
    """What stands at the head of each sheet. by: whose the packet is; number: of the request; born: in words."""

    by: str
    number: str
    name: str
    born: str
    member: str


@dataclass(frozen=True)
class Packet:
    """How the packet stands. about: what was made, or why it was not; left: what is not in it; button: of what makes
    it, empty where nothing does."""

    state: State
    about: str
    left: str
    button: str
    icon: str


def sheets(page: Sheet, found: Dossier, times: Times) -> Sheets:
    """All that the packet is to say, without when it is asked for: the same words are the same packet."""
    head = Head(page.facts[0][1], page.number, page.line.name, page.born, page.member)
    parts = [form_part(head, title, form, times) for title, form in found.forms]
    parts += [Part(f"DocumentReference/{each.id}", named(each.name, each.day)) for each in page.papers if each.within]
    cover = render_template("request_packet_sheet.html", page=page, parts=parts)
    return Sheets(cover, parts, reads())


def packet(stands: Standing, times: Times) -> Packet:
    """How it stands, in words."""
    asked, made = times.exact(stands.asked), times.exact(stands.made or stands.asked)
    about = {
        "none": spoken("requests.packet.none"),
        "waiting": spoken("requests.packet.waiting", at=asked),
        "made": spoken("requests.packet.made", n=stands.pages, at=made),
        "stale": spoken("requests.packet.stale", at=made),
        "failed": stands.why,
    }[stands.state]
    left = spoken("requests.packet.left-out", n=stands.left) if stands.left else ""
    return Packet(stands.state, about, left, BUTTONS.get(stands.state) or "", ICONS.get(stands.state, ""))


def form_part(head: Head, title: str, form: Json, times: Times) -> Part:
    """A form as it was filled in, each answer with where it came from."""
    authored = moment(text(form, "authored"), times.zone)
    day = times.day(micros(authored)) if authored else ""
    told = {"head": head, "title": title, "day": day, "answers": answers(form)}
    return Part(key(form), named(title, day), render_template("request_packet_form.html", **told))


def named(name: str, day: str) -> str:
    """What the cover calls a document of a day."""
    return ", ".join(filter(None, (name, day)))
