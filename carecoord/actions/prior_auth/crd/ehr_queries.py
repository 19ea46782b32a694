"""What a call of a hook lacks, asked of the EHR that calls, with the token that it hands over. An EHR that can not be
asked never fails the call and never holds it: the first trouble is told, and what came so far is judged.

Clause: CDS Hooks 2.0, FHIR resource access (fhirServer, fhirAuthorization: a bearer token for this call alone)."""

import time
from typing import Any, Final

import requests
import urllib3

from auth.outgoing import guard, limited_body
from carecoord.domain.prior_auth.crd import services
from carecoord.domain.resource.elements import Json, text
from carecoord.errors import Problem
from carecoord.fhir import text as json
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

SECONDS: Final = 4.0  # for all that is asked: a hook is answered in five
_EACH: Final = 1.5  # to connect, and between two bytes
_MOST: Final = 12  # questions of one call
_ROUNDS: Final = 3  # an order names a card's payer, and a payer nobody further
_LARGEST: Final = 2_000_000  # bytes of an answer
_OK: Final = 200


def completed(world: World, service: str, body: Json) -> tuple[Json, Sentence | None]:
    """The call with what could be read of what it lacks, and why something that is needed could not be; None where
    nothing was in the way. Raises Invalid for a call that can not be read."""
    server, token = services.access(body)
    wanted = services.lacking(service, body)
    if not server or not wanted:
        return body, None
    late, asked = time.monotonic() + SECONDS, set[str]()
    trouble: Sentence | None = None
    for _ in range(_ROUNDS):
        for query in [each for each in wanted if each not in asked][: _MOST - len(asked)]:
            asked.add(query)
            found, wrong = _read(world, server, token, query, late)
            trouble = trouble or (wrong if wanted[query] else None)
            if found:
                body = body | {"prefetch": {**_prefetch(body), query: found}}
        wanted = services.lacking(service, body)
        if asked.issuperset(wanted):
            break
    return body, trouble


def _prefetch(body: Json) -> dict[str, Any]:
    given = body.get("prefetch")
    return given if isinstance(given, dict) else {}


def _read(world: World, server: str, token: str, query: str, late: float) -> tuple[Json | None, Sentence | None]:
    """A resource or a Bundle, or why there is none."""
    left = late - time.monotonic()
    if left <= 0:
        return None, sentence("discovery.too-slow")
    wait = min(_EACH, left)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/fhir+json"}
    try:
        with (
            world.http() as session,
            session.get(
                f"{server}/{query}", headers=headers, timeout=(wait, wait), allow_redirects=False, stream=True
            ) as answer,
        ):
            if answer.status_code != _OK:
                return None, sentence("discovery.refused", status=str(answer.status_code))
            said = limited_body.body(answer, _LARGEST, max(late - time.monotonic(), 0.1))
    except guard.Forbidden:
        return None, sentence("discovery.not-called")
    except (requests.Timeout, limited_body.TooMuch, TimeoutError):
        return None, sentence("discovery.too-slow")
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError):
        return None, sentence("discovery.away")
    return _resource(said)


def _resource(said: bytes) -> tuple[Json | None, Sentence | None]:
    try:
        found = json.loads(said)
    except Problem:
        found = {}
    return (found, None) if text(found, "resourceType") else (None, sentence("discovery.odd"))
