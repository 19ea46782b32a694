"""A PDF read in a process of its own, which holds nothing but that file, may write nothing, and ends when it takes too
much: what somebody sends can bring down its reader, never the server. Run by `pdf_reader` as a module.

    python -m carecoord.actions.documents.pdf_child words PAGES LETTERS < file.pdf
    python -m carecoord.actions.documents.pdf_child sheet N LETTERS < file.pdf
    python -m carecoord.actions.documents.pdf_child pages PAGES LETTERS < file.pdf
    python -m carecoord.actions.documents.pdf_child cover PAGES PATTERN < file.pdf

Answers one JSON object. Each way in imports only what it needs: pdfium and zxing are native code."""

import io
import json
import re
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final

MEMORY: Final = 1 << 30  # bytes of address space
SECONDS: Final = 20  # of the processor
_WIDTH: Final = 1700  # pixels of a page as it is looked at: letter paper at 200 dots an inch, as a fine fax has it


def words(data: bytes, pages: int, letters: str) -> dict[str, Any]:
    """The words of the first pages, up to so many letters."""
    from pypdf import PdfReader

    found, size, most = [], 0, int(letters)
    for page in PdfReader(io.BytesIO(data)).pages[:pages]:
        found.append(page.extract_text())
        size += len(found[-1])
        if size >= most:
            break
    return {"words": "\n".join(found)[:most]}


def sheet(data: bytes, n: int, letters: str) -> dict[str, Any]:
    """The words of the n-th page (from 1), the last where it has fewer, and how many there are."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    of = len(reader.pages)
    n = min(max(n, 1), of)
    return {"n": n, "of": of, "words": reader.pages[n - 1].extract_text()[: int(letters)]}


def pages(data: bytes, most: int, letters: str) -> dict[str, Any]:
    """The words of each of the first pages, up to so many letters in all. Pdfium reads a long paper five times as fast
    as pypdf does."""
    import pypdfium2

    found, left = [], int(letters)
    with closing(pypdfium2.PdfDocument(io.BytesIO(data))) as document:
        for n in range(min(len(document), most)):
            said = document[n].get_textpage().get_text_range().replace("\r\n", "\n")[:left]
            found.append(said.replace("\ufffe", "-"))
            left -= len(said)
    return {"pages": found}


def cover(data: bytes, pages: int, pattern: str) -> dict[str, Any]:
    """What the first bar code of the first pages says that is whole of this pattern; empty where there is none."""
    import zxingcpp

    bars = zxingcpp.barcode_formats_from_str("Code128")
    codes = (each.text for page in _drawn(data, pages) for each in zxingcpp.read_barcodes(page, formats=bars))
    return {"code": next((code for code in codes if re.fullmatch(pattern, code)), "")}


def _drawn(data: bytes, pages: int) -> Iterator[memoryview]:
    """Each page as grey pixels, in rows."""
    import pypdfium2

    with closing(pypdfium2.PdfDocument(io.BytesIO(data))) as document:
        for n in range(min(len(document), pages)):
            page = document[n]
            drawn = page.render(scale=_WIDTH / max(page.get_width(), page.get_height() * 0.77, 1.0), grayscale=True)
            yield memoryview(bytes(drawn.buffer)).cast("B", (drawn.height, drawn.stride))


WAYS: Final[dict[str, Callable[[bytes, int, str], dict[str, Any]]]] = {
    "words": words, "sheet": sheet, "pages": pages, "cover": cover,
}  # fmt: skip


def main(way: str, first: str, second: str) -> None:
    """Read the file from the standard input, and answer on the standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(WAYS[way](sys.stdin.buffer.read(), int(first), second)))


if __name__ == "__main__":
    main(*sys.argv[1:4])
