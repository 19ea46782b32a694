"""Who may do what at the desk: one table of role x verb, read by the actions, the pages and the rail.

The table of types (roles.TABLE) says what an app or a script may write over the API; this one says what a person's role
is for. An act needs its verb here, the side of the referral that it belongs to, and a case that its person sees.
"""

from collections.abc import Iterable
from typing import Final, Literal

Verb = Literal[
    "see-whole", "see-as-payer", "see-own-patients", "break-glass", "see-agreements", "see-rates",
    "read-trail", "manage-people", "manage-apps", "manage-jobs", "manage-policies", "import", "manage-ehrs",
    "keep-codes", "see-rules", "keep-rules", "set-up", "see-linked", "see-quality", "see-measures",
    "supervise", "assign", "snooze", "note", "receive", "contact", "attach", "share", "settle",
    "refer", "send", "accept", "decline", "ask", "advise", "answer", "replace", "ask-another", "release",
    "reopen", "hear-yes", "hear-no",
    "withdraw", "confirm-cancel", "refuse-cancel",
    "book", "move", "cancel", "arrive", "no-show", "report", "acknowledge", "tell",
    "give-form", "instruct", "fill", "have-read", "begin-request",
    "message", "link", "end-link", "offer", "choose", "attend", "ask-to-move", "stop-messages",
    "draft", "edit", "amend", "sign", "drop", "affiliate", "oblige", "fulfil", "give-notice", "end", "file",
    "cite", "accept-clause", "counter-clause",
    "start-plan", "set-goal", "add-activity", "observe", "finish", "join-team", "end-plan",
    "merge-patients", "keep-patients-apart", "unmerge-patients",
    "submit", "approve", "give-back", "certify", "bill", "pay",
    "decide", "agree", "disagree", "send-decision", "take-back",
    "extend-clock", "ask-director", "hear-director", "hold-peer", "look-over", "send-letters",
    "answer-eligibility", "state-coverage",
    "send-request", "put-in", "answer-payer", "extend-request", "renew-request", "appeal", "withdraw-request",
    "void-request", "peer-to-peer", "tell-peer", "call-payer", "check-eligibility",
    "see-claims", "bring-x12", "correct-claim", "appeal-claim", "write-off", "agree-write-off", "refuse-write-off",
    "close-claim", "reopen-claim",
]  # fmt: skip
Side = Literal["requester", "performer", "patient", "payer"]  # of a referral: who sends, who is to see them

TABLE: Final[dict[str, frozenset[Verb]]] = {
    "coordinator": frozenset(
        {
            "see-whole",
            "see-quality",
            "see-measures",
            "break-glass",
            "assign",
            "snooze",
            "note",
            "receive",
            "contact",
            "attach",
            "share",
            "refer",
            "send",
            "accept",
            "decline",
            "ask",
            "advise",
            "answer",
            "replace",
            "ask-another",
            "release",
            "reopen",
            "book",
            "move",
            "cancel",
            "arrive",
            "no-show",
            "report",
            "tell",
            "settle",
            "hear-yes",
            "hear-no",
            "withdraw",
            "confirm-cancel",
            "refuse-cancel",
            "link",
            "end-link",
            "message",
            "give-form",
            "instruct",
            "fill",
            "begin-request",
            "start-plan",
            "set-goal",
            "add-activity",
            "observe",
            "finish",
            "join-team",
            "end-plan",
            "merge-patients",
            "keep-patients-apart",
            "unmerge-patients",
            "send-request",
            "put-in",
            "answer-payer",
            "extend-request",
            "renew-request",
            "appeal",
            "withdraw-request",
            "void-request",
            "peer-to-peer",
            "tell-peer",
            "call-payer",
            "check-eligibility",
            "see-claims",
            "bring-x12",
            "correct-claim",
            "appeal-claim",
            "write-off",
            "agree-write-off",
            "refuse-write-off",
            "close-claim",
            "reopen-claim",
        }
    ),
    "clinician": frozenset(
        {
            "see-whole",
            "see-quality",
            "see-measures",
            "see-own-patients",
            "break-glass",
            "note",
            "receive",
            "contact",
            "attach",
            "share",
            "refer",
            "send",
            "accept",
            "decline",
            "ask",
            "advise",
            "answer",
            "replace",
            "ask-another",
            "release",
            "report",
            "acknowledge",
            "tell",
            "settle",
            "hear-yes",
            "hear-no",
            "withdraw",
            "confirm-cancel",
            "refuse-cancel",
            "message",
            "give-form",
            "instruct",
            "fill",
            "start-plan",
            "set-goal",
            "add-activity",
            "observe",
            "finish",
            "join-team",
            "end-plan",
            "peer-to-peer",
            "tell-peer",
        }
    ),
    "supervisor": frozenset({"supervise"}),  # beside coordinator or clinician: whose cases one sees is theirs to say
    "payer": frozenset({
        "see-as-payer", "see-rules", "message", "decide", "send-decision", "take-back",
        "extend-clock", "ask-director", "hold-peer", "look-over", "send-letters",
        "answer-eligibility", "state-coverage",
    }),
    # beside payer: who answers what the clerks ask, and decides the second step of a denial (42 CFR 422.566(d))
    "medical-director": frozenset({"agree", "disagree", "hear-director"}),
    "contracts": frozenset({
        "see-agreements", "see-rates", "see-rules", "keep-rules", "import", "draft", "edit", "amend", "sign", "drop",
        "affiliate", "oblige", "fulfil", "give-notice", "end", "file", "submit", "approve", "give-back", "certify",
        "bill", "pay", "cite", "accept-clause", "counter-clause",
    }),
    "auditor": frozenset({"read-trail"}),
    "admin": frozenset(
        {
            "manage-people",
            "see-quality",
            "manage-apps",
            "manage-jobs",
            "manage-policies",
            "import",
            "manage-ehrs",
            "keep-codes",
            "set-up",
        }
    ),
}
BESIDE: Final = {"medical-director": "payer"}  # what the one adds is done to what the other shows
GUESTS: Final[dict[str, frozenset[Verb]]] = {  # what somebody without an account may do, by the kind of their link
    "clinic-link": frozenset({
        "see-linked", "accept", "decline", "ask", "report", "arrive", "no-show", "offer", "message",
    }),
    "patient-link": frozenset({
        "see-linked", "message", "choose", "attend", "ask-to-move", "stop-messages", "fill", "have-read",
    }),
    "relative-link": frozenset({"see-linked", "message"}),
}
_HELD: Final = TABLE | GUESTS
PURPOSES: Final[dict[str, Literal["treatment", "payment", "operations"]]] = {  # of each role: why they look
    "coordinator": "treatment",
    "clinician": "treatment",
    "supervisor": "operations",
    "payer": "payment",
    "medical-director": "payment",
    "contracts": "operations",
    "auditor": "operations",
    "admin": "operations",
    "clinic-link": "treatment",
}
SIDES: Final[dict[Verb, frozenset[Side]]] = {  # of an act: whose it is
    "assign": frozenset({"requester"}),
    "snooze": frozenset({"requester"}),
    "note": frozenset({"requester", "performer"}),
    "receive": frozenset({"requester", "performer"}),  # a note in which one is named
    "contact": frozenset({"requester", "performer"}),
    "attach": frozenset({"requester", "performer"}),
    "share": frozenset({"requester", "performer"}),
    "refer": frozenset({"requester"}),
    "send": frozenset({"requester"}),
    "accept": frozenset({"performer"}),
    "decline": frozenset({"performer"}),
    "ask": frozenset({"performer"}),
    "advise": frozenset({"performer"}),
    "answer": frozenset({"requester"}),
    "replace": frozenset({"requester"}),
    "ask-another": frozenset({"requester"}),
    "release": frozenset({"requester"}),
    "reopen": frozenset({"requester"}),
    "hear-yes": frozenset({"requester"}),  # what the clinic said on the telephone
    "hear-no": frozenset({"requester"}),
    "withdraw": frozenset({"requester"}),
    "confirm-cancel": frozenset({"performer"}),
    "refuse-cancel": frozenset({"performer"}),
    "book": frozenset({"requester", "performer"}),
    "move": frozenset({"requester", "performer"}),
    "cancel": frozenset({"requester", "performer"}),
    "arrive": frozenset({"requester", "performer"}),
    "no-show": frozenset({"requester", "performer"}),
    "report": frozenset({"requester", "performer"}),
    "acknowledge": frozenset({"requester"}),
    "tell": frozenset({"requester"}),
    "message": frozenset({"requester", "performer", "patient", "payer"}),
    "give-form": frozenset({"requester"}),  # to the patient, to fill in
    "instruct": frozenset({"requester"}),
    "fill": frozenset({"requester", "patient"}),  # the office for a patient on the telephone
    "have-read": frozenset({"patient"}),
    "link": frozenset({"requester"}),  # lets those take part who have no account
    "end-link": frozenset({"requester"}),
    "offer": frozenset({"performer"}),  # times for the visit
    "choose": frozenset({"patient"}),  # one of the times that the clinic offers
    "attend": frozenset({"patient"}),
    "ask-to-move": frozenset({"patient"}),
    "stop-messages": frozenset({"patient"}),
    "check-eligibility": frozenset({"requester"}),  # without a request for authorization, too
    "begin-request": frozenset({"requester"}),  # for an authorization that has to be had, and for which none stands
}
AGREEMENT: Final[tuple[Verb, ...]] = (  # what is done with an agreement
    "draft", "edit", "amend", "sign", "drop", "affiliate", "oblige", "fulfil", "give-notice", "end",
    "file", "submit", "approve", "give-back", "certify", "bill", "pay", "cite", "accept-clause", "counter-clause",
)  # fmt: skip
DECISIONS: Final[tuple[Verb, ...]] = (  # what a payer does with a request
    "decide", "agree", "disagree", "send-decision", "take-back",
    "extend-clock", "ask-director", "hear-director", "hold-peer", "look-over",
)  # fmt: skip
CARDS: Final[tuple[Verb, ...]] = ("answer-eligibility", "state-coverage")  # what a payer says of a member's card
REQUESTS: Final[tuple[Verb, ...]] = (  # what a clinic does with one
    "send-request", "put-in", "answer-payer", "extend-request", "renew-request", "appeal", "withdraw-request",
    "void-request", "peer-to-peer", "tell-peer", "call-payer", "check-eligibility",
)  # fmt: skip
CARE: Final[tuple[Verb, ...]] = (  # what is done with a patient's care plan
    "start-plan", "set-goal", "add-activity", "observe", "finish", "join-team", "end-plan",
)  # fmt: skip
LINKAGE: Final[tuple[Verb, ...]] = (  # what is done with two records that may be of one patient
    "merge-patients", "keep-patients-apart", "unmerge-patients",
)  # fmt: skip


ROLES: Final = tuple(TABLE)


def may(roles: Iterable[str], verb: Verb) -> bool:
    """Whether somebody with these roles may do this."""
    return any(verb in _HELD.get(role, ()) for role in roles)


def is_staff(roles: Iterable[str]) -> bool:
    """Whether somebody works here by one of these roles, rather than by a link or for themselves."""
    return not TABLE.keys().isdisjoint(roles)


def holders(*verbs: Verb) -> tuple[str, ...]:
    """The roles that may do at least one of these, in the order of the table."""
    return tuple(role for role, held in TABLE.items() if not held.isdisjoint(verbs))


def reads_only_the_trail(roles: Iterable[str]) -> bool:
    """Whether the audit trail is all that these roles come for."""
    return set(roles) == set(holders("read-trail"))


def acts(roles: Iterable[str], sides: Iterable[Side]) -> tuple[Verb, ...]:
    """The acts that these roles have on a case on which they stand on these sides, in the order of the table."""
    held, here = set(roles), frozenset(sides)
    return tuple(verb for verb, of in SIDES.items() if may(held, verb) and of & here)


def sides(placer: str | None, performer: str | None, organizations: Iterable[str]) -> frozenset[Side]:
    """On which sides of a referral these organizations stand; all are ids of Organizations."""
    ours = frozenset(organizations)
    both: list[tuple[Side, str | None]] = [("requester", placer), ("performer", performer)]
    return frozenset(side for side, id in both if id in ours)


def paying(payer: str | None, identifiers: Iterable[str]) -> frozenset[Side]:
    """The side of who pays, where the payer of a referral (`system|value`) is the one with these identifiers."""
    return frozenset({"payer"}) if payer and payer in identifiers else frozenset()
