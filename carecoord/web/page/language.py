"""In which language a page is read, and `say` for its templates: what its reader chose, else what the browser asks for.

The FHIR API answers in the language of Accept-Language alone (RFC 9110 section 12.5.4); without one in English.
"""

from typing import Any, Final

from flask import Request, g, request
from flask.sansio.app import App
from markupsafe import Markup, escape
from werkzeug.wrappers import Response

from carecoord.words import reader
from carecoord.words.catalogue import languages, say, spoken
from carecoord.words.reader import DEFAULT, reads
from carecoord.words.sentence import Sentence

NAMES: Final = {"en": "English", "es": "Español"}  # each in its own words
COOKIE: Final = "language"
_YEAR: Final = 31_536_000  # seconds
_OPEN, _SHUT = "\ue000", "\ue001"  # around the name of a part that is markup, until the words are escaped


def install(app: App) -> None:
    """Let every request have a reader, and every template speak to them."""
    app.before_request(_begin)
    app.teardown_request(_end)
    app.add_template_global(say_safely, "say")
    app.add_template_global(reads, "language")
    app.jinja_env.globals["language_names"] = NAMES
    app.add_template_filter(say, "in_words")
    app.jinja_env.finalize = _in_words


def read_in(language: str) -> None:
    """From now on this request is read in this language; what is none of ours changes nothing."""
    if language in languages():
        _end()
        g.reader = reader.begin(language)


def keep(answer: Response, language: str, *, secure: bool) -> Response:
    """Let this browser read in this language before anybody has signed in, too."""
    answer.set_cookie(COOKIE, language, max_age=_YEAR, path="/", secure=secure, httponly=True, samesite="Lax")
    return answer


def say_safely(key: str, /, **params: Any) -> str | Markup:
    """The sentence of this key for a template. What is put into its places is escaped like all text, but for what a
    template has made itself (`{% set %}`, a macro): that is Markup, and stays what it is."""
    parts = {name: part for name, part in params.items() if isinstance(part, Markup)}
    if not parts:
        return spoken(key, **params)
    words = str(escape(spoken(key, **params | {name: f"{_OPEN}{name}{_SHUT}" for name in parts})))
    for name, part in parts.items():
        words = words.replace(f"{_OPEN}{name}{_SHUT}", part)
    return Markup(words)  # noqa: S704 - the words were escaped, the parts are a template's


def asked(request: Request) -> str:
    """The language that a request asks for by its Accept-Language, of those that we have."""
    return request.accept_languages.best_match(languages(), DEFAULT) or DEFAULT


def _begin() -> None:
    chosen = request.cookies.get(COOKIE, "")
    mine = chosen in languages() and not request.path.startswith("/fhir")
    g.reader = reader.begin(chosen if mine else asked(request))


def _end(_: BaseException | None = None) -> None:
    token = g.pop("reader", None)
    if token is not None:
        reader.end(token)


def _in_words(value: Any) -> Any:
    """A sentence that a page shows, in its reader's words."""
    return say(value) if isinstance(value, Sentence) else value
