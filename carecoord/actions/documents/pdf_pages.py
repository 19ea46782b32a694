"""Papers as pages of one PDF, made in a process of its own with bounds (`packet_child`). What can not be made into
pages brings down its own process alone."""

import base64
import json
from collections.abc import Sequence
from typing import Final

from carecoord.actions.documents import pdf_reader
from carecoord.actions.documents.open import File

KINDS: Final = frozenset({"application/pdf", "text/plain", "image/png", "image/jpeg", "image/gif", "image/webp"})
_CHILD: Final = "carecoord.actions.documents.packet_child"


def pages(found: File) -> tuple[int, bytes] | None:
    """A file as a PDF, with the number of its pages; None of one that is no paper, or can not be read."""
    kind = found.content_type.partition(";")[0].strip().lower()
    made = pdf_reader.asked(_CHILD, "pages", kind, data=found.data) if kind in KINDS else None
    return (int(made["pages"]), base64.b64decode(made["pdf"])) if made else None


def bound(parts: Sequence[bytes]) -> bytes | None:
    """PDFs one after another, each page numbered; None where they do not go together."""
    told = json.dumps([base64.b64encode(each).decode() for each in parts]).encode()
    made = pdf_reader.asked(_CHILD, "bound", "-", data=told)
    return base64.b64decode(made["pdf"]) if made else None
