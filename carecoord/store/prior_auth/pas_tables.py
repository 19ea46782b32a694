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

pas_payer = Table(  # a payer that takes requests from us by PAS, and how it stands with it
    "pas_payer",
    metadata,
    Column("payer", Str, primary_key=True),  # the id of its Organization
    Column("config", Str, nullable=False),  # JSON: where and how, see Endpoint
    Column("told", Str),  # JSON: what it said of itself when it was last asked
    Column("failures", Integer, nullable=False),  # calls in a row that had no answer
    Column("rests", Big),  # until when it is not called
    Column("trouble", Str, nullable=False),  # why the last call failed: a code; empty where it did not
    Column("words", Str, nullable=False),  # the same in the words of the call
    Column("failed", Big),  # since when it has not answered
    Column("subscription", Str, nullable=False),  # the id of ours there; empty: none
    Column("secret", LargeBinary),  # sha256 of what its notices prove themselves by
    Column("state", Str, nullable=False),  # of the subscription: requested | active | error, or empty
    Column("heard", Big),  # its last notice
    Column("events", Integer, nullable=False),  # the highest number of an event that was taken in
)
pas_sending = Table(  # what we send a payer by PAS: one row for each request, taking back and answer to its wishes
    "pas_sending",
    metadata,
    Column("id", Str, primary_key=True),  # the operation and what it is about: submit:ID, cancel:ID, attach:TASK
    Column("operation", Str, nullable=False),  # submit | cancel | attach
    Column("claim", Str, nullable=False),  # `Claim/id`
    Column("payer", Str, nullable=False),
    Column("state", Str, nullable=False),  # waiting | sending | answered | refused | dropped
    Column("bundle", Str),  # the number of the Bundle; None as long as it is not made
    Column("body", LargeBinary),  # what is sent, the same each time
    Column("tries", Integer, nullable=False),
    Column("at", Big, nullable=False),  # when it was ordered
    Column("tried", Big),
    Column("ended", Big),
    Column("asked", Big),  # the last inquiry
    Column("trouble", Str, nullable=False),  # a code, empty when all is well
    Column("words", Str, nullable=False),  # the payer's own, or nothing
    Index("pas_sending_claim", "claim"),
    Index("pas_sending_payer", "payer", "state"),
)
