"""What auth refuses, as its reader reads it: auth itself knows no languages and says the reason by a code."""

from collections.abc import Callable, Mapping
from typing import Final

from auth.errors import BadRegistration, Refused
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, Value, sentence


def why(refused: Refused | BadRegistration) -> str:
    """In the words of whoever reads."""
    return say(sentence_of(refused))


def sentence_of(refused: Refused | BadRegistration) -> Value:
    """As a sentence; auth's own words where the reason has no code."""
    say_of = REASONS.get(refused.code)
    return say_of(**refused.of) if say_of else str(refused)


REASONS: Final[Mapping[str, Callable[..., Sentence]]] = {
    "password-length": lambda least, most: sentence("auth.password-length", least=least, most=most),
    "password-login": lambda: sentence("auth.password-login"),
    "login-taken": lambda login: sentence("auth.login-taken", login=login),
    "app-taken": lambda app: sentence("auth.app-taken", app=app),
    "method": lambda methods, method: sentence("auth.method", methods=methods, method=method),
    "scope": lambda scope: sentence("auth.scope", scope=scope),
    "service-method": lambda: sentence("auth.service-method"),
    "no-keys": lambda: sentence("auth.no-keys"),
    "no-secret": lambda: sentence("auth.no-secret"),
    "address": lambda address: sentence("auth.address", address=address),
    "too-many-wait": lambda: sentence("auth.too-many-wait"),
    "nothing-left": lambda: sentence("auth.nothing-left"),
    "none-waits": lambda app: sentence("auth.none-waits", app=app),
    "provider-id": lambda: sentence("auth.provider-id"),
    "provider-lacks": lambda: sentence("auth.provider-lacks"),
    "provider-taken": lambda issuer, provider: sentence("auth.provider-taken", issuer=issuer, provider=provider),
    "subject": lambda: sentence("auth.subject"),
    "subject-taken": lambda subject, issuer: sentence("auth.subject-taken", subject=subject, issuer=issuer),
    "locked": lambda seconds: sentence("auth.locked", seconds=seconds),
    "password": lambda: sentence("auth.password"),
    "current-password": lambda: sentence("auth.current-password"),
    "not-right": lambda: sentence("auth.not-right"),
    "code": lambda: sentence("auth.code"),
    "code-of-moment": lambda: sentence("auth.code-of-moment"),
    "late": lambda: sentence("auth.late"),
    "passkey-unfit": lambda: sentence("auth.passkey-unfit"),
    "passkey-known": lambda: sentence("auth.passkey-known"),
    "passkey-wrong": lambda: sentence("auth.passkey-wrong"),
    "passkey-unread": lambda: sentence("auth.passkey-unread"),
    "passkey-late": lambda: sentence("auth.passkey-late"),
}
