"""What auth refuses. The caller turns these into HTTP in its own words; RFC 6749 bodies stay Authlib's."""


class Refused(Exception):
    """Somebody is not let in. `text` may be shown to them; it never says which of several secrets was wrong. `code` and
    what it speaks `of` are for whoever says it in another language."""

    status = 401
    error = "invalid_request"

    def __init__(self, text: str, code: str = "", **of: str | int) -> None:
        super().__init__(text)
        self.text, self.code, self.of = text, code, of


class NoToken(Refused):
    """No bearer token was sent at all (RFC 6750 section 3.1: then no error code is shown either)."""

    error = ""


class BadToken(Refused):
    """The token is unknown, revoked, expired or malformed. RFC 6750 `invalid_token`."""

    error = "invalid_token"


class BadSignIn(Refused):
    """The login or the password is wrong; which one is not told."""

    error = "access_denied"


class Locked(Refused):
    """Too many wrong passwords for this login. `seconds` until the next try counts."""

    status, error = 429, "access_denied"

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many wrong passwords. Try again in {seconds} seconds.", "locked", seconds=seconds)
        self.seconds = seconds


class BadRegistration(ValueError):
    """A client or a user can not be registered like this; the text says what would be right, `code` and what it speaks
    `of` say the same to whoever says it in another language."""

    def __init__(self, text: str, code: str = "", **of: str | int) -> None:
        super().__init__(text)
        self.code, self.of = code, of
