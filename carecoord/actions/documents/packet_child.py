"""Papers made into pages of one PDF, in a process of its own as `pdf_child` is: what somebody sent can bring down its
reader, never the server. Run by `pdf_pages` as a module.

    python -m carecoord.actions.documents.packet_child pages KIND < file      one paper as pages
    python -m carecoord.actions.documents.packet_child bound - < parts.json   its PDFs one after another, numbered

Answers one JSON object. Of a page that came, what would run or lead away when it is looked at is left out."""

import base64
import io
import json
import resource
import sys
from html import escape
from typing import Any, Final

from carecoord.actions.documents.pdf_child import MEMORY, SECONDS

MOST: Final = 500  # pages of a paper
_SHEET: Final = """<!doctype html><html><head><meta charset="utf-8"><style>
@page { size: Letter; margin: 15mm 15mm 18mm }
img { display: block; max-width: 100%; max-height: 245mm; margin: auto }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 9.5pt/1.4 "DejaVu Sans Mono", monospace; margin: 0 }
</style></head><body>BODY</body></html>"""


def pages(data: bytes, kind: str) -> dict[str, Any]:
    """A paper as a PDF of ours: a PDF page by page, a picture on a sheet, a text on as many as it takes. Raises
    whatever its reader stumbles over, ValueError for what has no pages that can be shown."""
    from pypdf import PdfReader, PdfWriter

    if kind.startswith("image/"):
        data = _printed(f'<img alt="" src="data:{kind};base64,{base64.b64encode(data).decode()}">')
    elif kind == "text/plain":
        data = _printed(f"<pre>{escape(data.decode(errors='replace'))}</pre>")
    reader, writer = PdfReader(io.BytesIO(data)), PdfWriter()
    if not 0 < len(reader.pages) <= MOST or (kind.startswith("image/") and not reader.pages[0].images):
        raise ValueError("no pages that can be shown")
    for page in reader.pages:
        own = writer.add_page(page)
        own.transfer_rotation_to_content()
        own.pop("/AA", None)
        for each in own.get("/Annots") or ():
            note = each.get_object()
            for name in ("/A", "/AA"):
                note.pop(name, None)
    return {"pages": len(writer.pages), "pdf": _written(writer)}


def bound(data: bytes, _: str) -> dict[str, Any]:
    """The PDFs of a JSON list (base64) one after another, each page with its number and how many there are."""
    from pypdf import PdfReader, PdfWriter

    whole = PdfWriter()
    for part in json.loads(data):
        for page in PdfReader(io.BytesIO(base64.b64decode(part))).pages:
            whole.add_page(page)
    for n, page in enumerate(whole.pages, 1):
        right, bottom, top = (float(each) for each in (page.mediabox.right, page.mediabox.bottom, page.mediabox.top))
        page.merge_page(_number(f"{n} / {len(whole.pages)}", right - 60, bottom + 20, (right, top)))
    whole.compress_identical_objects()
    return {"pages": len(whole.pages), "pdf": _written(whole)}


def _number(words: str, x: float, y: float, size: tuple[float, float]) -> Any:
    """A page with nothing but a number, white behind it so that it can be read on a scan."""
    from pypdf import PageObject
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    page = PageObject.create_blank_page(width=size[0], height=size[1])
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    named = DictionaryObject({NameObject(name): NameObject(value) for name, value in font.items()})
    fonts = DictionaryObject({NameObject("/PageNumber"): named})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    drawn = DecodedStreamObject()
    ground = f"1 1 1 rg {x - 4:.0f} {y - 4:.0f} 54 14 re f"
    drawn.set_data(f"q {ground} 0 0 0 rg BT /PageNumber 8 Tf {x:.0f} {y:.0f} Td ({words}) Tj ET Q".encode())
    page[NameObject("/Contents")] = drawn
    return page


def _printed(body: str) -> bytes:
    import weasyprint
    from weasyprint.urls import URLFetcher

    fetcher = URLFetcher(allowed_protocols=["data"])
    made: bytes = weasyprint.HTML(string=_SHEET.replace("BODY", body), url_fetcher=fetcher).write_pdf()
    return made


def _written(writer: Any) -> str:
    out = io.BytesIO()
    writer.write(out)
    return base64.b64encode(out.getvalue()).decode()


def main(way: str, kind: str) -> None:
    """Read the file from the standard input, and answer on the standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps({"pages": pages, "bound": bound}[way](sys.stdin.buffer.read(), kind)))


if __name__ == "__main__":
    main(*sys.argv[1:3])
