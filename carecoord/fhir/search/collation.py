"""What two texts have in common that people take for the same: the key by which names are found and sorted.

Clause: FHIR R4 search.html#string (case and accents do not count). Which letters differ by no more than an accent says
UTS #10: two letters with one primary weight are one letter (tests/fhir/search/test_collation.py has its table).
A few more are spelt as ICAO 9303 part 3 section 6 spells them in passports, because their owners type them so.
"""

import unicodedata
from functools import lru_cache

_LETTERS = {  # no decomposition tells that these are a base letter with a stroke, a hook or two letters in one
    "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ł": "l", "ꜳ": "aa", "ỻ": "ll",
    "ı": "i", "þ": "th", "ŧ": "t", "ŋ": "n", "ĸ": "q", "ɓ": "b", "ɗ": "d", "ƙ": "k", "ƴ": "y",
}  # fmt: skip
_APOSTROPHES = "'’‘‛`´ʼʻʽʹʾʿˈˊˋ′‵＇՚׳ꞌ·‧"  # all that stands or is typed for one
_HYPHENS = "-‐‑‒–—―−⁃﹣－֊־・"
_MARKS = str.maketrans({**dict.fromkeys(_APOSTROPHES, "'"), **dict.fromkeys(_HYPHENS, "-"), "ـ": None})
_BASE = str.maketrans(_LETTERS | {chr(kana): chr(kana - 0x60) for kana in range(0x30A1, 0x30F7)})


@lru_cache(maxsize=16384)
def plain(text: str) -> str:
    """The text in base letters: no case, no accents, no invisible characters, single spaces; one kind of apostrophe
    (') and of hyphen (-), decimal digits 0 to 9."""
    if text.isascii():
        return " ".join(text.translate(_MARKS).lower().split())
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text.translate(_MARKS)).casefold())
    return " ".join("".join(map(_base, apart)).translate(_MARKS).translate(_BASE).split())


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """The key of a text: `plain`, without apostrophes, and with a space for a hyphen, so that O’Brien is OBrien and
    Smith-Jones is Smith Jones. Never empty for a text that is not: an empty key would begin every other."""
    base = plain(text)
    return " ".join(base.replace("'", "").replace("-", " ").split()) or base or text.strip()


def _base(letter: str) -> str:
    if unicodedata.combining(letter) or unicodedata.category(letter) == "Cf":
        return ""
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    return letter
