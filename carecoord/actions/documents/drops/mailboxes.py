"""A mailbox that an organization has for documents, read by IMAP with TLS. Each letter is filed once and then moved to
the folder Filed; one of which something can not be kept to Refused, with a letter beside it that says why.

Clauses: RFC 9051 (IMAP4rev2), RFC 6851 (MOVE), RFC 8314 3.2 (TLS from the first byte), STARTTLS else, never without."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final
from urllib.parse import unquote, urlsplit

import structlog
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from carecoord.actions.documents.drops import receipt
from carecoord.errors import Unavailable
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence
from carecoord.world import World

FILED: Final = "Filed"
REFUSED: Final = "Refused"
WAIT: Final = 30.0  # seconds for each answer of the server
_MOST: Final = 50  # letters at once
_log = structlog.get_logger()


def take_in(world: World, organization: str) -> None:
    """File what lies in an organization's mailbox. Raises Unavailable where it is not reached, or a letter stays."""
    receipt.demand_organization(world, organization)
    left = 0
    with opened(world, organization) as server:
        for uid in server.search("UNDELETED")[:_MOST]:
            left += not _taken(world, organization, server, uid)
    if left:
        raise Unavailable(f"{left} letters of the mailbox of {organization} could not be filed yet.")


@contextmanager
def opened(world: World, organization: str) -> Iterator[IMAPClient]:
    """The mailbox, with the folder selected that its address names. Raises Unavailable; no word of it holds the
    password."""
    at = urlsplit(world.settings.mailboxes[organization])
    tls = ssl.create_default_context()
    try:
        with IMAPClient(
            at.hostname, at.port, ssl=at.scheme == "imaps", ssl_context=tls, timeout=WAIT
        ) as server:  # fmt: skip
            if at.scheme == "imap":
                server.starttls(tls)
            server.login(unquote(at.username or ""), unquote(at.password or ""))
            server.select_folder(unquote(at.path.strip("/")) or "INBOX")
            yield server
    except (OSError, IMAPClientError) as trouble:
        raise Unavailable(
            f"The mailbox of {organization} at {at.hostname} can not be read: {type(trouble).__name__}."
        ) from trouble


def _taken(world: World, organization: str, server: IMAPClient, uid: int) -> bool:
    """Whether a letter is filed, or kept aside. One that nobody foresaw stays, and the next is looked at."""
    most = world.settings.max_document * receipt.LETTER
    refused: receipt.Refused | None = receipt.Refused([say(sentence("intake.too-large"))])
    if int(server.fetch([uid], ["RFC822.SIZE"])[uid][b"RFC822.SIZE"]) <= most:
        letter = bytes(server.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"])
        try:
            refused = receipt.file_letter(world, organization, letter)
        except Unavailable:
            raise
        except Exception as trouble:
            _log.error("document_not_filed", organization=organization, error=type(trouble).__name__)
            return False
    to = FILED if refused is None else REFUSED
    if not server.folder_exists(to):
        server.create_folder(to)
    if refused is not None:
        server.append(to, _note(world, "\n".join(refused.reasons)).as_bytes(), msg_time=world.clock())
    _move(server, uid, to)
    return True


def _move(server: IMAPClient, uid: int, to: str) -> None:
    if server.has_capability("MOVE"):
        server.move([uid], to)
        return
    server.copy([uid], to)
    server.delete_messages([uid])
    server.expunge([uid] if server.has_capability("UIDPLUS") else None)


def _note(world: World, why: str) -> EmailMessage:
    """What lies in the folder Refused beside what was put there."""
    message = EmailMessage()
    message["From"] = message["To"] = "carecoord"
    message["Subject"], message["Date"] = say(sentence("intake.not-filed")), format_datetime(world.clock())
    message["Message-ID"] = make_msgid(domain="carecoord")
    message.set_content(why)
    return message
