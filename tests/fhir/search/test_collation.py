"""Names are found and sorted as people expect: by their base letters, whatever keyboard they were typed on."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carecoord.fhir.search.collation import fold, plain

NAMES = {  # as it is written -> as it is typed
    "Łukasiewicz": "lukasiewicz", "Ødegård": "odegard", "Đặng": "dang", "Ħal Għaxaq": "hal ghaxaq", "Æsop": "aesop",
    "Œuvrard": "oeuvrard", "Straße": "strasse", "STRASSE": "strasse", "İnce": "ince", "Işık": "isik", "IŞIK": "isik",
    "Þór Sigurðsson": "thor sigurdsson", "Müller": "muller", "Mu\u0308ller": "muller", "Núñez": "nunez",
    "Ｏｋａｆｏｒ": "okafor", "ﬁsher": "fisher", "Żaneta": "zaneta", "Ýr": "yr", "Ŧoŋ": "ton",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_its_base_letters(name: str) -> None:
    assert fold(name) == NAMES[name]


@pytest.mark.parametrize("mark", "'’‘‛`´ʼʻ′＇\u02b9")
def test_every_apostrophe_is_the_same_and_none_is_needed(mark: str) -> None:
    assert plain(f"O{mark}Brien") == "o'brien"
    assert fold(f"O{mark}Brien") == "obrien"


@pytest.mark.parametrize("mark", ["-", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\uff0d", " ", "\xa0", " - "])
def test_every_hyphen_is_a_space_between_names(mark: str) -> None:
    assert fold(f"Delgado{mark}Ruiz") == "delgado ruiz"


@pytest.mark.parametrize("mark", ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202b"])
def test_what_can_not_be_seen_does_not_count(mark: str) -> None:
    assert fold(f"Oka{mark}for") == "okafor"


@pytest.mark.parametrize("text", ["'", "-", "’", "\u0301", "\u200d", " - "])
def test_a_text_of_marks_alone_has_a_key_all_the_same(text: str) -> None:
    assert fold(text)


def test_digits_are_digits_in_every_script() -> None:
    assert fold("٣٤-١٢") == "34 12"


def test_both_scripts_of_japanese_sound_alike() -> None:
    assert fold("サトウ") == fold("さとう") == fold("ｻﾄｳ")


SORTED = [
    "Ångström", "Æsop", "Álvarez", "Brandt", "de la Cruz", "Đặng", "İnce", "Łukasiewicz", "Müller", "Ng", "O’Brien",
    "Ødegård", "Okafor", "Straße", "van der Berg", "Zimmer", "王",
]  # fmt: skip


def test_names_are_sorted_among_their_letter() -> None:
    assert sorted(SORTED, key=fold) == [
        "Æsop", "Álvarez", "Ångström", "Brandt", "Đặng", "de la Cruz", "İnce", "Łukasiewicz", "Müller", "Ng", "O’Brien",
        "Ødegård", "Okafor", "Straße", "van der Berg", "Zimmer", "王",
    ]  # fmt: skip


def test_no_letter_of_a_name_has_another_base_than_uts_10_says() -> None:
    """All of Latin-1, Latin Extended-A, -B and Additional: every letter that the DUCET spells in a to z."""
    sort_key = pytest.importorskip("pyuca", reason="pyuca, the table of UTS #10, is not installed").Collator().sort_key
    base = {sort_key(letter)[0]: letter for letter in "abcdefghijklmnopqrstuvwxyz"}

    def spelling(letter: str) -> str | None:
        key = sort_key(letter)
        weights = key[: list(key).index(0)]
        return "".join(base[each] for each in weights) if weights and all(each in base for each in weights) else None

    places = (*range(0xC0, 0x250), *range(0x1E00, 0x1F00))
    letters = [chr(at) for at in places if unicodedata.category(chr(at)).startswith("L")]
    wrong = {letter for letter in letters if (said := spelling(letter)) and said != fold(letter)}
    assert wrong <= set("ƍƾȸȹ"), "these four are ligatures of phoneticians, in nobody's name"


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert fold(fold(text)) == fold(text)
