"""Texts and references as an index holds them, and as a search must therefore ask for them.

Clause: FHIR R4 references.html#literal.
"""

import hashlib
import re
from typing import Any

LONGEST = 500  # bytes of a value in an index: two of them fit in one entry of a PostgreSQL B-tree

WINDOW = 120  # characters; at four bytes each they fit in LONGEST
_FARTHEST = 100_000  # characters of one text that are looked through

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def clip(text: str) -> str:
    """The text as it stands in an index: at most LONGEST bytes, a longer one told apart by a digest behind its first
    400; without NUL, which PostgreSQL can not hold. Clip what is searched for as well."""
    if "\0" in text:
        text = text.replace("\0", "")
    if len(text) * 4 <= LONGEST:
        return text
    data = text.encode(errors="surrogatepass")
    if len(data) <= LONGEST:
        return text
    return data[:400].decode(errors="ignore") + "#" + hashlib.sha256(data).hexdigest()


def windows(text: str) -> list[str]:
    """Overlapping parts of a folded text that an index holds clipped, so that what stands behind the clip is found as
    well: every run of WINDOW // 2 characters is whole in one of them."""
    if len(text.encode(errors="surrogatepass")) <= LONGEST:
        return []
    step = WINDOW // 2
    return [text[n : n + WINDOW] for n in range(0, min(len(text), _FARTHEST), step)]


def refers(reference: str, base: str) -> tuple[str, str] | None:
    """(type, id) where a reference is to a resource of ours: `Type/id`, with or without our base in front and a version
    behind. None for anything else: another server, urn:, #contained, a conditional reference."""
    if reference.startswith(base):
        reference = reference[len(base) :]
    parts = reference.split("/")
    if len(parts) == 4 and parts[2] == "_history":
        del parts[2:]
    if len(parts) != 2 or not parts[0][:1].isupper() or not parts[0].isalpha():
        return None
    return (parts[0], parts[1]) if _ID.fullmatch(parts[1]) else None


def is_about(value: Any, type_: str) -> bool:
    """Whether a Reference is to that type, as far as it says so itself."""
    if not isinstance(value, dict):
        return False
    reference = value.get("reference")
    if isinstance(reference, str):
        parts = reference.split("/_history/")[0].rsplit("/", 2)
        if len(parts) > 1:
            return parts[-2] == type_
    return value.get("type") == type_
