"""The tables of auth. Times are whole seconds since 1970-01-01 UTC, for that is how OAuth and JWT count.

No secret that somebody could use is stored: of tokens, codes, launch and session ids only the sha256 (they are
random, so a plain hash is enough), of passwords an argon2 hash. Private signing keys are the exception; they sign
id_tokens only.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData()

Str = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")

client = Table(  # a registered app or backend service
    "auth_client",
    metadata,
    Column("id", Str, primary_key=True),
    Column("name", Str, nullable=False),
    Column("method", Str, nullable=False),  # private_key_jwt | client_secret_basic | none
    Column("scope", Str, nullable=False),  # the widest it may get, both versions of the grammar
    Column("grants", Str, nullable=False),  # space-separated OAuth grant types
    Column("jwks", Str),  # JSON: its public keys
    Column("jwks_url", Str),  # or where they are published
    Column("secret", LargeBinary),  # sha256 of its random secret
    Column("redirect_uris", Str, nullable=False, server_default=""),  # space-separated, compared exactly
    Column("launch_url", Str),  # where our desk launches it
    Column("organization", Str),
    Column("roles", Str, nullable=False, server_default=""),
    Column("disabled", Boolean, nullable=False),
    Column("added", Big, nullable=False),
)

user = Table(  # a person who signs in
    "auth_user",
    metadata,
    Column("id", Str, primary_key=True),
    Column("login", Str, nullable=False, unique=True),  # casefolded
    Column("name", Str, nullable=False),
    Column("password", Str, nullable=False),  # argon2id, with its parameters
    Column("roles", Str, nullable=False),  # space-separated
    Column("organization", Str),
    Column("fhir_user", Str),  # "Practitioner/<id>": who this person is in FHIR
    Column("disabled", Boolean, nullable=False),
    Column("added", Big, nullable=False),
)

failure = Table(  # wrong passwords in a row, by login, whether or not anybody has it: a lock must not tell
    "auth_failure",
    metadata,
    Column("login", LargeBinary, primary_key=True),  # sha256: people type passwords into the wrong field
    Column("count", Integer, nullable=False),
    Column("last", Big, nullable=False),
    Index("ix_auth_failure_last", "last"),
)

session = Table(  # a signed-in browser
    "auth_session",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("user", Str, nullable=False),
    Column("csrf", Str, nullable=False),
    Column("started", Big, nullable=False),
    Column("seen", Big, nullable=False),
    Column("agent", Str, nullable=False),
    Index("ix_auth_session_user", "user"),
    Index("ix_auth_session_started", "started"),
)

authorization = Table(  # one person's permission to one app; its tokens are one family and die together
    "auth_authorization",
    metadata,
    Column("id", Str, primary_key=True),
    Column("client", Str, nullable=False),
    Column("user", Str, nullable=False),
    Column("scope", Str, nullable=False),
    Column("context", Str, nullable=False),  # JSON: the launch context as the token response carries it
    Column("granted", Big, nullable=False),
    Column("used", Big, nullable=False),
    Column("expires", Big, nullable=False),  # no refresh token of it lives longer
    Column("revoked", Boolean, nullable=False),
    Index("ix_auth_authorization_user", "user"),
    Index("ix_auth_authorization_expires", "expires"),
)

code = Table(  # an authorization code; kept when spent, so that a replay is noticed
    "auth_code",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("family", Str, nullable=False),  # the authorization
    Column("client", Str, nullable=False),
    Column("redirect_uri", Str, nullable=False),
    Column("challenge", Str, nullable=False),  # PKCE, S256
    Column("nonce", Str),
    Column("signed_in", Big, nullable=False),  # auth_time of the id_token
    Column("expires", Big, nullable=False),
    Column("spent", Boolean, nullable=False),
    Index("ix_auth_code_expires", "expires"),
)

token = Table(  # access and refresh tokens; an access token carries all that a check needs in its one row
    "auth_token",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("kind", Str, nullable=False),  # access | refresh
    Column("family", Str),  # the authorization; none for a backend service
    Column("client", Str, nullable=False),
    Column("subject", Str, nullable=False),
    Column("name", Str, nullable=False),
    Column("scope", Str, nullable=False),
    Column("roles", Str, nullable=False),
    Column("organization", Str),
    Column("fhir_user", Str),
    Column("patient", Str),
    Column("issued", Big, nullable=False),
    Column("expires", Big, nullable=False),
    Column("spent", Boolean, nullable=False),  # a refresh token that was exchanged: showing it again kills the family
    Index("ix_auth_token_family", "family"),
    Index("ix_auth_token_client", "client"),
    Index("ix_auth_token_subject", "subject"),
    Index("ix_auth_token_expires", "expires"),
)

jti = Table(  # assertion ids already used, for as long as the assertion could be shown again
    "auth_jti",
    metadata,
    Column("client", Str, primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("expires", Big, nullable=False),
    Index("ix_auth_jti_expires", "expires"),
)

launch = Table(  # what our desk was showing when it launched an app
    "auth_launch",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("client", Str, nullable=False),
    Column("user", Str, nullable=False),
    Column("context", Str, nullable=False),  # JSON
    Column("expires", Big, nullable=False),
    Index("ix_auth_launch_expires", "expires"),
)

key = Table(  # our signing keys; a retired one stays published until what it signed has expired
    "auth_key",
    metadata,
    Column("kid", Str, primary_key=True),
    Column("alg", Str, nullable=False),
    Column("jwk", Str, nullable=False),  # JSON, private
    Column("made", Big, nullable=False),
    Column("retired", Big),
)
