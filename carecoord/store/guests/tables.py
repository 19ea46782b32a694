"""The table of links for those without an account. Of its two secrets only hashes are kept: the address is random, and
what a clinic's code is hashed with is that address, which nobody has but the holder. Times are microseconds."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table

from carecoord.store.database.tables import Big, Str, metadata

guest_link = Table(
    "guest_link",
    metadata,
    Column("id", Str, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),  # sha256 of what stands in the address
    Column("code", LargeBinary),  # sha256 of both, the address and the clinic's code; a patient has none
    Column("audience", Str, nullable=False),  # clinic | patient | relative
    Column("case", Str, nullable=False),
    Column("patient", Str, nullable=False),
    Column("office", Str, nullable=False),  # the Organization that made it
    Column("organization", Str, nullable=False),  # for which its holder acts, empty for a patient's
    Column("language", Str, nullable=False),
    Column("cover", Str, nullable=False, unique=True),  # what the bar code of its cover sheet says
    Column("by", Str, nullable=False),  # the account that made it
    Column("made", Big, nullable=False),
    Column("expires", Big, nullable=False),
    Column("wrong", Integer, nullable=False, server_default="0"),  # wrong codes or dates in a row
    Column("locked", Big),
    Column("withdrawn", Big),
    Column("asked", Big),  # when its holder asked for a new one
    Column("opened", Big),  # when it was first opened
    Column("relative", Str, nullable=False, server_default=""),  # the RelatedPerson that its holder is, else empty
    Column("stopped", Big),  # when the patient asked for no more messages
    Index("ix_guest_link_case", "case", "made"),
    Index("ix_guest_link_patient", "patient"),
)
