"""Whether a picture is whole, and nothing but a picture: its parts are walked through from its first byte to its last.

Clauses: W3C PNG 3rd edition 5 (chunks and their sums), ITU-T T.81 annex B (markers), TIFF 6.0 part 1 (directories)."""

import re
import struct
import zlib
from collections.abc import Callable
from typing import Final

from carecoord.words.sentence import Sentence, sentence

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_STANDING_ALONE: Final = {0x01, *range(0xD0, 0xD8)}
_FRAMES: Final = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_WIDTH: Final = 256  # the tag of a TIFF's directory that every picture has
_ENTRY: Final = 12  # bytes of an entry of such a directory
_BLANK: Final = re.compile(rb"\x00*")
_MOST: Final = 50  # pictures in one JPEG file: a telephone writes two or three


def _broken() -> Sentence:
    return sentence("file.picture-broken")


def _png(data: bytes) -> Sentence | None:
    names: list[bytes] = []
    at = len(_PNG)
    while not names or names[-1] != b"IEND":
        if len(data) - at < 12:
            return _broken()
        length, name = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data) or zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            return _broken()
        names.append(name)
        at = end + 4
    if names[0] != b"IHDR" or b"IDAT" not in names or 0 in struct.unpack_from(">II", data, 16):
        return _broken()
    return sentence("file.picture-more") if data[at:].strip(b"\x00") else None


def _jpeg(data: bytes) -> Sentence | None:
    """A telephone writes smaller pictures behind the first one (CIPA DC-007); anything else there is no picture."""
    at = 0
    for _ in range(_MOST):
        end = _end_of_jpeg(data, at)
        if end is None:
            return _broken()
        at = _past_blanks(data, end)
        if not data.startswith(b"\xff\xd8", at):
            break
    return sentence("file.picture-more") if at < len(data) else None


def _past_blanks(data: bytes, at: int) -> int:
    found = _BLANK.match(data, at)
    return found.end() if found else at


def _end_of_jpeg(data: bytes, start: int) -> int | None:
    """Where the picture that begins there ends; None where it does not, or shows nothing."""
    seen: set[int] = set()
    at = start + 2
    while at + 1 < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            return at + 2 if seen & _FRAMES and 0xDA in seen else None
        seen.add(marker)
        at += 2
        if marker not in _STANDING_ALONE:
            length = int.from_bytes(data[at : at + 2], "big")
            if length < 2:
                return None
            at += length
        if marker == 0xDA:
            at = _next_marker(data, at)
    return None


def _next_marker(data: bytes, at: int) -> int:
    """Past the coded picture: to the next 0xFF that is no part of it."""
    while (at := data.find(b"\xff", at)) >= 0:
        follows = data[at + 1] if at + 1 < len(data) else 0xD9
        if follows != 0 and follows not in _STANDING_ALONE:
            return at
        at += 2
    return len(data)


def _tiff(data: bytes) -> Sentence | None:
    """Its directories lie beside each other, so they have no more entries than the file has room for; of those that lie
    across each other there could be as many as it has bytes, each as long as the file."""
    left = len(data) // _ENTRY
    order, seen = "<" if data.startswith(b"II") else ">", set()
    (at,) = struct.unpack_from(f"{order}I", data, 4) if len(data) >= 8 else (0,)
    if not at:
        return _broken()
    while at:
        if at in seen or at + 6 > len(data):
            return _broken()
        seen.add(at)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        end, left = at + 2 + _ENTRY * count, left - count
        if end + 4 > len(data) or left < 0:
            return _broken()
        tags = {struct.unpack_from(f"{order}H", data, at + 2 + _ENTRY * n)[0] for n in range(count)}
        if _WIDTH not in tags:
            return _broken()
        (at,) = struct.unpack_from(f"{order}I", data, end)
    return None


Judge = Callable[[bytes], Sentence | None]
KINDS: Final[tuple[tuple[str, bytes, Judge], ...]] = (  # media type, how it begins, why it is not taken
    ("image/png", _PNG, _png),
    ("image/jpeg", b"\xff\xd8\xff", _jpeg),
    ("image/tiff", b"II*\x00", _tiff),
    ("image/tiff", b"MM\x00*", _tiff),
)
