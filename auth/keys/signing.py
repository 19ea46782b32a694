"""Our own signing keys for id_tokens (client_keys.py has those by which we prove ourselves to others). A new key signs
from its birth; an old one stays published until nothing that it signed is alive any more, so a rotation breaks nobody.
"""

import json
from typing import Any, Final

from joserfc.jwk import RSAKey
from sqlalchemy import Connection, insert, or_, select, update

from auth.tables import key

PURPOSE: Final = "id_token"
ALGORITHM: Final = "RS256"  # what OpenID Connect demands of every provider, and Inferno of ours
BITS: Final = 2048
OVERLAP: Final = 86_400  # seconds that a retired key stays published

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
_OURS: Final = key.c.purpose == PURPOSE


def signing(conn: Connection, now: int) -> RSAKey:
    """The private key that signs; made when there is none yet."""
    newest = select(key.c.jwk).where(_OURS, key.c.retired.is_(None)).order_by(key.c.made.desc(), key.c.kid).limit(1)
    found = conn.execute(newest).scalar()
    return RSAKey.import_key(json.loads(found)) if found else _make(conn, now)


def published(conn: Connection, now: int) -> dict[str, Any]:
    """The public JWKS: the key that signs, and those retired less than a day ago."""
    living = or_(key.c.retired.is_(None), key.c.retired > now - OVERLAP)
    found = conn.execute(select(key.c.jwk).where(_OURS, living).order_by(key.c.made.desc(), key.c.kid)).scalars()
    return {"keys": [public_half(json.loads(text)) for text in found]}


def public_half(document: dict[str, Any]) -> dict[str, Any]:
    """A JWK without what is private in it (RFC 7518 sections 6.2.2 and 6.3.2). To import the key for it would prove its
    primes first: half a second, at an address that anybody may ask."""
    return {name: value for name, value in document.items() if name not in _PRIVATE}


def rotate(conn: Connection, now: int) -> str:
    """Retire the keys in use and make a new one; returns its kid."""
    conn.execute(update(key).where(_OURS, key.c.retired.is_(None)).values(retired=now))
    return str(_make(conn, now).kid)


def _make(conn: Connection, now: int) -> RSAKey:
    made = RSAKey.generate_key(BITS, {"use": "sig", "alg": ALGORITHM})
    made.ensure_kid()
    private = json.dumps(made.as_dict(private=True))
    conn.execute(insert(key).values(kid=made.kid, purpose=PURPOSE, alg=ALGORITHM, jwk=private, made=now, retired=None))
    return made
