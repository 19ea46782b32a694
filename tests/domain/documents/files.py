"""Files made by hand, byte by byte: whole ones, and those that are not what they seem."""

import struct
import zlib

CATALOG = b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
PAGES = b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
PAGE = b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 72 72] >>\nendobj\n"


def pdf(*more: bytes, catalog: bytes = CATALOG, trailer: bytes = b"", head: bytes = b"%PDF-1.4\n") -> bytes:
    """A PDF of one empty page, with further objects."""
    body = head + catalog + PAGES + PAGE + b"".join(more)
    table = b"xref\n0 1\n0000000000 65535 f \n"
    return body + table + b"trailer\n<< /Size 4 /Root 1 0 R %s>>\nstartxref\n%d\n%%%%EOF\n" % (trailer, len(body))


def lettered(*pages: str) -> bytes:
    """A PDF with these lines; a form feed begins another page."""
    objects: list[bytes] = []

    def add(said: bytes) -> int:
        objects.append(said)
        return len(objects)

    sheets = "\n".join(pages).split("\f")
    kids = [f"{4 + 2 * n} 0 R" for n in range(len(sheets))]
    add(b"<< /Type /Catalog /Pages 2 0 R >>")
    add(f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode())
    add(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for n, sheet in enumerate(sheets):
        shown = b" ".join(b"(%s) Tj 0 -16 Td" % line.encode() for line in sheet.strip("\n").split("\n"))
        drawn = b"BT /F1 12 Tf 72 720 Td " + shown + b" ET"
        add(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (5 + 2 * n)
        )
        add(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn))
    body, at = b"%PDF-1.4\n", []
    for n, each in enumerate(objects, 1):
        at.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (n, each)
    table = b"".join(b"%010d 00000 n \n" % each for each in at)
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % (len(at) + 1) + table + (
        b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(at) + 1, len(body))
    )  # fmt: skip


def packed(inside: bytes, filter: bytes = b"/FlateDecode", type: bytes = b"/ObjStm") -> bytes:
    """An object stream: objects that only show when it is inflated."""
    data = zlib.compress(inside)
    head = b"9 0 obj\n<< /Type %s /N 1 /First 4 /Filter %s /Length %d >>\nstream\r\n" % (type, filter, len(data))
    return head + data + b"\r\nendstream\nendobj\n"


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


HEADER = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
PNG = (
    b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", HEADER) + chunk(b"IDAT", zlib.compress(b"\x00\xff")) + chunk(b"IEND", b"")
)
JPEG = (
    b"\xff\xd8"
    b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
    b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\xab\xff\x00\xcd"
    b"\xff\xd9"
)
TIFF = (
    b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", 2)
    + struct.pack("<HHII", 256, 3, 1, 1) + struct.pack("<HHII", 257, 3, 1, 1) + struct.pack("<I", 0)
)  # fmt: skip
