"""The brands that this server shows to everybody: the organizations whose people can sign in here. The one with most
people is the server's own."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import Connection

from auth import store
from carecoord.domain.apps import brands
from carecoord.fhir import text
from carecoord.fhir.instants import period
from carecoord.store.database.engine import reading
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.world import World


@dataclass(frozen=True)
class Published:
    """The Bundle as bytes, and the weak ETag of what it says."""

    body: bytes
    etag: str


def identifier(world: World) -> dict[str, Any] | None:
    """The identifier of our own brand; None as long as no organization works here."""
    with reading(world.engine) as conn:
        return brands.identifier(world.settings.url) if _organizations(conn) else None


def published(world: World) -> Published:
    """The Bundle as of now."""
    with reading(world.engine) as conn:
        rows = _organizations(conn)
    found = [one for row in rows if (one := text.loads(row.body)).get("name")]
    settings = world.settings
    moments = (one["meta"]["lastUpdated"] for one in found)
    changed = max(moments, key=lambda said: period(said, UTC), default="1970-01-01T00:00:00Z")
    body = text.dumps(brands.bundle(found, settings.url, settings.fhir_url, changed))
    return Published(body, f'W/"{hashlib.sha256(body).hexdigest()[:16]}"')


def _organizations(conn: Connection) -> list[Row]:
    """Those that people of this server belong to, most people first."""
    people = Counter(user.organization for user in store.users(conn) if user.organization and not user.disabled)
    rows = [read.get(conn, "Organization", id) for id, _ in sorted(people.items(), key=lambda one: (-one[1], one[0]))]
    return [row for row in rows if row is not None and not row.deleted]
