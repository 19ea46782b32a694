"""Patients by the beginnings of the words that they are found by, on both databases."""

import pytest

from carecoord.store.database.engine import reading, writing
from carecoord.store.referrals import patient_words
from carecoord.store.worklist.search_words import asked
from tests.store.conftest import Store

SAID = [
    (1, "ada", ["O'Brien", "Ada", "1973-03-09", "(215) 555-0203", "2155550203", "5550203", "4425-537"]),
    (2, "ada", ["BHP 425-537"]),  # her card
    (3, "rui", ["Martins", "Rui", "1973-07-30", "555-0251", "5550251", "4412-771"]),
    (4, "bea", ["Obrien", "Bea", "1980-01-02"]),
]


@pytest.mark.parametrize(
    ("typed", "ids"),
    [
        ("obrien", {"ada", "bea"}),
        ("O'Brien ada", {"ada"}),
        ("ada obr", {"ada"}),
        ("1973", {"ada", "rui"}),
        ("rui 1973", {"rui"}),
        ("9 Mar 1973", {"ada"}),
        ("3/9/1973", {"ada"}),
        ("555 0203", {"ada"}),
        ("+1 (215) 555-0203", set()),  # the country is no part of this record's number
        ("4425537", {"ada"}),
        ("ada bhp 425", {"ada"}),  # a word of the record and one of the card
        ("martins 1980", set()),
        ("", set()),
        (" , ", set()),
    ],
)
def test_words_in_any_order_find_who_has_all_of_them_in_record_or_card(store: Store, typed: str, ids: set[str]) -> None:
    with writing(store.engine) as conn:
        patient_words.put(conn, [rid for rid, _, _ in SAID], SAID)
    with reading(store.engine) as conn:
        assert set(patient_words.patients(conn, asked(typed), 100)) == ids


def test_what_a_record_says_no_more_finds_nobody(store: Store) -> None:
    with writing(store.engine) as conn:
        patient_words.put(conn, [1], SAID[:1])
        patient_words.put(conn, [1], [(1, "ada", ["Byron"])])
        assert patient_words.patients(conn, ["obrien"], 10) == []
        assert patient_words.patients(conn, ["byron"], 10) == ["ada"]
