"""The keys by which we prove ourselves as a client of EHRs and of OpenID providers. Their public halves stand at one
address of ours, so nobody has to be sent a key.

Clause: SMART App Launch 2.2 client-confidential-asymmetric.html, "Registering a client", JWKS URL. A server may hold a
copy of the set for a while. So a new pair is published at once and signs only after SETTLE; until then the old pair
signs, and it stays published for OVERLAP after: whichever copy a server has, the key that signs is in it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import Connection, delete, insert, or_, select, update

from auth.client.backend import Key
from auth.keys.signing import public_half
from auth.tables import key

PURPOSE: Final = "client"
SETTLE: Final = 86_400  # seconds that a new pair is published before it signs
OVERLAP: Final = 7 * 86_400  # seconds that a retired pair stays published: longer than any run that began with it
BITS: Final = 3_072


@dataclass(frozen=True)
class PublishedKey:
    """A key that is published. `signs`: assertions are signed with it now; `retired`: from when on they are not."""

    kid: str
    alg: str
    made: int
    retired: int | None
    signs: bool


def new_pair() -> tuple[Key, ...]:
    """A new ES384 and a new RS384 key. Making the latter takes a while: do it outside of any transaction."""
    made = (
        ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384"}),
        RSAKey.generate_key(BITS, {"use": "sig", "alg": "RS384"}),
    )
    for one in made:
        one.ensure_kid()
    return made


def publish_first(conn: Connection, made: Sequence[Key], now: int) -> None:
    """Publish a first pair, which signs at once. Where there is one already, nothing happens."""
    if not published_keys(conn, now):
        _add(conn, made, now)


def rotate(conn: Connection, made: Sequence[Key], now: int, *, lost: bool = False) -> None:
    """Publish a new pair; it takes over after SETTLE. `lost`: somebody else may have the old keys, so they are taken
    away and the new pair signs at once; servers that still hold the old set refuse us until they ask again."""
    if lost:
        conn.execute(delete(key).where(key.c.purpose == PURPOSE))
    living = (key.c.purpose == PURPOSE, key.c.retired.is_(None))
    conn.execute(update(key).where(*living).values(retired=now + SETTLE))
    conn.execute(delete(key).where(key.c.purpose == PURPOSE, key.c.retired <= now - OVERLAP))
    _add(conn, made, now)


def signing(conn: Connection, now: int) -> tuple[Key, ...]:
    """The private keys that sign now, one for each algorithm; none as long as no pair was made. Slow: it proves
    the primes anew."""
    signs = {row.kid for row in published_keys(conn, now) if row.signs}
    found = conn.execute(select(key.c.jwk).where(key.c.kid.in_(signs)).order_by(key.c.alg)).scalars()
    return tuple(_import(json.loads(text)) for text in found)


def published(conn: Connection, now: int) -> dict[str, Any]:
    """The public JWKS: the pair that signs, the one that will, and those that lately did."""
    rows = conn.execute(select(key.c.jwk).where(*_published(now)).order_by(key.c.made.desc(), key.c.alg)).scalars()
    return {"keys": [public_half(json.loads(text)) for text in rows]}


def published_keys(conn: Connection, now: int) -> list[PublishedKey]:
    """What is published, newest first."""
    columns = (key.c.kid, key.c.alg, key.c.made, key.c.retired)
    newest = (key.c.made.desc(), key.c.retired.is_not(None), key.c.kid)  # of one second, those not retired are newer
    rows = conn.execute(select(*columns).where(*_published(now)).order_by(*newest)).all()
    chosen: dict[str, str] = {}
    for row in rows:
        if row.made <= now - SETTLE:
            chosen.setdefault(row.alg, row.kid)
    for row in reversed(rows):  # a first pair has nothing older that could sign in its place
        chosen.setdefault(row.alg, row.kid)
    return [PublishedKey(row.kid, row.alg, row.made, row.retired, row.kid == chosen[row.alg]) for row in rows]


def _published(now: int) -> tuple[Any, ...]:
    return key.c.purpose == PURPOSE, or_(key.c.retired.is_(None), key.c.retired > now - OVERLAP)


def _add(conn: Connection, made: Sequence[Key], now: int) -> None:
    rows = [
        {"kid": one.kid, "purpose": PURPOSE, "alg": one.alg, "jwk": json.dumps(one.as_dict(private=True)), "made": now}
        for one in made
    ]
    conn.execute(insert(key), rows)


def _import(document: dict[str, Any]) -> Key:
    return ECKey.import_key(document) if document["kty"] == "EC" else RSAKey.import_key(document)
