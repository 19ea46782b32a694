"""Whom a note names: written as people write names; and who has taken it up."""

from datetime import UTC, datetime

import pytest

from carecoord.domain.contacts.attempts import NOTE
from carecoord.domain.contacts.mentions import named, open_for, received

KNOWN = [
    ("1", "Reyes, Maria"), ("2", "Reyes, Jon"), ("3", "Tran, James"), ("4", "O'Neil, Ann"), ("5", "Cardiac intake"),
    ("6", "van der Berg, Eva"),
]  # fmt: skip
NAMED = {  # the words -> (who is named, the names that can not be meant)
    "@Tran please call": (["3"], []),
    "(@tran, @Maria Reyes): call": (["3", "1"], []),
    "Ask @James Tran and @tran.": (["3"], []),
    "@O\u2019Neil @van der Berg @Cardiac intake": (["4", "6", "5"], []),
    "write to a@tran.example @ 4pm": ([], []),
    "@Reyes": ([], [("Reyes", ("Reyes, Maria", "Reyes, Jon"))]),
    "@Smith!": ([], [("Smith", ())]),
    "": ([], []),
}


@pytest.mark.parametrize("words", NAMED)
def test_a_note_names_whom_it_is_written_to(words: str) -> None:
    found, unread = named(words, KNOWN)
    assert (found, [(each.said, each.candidates) for each in unread]) == NAMED[words]


def test_a_name_is_open_until_its_bearer_has_taken_the_note_up() -> None:
    talk = {
        "status": "completed", "category": [{"coding": [{"system": NOTE[0], "code": NOTE[1]}]}],
        "recipient": [{"reference": "Practitioner/a"}, {"identifier": {"system": "s", "value": "b"}}],
    }  # fmt: skip
    assert open_for(talk) == ["a", "b"]
    taken = received(talk, ["b", "c"], datetime(2026, 11, 22, tzinfo=UTC))
    assert open_for(taken) == ["a"]
    assert received(taken, ["b"], datetime(2026, 11, 23, tzinfo=UTC)) == taken
    assert open_for({**talk, "status": "entered-in-error"}) == []
    assert open_for({**talk, "category": []}) == []
