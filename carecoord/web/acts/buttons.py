"""The words of the acts of the desk: their buttons, the titles of their forms, what taking them back does."""

from typing import Final

from carecoord.domain.access.verbs import Verb

HOW: Final = {"call": "Call", "letter": "Letter", "fax": "Fax", "visit": "In person"}
PRIORITIES: Final = {"routine": "Routine", "urgent": "Urgent", "asap": "As soon as possible", "stat": "At once"}
OUTCOMES: Final = {"reached": "Reached", "message": "Message", "no-answer": "No answer", "wrong-number": "Wrong no."}
BUTTONS: Final[dict[Verb, tuple[str, str, str]]] = {  # verb -> its words, icon and key
    "contact": ("Contact", "phone", "c"),
    "note": ("Note", "message-square", "n"),
    "receive": ("Got it", "check", "g"),
    "attach": ("Attach a document", "paperclip", "h"),
    "share": ("Send documents", "send", "s"),
    "assign": ("Give to somebody", "user-round-plus", "a"),
    "snooze": ("Let it rest to a day", "clock", "z"),
    "refer": ("Find who can do it", "stethoscope", "f"),
    "send": ("Send it", "send", "s"),
    "accept": ("Accept", "circle-check", "y"),
    "decline": ("Decline", "circle-x", "d"),
    "ask": ("Ask for information", "file-question-mark", "i"),
    "advise": ("Give advice instead", "message-square", "g"),
    "answer": ("Answer the clinic", "message-square", "i"),
    "reopen": ("Send again", "repeat", "f"),
    "hear-yes": ("Accepted by telephone", "phone", "y"),
    "hear-no": ("Declined by telephone", "phone", "d"),
    "ask-another": ("Ask another clinic too", "send", "v"),
    "release": ("Tell the others: not needed", "circle-x", "y"),
    "replace": ("Put the order right", "pencil", "e"),
    "withdraw": ("Withdraw the referral", "ban", "q"),
    "confirm-cancel": ("Give it up, as asked", "circle-x", "g"),
    "refuse-cancel": ("Go on with it", "repeat", "d"),
    "book": ("Record a visit", "calendar-days", "b"),
    "move": ("Visit was moved", "calendar-check", "m"),
    "cancel": ("Visit was called off", "calendar-x", "l"),
    "arrive": ("Patient came", "calendar-check", "v"),
    "no-show": ("Patient did not come", "calendar-x", "o"),
    "report": ("Report is here", "file-check", "r"),
    "acknowledge": ("Acknowledge the report", "file-check", "e"),
    "tell": ("Patient was told", "message-square", "p"),
    "message": ("Messages", "message-square", ","),
    "link": ("Link without an account", "waypoints", "."),
}
# Of the acts for several those that stand beside More on a phone, in the few words that there is room for.
AT_HAND: Final[dict[Verb, str]] = {"assign": "Give", "snooze": "Let rest", "contact": "Contact"}
TITLES: Final = {  # verb -> the title of its form, and what its button says that it does
    "contact": ("Log a contact", "Save contact"),
    "note": ("Note", "Save note"),
    "attach": ("Attach a document", "Attach the document"),
    "share": ("Send documents", "Send the documents"),
    "assign": ("Give it to", "Give it"),
    "snooze": ("Let it rest", "Let it rest"),
    "send": ("Send what is a draft", "Send them"),  # for several: of one it is done by pressing
    "tell": ("The patients were told", "Record that they were told"),
    "decline": ("Decline", "Decline the referral"),
    "ask": ("Ask for information", "Send the question"),
    "advise": ("Give advice instead of a visit", "Send the advice"),
    "answer": ("Answer the clinic", "Send the answer"),
    "reopen": ("Send again to", "Send the referral"),
    "hear-yes": ("The clinic accepted by telephone", "Record the yes"),
    "hear-no": ("The clinic declined by telephone", "Record the no"),
    "ask-another": ("Ask another clinic too", "Ask it too"),
    "replace": ("Put the order right", "Send the new order"),
    "withdraw": ("Withdraw the referral", "Withdraw it"),
    "confirm-cancel": ("Give it up", "Give it up"),
    "refuse-cancel": ("Go on with it", "Tell the office"),
    "book": ("Record a visit", "Record the visit"),
    "move": ("The visit was moved", "Record the new time"),
    "cancel": ("The visit was called off", "Call off the visit"),
    "report": ("The report is here", "Record the report"),
}
OFF: Final = {"waitlist": "Take off the waiting list"}  # Appointment.status -> what `cancel` is of one not booked
BACK: Final = {  # verb -> what taking it back does
    "assign": "whoever had it before has it again",
    "snooze": "its days are as before",
    "note": "the note counts as a mistake",
    "receive": "it waits for you again",
    "contact": "the contact counts as a mistake",
    "attach": "the document counts as a mistake",
    "book": "the visit counts as a mistake",
    "move": "the visit is at its former time",
    "report": "the report counts as not come",
    "acknowledge": "the report waits to be read",
    "tell": "the patient is still to be told",
}
ELSEWHERE: Final[dict[Verb, str]] = {  # acts with a page of their own, under the case's
    "link": "links", "message": "messages", "refer": "refer",
}  # fmt: skip
PRESSED: Final = frozenset({  # done without a form
    "release", "receive", "send", "accept", "arrive", "no-show", "acknowledge", "tell",
})  # fmt: skip
RED: Final = frozenset({"decline", "cancel", "no-show", "hear-no", "withdraw", "confirm-cancel"})  # what ends something
