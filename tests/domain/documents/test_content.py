"""What a file is, told by what is in it: never by its name, and never by what its sender says that it is."""

import struct
import tracemalloc
import zlib

import pytest

from carecoord.domain.documents.content import judge
from tests.domain.documents.files import CATALOG, HEADER, JPEG, PNG, TIFF, chunk, packed, pdf

# A TIFF whose directories, each of 256 entries, lie across each other.
ACROSS = bytearray(struct.pack("<H", 256) * 4096)
ACROSS[:8] = b"II*\x00" + struct.pack("<I", 8)
for here, following in ((8, 16), (16, 24), (24, 0)):
    struct.pack_into("<I", ACROSS, here + 2 + 12 * 256, following)
XML = b'<?xml version="1.0"?>'
EOCD = b"PK\x05\x06" + b"\x00" * 16 + b"\x00\x00"  # the end of an empty ZIP

GOOD = {
    "a PDF": (pdf(), "application/pdf"),
    "a PDF of today": (pdf(head=b"%PDF-2.0\n%\xe2\xe3\xcf\xd3\n"), "application/pdf"),
    "a PDF behind a line feed, as some systems write it": (pdf(head=b"\n%PDF-1.7\n"), "application/pdf"),
    "a PDF with packed objects that do nothing": (pdf(packed(b"4 0 << /Type /Font >>")), "application/pdf"),
    "a PDF that speaks of scripts": (pdf(b"4 0 obj\n(We use JavaScript here)\nendobj\n"), "application/pdf"),
    "a PDF with blanks behind its end": (pdf() + b"\r\n\x00\x00 ", "application/pdf"),
    "a PNG": (PNG, "image/png"),
    "a JPEG": (JPEG, "image/jpeg"),
    "a JPEG with a second picture, as telephones write it": (JPEG + JPEG, "image/jpeg"),
    "a JPEG padded with zeros": (JPEG + b"\x00" * 7, "image/jpeg"),
    "a TIFF": (TIFF, "image/tiff"),
    "a TIFF of the other order": (
        b"MM\x00*\x00\x00\x00\x08" + struct.pack(">H", 1) + struct.pack(">HHII", 256, 3, 1, 1) + b"\0" * 4, "image/tiff"
    ),
    "a text": ("Größe 1,70 m\r\n\tBlutdruck 120/80 < 140\n".encode(), "text/plain;charset=utf-8"),
    "a text with a mark of its bytes": (b"\xef\xbb\xbfLVEF 38 %", "text/plain;charset=utf-8"),
}  # fmt: skip

BAD = {
    "nothing": (b"", "file.empty"),
    "blanks": (b" \r\n\x00", "file.empty"),
    "a web page": (b"<!doctype html><title>x</title>", "file.web-page"),
    "A WEB PAGE": (b"\n\n  <HTML><BODY onload=alert(1)>", "file.web-page"),
    "a web page behind a comment": (b"<!-- x --><script>alert(1)</script>", "file.web-page"),
    "a drawing with scripts": (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "file.web-page"),
    "a drawing as XML": (XML + b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file.web-page"),
    "a record as XML": (XML + b"<ClinicalDocument/>", "file.xml"),
    "a web page in wide letters": ("\ufeff<html>".encode("utf-16-le"), "file.web-page"),
    "a ZIP": (b"PK\x03\x04\x14\x00\x00\x00" + EOCD, "file.zip"),
    "a Word document": (b"PK\x03\x04\x14\x00" + b"word/document.xml" + EOCD, "file.office"),
    "an old Word document": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 8, "file.office"),
    "rich text": (b"{\\rtf1\\ansi Hello}", "file.office"),
    "a telephone's picture": (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "file.heic"),
    "a GIF": (b"GIF89a\x01\x00\x01\x00", "file.picture"),
    "a WebP": (b"RIFF\x1a\x00\x00\x00WEBPVP8 ", "file.picture"),
    "a program": (b"MZ\x90\x00" + b"\x00" * 60, "file.program"),
    "another program": (b"\x7fELF\x02\x01\x01\x00", "file.program"),
    "a script": (b"#!/bin/sh\nrm -rf /\n", "file.program"),
    "an image from a scanner": (b"\x00" * 128 + b"DICM\x02\x00", "file.dicom"),
    "bytes": (bytes(range(256)), "file.unknown"),
    "a text with a control character": (b"Hello\x07 world", "file.unknown"),
    "a PDF with its head alone": (b"%PDF-1.4\n<html><script>alert(1)</script>", "file.pdf-broken"),
    "a JPEG with more pictures behind it than any telephone writes": (JPEG * 51, "file.picture-more"),
    "a TIFF with more entries than it has room for": (bytes(ACROSS), "file.picture-broken"),
    "a PDF cut off": (pdf()[:-20], "file.pdf-broken"),
    "a PDF whose table is elsewhere": (pdf().replace(b"startxref\n", b"startxref\n9"), "file.pdf-broken"),
    "a PDF without a page": (pdf().replace(b"/Type /Page ", b"/Type /Pose "), "file.pdf-broken"),
    "a PDF behind a web page": (b"<html>" + pdf(), "file.web-page"),
    "a PDF behind other bytes": (b"GARBAGE " + pdf(), "file.pdf-broken"),
    "a PDF with a web page behind it": (pdf() + b"<html><script>alert(1)</script>", "file.pdf-more"),
    "a PDF with a ZIP behind it": (pdf() + b"PK\x03\x04" + EOCD, "file.pdf-more"),
    "a PDF with a password": (pdf(trailer=b"/Encrypt 5 0 R "), "file.pdf-locked"),
    "a PDF with a script": (pdf(b"4 0 obj\n<< /S /JavaScript /JS (app.alert(1)) >>\nendobj\n"), "file.pdf-active"),
    "a PDF with a script in other letters": (
        pdf(b"4 0 obj\n<< /S /J#61v#61Script /J#53 (app.alert(1)) >>\nendobj\n"), "file.pdf-active"
    ),
    "a PDF with a packed script": (pdf(packed(b"4 0 << /S /JavaScript /JS (x) >>")), "file.pdf-active"),
    "a PDF with a packed script in other letters": (
        pdf(packed(b"4 0 << /S /Java#53cript >>", type=b"/Obj#53tm")), "file.pdf-active"
    ),
    "a PDF packed so that nobody can look into it": (pdf(packed(b"x", filter=b"/LZWDecode")), "file.pdf-closed"),
    "a PDF packed twice": (pdf(packed(b"x", filter=b"[/FlateDecode /FlateDecode]")), "file.pdf-closed"),
    "a PDF whose packed part is torn": (
        pdf(packed(b"4 0 << /Type /Font >>").replace(b"\r\nx\x9c", b"\r\nx\x00")), "file.pdf-closed"
    ),
    "a PDF that starts a program": (pdf(b"4 0 obj\n<< /S /Launch /F (cmd.exe) >>\nendobj\n"), "file.pdf-active"),
    "a PDF that sends what is typed": (pdf(b"4 0 obj\n<< /S /SubmitForm >>\nendobj\n"), "file.pdf-active"),
    "a PDF with a film": (pdf(b"4 0 obj\n<< /Subtype /RichMedia >>\nendobj\n"), "file.pdf-active"),
    "a PDF with a living form": (
        pdf(catalog=CATALOG.replace(b">>", b"/AcroForm << /XFA 5 0 R >> >>")), "file.pdf-active"
    ),
    "a PDF with files in it": (pdf(b"4 0 obj\n<< /Type /EmbeddedFile >>\nendobj\n"), "file.pdf-files"),
    "a PNG cut off": (PNG[:-6], "file.picture-broken"),
    "a PNG with a wrong sum": (PNG.replace(b"\x08\x00\x00\x00\x00", b"\x08\x00\x00\x00\x01"), "file.picture-broken"),
    "a PNG without its head": (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", zlib.compress(b"\x00\xff")) + chunk(b"IEND", b""), "file.picture-broken"
    ),
    "a PNG without a picture": (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", HEADER) + chunk(b"IEND", b""), "file.picture-broken"
    ),
    "a PNG with a ZIP behind it": (PNG + b"PK\x03\x04" + EOCD, "file.picture-more"),
    "a JPEG cut off": (JPEG[:-2], "file.picture-broken"),
    "the head of a JPEG": (b"\xff\xd8\xff\xe0", "file.picture-broken"),
    "a JPEG without a picture": (b"\xff\xd8\xff\xfe\x00\x09<html>\xff\xd9", "file.picture-broken"),
    "a JPEG with a web page behind it": (JPEG + b"<script>alert(1)</script>", "file.picture-more"),
    "a TIFF whose directory is not there": (b"II*\x00\xff\x00\x00\x00" + TIFF[8:], "file.picture-broken"),
    "a TIFF without a picture": (b"II*\x00\x08\x00\x00\x00" + b"\x00" * 6, "file.picture-broken"),
    "a TIFF that goes in a circle": (TIFF[:-4] + b"\x08\x00\x00\x00", "file.picture-broken"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_file_is_known_by_what_is_in_it(name: str) -> None:
    data, type = GOOD[name]
    judged = judge(data)
    assert (judged.type, judged.fault) == (type, None)


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_not_what_a_reader_needs_is_told_why(name: str) -> None:
    data, key = BAD[name]
    fault = judge(data).fault
    assert fault is not None
    assert fault.key == key
    assert str(fault).endswith(".")


def test_a_zip_that_has_a_pdf_in_front_of_its_own_end_is_both_and_refused() -> None:
    inside = pdf()
    both = inside[:-6] + b"PK\x05\x06" + b"\x00" * 16 + struct.pack("<H", 6) + b"%%EOF\n"
    fault = judge(both).fault
    assert fault is not None
    assert fault.key == "file.pdf-more"


def test_a_pdf_that_swells_without_end_is_not_followed() -> None:
    bomb = pdf(*(packed(b"4 0 " + b" " * 40_000_000) for _ in range(3)))
    fault = judge(bomb).fault
    assert fault is not None
    assert fault.key == "file.pdf-closed"


def test_a_pdf_of_millions_of_names_takes_no_more_room_than_a_few_of_it() -> None:
    """Whoever may attach a file could else have each server keep every name of it in memory."""
    data = pdf(b"/ab" * 1_000_000)
    tracemalloc.start()
    try:
        assert judge(data).fault is None
        assert tracemalloc.get_traced_memory()[1] < 3 * len(data)
    finally:
        tracemalloc.stop()
