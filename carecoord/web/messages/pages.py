"""The thread of messages of one referral, and the form of a new one: `/referrals/ID/messages`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Done
from carecoord.actions.guests.links import language
from carecoord.actions.messages import messages
from carecoord.actions.messages.messages import Conversation, Written
from carecoord.domain.documents.acts import called
from carecoord.domain.messages.acts import CALLED
from carecoord.domain.messages.recipients import Recipient
from carecoord.domain.messages.templates import TEMPLATES
from carecoord.domain.messages.threads import Message
from carecoord.domain.resource.elements import item, target, text
from carecoord.errors import NotFound
from carecoord.fhir.instants import micros
from carecoord.web.acts import submissions
from carecoord.web.acts.changes import changed
from carecoord.web.acts.commands import Command
from carecoord.web.acts.forms import Reader, State
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.reader import DEFAULT
from carecoord.words.sentence import sentence
from carecoord.world import World

KINDS: Mapping[str, str] = Glossary(
    {
        "office": sentence("case.kinds.office"),
        "clinic": sentence("case.kinds.clinic"),
        "payer": sentence("case.kinds.payer"),
        "patient": sentence("case.kinds.patient"),
    }
)
LANGUAGES: Mapping[str, str] = Glossary({"en": sentence("case.languages.en"), "es": sentence("case.languages.es")})


@dataclass(frozen=True)
class Line:
    """A message as the page shows it. `receipt`: who has read it, and when; `documents`: what it came with."""

    by: str
    to: str
    at: str
    what: str
    words: str
    receipt: str
    documents: Sequence[str]


@dataclass(frozen=True)
class Draft:
    """What a template gives: the words in the reader's language and, where that is not the writer's, in theirs."""

    words: str
    language: str
    meaning: str


def blueprint(world: World) -> Blueprint:
    """The thread, and `POST` a message."""
    pages = Blueprint("messages", __name__)
    sign_in.guard(pages, world)
    desk = _Messages(world)

    @pages.get("/referrals/<id>/messages")
    def show(id: str) -> Response:
        return desk.page(id, None, 200)

    @pages.post("/referrals/<id>/messages")
    def write(id: str) -> Response:
        return desk.write(id)

    return pages


class _Messages:
    def __init__(self, world: World) -> None:
        self.world, self.zone = world, ZoneInfo(world.settings.timezone)

    def page(self, id: str, state: State | None, status: int) -> Response:
        """The thread, with the form as it was sent, or filled by the template that was asked for."""
        found = messages.open_thread(self.world, sign_in.session().grant(), request_id(), id)
        times = Times(self.world.clock(), self.zone)
        to = (state.value("to") if state else "") or request.args.get("to", "") or first(found)
        whom = next((each for each in found.recipients if each.reference == to), None)
        draft = drafted(found, whom, request.args.get("template", "")) if state is None else None
        form = state or State("message", {"to": to, "note": draft.words if draft else ""})
        page = render_template(
            "messages.html", talk=found, lines=[line(each, found, times) for each in found.messages], state=form,
            whom=whom, choices=[(each, label(each)) for each in found.recipients], draft=draft,
            spoken=LANGUAGES.get(tongue(found, whom), ""), foreign=is_foreign(found, whom),
            templates=templates(found, whom), documents=_documents(found, whom), back=f"/referrals/{quote(id)}",
        )  # fmt: skip
        return make_response(page, status)

    def write(self, id: str) -> Response:
        """Send one."""
        sent = submissions.send(self.world, Command(_written, messages.write), id, "message", changed)
        if not isinstance(sent, Done):
            return self.page(id, sent.state, sent.status)
        return redirect(f"/referrals/{quote(id)}/messages", 303)


def first(found: Conversation) -> str:
    """To whom a message goes, where nobody has chosen: whoever wrote last, else the first."""
    known = [each.reference for each in found.recipients]
    senders = (target(each.sender) for each in found.messages)
    return next((each for each in senders if each in known), known[0] if known else "")


def label(whom: Recipient) -> str:
    """Who somebody is to the referral."""
    return KINDS.get(whom.kind, whom.bond.capitalize() or spoken("case.relative.2"))


def tongue(found: Conversation, whom: Recipient | None) -> str:
    """The language in which somebody reads."""
    family = whom is not None and whom.kind in ("patient", "relative")
    return language(found.patient_record) if family else DEFAULT


def is_foreign(found: Conversation, whom: Recipient | None) -> bool:
    """Whether a message is read in another language than the desk's: a person looks it over before it goes."""
    return tongue(found, whom) != DEFAULT


def templates(found: Conversation, whom: Recipient | None) -> list[tuple[str, str]]:
    """The templates for somebody that the case fills: their names and titles."""
    fields = found.fields
    if whom is None or fields is None:
        return []
    return [(name, say(each.title)) for name, each in TEMPLATES.items() if whom.kind in each.to and each.fits(fields)]


def drafted(found: Conversation, whom: Recipient | None, name: str) -> Draft | None:
    """A template with its places filled. Raises NotFound for one that is not offered."""
    if not name or found.fields is None:
        return None
    if whom is None or name not in dict(templates(found, whom)):
        raise NotFound(spoken("case.there-no-such-template-for"), "http.template")
    body, theirs = TEMPLATES[name].body(found.fields), tongue(found, whom)
    return Draft(say(body, theirs), LANGUAGES.get(theirs, theirs), say(body) if theirs != DEFAULT else "")


def line(message: Message, found: Conversation, times: Times) -> Line:
    """A message in words."""
    read = found.read.get(message.id, {})
    seen = [f"{name}, {times.exact(read[to])}" for to, name in map(_who, message.to) if to in read]
    return Line(
        text(message.sender, "display") or spoken("case.somebody"),
        ", ".join(name for _, name in map(_who, message.to)),
        times.exact(micros(message.at)),
        CALLED.get(message.kind, spoken("case.documents")) if message.kind != "message" else "",  # type: ignore[call-overload]
        message.words,
        spoken("case.read-by", seen="; ".join(seen)) if seen else spoken("case.not-read-yet"),
        [text(each, "display") or spoken("case.document.3") for each in message.documents],
    )


def _who(reference: Mapping[str, object]) -> tuple[str, str]:
    to = target(dict(reference))
    return to, text(dict(reference), "display") or to


def _documents(found: Conversation, whom: Recipient | None) -> list[tuple[str, str]]:
    """What can go with a message to the other side of the referral."""
    if whom is None or whom.kind not in ("clinic", "office"):
        return []
    return [(text(each, "id"), _titled(each)) for each in found.documents]


def _titled(document: dict[str, object]) -> str:
    files = document.get("content")
    title = text(item(files[0], "attachment"), "title") if isinstance(files, list) and files else ""
    return f"{called(document)}: {title}" if title and title != called(document) else called(document)


def _written(reader: Reader) -> Written:
    to = reader.text("to", spoken("case.choose-whom-it-goes"), most=200)
    words = reader.text("note", spoken("case.write-message"))
    if reader.values.get("foreign") and not reader.values.get("checked"):
        reader.fault("checked", spoken("case.read-it-in-their-language"))
    chosen = [f"DocumentReference/{name.partition('-')[2]}" for name in reader.values if name.startswith("document-")]
    return Written(to, words, chosen)
