"""Whether a PDF is whole, and does nothing but show itself. A viewer repairs what is broken in ways of its own, so what
stands in the file counts, not what its table of contents admits: names are looked for in all of it, and in the object
streams that are packed into it.

Clauses: ISO 32000-2 7.3.5 (names and their escapes), 7.5.1 to 7.5.8 (structure, object streams), 12.6.4 (actions)."""

import re
import zlib
from bisect import bisect
from collections.abc import Iterator
from typing import Final

from carecoord.words.sentence import Sentence, sentence

_MOST_PACKED: Final = 64_000_000  # bytes of packed objects that are looked through, of one file
_MOST_STREAMS: Final = 100_000  # that are looked into, of one file
_HEAD: Final = re.compile(rb"(?:\xef\xbb\xbf)?[\t\r\n ]{0,16}%PDF-[12]\.\d")
_TAIL: Final = re.compile(rb"startxref[\s\x00]+(\d{1,12})[\s\x00]+%%EOF[\s\x00]*\Z")
_TABLE: Final = re.compile(rb"[\s\x00]*(?:xref\b|\d{1,10}[\s\x00]+\d{1,5}[\s\x00]+obj\b)")
_NAME: Final = re.compile(rb"/([^\s\x00()<>\[\]{}/%]{1,64})")
_ACTIVE: Final = {b"JavaScript", b"Launch", b"SubmitForm", b"ImportData", b"RichMedia", b"Rendition", b"XFA"}
_FILES: Final = {b"EmbeddedFile", b"EmbeddedFiles", b"Collection", b"GoToE"}
_PACKED: Final = b"ObjStm"
_OTHERWISE: Final = {b"LZWDecode", b"LZW", b"ASCIIHexDecode", b"AHx", b"ASCII85Decode", b"A85", b"RunLengthDecode"}
_COUNTS: Final = _ACTIVE | _FILES | _OTHERWISE | {_PACKED, b"Encrypt", b"Page"}  # the names that are looked for
_ESCAPE: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM: Final = re.compile(rb"stream\r?\n?")
_OBJECTS: Final = re.compile(rb"[ \t\r\n\f]*\d+[ \t\r\n\f]+\d+")  # how an object stream begins: numbers and offsets
_ZIP_END: Final = b"PK\x05\x06"
_STEP: Final = 16_384  # bytes that are inflated at once


def begins(data: bytes) -> bool:
    """Whether it begins as a PDF does; a mark and blanks before it are what some systems write."""
    return _HEAD.match(data) is not None


def fault(data: bytes) -> Sentence | None:
    """Why a PDF is not taken; None where it is whole and at rest."""
    if broken := _structure(data):
        return broken
    names = _names(data)
    if b"Encrypt" in names:
        return sentence("file.pdf-locked")
    if _PACKED in names:
        unpacked = _unpacked(data)
        if unpacked is None:
            return sentence("file.pdf-closed")
        names = names.union(*map(_names, unpacked))
        if names & _OTHERWISE:
            return sentence("file.pdf-closed")
    if names & _ACTIVE:
        return sentence("file.pdf-active")
    if names & _FILES:
        return sentence("file.pdf-files")
    return None if b"Page" in names else sentence("file.pdf-broken")


def _structure(data: bytes) -> Sentence | None:
    """What its outer form lacks, or has too much of."""
    end = data.rfind(b"%%EOF")
    if end < 0:
        return sentence("file.pdf-broken")
    if data[end + 5 :].strip(b"\x00 \t\r\n\f") or _is_zip(data):
        return sentence("file.pdf-more")
    tail = _TAIL.search(data, max(0, end - 64))
    if tail is None:
        return sentence("file.pdf-broken")
    at, lead = int(tail[1]), data.find(b"%PDF-")
    found = any(_TABLE.match(data, start) for start in (at, at + lead))
    return None if found else sentence("file.pdf-broken")


def _is_zip(data: bytes) -> bool:
    """Whether the same bytes are read as a ZIP, from behind: its end names the length of the comment after it."""
    last = data[-65_557:]
    at = last.rfind(_ZIP_END)
    while at >= 0:
        if len(last) - at >= 22 and at + 22 + int.from_bytes(last[at + 20 : at + 22], "little") == len(last):
            return True
        at = last.rfind(_ZIP_END, 0, at)
    return False


def _names(data: bytes) -> set[bytes]:
    """The names that count among those that stand in it, which may be millions of others."""
    return {name for found in _NAME.finditer(data) if (name := _unescaped(found[1])) in _COUNTS}


def _unescaped(name: bytes) -> bytes:
    """With the letters that are written as numbers: J#53 is JS."""
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), name) if b"#" in name else name


def _unpacked(data: bytes) -> list[bytes] | None:
    """What is in all object streams; None where one can not be looked into, or there is too much of it."""
    found: list[bytes] = []
    room = _MOST_PACKED
    read: list[tuple[int, bool]] = []
    for stream in _STREAM.finditer(data):
        if data.endswith(b"end", 0, stream.start()):
            continue
        if len(read) == _MOST_STREAMS:
            return None
        objects = _inflated(data, stream.end(), room)
        read.append((stream.start(), objects is not None))
        found += [objects] if objects is not None else []
        room -= len(objects or b"")
        if room <= 0:
            return None
    return found if all(_follows(data, read)) else None


def _follows(data: bytes, read: list[tuple[int, bool]]) -> Iterator[bool]:
    """Of each object stream that the file names: whether the stream behind its name was looked into."""
    starts = [start for start, _ in read]
    for name in _NAME.finditer(data):
        if _unescaped(name[1]) == _PACKED:
            n = bisect(starts, name.start())
            yield n < len(read) and read[n][1]


def _inflated(data: bytes, start: int, room: int) -> bytes | None:
    """The objects in a stream; None where it is not packed in the usual way, or holds none."""
    inflater = zlib.decompressobj()
    try:
        found = inflater.decompress(data[start : start + _STEP], 64)
        if not _OBJECTS.match(found):
            return None
        parts, size, at = [found], len(found), start + _STEP
        more = inflater.unconsumed_tail
        while not inflater.eof and size < room and (more or at < len(data)):
            if not more:
                more, at = data[at : at + _STEP], at + _STEP
            parts.append(inflater.decompress(more, room - size))
            more = inflater.unconsumed_tail
            size += len(parts[-1])
    except zlib.error:
        return None
    return b"".join(parts) if inflater.eof or size >= room else None
