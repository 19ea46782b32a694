"""The words that patients are found by, whoever has a referral or none; the slots that are free, by their diary."""

from sqlalchemy import Column, Index, Table

from carecoord.store.database.tables import Big, Str, metadata

patient_word = Table(  # rid: of the Patient or of the Coverage that says the word; patient: the id of whom it is about
    "patient_word",
    metadata,
    Column("word", Str, primary_key=True),
    Column("rid", Big, primary_key=True, autoincrement=False),
    Column("patient", Str, nullable=False),
    Index("patient_word_rid", "rid"),
    Index("patient_word_patient", "patient", "word"),
    sqlite_with_rowid=False,
)

free_slot = Table(  # rid: of the Slot; schedule: the id of its Schedule; starts, ends: microseconds
    "free_slot",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),
    Column("schedule", Str, nullable=False),
    Column("starts", Big, nullable=False),
    Column("ends", Big, nullable=False),
    Index("free_slot_schedule", "schedule", "starts"),
)
