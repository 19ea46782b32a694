"""Writing to an EHR: what it holds now, a resource changed under a lock, and one made there at most once.

Clause: FHIR R4 http.html#concurrency (If-Match), #ccreate (If-None-Exist), #ops (Prefer, Location).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from fhir_adapters.connection import Connection
from fhir_adapters.errors import Garbled, Refused
from fhir_adapters.http import Sent
from fhir_adapters.pages import Read

GONE = (404, 410)
_LOCATION = re.compile(r"/([A-Za-z0-9._:-]{1,128})(?:/_history/[^/]+)?/?$")


@dataclass(frozen=True)
class Held:
    """A resource as the EHR holds it. etag: what an If-Match is to say, empty where the EHR has no versions."""

    id: str
    etag: str
    resource: dict[str, Any]


class Writer:
    """Writes to one EHR. `read`: a resource of its bytes, or ValueError."""

    def __init__(self, connection: Connection, read: Read) -> None:
        self._http, self._base, self._read = connection.http, connection.ehr.base_url, read
        self._offers = connection.statement.offers

    def takes(self, type: str, verb: str) -> bool:
        """Whether the EHR's metadata offers this."""
        return type in self._offers and verb in self._offers[type].writes

    def fetch(self, type: str, id: str) -> Held | None:
        """What the EHR holds under an id of its own; None: it holds it no longer. Raises EhrError."""
        try:
            answer = self._http.get(f"{self._base}/{type}/{quote(id, safe='')}", msgspec.Raw)
        except Refused as refused:
            if refused.status in GONE:
                return None
            raise
        return self._held(bytes(answer.document), "")

    def find(self, type: str, identifier: Mapping[str, str]) -> Held | None:
        """What the EHR holds with this identifier, if anything. Raises EhrError."""
        token = f"{identifier['system']}|{identifier['value']}"
        found = self._http.get(f"{self._base}/{type}", dict[str, Any], [("identifier", token)]).document
        entries = found.get("entry") if isinstance(found.get("entry"), list) else []
        for each in entries or []:
            resource = each.get("resource") if isinstance(each, dict) else None
            if not isinstance(resource, dict) or resource.get("resourceType") != type:
                continue
            # A server that does not know the parameter returns everything: only what has the identifier counts.
            if any(dict(identifier).items() <= one.items() for one in resource.get("identifier") or []):
                return self.fetch(type, str(resource.get("id")))
        return None

    def update(self, type: str, held: Held, body: bytes) -> Held | None:
        """Put a resource in the place of what the EHR holds, if it still holds that. None: somebody was faster, or it
        is gone. Raises EhrError."""
        lock = {"If-Match": held.etag} if held.etag else {}
        url = f"{self._base}/{type}/{quote(held.id, safe='')}"
        try:
            sent = self._http.send("PUT", url, body, {**lock, "Prefer": "return=representation"}, again=bool(lock))
        except Refused as refused:
            if refused.status in (412, *GONE):
                return None
            raise
        return self._answered(type, held.id, sent)

    def create(self, type: str, identifier: Mapping[str, str], body: bytes) -> Held:
        """Make a resource there. Not repeated by itself: whoever gets no answer looks for it with `find` first. Raises
        EhrError."""
        once = f"identifier={quote(identifier['system'], safe='')}|{quote(identifier['value'], safe='')}"
        headers = {"If-None-Exist": once, "Prefer": "return=representation"}
        sent = self._http.send("POST", f"{self._base}/{type}", body, headers, again=False)
        location = _LOCATION.search(sent.headers.get("location", "").partition("?")[0])
        return self._answered(type, location[1] if location else "", sent)

    def delete(self, type: str, id: str) -> None:
        """Delete a resource there; one that is gone already is no error. Raises EhrError."""
        try:
            self._http.send("DELETE", f"{self._base}/{type}/{quote(id, safe='')}", b"", {}, again=True)
        except Refused as refused:
            if refused.status not in GONE:
                raise

    def _answered(self, type: str, id: str, sent: Sent) -> Held:
        """What the EHR made of it: as it answers, else as it is then read."""
        if sent.body:
            try:
                held = self._held(sent.body, sent.headers.get("etag", ""))
                if held.resource.get("resourceType") == type:
                    return held
            except Garbled:
                pass
        held_now = self.fetch(type, id) if id else None
        if held_now is None:
            raise Garbled(f"The {type} was written, and the EHR does not say where it is.")
        return held_now

    def _held(self, body: bytes, etag: str) -> Held:
        try:
            resource = self._read(body)
        except ValueError as e:
            raise Garbled("The EHR's answer is no resource.") from e
        version = (resource.get("meta") or {}).get("versionId")
        return Held(str(resource.get("id", "")), etag or (f'W/"{version}"' if version else ""), resource)
