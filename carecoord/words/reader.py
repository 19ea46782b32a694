"""Whose language words are said in: the reader's, as long as somebody reads; English where nobody does."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Final

DEFAULT: Final = "en"
_LANGUAGE: Final[ContextVar[str]] = ContextVar("language", default=DEFAULT)


def reads() -> str:
    """The language of whoever reads what is said now."""
    return _LANGUAGE.get()


def begin(language: str) -> Token[str]:
    """Let somebody read who reads this language; `end` takes what this gives."""
    return _LANGUAGE.set(language)


def end(reader: Token[str]) -> None:
    """Nobody reads any more, or who read before."""
    _LANGUAGE.reset(reader)


@contextmanager
def reading_in(language: str) -> Iterator[None]:
    """Say what is said inside to somebody who reads this language: a letter, a page of another's link."""
    reader = begin(language)
    try:
        yield
    finally:
        end(reader)
