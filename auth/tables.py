"""The tables of auth. Times are whole seconds since 1970-01-01 UTC, for that is how OAuth and JWT count.

No secret that somebody could use is stored: of tokens, codes, launch and session ids only the sha256 (they are
random, so a plain hash is enough), of passwords an argon2 hash. Two exceptions, for they must be used: private signing
keys, and the shared secret of a person's authenticator app.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text, false
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
    Column("pending", Boolean, nullable=False, server_default=false()),  # registered itself; an admin has yet to decide
    Column("metadata", Str),  # JSON: what it told of itself when it registered (RFC 7591)
    Column("registration", LargeBinary),  # sha256 of its registration access token (RFC 7592)
    Column("workflow", Str, nullable=False, server_default=""),  # of referrals, as agreed with it; empty: our own
)

user = Table(  # a person who signs in
    "auth_user",
    metadata,
    Column("id", Str, primary_key=True),
    Column("login", Str, nullable=False, unique=True),  # casefolded
    Column("name", Str, nullable=False),
    Column("password", Str, nullable=False),  # argon2id, with its parameters; empty: this person has none
    Column("roles", Str, nullable=False),  # space-separated
    Column("organization", Str),
    Column("fhir_user", Str),  # "Practitioner/<id>": who this person is in FHIR
    Column("disabled", Boolean, nullable=False),
    Column("language", Str, nullable=False, server_default=""),  # in which they read; empty: as the browser asks
    Column("added", Big, nullable=False),
    Column("seen", Big),  # when they last signed in
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
    Column("kind", Str, nullable=False, server_default="desk"),  # desk | embed: one can never be shown as the other
    Column("amr", Str, nullable=False, server_default="pwd"),  # how the person signed in (RFC 8176), space-separated
    Column("proved", Big, nullable=False, server_default="0"),  # when the person last proved who they are
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
    Column("amr", Str, nullable=False, server_default=""),  # how the person signed in, as in auth_session
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
    Column("purpose", Str, nullable=False, server_default="id_token"),  # id_token | client: we prove ourselves to EHRs
    Column("alg", Str, nullable=False),
    Column("jwk", Str, nullable=False),  # JSON, private
    Column("made", Big, nullable=False),
    Column("retired", Big),
)

invitation = Table(  # a link by which a person sets a password: the first one, or a new one
    "auth_invitation",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("user", Str, nullable=False),
    Column("by", Str),  # the person who invited; none from the command line
    Column("made", Big, nullable=False),
    Column("expires", Big, nullable=False),
    Column("used", Big),
    Index("ix_auth_invitation_user", "user"),
    Index("ix_auth_invitation_expires", "expires"),
)

totp = Table(  # a person's authenticator app (RFC 6238)
    "auth_totp",
    metadata,
    Column("user", Str, primary_key=True),
    Column("secret", Str, nullable=False),  # base32
    Column("confirmed", Boolean, nullable=False),  # a code from it has been typed in
    Column("step", Big, nullable=False),  # the last time step used: no code counts twice (RFC 6238 section 5.2)
    Column("made", Big, nullable=False),
)

recovery = Table(  # codes for the day the telephone is lost; each counts once
    "auth_recovery",
    metadata,
    Column("user", Str, primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("used", Big),
)

passkey = Table(  # a WebAuthn credential
    "auth_passkey",
    metadata,
    Column("id", LargeBinary, primary_key=True),  # the credential id
    Column("user", Str, nullable=False),
    Column("name", Str, nullable=False),  # what the person calls it
    Column("public_key", LargeBinary, nullable=False),  # COSE
    Column("count", Big, nullable=False),  # the authenticator's signature counter
    Column("made", Big, nullable=False),
    Column("used", Big),
    Index("ix_auth_passkey_user", "user"),
)

pending = Table(  # what must come back from a browser within minutes: a challenge, a state, a half-made sign-in
    "auth_pending",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("purpose", Str, nullable=False),  # a value made for one purpose is never found for another
    Column("user", Str),
    Column("data", Str, nullable=False),  # JSON
    Column("expires", Big, nullable=False),
    Index("ix_auth_pending_expires", "expires"),
)

provider = Table(  # an organization's own OpenID provider, at which its people sign in
    "auth_provider",
    metadata,
    Column("id", Str, primary_key=True),
    Column("name", Str, nullable=False),  # on the button
    Column("issuer", Str, nullable=False, unique=True),
    Column("client", Str, nullable=False),  # our client id there
    Column("secret_file", Str),  # where our secret there is kept; none: we prove ourselves by key, or are public
    Column("organization", Str),  # to which those belong whom it lets in
    Column("roles", Str, nullable=False, server_default=""),  # of somebody new; empty: only people known here get in
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("added", Big, nullable=False),
)

identity = Table(  # who a person is elsewhere: at an OpenID provider, or at an EHR
    "auth_identity",
    metadata,
    Column("issuer", Str, primary_key=True),
    Column("subject", Str, primary_key=True),
    Column("user", Str, nullable=False),
    Column("added", Big, nullable=False),
    Column("seen", Big, nullable=False),
    Index("ix_auth_identity_user", "user"),
)

membership = Table(  # an organization for which a person may work besides the one of their account
    "auth_membership",
    metadata,
    Column("user", Str, primary_key=True),
    Column("organization", Str, primary_key=True),
)

embedded = Table(  # one launch of ours from an EHR: the context that /embed/l/<id>/ shows, for one session only
    "auth_embedded",
    metadata,
    Column("id", Str, primary_key=True),  # random; in the path, so that two patients open at once never mix
    Column("session", LargeBinary, nullable=False),  # auth_session.hash
    Column("ehr", Str, nullable=False),
    Column("patient", Str),  # the id here
    Column("context", Str, nullable=False),  # JSON: what the EHR's token response said
    Column("made", Big, nullable=False),
    Column("expires", Big, nullable=False),
    Index("ix_auth_embedded_session", "session"),
    Index("ix_auth_embedded_expires", "expires"),
)
