"""Our own signing keys, for id_tokens only. A new key signs from its birth; an old one stays published until nothing
that it signed is alive any more, so a rotation breaks nobody.
"""

import json
from typing import Any, Final

from joserfc.jwk import RSAKey
from sqlalchemy import Connection, insert, or_, select, update

from auth.tables import key

ALGORITHM: Final = "RS256"  # what OpenID Connect demands of every provider, and Inferno of ours
BITS: Final = 2048
OVERLAP: Final = 86_400  # seconds that a retired key stays published


def signing(conn: Connection, now: int) -> RSAKey:
    """The private key that signs; made when there is none yet."""
    newest = select(key.c.jwk).where(key.c.retired.is_(None)).order_by(key.c.made.desc(), key.c.kid).limit(1)
    found = conn.execute(newest).scalar()
    return RSAKey.import_key(json.loads(found)) if found else _make(conn, now)


def published(conn: Connection, now: int) -> dict[str, Any]:
    """The public JWKS: the key that signs, and those retired less than a day ago."""
    living = or_(key.c.retired.is_(None), key.c.retired > now - OVERLAP)
    found = conn.execute(select(key.c.jwk).where(living).order_by(key.c.made.desc(), key.c.kid)).scalars()
    keys = [RSAKey.import_key(json.loads(text)) for text in found]
    return {"keys": [one.as_dict(private=False) for one in keys]}


def rotate(conn: Connection, now: int) -> str:
    """Retire the keys in use and make a new one; returns its kid."""
    conn.execute(update(key).where(key.c.retired.is_(None)).values(retired=now))
    return str(_make(conn, now).kid)


def _make(conn: Connection, now: int) -> RSAKey:
    made = RSAKey.generate_key(BITS, {"use": "sig", "alg": ALGORITHM})
    made.ensure_kid()
    private = json.dumps(made.as_dict(private=True))
    conn.execute(insert(key).values(kid=made.kid, alg=ALGORITHM, jwk=private, made=now, retired=None))
    return made
