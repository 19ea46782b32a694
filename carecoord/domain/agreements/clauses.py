"""Clauses: on which passage of its paper something of an agreement stands, by page, heading and words. What was signed
stays as it was signed, so a clause is named in the document that shows it, and is seen by whoever sees that document.

Clauses: FHIR R4 documentreference.html (context.related), extensibility.html; contracts.md 1.3 (clause), 1.4."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, extension, extensions, item, items, key, target, text, whole
from carecoord.words.sentence import Sentence, sentence

CLAUSE: Final = f"{EXTENSION}/clause"
PARTICIPATION: Final = "term:participation"
RATES: Final = "rates:"  # what stands on a clause about what is paid begins so
_BACK: Final = 3  # pages before a passage on which its heading is looked for
_WORDS: Final = 8  # of a title: more of them are a sentence
_HEADING: Final = re.compile(
    r"\s*(?P<number>(?:(?:Section|Article|Clause|SECTION|ARTICLE|CLAUSE)\s+)?(?:§\s*)?\d{1,2}(?:\.\d{1,3}){0,4}"
    r"|(?:Article|Section|ARTICLE|SECTION)\s+[IVXLC]{1,6}"
    r"|(?:Exhibit|Schedule|Appendix|Attachment|Annex|EXHIBIT|SCHEDULE|APPENDIX|ATTACHMENT|ANNEX)\s+[A-Z0-9][\w.-]{0,5})"
    r"(?P<stop>[.):]?)(?P<gap>\s*[\N{EN DASH}\N{EM DASH}:-]?\s*)(?P<title>.*)$"
)
_PLAIN: Final = str.maketrans({
    "\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"', "\N{EN DASH}": "-",
    "\N{LEFT SINGLE QUOTATION MARK}": "'", "\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{EM DASH}": "-",
    "\N{SOFT HYPHEN}": None,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clause:
    """A passage. `of`: what stands on it, `term:CODE`, `party:KEY` or `rates:NAME` (of a schedule); `page`: from 1;
    `document`: its key; `contracts`: the keys of the versions that the document is about."""

    of: str
    page: int
    heading: str
    words: str
    document: str = ""
    contracts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """Where words stand in a paper: the page, from 1, and the heading above them, empty where there is none."""

    page: int
    heading: str


def clauses(document: Json) -> list[Clause]:
    """Those that a document names."""
    about = tuple(contracts(document))
    return [
        Clause(of, page, _said(each, "heading"), _said(each, "words"), key(document), about)
        for each in extensions(document, CLAUSE)
        if (of := _said(each, "of")) and (page := whole(extension(each, "page"), "valueInteger") or 0) > 0
    ]


def contracts(document: Json) -> list[str]:
    """The agreements that a document is about, `Contract/id`."""
    related = (target(each) for each in items(item(document, "context"), "related"))
    return list(dict.fromkeys(each for each in related if each.startswith("Contract/")))


def named(document: Json, clause: Clause) -> Json:
    """The document with a clause in the place of the one that it named for the same."""
    parts = [{"url": "of", "valueString": clause.of}, {"url": "page", "valueInteger": clause.page}]
    parts += [
        {"url": name, "valueString": said}
        for name, said in (("heading", clause.heading), ("words", clause.words))
        if said
    ]
    found = unnamed(document, clause.of)
    return found | {"extension": [*items(found, "extension"), {"url": CLAUSE, "extension": parts}]}


def unnamed(document: Json, of: str) -> Json:
    """The document without the clause that it names for something."""
    kept = [
        each
        for each in items(document, "extension")
        if each.get("url") != CLAUSE or _said(each, "of") != of
    ]
    rest = {name: value for name, value in document.items() if name != "extension"}
    return rest | ({"extension": kept} if kept else {})


def standing(documents: Iterable[Json], versions: Sequence[str]) -> dict[str, Clause]:
    """By what stands on it, the clause that counts. documents: the newest first; versions: `Contract/id`, the one in
    force first, then what it amends: what a later one names takes the place of what an earlier one names."""
    found: dict[str, tuple[int, Clause]] = {}
    for clause in (each for document in documents for each in clauses(document)):
        ranks = [versions.index(each) for each in clause.contracts if each in versions]
        if ranks and (clause.of not in found or min(ranks) < found[clause.of][0]):
            found[clause.of] = min(ranks), clause
    return {of: clause for of, (_, clause) in found.items()}


def passage(pages: Sequence[str], words: str, page: int | None = None) -> Passage | Sentence:
    """Where the words stand; why that can not be said. page: the page that somebody wrote, from 1."""
    wanted, _ = _flat(words.split("\n"))
    on = [n for n in range(1, len(pages) + 1) if _stands(pages, n, wanted)]
    if not on:
        return sentence("clause.nowhere")
    if page is not None and page not in on:
        return sentence("clause.elsewhere", page=page, found=", ".join(map(str, on[:3])))
    if page is None and len(on) > 1:
        return sentence("clause.several", found=", ".join(map(str, on[:5])))
    n = on[0] if page is None else page
    return Passage(n, _heading(pages, n, wanted))


def _said(part: Json, name: str) -> str:
    return text(extension(part, name), "valueString")


def _stands(pages: Sequence[str], n: int, wanted: str) -> bool:
    """Whether the words begin on the n-th page; they may go on to the next."""
    own, _ = _flat(pages[n - 1].split("\n"))
    both, _ = _flat("\n".join(pages[n - 1 : n + 1]).split("\n"))
    return wanted in own or 0 <= both.find(wanted) < len(own)


def _heading(pages: Sequence[str], n: int, wanted: str) -> str:
    """The nearest heading at or above the words."""
    lines = "\n".join(pages[n - 1 : n + 1]).split("\n")
    flat, starts = _flat(lines)
    at = flat.find(wanted)
    last = max(m for m, start in enumerate(starts) if start <= at)
    above = [line for page in pages[max(0, n - 1 - _BACK) : n - 1] for line in page.split("\n")]
    return next(_headings(reversed([*above, *lines[: last + 1]])), "")


def _headings(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        found = _HEADING.match(line)
        if not found:
            continue
        number = " ".join(found["number"].split())
        title = re.split(r"[.;:](?:\s|$)", found["title"], maxsplit=1)[0].strip()
        marked = bool(found["stop"]) or "." in number or not number[:1].isdigit()
        if found["title"] and not (found["gap"] or found["stop"]):
            continue  # a number that runs on into letters
        if title and not (title[:1].isupper() or title[:1] == '"'):
            continue  # `30 days`, `4.2 of this agreement`
        if not marked and (not title or len(title.split()) > _WORDS):
            continue
        yield f"{number} {title}".strip() if len(title.split()) <= _WORDS else number


def _flat(lines: Sequence[str]) -> tuple[str, list[int]]:
    """Lines as one in base letters, however blanks, quotes and hyphens at their ends were set; where each begins."""
    said, starts = "", []
    for line in lines:
        plain = " ".join(unicodedata.normalize("NFKC", line).translate(_PLAIN).casefold().split())
        if said.endswith("-") and plain[:1].isalpha():
            said = said[:-1]
        elif said and plain:
            said += " "
        starts.append(len(said))
        said += plain
    return said, starts
