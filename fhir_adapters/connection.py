"""Connecting to an EHR: the dialect, the token client and the metadata, in the order in which they need each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import requests

from auth.client.backend import Backend, Key, TokenError
from auth.scopes import parse, resources
from fhir_adapters import dialects, discovery
from fhir_adapters.dialects import Dialect
from fhir_adapters.discovery import Statement
from fhir_adapters.ehr import LOOPBACK, Ehr
from fhir_adapters.errors import Misconfigured, NotAllowedIn
from fhir_adapters.http import Http


@dataclass(frozen=True)
class Connection:
    """An EHR that answered: how to ask it, and what it says of itself."""

    ehr: Ehr
    dialect: Dialect
    http: Http
    statement: Statement
    backend: Backend | None

    def lets_search(self, type: str) -> bool:
        """Whether what was granted covers a search of this type. Where nothing that was granted says anything of types
        in words that we know, only asking can tell."""
        granted = resources(parse(self.backend.granted)) if self.backend else ()
        return not granted or any(each.type in ("*", type) and "s" in each.perms for each in granted)

    def notices(self) -> tuple[str, ...]:
        """What is odd, in sentences: scopes that were not granted, a token that travels in clear."""
        found = []
        if self.backend:
            missing = self.backend.difference().missing
            if missing:
                found.append(
                    f"The EHR did not grant {' '.join(missing)}: what needs it is refused or silently empty. "
                    "Compare our registration there with what we ask."
                )
            for url in (self.ehr.base_url, self.backend.token_url):
                parts = urlsplit(url)
                if parts.scheme == "http" and parts.hostname not in LOOPBACK:
                    found.append(f"{parts.hostname} is reached by http: our token can be read on the way. Use https.")
        return tuple(dict.fromkeys(found))


def admitted(
    http: Http,
    keys: Sequence[Key],
    dialect: Dialect,
    scope: str,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> Backend | None:
    """Get the first token for what is asked, where the server wants one. Raises an EhrError."""
    server, limits = http.ehr, http.limits
    if not server.auth:
        return None
    smart = discovery.smart(http, server, dialect)
    try:
        http.bearer = backend = Backend(
            http.session,
            smart.token_url,
            server.auth.client_id,
            keys,
            scope,
            clock=clock,
            new_id=new_id,
            offered=smart.algorithms,
            preferred=dialect.algorithms,
            timeout=(limits.connect_seconds, limits.read_seconds),
        )
    except TokenError as trouble:
        raise NotAllowedIn(trouble.text, 401) from trouble
    http.admit()
    return backend


def connect(
    ehr: Ehr,
    session: requests.Session,
    keys: Sequence[Key],
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
    writing: bool = False,
) -> Connection:
    """Discover the EHR, get the first token if it wants one, and read its metadata. Raises an EhrError. writing: the
    token is to be good for writing too, as far as we ask this EHR for that.

    `keys` are our private keys, needed where `ehr.auth` is set.
    """
    dialect = dialects.load(ehr.dialect)
    limits = dialect.limits.but(ehr.limits)
    http = Http(ehr, limits, session, headers=dialect.headers, clock=clock)
    said = (ehr.auth.scope if ehr.auth else "") or dialect.scope
    scope = dialects.write_scope(ehr) if writing else said
    backend = admitted(http, keys, dialect, scope, clock=clock, new_id=new_id)
    statement = discovery.statement(http, ehr)
    if not any(offer.searched for offer in statement.offers.values()):
        raise Misconfigured(f"{ehr.base_url} offers no search of any type: there is nothing to sync.")
    return Connection(ehr, dialect, http, statement, backend)
