"""What a file is, by what is in it: its name and what its sender says of it count for nothing. Taken is what a reader's
browser or program shows without running anything: PDF, PNG, JPEG, TIFF, plain text, each whole.

Clauses: ISO 32000-2 (PDF), W3C PNG 3rd edition, ITU-T T.81 (JPEG), TIFF 6.0; WHATWG MIME Sniffing for what a browser
would take for a web page."""

import re
from dataclasses import dataclass
from typing import Final

from carecoord.domain.documents import pdf, pictures
from carecoord.words.sentence import Sentence, sentence

_MARKUP: Final = re.compile(r"\s*<[a-z!?/]", re.IGNORECASE)
_INSIDE: Final = re.compile(r"<(script|html|iframe|svg|body|object|embed)\b", re.IGNORECASE)
_XML: Final = re.compile(r"\s*<\?xml", re.IGNORECASE)
_PAGE: Final = re.compile(r"<(svg|html|script)\b", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_ZIP: Final = b"PK\x03\x04"
_OFFICE: Final = (b"word/", b"xl/", b"ppt/", b"mimetypeapplication/vnd.oasis")
_PICTURES: Final = (b"GIF87a", b"GIF89a", b"BM", b"II+\x00", b"MM\x00+", b"\x00\x00\x01\x00")
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe")


@dataclass(frozen=True, slots=True)
class Judged:
    """`type`: the media type, empty where it is none that is taken. `fault`: why the file is not taken, and what to do
    about it; None where it is."""

    type: str
    fault: Sentence | None = None


def judge(data: bytes) -> Judged:
    """What the bytes of a file are, and whether they can be kept."""
    if not data.strip(b"\x00 \t\r\n"):
        return Judged("", sentence("file.empty"))
    if pdf.begins(data):
        return Judged("application/pdf", pdf.fault(data))
    for type, magic, fault in pictures.KINDS:
        if data.startswith(magic):
            return Judged(type, fault(data))
    foreign = _foreign(data)
    if foreign is not None:
        return Judged("", foreign)
    return _text(data)


def _foreign(data: bytes) -> Sentence | None:
    """What is known and not taken."""
    if data.startswith(_ZIP):
        return sentence("file.office") if any(each in data[:4096] for each in _OFFICE) else sentence("file.zip")
    if data.startswith((b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf")):
        return sentence("file.office")
    if data[4:8] == b"ftyp":
        return sentence("file.heic") if data[8:11] in (b"hei", b"hev", b"mif", b"avi") else sentence("file.film")
    if data.startswith(_PICTURES) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return sentence("file.picture")
    if data.startswith(_PROGRAMS):
        return sentence("file.program")
    return sentence("file.dicom") if data[128:132] == b"DICM" else None


def _text(data: bytes) -> Judged:
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        said = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        return Judged("", sentence("file.unknown"))
    if _XML.match(said):
        return Judged("", sentence("file.web-page") if _PAGE.search(said[:4096]) else sentence("file.xml"))
    if _MARKUP.match(said) or _INSIDE.search(said):
        return Judged("", sentence("file.web-page"))
    if "%PDF-" in said[:1024]:
        return Judged("", sentence("file.pdf-broken"))
    if wide or _CONTROL.search(said):
        return Judged("", sentence("file.unknown"))
    return Judged("text/plain;charset=utf-8")
