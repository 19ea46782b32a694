"""Clauses: where words stand in a paper, under which heading, and which clause counts for what."""

from typing import Any

import pytest

from carecoord.domain.agreements.clauses import (
    PARTICIPATION,
    Clause,
    Passage,
    clauses,
    named,
    passage,
    standing,
    unnamed,
)
from carecoord.words.sentence import sentence

Json = dict[str, Any]
PAPER = [
    "PROVIDER AGREEMENT\nThis Agreement is between Blue Horizon and Riverside.\nARTICLE IV PARTICIPATION",
    "4.1 Scope. Provider shall render care.\n30 days after that it ends.\n"
    "4.2 Participation in Network 1. Provider takes part in Net-\nwork 1 at its Main Street site, and is not to",
    "close its panel before notice.\nEXHIBIT B\nRates\nNotice is given in writing.\n4.3 Notice is given in writing.",
]


def test_words_are_found_however_they_are_broken_with_the_heading_above_them() -> None:
    assert passage(PAPER, "provider takes part in  Network 1") == Passage(2, "4.2 Participation in Network 1")
    assert passage(PAPER, "is not to close its panel") == Passage(2, "4.2 Participation in Network 1")
    assert passage(PAPER, "close its panel before") == Passage(3, "4.2 Participation in Network 1")
    assert passage(PAPER, "Provider shall render care") == Passage(2, "4.1 Scope")
    assert passage(PAPER, "after that it ends") == Passage(2, "4.1 Scope"), "30 days is no heading"
    assert passage(PAPER, "This Agreement is between") == Passage(1, "")
    assert passage(PAPER, "Rates\nNotice is given", 3) == Passage(3, "EXHIBIT B")
    assert passage(["ARTICLE IV\nTerm", "It runs a year."], "runs a year") == Passage(2, "ARTICLE IV")


@pytest.mark.parametrize(
    ("words", "page", "why"),
    [
        ("Payer pays all", None, sentence("clause.nowhere")),
        ("Provider shall render care", 3, sentence("clause.elsewhere", page=3, found="2")),
        ("agreement", 9, sentence("clause.elsewhere", page=9, found="1")),
    ],
)
def test_words_that_stand_elsewhere_or_nowhere_are_told(words: str, page: int | None, why: object) -> None:
    assert passage(PAPER, words, page) == why


def test_words_of_several_pages_need_the_page() -> None:
    pages = ["Notice", "Notice", "Notice"]
    assert passage(pages, "notice") == sentence("clause.several", found="1, 2, 3")
    assert passage(pages, "notice", 2) == Passage(2, "")


def document(id: str, contract: str) -> Json:
    related = [{"reference": f"Contract/{contract}"}]
    return {"resourceType": "DocumentReference", "id": id, "context": {"related": related}}


def test_a_document_names_one_clause_for_each_thing() -> None:
    first = Clause(PARTICIPATION, 12, "4.2 Participation", "takes part")
    other = Clause("rates:Exhibit B", 30, "Exhibit B", "")
    said = named(named(document("d", "c"), first), other)
    about: Any = {"document": "DocumentReference/d", "contracts": ("Contract/c",)}
    assert clauses(said) == [
        Clause(PARTICIPATION, 12, "4.2 Participation", "takes part", **about),
        Clause("rates:Exhibit B", 30, "Exhibit B", "", **about),
    ]
    again = named(said, Clause(PARTICIPATION, 14, "5", "joins"))
    assert {each.of: each.page for each in clauses(again)} == {PARTICIPATION: 14, "rates:Exhibit B": 30}
    assert unnamed(unnamed(again, PARTICIPATION), "rates:Exhibit B") == document("d", "c")


def test_of_an_amendment_and_what_it_amends_the_later_clause_counts() -> None:
    old = named(document("old", "v1"), Clause(PARTICIPATION, 12, "4.2", ""))
    old = named(old, Clause("term:notice", 20, "9", ""))
    new = named(document("new", "v2"), Clause(PARTICIPATION, 1, "1", ""))
    both = standing([old, new], ["Contract/v2", "Contract/v1"])
    assert {of: (each.document, each.page) for of, each in both.items()} == {
        PARTICIPATION: ("DocumentReference/new", 1), "term:notice": ("DocumentReference/old", 20),
    }  # fmt: skip
    assert standing([old, new], ["Contract/v1"])[PARTICIPATION].page == 12
