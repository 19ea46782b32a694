"""The thread of messages of one referral in words, and the form of a new one: to whom it can go, which templates there
are for them, in which language they read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from carecoord.actions.guests.links import language
from carecoord.actions.messages.hearers import Hearer
from carecoord.actions.messages.messages import Conversation
from carecoord.domain.documents.acts import called
from carecoord.domain.messages.acts import CALLED
from carecoord.domain.messages.recipients import Kind, Recipient
from carecoord.domain.messages.templates import TEMPLATES, fits, written
from carecoord.domain.messages.threads import Message
from carecoord.domain.resource.elements import item, target, text
from carecoord.errors import NotFound
from carecoord.fhir.instants import micros
from carecoord.web.acts.forms import State
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.reader import DEFAULT
from carecoord.words.sentence import sentence

KINDS: Mapping[str, str] = Glossary(
    {
        "office": sentence("case.kinds.office"),
        "clinic": sentence("case.kinds.clinic"),
        "payer": sentence("case.kinds.payer"),
        "patient": sentence("case.kinds.patient"),
    }
)
HEARD: Mapping[str, Chip] = {
    "read": Chip(sentence("case.heard.read"), "green", icon="circle-check"),
    "written": Chip(sentence("case.heard.written"), "amber", icon="hourglass"),
    "nothing": Chip(sentence("case.heard.nothing"), "grey", icon="message-square"),
}
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


@dataclass(frozen=True)
class Choice:
    """One to whom a message can go, or a template for it: its words, and the page with the form for it."""

    label: str
    name: str
    href: str
    chosen: bool


@dataclass(frozen=True)
class Talk:
    """The thread, the newest first, and the form. `kept_from`: relatives whom nobody may write to; `silent`: the
    family of a patient who wants no more messages; `tongue`: the code
    of the language in which it is read, `foreign` its name, empty where it is the desk's; `documents`: (id, name) of
    what can go with it."""

    lines: Sequence[Line]
    whom: Recipient | None
    choices: Sequence[Choice]
    templates: Sequence[Choice]
    draft: Draft | None
    foreign: str
    documents: Sequence[tuple[str, str]]
    kept_from: Sequence[str]
    silent: Sequence[str]
    tongue: str
    step: str


def talk(
    found: Conversation, state: State, asked: Mapping[str, str], times: Times, *, href: Callable[[str, str], str],
    prefer: Kind | None = None,
) -> tuple[Talk, State]:  # fmt: skip
    """The thread and its form. state: the form as it was sent, or a new one; asked: `to` and `template`, as somebody
    chose them; href: the page with the form for a recipient (`Type/id`) and a template; prefer: to whom it goes, where
    nobody has chosen. Raises NotFound for a template that is not offered."""
    to = state.value("to") or asked.get("to", "") or first(found, prefer)
    whom = next((each for each in found.recipients if each.reference == to), None)
    name = asked.get("template", "") if not state.values else ""
    draft = drafted(found, whom, name)
    form = state if state.values else State(state.verb, {"to": to, "note": draft.words if draft else ""})
    shown = Talk(
        [line(each, found, times) for each in found.messages], whom,
        [Choice(label(each), each.name, href(each.reference, ""), each == whom) for each in found.recipients],
        [Choice(title, "", href(to, id), id == name) for id, title in templates(found, whom)], draft,
        LANGUAGES.get(tongue(found, whom), "") if is_foreign(found, whom) else "", _documents(found, whom),
        found.kept_from, found.silent, tongue(found, whom), f"{to} {name}",
    )  # fmt: skip
    return shown, form


def first(found: Conversation, prefer: Kind | None = None) -> str:
    """To whom a message goes, where nobody has chosen: whom it is about, else whoever wrote last, else the first."""
    known = [each.reference for each in found.recipients]
    wanted = [each.reference for each in found.recipients if each.kind == prefer]
    senders = (target(each.sender) for each in found.messages)
    return next((each for each in (*wanted, *senders) if each in known), known[0] if known else "")


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
    theirs = tongue(found, whom)
    return [
        (name, say(each.title))
        for name, each in TEMPLATES.items()
        if whom.kind in each.to and fits(name, fields, theirs, found.own)
    ]


def drafted(found: Conversation, whom: Recipient | None, name: str) -> Draft | None:
    """A template with its places filled. Raises NotFound for one that is not offered."""
    if not name or found.fields is None:
        return None
    if whom is None or name not in dict(templates(found, whom)):
        raise NotFound(spoken("case.there-no-such-template-for"), "http.template")
    theirs, of = tongue(found, whom), found.fields
    told = theirs != DEFAULT and fits(name, of, DEFAULT, found.own)
    gloss = written(name, of, DEFAULT, found.own) if told else ""
    return Draft(written(name, of, theirs, found.own), LANGUAGES.get(theirs, theirs), gloss)


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


@dataclass(frozen=True)
class HearerView:
    """Who hears of a referral. `heard`: the chip of whether they have; `lines`: by what they hear, what was written to
    them last."""

    name: str
    part: str
    heard: Chip
    lines: Sequence[str]


def hearer(found: Hearer, times: Times) -> HearerView:
    """Who hears of a referral, in words."""
    lines = []
    if found.link:
        opened = found.link.opened
        said = spoken("case.link-opened", opened=times.exact(opened)) if opened else spoken("case.link-not-opened")
        lines.append(said)
    if found.last:
        at = times.exact(micros(found.last.at))
        lines.append(spoken("case.written-last", at=at, words=found.last.words[:120]))
    if found.stopped:
        lines.append(spoken("case.wants-no-more-messages"))
    heard = HEARD["read" if found.read else "written" if found.last else "nothing"]
    return HearerView(found.who.name, label(found.who), heard, lines)


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
