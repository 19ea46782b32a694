"""Calling operations of one FHIR server, such as a payer's: the token as for an EHR, one try each time, for whoever
calls has an outbox that tries again.

Clause: FHIR R4 operations.html; SMART App Launch 2.2 backend-services.html."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import requests

from auth.client.backend import Key
from fhir_adapters import dialects, discovery
from fhir_adapters.connection import admitted
from fhir_adapters.ehr import Ehr
from fhir_adapters.http import Http

ONCE = {"attempts": 1.0}
Document = dict[str, Any]


def opened(
    server: Ehr,
    session: requests.Session,
    keys: Sequence[Key],
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], str],
) -> Http:
    """The way to a server, with a token where it wants one. Raises an EhrError."""
    dialect = dialects.load(server.dialect)
    limits = dialect.limits.but({**ONCE, **server.limits})
    http = Http(server, limits, session, headers=dialect.headers, clock=clock)
    admitted(http, keys, dialect, server.auth.scope if server.auth else "", clock=clock, new_id=new_id)
    return http


def metadata(http: Http) -> Document:
    """The CapabilityStatement of the server, whole. Raises an EhrError; Garbled when it is none of R4."""
    document = http.get(f"{http.ehr.base_url}/metadata", Document, public=True).document
    discovery.read(document, http.ehr)
    return document
