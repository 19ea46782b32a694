"""What a narrative must not hold: anything that acts by itself.

Clause: FHIR R4 narrative.html#rules (txt-1: "SHALL NOT contain a head, a body, external stylesheet references,
deprecated elements, scripts, forms, base/link/xlink, frames, iframes and objects"; "SHALL NOT contain references to or
running of active content"), txt-2 (some content that is not white space). Read as a browser reads it.
"""

import re
from html.parser import HTMLParser

_FORBIDDEN = frozenset({
    "applet", "audio", "base", "body", "button", "embed", "form", "frame", "frameset", "head", "html", "iframe",
    "input", "link", "math", "meta", "noscript", "object", "option", "script", "select", "style", "svg", "template",
    "textarea", "title", "video",
})  # fmt: skip
_ADDRESSES = frozenset({"href", "src", "xlink:href", "action", "background", "longdesc", "cite", "data", "style"})
_ACTIVE = re.compile(r"(javascript|vbscript|livescript|mocha|data(?!:image/)):|expression\(", re.IGNORECASE)
_HIDDEN = re.compile("[\x00-\x20\x7f-\xa0]+")  # what browsers pass over within the scheme of an address
_PICTURES = frozenset({"img"})


def harm(div: str) -> str | None:
    """What is wrong with the XHTML of a narrative, to be read on after its name; None for a good one."""
    reader = _Reader()
    reader.feed(div)
    reader.close()
    if reader.harm:
        return reader.harm
    return None if reader.is_filled else "has no content; leave the narrative out instead"


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.harm: str | None = None
        self.is_filled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = tag.rpartition(":")[2]
        self.is_filled = self.is_filled or name in _PICTURES
        if name in _FORBIDDEN:
            self.harm = self.harm or f"holds a <{name[:20]}>, which no narrative may"
        for attribute, value in attrs:
            if attribute.startswith("on"):
                self.harm = self.harm or f"holds the attribute {attribute[:20]}, which would run a script"
            elif attribute in _ADDRESSES and _ACTIVE.search(_HIDDEN.sub("", value or "")):
                self.harm = self.harm or f"holds something in {attribute} that would run a script"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        self.is_filled = self.is_filled or not data.isspace()
