"""Who may do what at the desk, every role and verb written out by hand."""

from typing import get_args

import pytest

from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb

HOLDERS = {
    "see-whole": {"coordinator", "clinician"},
    "see-as-payer": {"payer"},
    "see-quality": {"coordinator", "clinician", "admin"},
    "see-measures": {"coordinator", "clinician"},
    "see-own-patients": {"clinician"},
    "break-glass": {"coordinator", "clinician"},
    "see-agreements": {"contracts"},
    "read-trail": {"auditor"},
    "manage-people": {"admin"},
    "manage-apps": {"admin"},
    "manage-ehrs": {"admin"},
    "manage-jobs": {"admin"},
    "keep-codes": {"admin"},
    "manage-policies": {"admin"},
    "set-up": {"admin"},
    "see-rates": {"contracts"},
    "see-rules": {"payer", "contracts"},
    "keep-rules": {"contracts"},
    "supervise": {"supervisor"},
    "assign": {"coordinator"},
    "snooze": {"coordinator"},
    "note": {"coordinator", "clinician"},
    "receive": {"coordinator", "clinician"},
    "contact": {"coordinator", "clinician"},
    "settle": {"coordinator", "clinician"},
    "send": {"coordinator", "clinician"},
    "accept": {"coordinator", "clinician"},
    "decline": {"coordinator", "clinician"},
    "ask": {"coordinator", "clinician"},
    "advise": {"coordinator", "clinician"},
    "replace": {"coordinator", "clinician"},
    "ask-another": {"coordinator", "clinician"},
    "release": {"coordinator", "clinician"},
    "answer": {"coordinator", "clinician"},
    "reopen": {"coordinator"},
    "hear-yes": {"coordinator", "clinician"},
    "hear-no": {"coordinator", "clinician"},
    "withdraw": {"coordinator", "clinician"},
    "confirm-cancel": {"coordinator", "clinician"},
    "refuse-cancel": {"coordinator", "clinician"},
    "book": {"coordinator"},
    "move": {"coordinator"},
    "cancel": {"coordinator"},
    "arrive": {"coordinator"},
    "no-show": {"coordinator"},
    "report": {"coordinator", "clinician"},
    "acknowledge": {"clinician"},
    "tell": {"coordinator", "clinician"},
    "import": {"contracts", "admin"},
    "attach": {"coordinator", "clinician"},
    "share": {"coordinator", "clinician"},
    "see-claims": {"coordinator"},
    "bring-x12": {"coordinator"},
    "correct-claim": {"coordinator"},
    "appeal-claim": {"coordinator"},
    "write-off": {"coordinator"},
    "agree-write-off": {"coordinator"},
    "refuse-write-off": {"coordinator"},
    "close-claim": {"coordinator"},
    "reopen-claim": {"coordinator"},
    "send-request": {"coordinator"},
    "put-in": {"coordinator"},
    "answer-payer": {"coordinator"},
    "extend-request": {"coordinator"},
    "renew-request": {"coordinator"},
    "appeal": {"coordinator"},
    "withdraw-request": {"coordinator"},
    "void-request": {"coordinator"},
    "call-payer": {"coordinator"},
    "check-eligibility": {"coordinator"},
    "peer-to-peer": {"coordinator", "clinician"},
    "tell-peer": {"coordinator", "clinician"},
    "refer": {"coordinator", "clinician"},
    "draft": {"contracts"},
    "amend": {"contracts"},
    "sign": {"contracts"},
    "drop": {"contracts"},
    "edit": {"contracts"},
    "affiliate": {"contracts"},
    "oblige": {"contracts"},
    "cite": {"contracts"},
    "accept-clause": {"contracts"},
    "counter-clause": {"contracts"},
    "fulfil": {"contracts"},
    "submit": {"contracts"},
    "approve": {"contracts"},
    "give-back": {"contracts"},
    "certify": {"contracts"},
    "bill": {"contracts"},
    "pay": {"contracts"},
    "decide": {"payer"},
    "agree": {"medical-director"},
    "disagree": {"medical-director"},
    "extend-clock": {"payer"},
    "ask-director": {"payer"},
    "hear-director": {"medical-director"},
    "hold-peer": {"payer"},
    "look-over": {"payer"},
    "answer-eligibility": {"payer"},
    "state-coverage": {"payer"},
    "send-decision": {"payer"},
    "send-letters": {"payer"},
    "take-back": {"payer"},
    "give-notice": {"contracts"},
    "start-plan": {"coordinator", "clinician"},
    "set-goal": {"coordinator", "clinician"},
    "add-activity": {"coordinator", "clinician"},
    "observe": {"coordinator", "clinician"},
    "finish": {"coordinator", "clinician"},
    "join-team": {"coordinator", "clinician"},
    "end-plan": {"coordinator", "clinician"},
    "merge-patients": {"coordinator"},
    "keep-patients-apart": {"coordinator"},
    "unmerge-patients": {"coordinator"},
    "end": {"contracts"},
    "file": {"contracts"},
    "give-form": {"coordinator", "clinician"},
    "instruct": {"coordinator", "clinician"},
    "fill": {"coordinator", "clinician"},
    "have-read": set(),
    "begin-request": {"coordinator"},
    "link": {"coordinator"},
    "end-link": {"coordinator"},
    "message": {"coordinator", "clinician", "payer"},
    "see-linked": set(),
    "offer": set(),
    "choose": set(),
    "attend": set(),
    "ask-to-move": set(),
    "stop-messages": set(),
}
GUESTS = {  # what somebody without an account may do by their link
    "clinic-link": {"see-linked", "accept", "decline", "ask", "report", "arrive", "no-show", "offer", "message"},
    "patient-link": {"see-linked", "message", "choose", "attend", "ask-to-move", "stop-messages", "fill", "have-read"},
    "relative-link": {"see-linked", "message"},
}
ROLES = ("coordinator", "clinician", "supervisor", "payer", "medical-director", "contracts", "auditor", "admin")
OF_THE_REQUESTER = {
    "assign", "snooze", "refer", "send", "answer", "reopen", "acknowledge", "tell", "hear-yes", "hear-no", "withdraw",
    "give-form", "instruct", "fill", "link", "end-link", "replace", "ask-another", "release", "check-eligibility",
    "begin-request",
}  # fmt: skip
OF_THE_PERFORMER = {"accept", "decline", "ask", "advise", "confirm-cancel", "refuse-cancel"}
OF_BOTH = {
    "note", "receive", "contact", "attach", "share", "book", "move", "cancel", "arrive", "no-show", "report", "message",
}  # fmt: skip


def test_the_table_has_every_role_and_every_verb_is_written_out_here() -> None:
    assert tuple(verbs.TABLE) == ROLES
    assert set(HOLDERS) == set(get_args(Verb))


@pytest.mark.parametrize("link", GUESTS)
def test_a_link_may_do_what_is_written_here_is_no_role_of_an_account_and_holds_none(link: str) -> None:
    assert tuple(verbs.GUESTS) == tuple(GUESTS)
    assert {verb for verb in get_args(Verb) if verbs.may([link], verb)} == GUESTS[link]
    assert link not in verbs.ROLES
    assert not verbs.is_staff([link])


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_is_written_here_and_nothing_else(role: str) -> None:
    assert {verb for verb in get_args(Verb) if verbs.may([role], verb)} == {
        verb for verb, roles in HOLDERS.items() if role in roles
    }


def test_each_role_looks_for_the_purpose_that_is_written_here() -> None:
    assert verbs.PURPOSES == {
        "coordinator": "treatment", "clinician": "treatment", "payer": "payment", "contracts": "operations",
        "auditor": "operations", "admin": "operations", "clinic-link": "treatment", "supervisor": "operations",
        "medical-director": "payment",
    }  # fmt: skip


def test_whoever_holds_one_of_several_verbs_is_named_in_the_order_of_the_table() -> None:
    assert verbs.holders("manage-people", "read-trail") == ("auditor", "admin")
    assert verbs.holders("see-whole", "see-as-payer") == ("coordinator", "clinician", "payer")


@pytest.mark.parametrize(
    ("roles", "only"), [({"auditor"}, True), ({"auditor", "admin"}, False), ({"coordinator"}, False), (set(), False)]
)
def test_who_has_no_desk_but_the_trail(roles: set[str], only: bool) -> None:
    assert verbs.reads_only_the_trail(roles) is only


def test_an_act_is_the_side_s_whose_it_is() -> None:
    everybody = [*ROLES]
    assert set(verbs.acts(everybody, ["requester"])) == OF_THE_REQUESTER | OF_BOTH
    assert set(verbs.acts(everybody, ["performer"])) == OF_THE_PERFORMER | OF_BOTH
    assert verbs.acts(everybody, []) == ()
    assert verbs.acts(["payer", "contracts", "auditor", "admin"], ["requester", "performer"]) == ("message",)


def test_an_office_stands_on_the_sides_on_which_it_is_named() -> None:
    assert verbs.sides("a", "b", ["a"]) == {"requester"}
    assert verbs.sides("a", "b", ["b", "c"]) == {"performer"}
    assert verbs.sides("a", "a", ["a"]) == {"requester", "performer"}
    assert verbs.sides(None, None, ["a"]) == frozenset()
