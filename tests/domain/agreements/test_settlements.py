"""A clause of a draft is accepted or countered; written otherwise afterwards, nothing of it is settled."""

from datetime import UTC, datetime
from typing import Any

from carecoord.domain.agreements.desk.settlements import Settled, countered, settle, settled

AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
WHO = {"reference": "Practitioner/1", "display": "Nilsson, Carla"}


def term(code: str, words: str) -> dict[str, Any]:
    return {"type": {"coding": [{"code": code}]}, "text": words, "offer": {"text": words}}


DRAFT: dict[str, Any] = {"id": "c", "term": [term("audit", "Six years."), term("notice", "90 days.")]}


def test_what_was_settled_counts_while_the_clause_says_the_same() -> None:
    made = settle(DRAFT, "term:audit", "Six  years.", "accepted", WHO, AT)
    stands = Settled("accepted", "Nilsson, Carla", "2026-11-22T14:05:00+00:00")
    assert settled(made, {"term:audit": "Six years."}) == {"term:audit": stands}
    assert settled(made, {"term:audit": "Seven years."}) == {}
    again = settle(made, "term:audit", "Six years.", "countered", WHO, AT)
    assert len(again["extension"]) == 1
    assert settled(again, {"term:audit": "Six years."})["term:audit"].how == "countered"


def test_other_words_take_the_place_of_a_term_or_make_one() -> None:
    twice = DRAFT | {"term": [*DRAFT["term"], term("audit", "More.")]}
    new = countered(twice, "term:audit", "Five years.")["term"]
    assert [each["text"] for each in new] == ["Five years.", "90 days."]
    made = countered(DRAFT, "term:delegation", "None.")["term"]
    assert [each["text"] for each in made] == ["Six years.", "90 days.", "None."]
