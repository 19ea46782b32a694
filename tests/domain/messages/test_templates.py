"""The words of messages and letters: an office's own are checked, filled, and used where a case knows all their
places."""

from datetime import UTC, datetime

import pytest

from carecoord.domain.messages.templates import TEMPLATES, Fields, faults, fits, shipped, written

AT = datetime(2026, 11, 30, 14, 10, tzinfo=UTC)
CASE = Fields("Elm Clinic", "555-0100", "Kidney Assoc.", "", "Quill, Otto", "R-7", AT)


def test_own_words_are_filled_in_their_language_and_the_shipped_ones_stay_in_every_other() -> None:
    own = {("visit", "es"): "{patient}: {clinic}, {visit}. {office} {phone}"}
    assert written("visit", CASE, "es", own) == (
        "Quill, Otto: Kidney Assoc., lunes 30 de noviembre a las 2:10 p. m. Elm Clinic 555-0100"
    )
    assert written("visit", CASE, "en", own).startswith("Your appointment at Kidney Assoc. is on Monday, November 30")


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_shipped_words_taken_as_an_offices_own_say_the_same(language: str) -> None:
    full = Fields("Elm Clinic", "555-0100", "City Eye", "Granite", "Quill, Otto", "R-7", AT, True)
    for name in TEMPLATES:
        own = shipped(name, language)
        assert faults(name, own) == []
        if name != "report-wanted":  # which tells the day alone
            assert written(name, full, language, {(name, language): own}) == written(name, full, language, {})


@pytest.mark.parametrize(
    ("name", "words", "offered"),
    [
        ("call-us", None, True),
        ("call-us", "Call us about {payer}.", False),
        ("call-us", "Call us.", True),
        ("waiting", "We wait.", False),
        ("report-read", "Read.", False),
    ],
)
def test_a_letter_is_offered_where_the_case_knows_all_that_it_says(name: str, words: str | None, offered: bool) -> None:
    assert fits(name, CASE, "en", {} if words is None else {(name, "en"): words}) is offered


@pytest.mark.parametrize(
    ("name", "words", "wrong"),
    [
        ("visit", "Come on {visit} to {clinic}.", []),
        ("visit", "  ", ["Write the words, or use the shipped ones again."]),
        ("visit", "Come {visit", ["A brace opens or closes nothing: write a place as {office}."]),
        ("visit", "Come {visit!r} {}", [
            "{visit!r} is no place of this letter. It may have: {office}, {phone}, {clinic}, {payer}, {patient}, "
            "{number}, {visit}.",
            "{} is no place of this letter. It may have: {office}, {phone}, {clinic}, {payer}, {patient}, {number}, "
            "{visit}.",
        ]),
        ("cover-clinic", "For {clinic}, about {patient}", [
            "{patient} is no place of this letter. It may have: {office}, {phone}, {clinic}, {number}.",
        ]),
        ("card", "x" * 2001, ["Write at most 2000 characters."]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_words_is_said(name: str, words: str, wrong: list[str]) -> None:
    assert [str(each) for each in faults(name, words)] == wrong
