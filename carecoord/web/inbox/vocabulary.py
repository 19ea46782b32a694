"""What the inbox calls the kinds of what waits, why it waits for somebody, and the acts by which it is done."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.access.verbs import Verb
from carecoord.domain.inbox.duties import Why
from carecoord.domain.inbox.kinds import Kind, Tab
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

KIND_WORDS: Final[Mapping[Kind, tuple[str, str, str, str]]] = Glossary(
    {  # kind -> what several of it are called, its word, tone and icon
        "referral": (sentence("inbox.kind-words.referral"), sentence("inbox.kind-words.referral.2"), "grey", "repeat"),
        "coverage": (sentence("inbox.kind-words.coverage"), sentence("inbox.kind-words.coverage"), "blue", "id-card"),
        "authorization": (
            sentence("inbox.kind-words.authorization"),
            sentence("inbox.kind-words.authorization.2"),
            "amber",
            "shield-check",
        ),
        "visit": (sentence("inbox.kind-words.visit"), sentence("inbox.kind-words.visit.2"), "green", "calendar-days"),
        "document": (
            sentence("inbox.kind-words.document"),
            sentence("inbox.kind-words.document.2"),
            "violet",
            "file-text",
        ),
        "agreement": (
            sentence("inbox.kind-words.agreement"),
            sentence("inbox.kind-words.agreement.2"),
            "violet",
            "file-pen-line",
        ),
        "mention": (
            sentence("inbox.kind-words.mention"),
            sentence("inbox.kind-words.mention.2"),
            "blue",
            "message-square",
        ),
    }
)
_APART: Final[Mapping[Tab, str]] = Glossary(  # what one stands in for together is listed apart
    {"message": sentence("inbox.messages"), "mention": sentence("inbox.mentions")}
)
WHY: Final[Mapping[Why, str]] = Glossary(
    {
        "yours": sentence("inbox.why.yours"),
        "late": sentence("inbox.why.late"),
        "team": sentence("inbox.why.team"),
        "nobody": sentence("inbox.why.nobody"),
        "stand-in": sentence("inbox.why.stand-in"),
        "office": sentence("inbox.why.office"),
        "office-late": sentence("inbox.why.office-late"),
        "clinic": sentence("inbox.why.clinic"),
        "payer": sentence("inbox.why.payer"),
        "named": sentence("inbox.why.named"),
        "desk": sentence("inbox.why.desk"),
        "index": sentence("inbox.why.index"),
    }
)
SHORT: Final[Mapping[Verb, tuple[str, str]]] = Glossary(
    {  # an act as a row's button says it, with its icon
        "contact": (sentence("inbox.short.contact"), "phone"),
        "book": (sentence("inbox.short.book"), "calendar-days"),
        "move": (sentence("inbox.short.move"), "calendar-check"),
        "cancel": (sentence("inbox.short.cancel"), "calendar-x"),
        "reopen": (sentence("inbox.short.reopen"), "repeat"),
        "attach": (sentence("inbox.short.attach"), "paperclip"),
        "share": (sentence("inbox.short.share"), "send"),
        "send": (sentence("inbox.short.send"), "send"),
        "answer": (sentence("inbox.short.answer"), "message-square"),
        "accept": (sentence("inbox.short.accept"), "message-square"),
        "confirm-cancel": (sentence("inbox.short.confirm-cancel"), "message-square"),
        "report": (sentence("inbox.short.report"), "file-check"),
        "acknowledge": (sentence("inbox.short.acknowledge"), "file-check"),
        "tell": (sentence("inbox.short.tell"), "phone"),
        "arrive": (sentence("inbox.short.arrive"), "calendar-check"),
    }
)


def tab_word(tab: Tab) -> str:
    """What a tab is called."""
    return _APART[tab] if tab == "message" or tab in _APART else KIND_WORDS[tab][0]
