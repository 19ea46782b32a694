"""Where we may call: addresses that people and apps gave us lead to the public network, and into our own only where
CARECOORD_PRIVATE_HOSTS says so (see `auth.outgoing.guard`)."""

from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter

from auth.outgoing import guard
from carecoord import traces
from carecoord.errors import Invalid
from carecoord.settings import Settings

HINT: Final = "if it is one of yours, name its host or network in CARECOORD_PRIVATE_HOSTS"


def session(settings: Settings) -> requests.Session:
    """A session for addresses that were given to us: EHRs, sign-in providers, key sets, webhooks."""
    made = guard.session(settings.allowed, HINT)
    if settings.otlp_url:
        for scheme, transport in list(made.adapters.items()):
            made.mount(scheme, _Traced(transport))
    return made


def demand(settings: Settings, url: str) -> None:
    """Raise Invalid when `url` itself tells that we would not call it; to be asked when an address is given to us.
    Names are judged again at every call."""
    try:
        guard.refuse(url, settings.allowed, HINT)
    except guard.Forbidden as e:
        raise Invalid(f"{e}.") from e


class _Traced(BaseAdapter):
    """A transport that tells of each call in a span: whom we called, how and with what status. The one who is called is
    told nothing of the trace."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner

    def send(self, request: requests.PreparedRequest, *given: Any, **named: Any) -> requests.Response:
        where, method = urlsplit(request.url or ""), request.method or ""
        said = {"http.request.method": method, "server.address": where.hostname, "server.port": where.port}
        with traces.span(method, "CLIENT", said) as opened:
            answer = self._inner.send(request, *given, **named)
            status = {"http.response.status_code": answer.status_code}
            traces.tell(opened, method, status, failed=answer.status_code >= 400)
            return answer

    def close(self) -> None:
        self._inner.close()
