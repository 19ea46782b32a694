"""The pseudo-language: the English catalogue with every letter accented, so that what a page says without the catalogue
stands out as plain ASCII; and what may stand so on a page."""

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from html.parser import HTMLParser
from string import Formatter
from typing import Any, Final

import pytest

from carecoord.words import catalogue, sentence

LANGUAGE: Final = "qps"  # BCP 47 leaves qaa-qtz to private use
PLAIN: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
ODD: Final = "áƀçđéƒǧĥíĵķĺɱñóƥɋŕšťúṽŵẋýžÁƁÇĐÉƑǦĤÍĴĶĹṀÑÓƤɊŔŠŤÚṼŴẊÝŽ"
_ACCENTED: Final = str.maketrans(PLAIN, ODD)
# What stands in every language as it does in English: names of standards, of numbers and files, of keys, units, us.
TERMS: Final = frozenset({
    "carecoord", "FHIR", "R4", "SMART", "NPI", "MRN", "EHR", "EHRs", "ZIP", "CSV", "XLSX", "PDF", "HTTP", "URL", "JSON",
    "Ctrl", "Enter", "Esc", "English", "Español", "UTC", "EST", "EDT", "mi", "min", "h", "d", "m", "s", "y", "MB", "kB",
    "CPT", "HCPCS", "ICD", "CM", "SNOMED", "CT", "LOINC", "USD", "US", "JPEG", "PNG", "TIFF", "ISO", "OAuth",
    "lb", "mmHg", "mg", "dL", "mL",
})  # fmt: skip


def accented(words: str) -> str:
    """The words in the pseudo-language; the places for what they speak of stay."""
    said = ""
    for literal, name, spec, _ in Formatter().parse(words):
        said += literal.translate(_ACCENTED).replace("{", "{{").replace("}", "}}")
        if name is not None:
            said += f"{{{name}:{spec}}}" if spec else f"{{{name}}}"
    return said


@cache
def table() -> Mapping[str, str]:
    """The catalogue of the pseudo-language."""
    return {key: accented(words) for key, words in sentence.words("en").items()}


@contextmanager
def spoken() -> Iterator[None]:
    """Inside, whoever asks for the pseudo-language gets it, wherever words are taken from the catalogue."""
    own, languages = sentence.words, catalogue.languages
    with pytest.MonkeyPatch.context() as patched:
        made = table()
        for name, module in list(sys.modules.items()):
            if name.startswith("carecoord.") and getattr(module, "words", None) is own:
                patched.setattr(module, "words", lambda language: made if language == LANGUAGE else own(language))
            if name.startswith("carecoord.") and getattr(module, "languages", None) is languages:
                patched.setattr(module, "languages", lambda: (*languages(), LANGUAGE))
        yield
        sentence._said.cache_clear()
        catalogue._in_words.cache_clear()


class Heard(HTMLParser):
    """All that somebody reads or hears of a page: (where it stands, what it says)."""

    SPOKEN = ("title", "aria-label", "placeholder", "alt", "aria-description", "hx-confirm")
    EMPTY = frozenset({"input", "img", "br", "meta", "link", "hr", "source", "path", "use", "wbr", "col", "rect"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, bool]] = []  # each element that is open, and whether it is silent
        self.said: list[tuple[str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        other = given.get("lang", LANGUAGE) != LANGUAGE or given.get("translate") == "no"
        silent = tag in ("script", "style", "code", "pre", "kbd") or other or (bool(self.open) and self.open[-1][1])
        if tag not in self.EMPTY:
            self.open.append((tag, silent))
        if silent:
            return
        spoken = [*self.SPOKEN, *(name for name in given if name.startswith("data-say"))]
        if tag == "button" or (tag == "input" and given.get("type", "text") in ("submit", "button", "text")):
            spoken.append("value" if tag == "input" else "data-value")
        if tag in ("optgroup", "option", "track"):
            spoken.append("label")
        self.said += [(f"{tag} {name}", given[name]) for name in spoken if given.get(name)]

    def handle_endtag(self, tag: str) -> None:
        while self.open and tag in [each for each, _ in self.open]:
            if self.open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if data.strip() and not (self.open and self.open[-1][1]):
            self.said.append((self.open[-1][0] if self.open else "", " ".join(data.split())))


_WORD: Final = re.compile(r"[^\W_]+")
# FHIR R4 references.html, Type/id; a scope of SMART's, system/Type.r; an id, or its beginning
_REFERENCE: Final = re.compile(
    r"\b(?:[A-Z][A-Za-z]+|system|user|patient)/[A-Za-z0-9.-]+|\b[0-9a-f]{8}(?:-[0-9a-f]{4,})*\b"
)
_PLAIN_WORD: Final = re.compile(r"(?![A-Z]{2}$)[A-Za-z]{2,}")  # two capitals are somebody's initials, or a state's


class Others:
    """What others have said: names of people and organizations, codes' displays, what somebody wrote. Told apart from
    our words by standing in the database as it stands on the page, as a whole."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self.by_first: dict[str, set[tuple[str, ...]]] = {}
        for phrase in phrases:
            words = tuple(_WORD.findall(phrase.lower()))
            if words:
                self.by_first.setdefault(words[0], set()).add(words)

    def left(self, said: str) -> list[str]:
        """The plain words of a text that are neither theirs nor a term that is the same everywhere."""
        words = _WORD.findall(_REFERENCE.sub(" ", said))
        lower, at, left = [word.lower() for word in words], 0, []
        while at < len(words):
            length = max(
                (len(each) for each in self.by_first.get(lower[at], ()) if tuple(lower[at : at + len(each)]) == each),
                default=0,
            )
            if not length and words[at] not in TERMS and words[at].isascii() and _PLAIN_WORD.fullmatch(words[at]):
                left.append(words[at])
            at += length or 1
        return left


TOLD: Final = frozenset({
    "text", "display", "family", "given", "prefix", "suffix", "name", "line", "city", "district", "state", "country",
    "description", "title", "comment", "conclusion", "patientInstruction", "contentString", "valueString", "alias",
    "note", "detail", "div", "value", "userSelected", "unit", "reasonString", "label", "definition", "version",
    "deceasedString", "cancelationReason", "disposition", "linkId", "url", "id", "reference", "postalCode", "publisher",
})  # fmt: skip


def told(body: Any, key: str = "") -> Iterator[str]:
    """The strings of a resource that are for people, or name something."""
    if isinstance(body, Mapping):
        for name, value in body.items():
            yield from told(value, name)
        if "family" in body or "given" in body:
            given, family = " ".join(body.get("given", ())), body.get("family", "")
            yield from (f"{given} {family}", f"{family}, {given}", f"{' '.join(body.get('prefix', ()))} {family}")
    elif isinstance(body, list):
        for each in body:
            yield from told(each, key)
    elif isinstance(body, str) and key in TOLD:
        yield body


def english(page: str, others: Others, passed: Collection[str] = ()) -> list[str]:
    """Each text of a page with words in it that are ours and not from the catalogue."""
    found = []
    for where, said in Heard(page).said:
        left = others.left(said)
        if left and said not in passed:
            found.append(f"<{where}> {said[:160]!r}: {' '.join(left)[:80]}")
    return found
