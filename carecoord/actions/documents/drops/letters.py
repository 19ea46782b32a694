"""What an e-mail brings along: its attachments, else what is written in it. What is only there to look nice (pictures
inside the text) or to be checked by a program (signatures, cards, calendars) is no document.

Clause: RFC 5322, RFC 2045 to 2049 (MIME), RFC 2183 (attachment and inline), RFC 2392 (Content-ID)."""

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Final

MOST: Final = 40  # parts of a letter that are looked at
# What the standard library raises over what nobody foresaw, such as parts within parts a thousand deep.
_UNREAD: Final = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_BESIDE: Final = frozenset({
    "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature", "text/vcard",
    "text/x-vcard", "text/calendar", "text/html",
})  # fmt: skip


def papers(data: bytes) -> list[bytes]:
    """The documents of a letter, as its bytes came. One that is no letter, or that can not be read, has none: it is put
    aside with a word, where it would else come again at every look and hold up those behind it."""
    try:
        return _papers(BytesParser(policy=default).parsebytes(data))
    except _UNREAD:
        return []


def _papers(message: EmailMessage) -> list[bytes]:
    parts = [each for each in message.walk() if isinstance(each, EmailMessage) and not each.is_multipart()][:MOST]
    found = [_bytes(each) for each in parts if _is_document(each)]
    if not found and isinstance(body := message.get_body(("plain",)), EmailMessage):
        found = [_bytes(body)]
    return [each for each in found if each.strip()]


def _is_document(part: EmailMessage) -> bool:
    type, shown = part.get_content_type(), part.get_content_disposition()
    if type in _BESIDE:
        return False
    if shown == "attachment" or type == "application/pdf":
        return True
    if part.get_content_maintype() == "image":
        return not part["Content-ID"]
    return type != "text/plain" or bool(part.get_filename())


def _bytes(part: EmailMessage) -> bytes:
    if part.get_content_type() == "text/plain" and part.get_content_disposition() != "attachment":
        return _text(part)
    sent = part.get_payload(decode=True)
    return sent if isinstance(sent, bytes) else b""


def _text(part: EmailMessage) -> bytes:
    """What is written in a part, in UTF-8; of a charset that nobody knows what can be read of it."""
    try:
        said = part.get_content()
    except LookupError:
        sent = part.get_payload(decode=True)
        said = sent.decode(errors="replace") if isinstance(sent, bytes) else ""
    return said.encode(errors="replace") if isinstance(said, str) else b""
