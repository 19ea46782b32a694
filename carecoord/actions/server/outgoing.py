"""Where we may call: addresses that people and apps gave us lead to the public network, and into our own only where
CARECOORD_PRIVATE_HOSTS says so (see `auth.outgoing.guard`)."""

from typing import Final

import requests

from auth.outgoing import guard
from carecoord.errors import Invalid
from carecoord.settings import Settings

HINT: Final = "if it is one of yours, name its host or network in CARECOORD_PRIVATE_HOSTS"


def session(settings: Settings) -> requests.Session:
    """A session for addresses that were given to us: EHRs, sign-in providers, key sets, webhooks."""
    return guard.session(settings.allowed, HINT)


def demand(settings: Settings, url: str) -> None:
    """Raise Invalid when `url` itself tells that we would not call it; to be asked when an address is given to us.
    Names are judged again at every call."""
    try:
        guard.refuse(url, settings.allowed, HINT)
    except guard.Forbidden as e:
        raise Invalid(f"{e}.") from e
