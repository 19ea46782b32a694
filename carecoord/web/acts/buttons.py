"""The words of the acts of the desk: their buttons, the titles of their forms, what taking them back does."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.access.verbs import Verb
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

HOW: Final[Mapping[str, str]] = Glossary(
    {
        "call": sentence("acts.how.call"),
        "letter": sentence("acts.how.letter"),
        "fax": sentence("acts.how.fax"),
        "visit": sentence("acts.how.visit"),
    }
)
PRIORITIES: Final[Mapping[str, str]] = Glossary(
    {
        "routine": sentence("acts.priorities.routine"),
        "urgent": sentence("acts.priorities.urgent"),
        "asap": sentence("acts.priorities.asap"),
        "stat": sentence("acts.priorities.stat"),
    }
)
OUTCOMES: Final[Mapping[str, str]] = Glossary(
    {
        "reached": sentence("acts.outcomes.reached"),
        "message": sentence("acts.outcomes.message"),
        "no-answer": sentence("acts.outcomes.no-answer"),
        "wrong-number": sentence("acts.outcomes.wrong-number"),
    }
)
BUTTONS: Final[Mapping[Verb, tuple[str, str, str]]] = Glossary(
    {  # verb -> its words, icon and key
        "contact": (sentence("acts.buttons.contact"), "phone", "c"),
        "note": (sentence("acts.buttons.note"), "message-square", "n"),
        "receive": (sentence("acts.buttons.receive"), "check", "g"),
        "attach": (sentence("acts.buttons.attach"), "paperclip", "h"),
        "share": (sentence("acts.buttons.share"), "send", "s"),
        "assign": (sentence("acts.buttons.assign"), "user-round-plus", "a"),
        "snooze": (sentence("acts.buttons.snooze"), "clock", "z"),
        "refer": (sentence("acts.buttons.refer"), "stethoscope", "f"),
        "send": (sentence("acts.buttons.send"), "send", "s"),
        "accept": (sentence("acts.buttons.accept"), "circle-check", "y"),
        "decline": (sentence("acts.buttons.decline"), "circle-x", "d"),
        "ask": (sentence("acts.buttons.ask"), "file-question-mark", "i"),
        "advise": (sentence("acts.buttons.advise"), "message-square", "g"),
        "answer": (sentence("acts.buttons.answer"), "message-square", "i"),
        "reopen": (sentence("acts.buttons.reopen"), "repeat", "f"),
        "hear-yes": (sentence("acts.buttons.hear-yes"), "phone", "y"),
        "hear-no": (sentence("acts.buttons.hear-no"), "phone", "d"),
        "ask-another": (sentence("acts.buttons.ask-another"), "send", "v"),
        "release": (sentence("acts.buttons.release"), "circle-x", "y"),
        "replace": (sentence("acts.buttons.replace"), "pencil", "e"),
        "withdraw": (sentence("acts.buttons.withdraw"), "ban", "q"),
        "confirm-cancel": (sentence("acts.buttons.confirm-cancel"), "circle-x", "g"),
        "refuse-cancel": (sentence("acts.buttons.refuse-cancel"), "repeat", "d"),
        "book": (sentence("acts.buttons.book"), "calendar-days", "b"),
        "move": (sentence("acts.buttons.move"), "calendar-check", "m"),
        "cancel": (sentence("acts.buttons.cancel"), "calendar-x", "l"),
        "arrive": (sentence("acts.buttons.arrive"), "calendar-check", "v"),
        "no-show": (sentence("acts.buttons.no-show"), "calendar-x", "o"),
        "report": (sentence("acts.buttons.report"), "file-check", "r"),
        "acknowledge": (sentence("acts.buttons.acknowledge"), "file-check", "e"),
        "tell": (sentence("acts.buttons.tell"), "message-square", "p"),
        "message": (sentence("acts.buttons.message"), "message-square", ","),
        "link": (sentence("acts.buttons.link"), "waypoints", "."),
        "give-form": (sentence("acts.buttons.give-form"), "list-checks", ";"),
        "instruct": (sentence("acts.buttons.instruct"), "file-text", "-"),
        "check-eligibility": (sentence("requests.do.check-eligibility"), "id-card", "0"),
        "begin-request": (sentence("acts.buttons.begin-request"), "shield-check", "="),
    }
)
# Of the acts for several those that stand beside More on a phone, in the few words that there is room for.
AT_HAND: Final[Mapping[Verb, str]] = Glossary(
    {
        "assign": sentence("acts.at-hand.assign"),
        "snooze": sentence("acts.at-hand.snooze"),
        "contact": sentence("acts.at-hand.contact"),
    }
)
TITLES: Final[Mapping[str, tuple[str, str]]] = Glossary(
    {  # verb -> the title of its form, and what its button says that it does
        "contact": (sentence("acts.titles.contact"), sentence("acts.titles.contact.2")),
        "note": (sentence("acts.titles.note"), sentence("acts.titles.note.2")),
        "attach": (sentence("acts.titles.attach"), sentence("acts.titles.attach.2")),
        "share": (sentence("acts.titles.share"), sentence("acts.titles.share.2")),
        "message": (sentence("acts.titles.message"), sentence("case.send")),
        "assign": (sentence("acts.titles.assign"), sentence("acts.titles.assign.2")),
        "snooze": (sentence("acts.titles.snooze"), sentence("acts.titles.snooze")),
        "send": (
            sentence("acts.titles.send"),
            sentence("acts.titles.send.2"),
        ),  # for several: of one it is done by pressing
        "give-form": (sentence("acts.titles.give-form"), sentence("acts.titles.give-form.does")),
        "instruct": (sentence("acts.titles.instruct"), sentence("acts.titles.instruct.does")),
        "tell": (sentence("acts.titles.tell"), sentence("acts.titles.tell.2")),
        "decline": (sentence("acts.titles.decline"), sentence("acts.titles.decline.2")),
        "ask": (sentence("acts.titles.ask"), sentence("acts.titles.ask.2")),
        "advise": (sentence("acts.titles.advise"), sentence("acts.titles.advise.2")),
        "answer": (sentence("acts.titles.answer"), sentence("acts.titles.answer.2")),
        "reopen": (sentence("acts.titles.reopen"), sentence("acts.titles.reopen.2")),
        "hear-yes": (sentence("acts.titles.hear-yes"), sentence("acts.titles.hear-yes.2")),
        "hear-no": (sentence("acts.titles.hear-no"), sentence("acts.titles.hear-no.2")),
        "ask-another": (sentence("acts.titles.ask-another"), sentence("acts.titles.ask-another.2")),
        "replace": (sentence("acts.titles.replace"), sentence("acts.titles.replace.2")),
        "withdraw": (sentence("acts.titles.withdraw"), sentence("acts.titles.withdraw.2")),
        "confirm-cancel": (sentence("acts.titles.confirm-cancel"), sentence("acts.titles.confirm-cancel")),
        "refuse-cancel": (sentence("acts.titles.refuse-cancel"), sentence("acts.titles.refuse-cancel.2")),
        "book": (sentence("acts.titles.book"), sentence("acts.titles.book.2")),
        "move": (sentence("acts.titles.move"), sentence("acts.titles.move.2")),
        "cancel": (sentence("acts.titles.cancel"), sentence("acts.titles.cancel.2")),
        "report": (sentence("acts.titles.report"), sentence("acts.titles.report.2")),
    }
)
OFF: Final[Mapping[str, str]] = Glossary(
    {"waitlist": sentence("acts.off.waitlist")}
)  # Appointment.status -> what `cancel` is of one not booked
BACK: Final[Mapping[str, str]] = Glossary(
    {  # verb -> what taking it back does
        "assign": sentence("acts.back.assign"),
        "snooze": sentence("acts.back.snooze"),
        "note": sentence("acts.back.note"),
        "receive": sentence("acts.back.receive"),
        "contact": sentence("acts.back.contact"),
        "attach": sentence("acts.back.attach"),
        "give-form": sentence("acts.back.give-form"),
        "instruct": sentence("acts.back.instruct"),
        "book": sentence("acts.back.book"),
        "move": sentence("acts.back.move"),
        "report": sentence("acts.back.report"),
        "acknowledge": sentence("acts.back.acknowledge"),
        "tell": sentence("acts.back.tell"),
    }
)
ELSEWHERE: Final[dict[Verb, str]] = {  # acts with a page of their own, under the case's
    "link": "links", "refer": "refer",
}  # fmt: skip
PRESSED: Final = frozenset({  # done without a form
    "release", "receive", "send", "accept", "arrive", "no-show", "acknowledge", "tell", "begin-request",
    "check-eligibility",
})  # fmt: skip
RED: Final = frozenset({"decline", "cancel", "no-show", "hear-no", "withdraw", "confirm-cancel"})  # what ends something
