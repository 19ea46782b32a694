"""A payer's letter as a sheet of paper: HTML made of its parts in one language, and the PDF that WeasyPrint makes of
it, tagged for readers of screens (PDF/UA). The sheet has its own words and our font, and fetches nothing."""

import atexit
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from markupsafe import Markup, escape

from carecoord.domain.prior_auth.desk.letter import Letter, Line, Why
from carecoord.words.sentence import Sentence, Value, say, sentence

_FONT: Final = "web/static/vendor/inter-5.3.0/inter-latin-wght-normal.woff2"
_FONT_URL: Final = "carecoord:inter"
_STYLE: Final = """
@font-face { font-family: Inter; src: url("FONT") format("woff2"); }
@page { size: Letter; margin: 20mm 22mm 22mm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt Inter, sans-serif; color: #4b5a69; } }
body { font: 10.5pt/1.45 Inter, "DejaVu Sans", sans-serif; color: #15202b; }
header { display: flex; justify-content: space-between; padding-bottom: 6mm; border-bottom: 0.5mm solid #15202b; margin-bottom: 6mm; }
header p, .to p { margin: 0; } header .end { text-align: right; }
h1 { font-size: 14pt; margin: 7mm 0 3mm; } h2 { font-size: 11.5pt; margin: 6mm 0 2mm; }
p { margin: 0 0 2.5mm; } ul { margin: 0 0 2.5mm; padding-left: 5mm; }
table { width: 100%; border-collapse: collapse; margin: 3mm 0; } th, td { text-align: left; vertical-align: top; padding: 1.8mm 3mm 1.8mm 0; border-bottom: 0.2mm solid #7d8a97; }
thead th { font-weight: 500; color: #4b5a69; } tr, li { break-inside: avoid; } h2 { break-after: avoid; }
"""  # noqa: E501 (a sheet of styles, read by its rules)

_UNNUMBERED: Final = "@page { @bottom-right { content: none; } }"  # of what bears the numbers of a larger whole
_printing = threading.Lock()  # the fonts are of the whole process


@dataclass(frozen=True)
class Heads:
    """What stands at the head of a sheet. opening: the payer's own words, filled; payer, phone: who writes; number: of
    the request; member: their number."""

    payer: str
    phone: str
    day: date
    number: str
    patient: str
    member: str
    opening: str


def html(heads: Heads, letter: Letter, language: str) -> str:
    """The sheet in a language."""

    def put(value: Value) -> Markup:
        return escape(say(value, language))

    def line(each: Line) -> Markup:
        code = f" ({each.code})" if each.code else ""
        cells = Markup("<tr><th scope='row'>{}{}</th><td>{}</td><td>{}</td></tr>")
        return cells.format(each.service, code, put(each.asked), put(each.decided))

    def why(each: Why) -> Markup:
        head = Markup("<p><b>{}</b> {} {}</p>").format(
            f"{each.service}:" if each.service else "", put(_ended(each.reason)), each.words
        )
        if not each.criteria:
            return head
        shown = Markup().join(Markup("<li>{}: {}</li>").format(words, put(met)) for words, met in each.criteria)
        return Markup("{}<p>{}</p><ul>{}</ul>").format(head, put(sentence("decision-letter.criteria")), shown)

    def part(name: Sentence, body: Markup) -> Markup:
        return Markup("<h2>{}</h2>{}").format(put(name), body) if body else Markup()

    asks = Markup().join(
        Markup("<li>{}</li>").format(
            put(sentence("decision-letter.needed-by", paper=words, day=day) if day else words)
        )
        for words, day in letter.asks
    )
    rights = Markup().join(Markup("<p>{}</p>").format(put(each)) for each in letter.rights)
    table = Markup(
        "<table><thead><tr><th scope='col'>{}</th><th scope='col'>{}</th><th scope='col'>{}</th></tr></thead>"
        "<tbody>{}</tbody></table>"
    ).format(
        put(sentence("decision-letter.service")), put(sentence("decision-letter.asked")),
        put(sentence("decision-letter.answer")), Markup().join(map(line, letter.lines)),
    )  # fmt: skip
    body = Markup().join((
        _head(heads, put), Markup("<h1>{}</h1><p>{}</p>").format(put(sentence("decision-letter.title")), heads.opening),
        table, part(sentence("decision-letter.why"), Markup().join(map(why, letter.whys))),
        part(sentence("decision-letter.needed"), Markup("<ul>{}</ul>").format(asks) if asks else Markup()),
        part(sentence("decision-letter.rights"), rights),
    ))  # fmt: skip
    title = put(sentence("decision-letter.title"))
    page = Markup(
        "<!doctype html><html lang='{}'><head><meta charset='utf-8'><title>{}</title></head><body>{}</body></html>"
    )
    return str(page.format(language, title, body))


def _head(heads: Heads, put: Callable[[Value], Markup]) -> Markup:
    number = put(sentence("decision-letter.number", number=heads.number)) if heads.number else ""
    member = put(sentence("decision-letter.member", number=heads.member)) if heads.member else ""
    return Markup(
        "<header><div><p><b>{}</b></p><p>{}</p></div><div class='end'><p>{}</p><p>{}</p></div></header>"
        "<div class='to'><p>{}</p><p>{}</p></div>"
    ).format(heads.payer, heads.phone, put(heads.day), number, heads.patient, member)


def _ended(reason: Value) -> Value:
    """A reason as a sentence of its own."""
    return sentence("decision-letter.reason", reason=reason) if reason else ""


def pdf(sheet: str, *, numbered: bool = True) -> bytes:
    """The sheet printed; numbered: whether its pages bear their numbers."""
    import weasyprint  # dear to load: not before somebody is written to

    with _printing:
        press = _press()
        made: bytes = weasyprint.HTML(string=sheet, url_fetcher=press.fetcher).write_pdf(
            stylesheets=press.rules[: 1 if numbered else 2], font_config=press.fonts, pdf_variant="pdf/ua-1",
            pdf_identifier=b"letter",
        )  # fmt: skip
    return made


class _Press(NamedTuple):
    """What all letters are printed with. rules: those of every sheet, and those that take the numbers away."""

    fonts: Any
    rules: list[Any]
    fetcher: Any


@cache
def _press() -> _Press:
    """Read once. WeasyPrint takes a font that rules bring only where they were read for the fonts that the sheet is
    printed with; else it takes what the machine happens to have."""
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    atexit.register(_press.cache_clear)  # a font is taken away with its folder while there are modules to do it
    font = files("carecoord").joinpath(_FONT).read_bytes()

    class OurFont(URLFetcher):  # type: ignore[misc]
        """A letter fetches its font and nothing else."""

        def fetch(self, url: str, headers: object = None) -> Any:
            if url != _FONT_URL:
                raise ValueError(f"A letter fetches nothing: {url}")
            return URLFetcherResponse(url, font)

    fonts, fetcher = FontConfiguration(), OurFont()
    rules = (_STYLE.replace("FONT", _FONT_URL), _UNNUMBERED)
    return _Press(
        fonts, [weasyprint.CSS(string=each, font_config=fonts, url_fetcher=fetcher) for each in rules], fetcher
    )
