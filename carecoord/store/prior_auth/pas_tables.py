"""The tables of what partners and payers exchange by Da Vinci PAS."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table

from carecoord.store.database.tables import Big, Str, metadata

pas_exchange = Table(  # one request of PAS with its answer, as both were sent
    "pas_exchange",
    metadata,
    Column("id", Str, primary_key=True),
    Column("at", Big, nullable=False),
    Column("taken", Big, nullable=False),  # how long the answer took, microseconds
    Column("inward", Boolean, nullable=False),  # a partner asked us, else we asked a payer
    Column("operation", Str, nullable=False),  # submit | inquire | attach
    Column("version", Str, nullable=False),  # of the guide
    Column("partner", Str, nullable=False),  # the id of its organization, else of its client
    Column("bundle", Str),  # system|value of the Bundle that was answered; a partner uses it once
    Column("digest", LargeBinary, nullable=False),  # sha256 of what was sent
    Column("status", Integer, nullable=False),  # of HTTP
    Column("claim", Str),  # `Claim/id`
    Column("names", Str, nullable=False),  # JSON: `Type/id` here -> the fullUrl that the partner gave it
    Column("sent", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("metric", Str, nullable=False),  # JSON: PASMetricData
    Index("pas_exchange_bundle", "partner", "operation", "bundle", unique=True),
    Index("pas_exchange_claim", "claim"),
    Index("pas_exchange_at", "at"),
)

pas_filter = Table(  # whose answers a subscription wants
    "pas_filter",
    metadata,
    Column("key", Str, primary_key=True),  # an identifier, `value` or `system|value`
    Column("subscription", Str, primary_key=True),  # its id
    Index("pas_filter_subscription", "subscription"),
)
pas_event = Table(  # what a subscription is told, in its order: at once the log of its delivery
    "pas_event",
    metadata,
    Column("subscription", Str, primary_key=True),
    Column("number", Integer, primary_key=True),  # counted from 1; 0: the handshakes
    Column("response", Str, nullable=False),  # the id of the ClaimResponse
    Column("version", Integer, nullable=False),
    Column("at", Big, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("tried", Big),
    Column("delivered", Big),
    Column("error", Str),  # of the last try that failed
)
