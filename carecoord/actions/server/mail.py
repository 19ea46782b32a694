"""Mail that goes out by the server that the settings name. Whoever writes one sees to it that it says nothing of a
patient: mail is read on telephones, by others, and kept for ever.

Clause: RFC 3834 5 (`Auto-Submitted`), RFC 8314 3.3 (TLS from the first byte), RFC 3207 (STARTTLS)."""

import smtplib
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final
from urllib.parse import unquote, urlsplit

from carecoord.errors import Unavailable
from carecoord.settings import Settings

WAIT: Final = 20.0  # seconds for each answer of the server
PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class Letter:
    """One mail to one person. `id`: what the sender knows it by."""

    id: str
    to: str
    subject: str
    text: str


def send(settings: Settings, letters: Iterable[Letter], now: datetime) -> Iterator[str]:
    """Send each, and tell the id of each that the server took. One that it refuses is left out. Raises Unavailable
    where the server does not answer, or takes us for nobody."""
    try:
        with _connection(settings) as server:
            for letter in letters:
                try:
                    server.send_message(_message(letter, settings, now))
                except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
                    server.rset()
                    continue
                yield letter.id
    except (OSError, smtplib.SMTPException) as trouble:
        raise Unavailable(f"The mail server did not take it: {type(trouble).__name__}.") from trouble


@contextmanager
def _connection(settings: Settings) -> Iterator[smtplib.SMTP]:
    """A session with the mail server. A password goes over TLS or not at all."""
    at = urlsplit(settings.mail_url)
    host, port, tls = at.hostname or "", at.port or PORTS[at.scheme], ssl.create_default_context()
    made = smtplib.SMTP_SSL(host, port, timeout=WAIT, context=tls) if at.scheme == "smtps" else smtplib.SMTP(
        host, port, timeout=WAIT
    )  # fmt: skip
    with made as server:
        server.ehlo()
        if at.scheme == "smtp" and (at.username or server.has_extn("starttls")):
            server.starttls(context=tls)
            server.ehlo()
        if at.username:
            server.login(unquote(at.username), unquote(at.password or ""))
        yield server


def _message(letter: Letter, settings: Settings, now: datetime) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = settings.mail_from, letter.to, letter.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain=settings.mail_from.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message
