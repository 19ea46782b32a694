"""The words that a case is found by, and the words of a question, cut by the same rules."""

import re
from collections.abc import Iterator

from carecoord.fhir.search.collation import plain

_MONTHS = {
    name: number
    for number, month in enumerate(
        ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
         "december"), 1,
    )
    for name in (month, month[:3])
} | {"sept": 9}  # fmt: skip
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_ASKED = (  # usual ways to write a day: a slash or a hyphen is American, a point is not
    re.compile(r"(?<![\w/.-])(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?![\w/.-])"),
    re.compile(r"(?<![\w/.-])(?P<m>\d{1,2})[-/](?P<d>\d{1,2})[-/](?P<y>\d{4})(?![\w/.-])"),
    re.compile(r"(?<![\w/.-])(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})(?![\w/.-])"),
    re.compile(rf"(?<![\w/.-])(?P<d>\d{{1,2}})[ .-]+(?P<m>{_MONTH})[ .,-]+(?P<y>\d{{4}})(?![\w/.-])"),
    re.compile(rf"(?<![\w/.-])(?P<m>{_MONTH})[ .-]+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[ ,.-]+(?P<y>\d{{4}})(?![\w/.-])"),
)
# A number typed in groups, as telephone numbers are, or without any: at least seven figures, whatever stands between.
_NUMBER = re.compile(r"\+?[(\s]*(?:\d{7,15}|\d{1,4}(?:[\s().+/-]+\d{1,4})+)\)?")
_FIGURES = 7


def words(text: str) -> set[str]:
    """The words that a text is found by: in base letters, whole, in their parts, and without their punctuation
    (`4410-882`). A date (YYYY-MM-DD) is one word in each form that is typed figure by figure, never three."""
    found: set[str] = set()
    for word in plain(text).split():
        if date := _DATE.fullmatch(word):
            found.update(_forms(*date.groups()))
            continue
        parts = re.findall(r"\w+", word)
        found.update(parts, {"".join(parts)}, {word.strip(",.;:()")})
    return found - {""}


def _forms(year: str, month: str, day: str) -> Iterator[str]:
    yield from (f"{year}-{month}-{day}", f"{year}{month}{day}", f"{month}{day}{year}", f"{month}/{day}/{year}")
    yield f"{int(month)}/{int(day)}/{year}"


def asked(text: str) -> list[str]:
    """The words of a question, each to be looked for as the beginning of a word that a case is found by."""
    said = plain(text)
    for form in _ASKED:
        said = form.sub(_as_stored, said)
    figures = re.sub(r"\D", "", said)
    if len(figures) >= _FIGURES and _NUMBER.fullmatch(said) and not _DATE.fullmatch(said):
        return [figures]
    # The mark of clinical words (walks.Word) is nobody's to type: it would find for a payer what it is not told.
    stripped = [word.replace("'", "").strip(",.;:()~") for word in said.split()]
    return [word for word in stripped if word]


def _as_stored(date: re.Match[str]) -> str:
    """YYYY-MM-DD. Where the month can not be one, the day stands first."""
    month = _MONTHS.get(date["m"]) or int(date["m"])
    day = int(date["d"])
    if month > 12 >= day:
        month, day = day, month
    return f"{date['y']}-{month:02}-{day:02}"
