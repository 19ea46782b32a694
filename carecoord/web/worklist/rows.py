"""The rows of the list as they stand in its page. Most rows say what they said a moment ago, to the same person or to a
colleague: those are not drawn again."""

from functools import lru_cache

from flask import get_template_attribute
from markupsafe import Markup

from carecoord.web.worklist.view import Line
from carecoord.words.reader import reads


def drawn(line: Line, full: bool) -> Markup:
    """A row as HTML. full: for an asker who sees cases whole, and so has all columns. It is made of these two and its
    reader's language alone, so that who is shown the same Line is shown the same row."""
    return _drawn(line, full, reads())


@lru_cache(maxsize=2000)
def _drawn(line: Line, full: bool, language: str) -> Markup:
    row: Markup = get_template_attribute("case_row.html", "case_row")(line, full)
    return row
