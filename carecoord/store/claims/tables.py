"""The tables of X12 files and of the claims that they speak of: a file as it came, each of its transactions with what
became of it, each file that went out; a claim with its lines, its adjustments and what was done about it.

Money is a whole number of cents, days are YYYY-MM-DD, instants microseconds.
"""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table

from carecoord.store.database.tables import Big, Str, metadata

x12_file = Table(
    "x12_file",
    metadata,
    Column("id", Str, primary_key=True),
    Column("office", Str, nullable=False),  # the id of the Organization whose it is
    Column("name", Str, nullable=False),
    Column("digest", LargeBinary, nullable=False),  # sha256 of the body
    Column("body", LargeBinary, nullable=False),  # as it came
    Column("subject", Str, nullable=False),  # who brought it
    Column("at", Big, nullable=False),
    Column("state", Str, nullable=False),  # waiting | done
    Column("faults", Str, nullable=False),  # a JSON list of [place, where, sentence]
    Index("x12_file_office", "office", "at"),
    Index("x12_file_digest", "office", "digest", unique=True),
)

x12_transaction = Table(  # one ST to SE of a file
    "x12_transaction",
    metadata,
    Column("file", Str, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("kind", Str, nullable=False),  # ST01
    Column("control", Str, nullable=False),  # sender, ISA13, GS06 and ST02, by which it is known again
    Column("digest", LargeBinary, nullable=False),
    Column("state", Str, nullable=False),  # taken | again | unmatched | faulty
    Column("about", Str),  # `Type/id` of what it changed
    Column("faults", Str, nullable=False),
)

x12_taken = Table(  # what was taken once and is not taken again
    "x12_taken",
    metadata,
    Column("office", Str, primary_key=True),
    Column("control", Str, primary_key=True),
    Column("kind", Str, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("file", Str, nullable=False),
)

x12_sent = Table(  # what went out; its number is the control number of the interchange
    "x12_sent",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("office", Str, nullable=False),
    Column("kind", Str, nullable=False),
    Column("about", Str, nullable=False),  # `Type/id`
    Column("trace", Str, nullable=False),
    Column("subject", Str, nullable=False),
    Column("at", Big, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("receipt", Str),  # what TA1 or 999 said: A, E, P, R
    Index("x12_sent_trace", "trace"),
    Index("x12_sent_about", "about"),
)

claim = Table(
    "claim",
    metadata,
    Column("id", Str, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("office", Str, nullable=False),
    Column("number", Str, nullable=False),  # ours
    Column("payer_number", Str, nullable=False),
    Column("payer_id", Str, nullable=False),  # as the file has it
    Column("payer_name", Str, nullable=False),
    Column("payer", Str),  # `Organization/id`
    Column("patient", Str),
    Column("coverage", Str),
    Column("authorization", Str),  # root of its row
    Column("authorization_number", Str, nullable=False),
    Column("visit", Str),  # `Appointment/id`
    Column("name", Str, nullable=False),  # of the patient, as the file has it
    Column("sort_name", Str, nullable=False),
    Column("member", Str, nullable=False),
    Column("provider", Str, nullable=False),  # NPI
    Column("since", Str),
    Column("until", Str),
    Column("code", Str, nullable=False),  # of the first line
    Column("status", Str, nullable=False),  # domain.claims.claim.Status
    Column("said", Str, nullable=False),  # a JSON list of the codes of a 277CA
    Column("remarks", Str, nullable=False),  # a JSON list
    Column("charge", Big, nullable=False),
    Column("paid", Big, nullable=False),
    Column("owed", Big, nullable=False),  # by the patient
    Column("denied", Big, nullable=False),
    Column("gap", Big, nullable=False),  # by which it does not add up
    Column("expected", Big),  # by the agreement
    Column("short", Big, nullable=False),  # paid less than that
    Column("agreement", Str),  # `Contract/id`
    Column("agreement_number", Str),
    Column("doubts", Str, nullable=False),  # a JSON list of sentences: why it is matched to nobody
    Column("payment", Str, nullable=False),  # the number of the payment
    Column("decided", Str),  # the day on which the payer said it
    Column("due", Big),  # until when it can be appealed
    Column("work", Str, nullable=False),  # domain.claims.work.Work
    Column("off", Big, nullable=False),  # written off, or asked to be
    Column("off_by", Str),  # who asked
    Column("received", Big, nullable=False),
    Column("updated", Big, nullable=False),
    Index("claim_number", "office", "number"),
    Index("claim_office", "office", "work", "due"),
    Index("claim_patient", "patient"),
    Index(  # what is counted and summed, and the orders by money and deadline: long rows are read for a page alone
        "claim_stands", "office", "work", "status", "payer_name", "code", "agreement_number", "due", "denied", "short",
        "patient", "id",
    ),
)

claim_tally = Table(  # how many claims stand alike, and what of them is denied and short: the sum of a cell's rows
    "claim_tally",
    metadata,
    Column("office", Str, primary_key=True),
    Column("kind", Str, primary_key=True),  # tallies.Kind
    Column("value", Str, primary_key=True),  # of that; empty of all
    Column("work", Str, primary_key=True),
    Column("status", Str, primary_key=True),
    Column("doubted", Boolean, primary_key=True),  # whether it is matched to nobody
    Column("underpaid", Boolean, primary_key=True),
    Column("slot", Big, primary_key=True, autoincrement=False),  # the transaction that found the others' rows taken
    Column("claims", Big, nullable=False),
    Column("denied", Big, nullable=False),
    Column("short", Big, nullable=False),
)

claim_line = Table(
    "claim_line",
    metadata,
    Column("claim", Str, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("qualifier", Str, nullable=False),
    Column("code", Str, nullable=False),
    Column("modifiers", Str, nullable=False),  # separated by blanks
    Column("units", Str),
    Column("since", Str),
    Column("charge", Big, nullable=False),
    Column("paid", Big, nullable=False),
    Column("allowed", Big),
    Column("expected", Big),
    Column("proof", Str, nullable=False),  # a JSON list of sentences: how it was reckoned, or why it can not be
    Column("remarks", Str, nullable=False),
    Index("claim_line_code", "code"),
)

claim_adjustment = Table(
    "claim_adjustment",
    metadata,
    Column("claim", Str, primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),  # 0: of the claim
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("kind", Str, nullable=False),  # CO | PR | OA | PI
    Column("reason", Str, nullable=False),
    Column("amount", Big, nullable=False),
    Column("denies", Boolean, nullable=False),
    Index("claim_adjustment_reason", "reason", "claim"),
)

claim_act = Table(  # what was done about a claim, and what came about it
    "claim_act",
    metadata,
    Column("id", Str, primary_key=True),  # of the form, so that one acts once
    Column("claim", Str, nullable=False),
    Column("at", Big, nullable=False),
    Column("verb", Str, nullable=False),  # domain.claims.work.ClaimVerb, or the kind of a file
    Column("subject", Str, nullable=False),
    Column("name", Str, nullable=False),
    Column("amount", Big),
    Column("note", Str, nullable=False),
    Index("claim_act_claim", "claim", "at"),
)
