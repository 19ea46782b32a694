"""The tables of prior authorization: the payers' rules, one row for each service, plan and diagnosis of a line; and the
requests, each a row with its parties, its words and who is on it.

Of rules two times are kept: from when until when one holds (days, half open, no day: without end), and from when until
when we knew it so (microseconds, half open). Rows of rules are added and ended, never changed, so that what was known
at an instant can be asked for ever.
"""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, Table, text

from carecoord.store.database.tables import Big, Str, metadata

PRESENT = 2**63 - 1  # `recorded_to` of what is known now
PROPOSED = "proposed IS NOT NULL"  # of a request: its denial waits for a second person
UNCOVERED = "outside > 0"  # of a request: a visit is booked that what was granted does not cover

authorization_rule = Table(
    "authorization_rule",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("source", Str, nullable=False),  # `PlanDefinition/id`: the book, or the cover of imported lines
    Column("version", Str),  # of the book, when the line came in
    Column("recorded_from", Big, nullable=False),
    Column("recorded_to", Big, nullable=False),
    Column("stem", Str, nullable=False),  # what all codes of the range begin with; empty: any code
    Column("line", Str, nullable=False),  # the line within its source, as people find it there
    Column("element", Str, nullable=False),  # where it stands in the source (FHIRPath)
    Column("payer", Str, nullable=False),  # system|value
    Column("provider", Str, nullable=False),  # system|value of the one that is exempt; this and the rest empty: any
    Column("plan", Str, nullable=False),
    Column("business", Str, nullable=False),  # line of business
    Column("system", Str, nullable=False),
    Column("code", Str, nullable=False),
    Column("code_end", Str, nullable=False),  # the last code of a range
    Column("modifiers", Str, nullable=False),  # a JSON list, as are places, specialties and papers
    Column("places", Str, nullable=False),
    Column("setting", Str, nullable=False),
    Column("age_from", Integer),
    Column("age_to", Integer),  # the last age that is meant
    Column("sex", Str, nullable=False),
    Column("diagnosis", Str, nullable=False),
    Column("diagnosis_end", Str, nullable=False),
    Column("visit_from", Integer),
    Column("network", Str, nullable=False),  # in | out | any
    Column("specialties", Str, nullable=False),
    Column("vendor", Str, nullable=False),
    Column("valid_from", Str),  # YYYY-MM-DD
    Column("valid_to", Str),
    Column("lead_days", Integer),
    Column("papers", Str, nullable=False),
    Column("answer", Str, nullable=False),
    Column("title", Str, nullable=False),
    Column("origin", Str, nullable=False),  # where the payer says so
    Column("retrieved", Str, nullable=False),  # the day on which that was read
    Index("ix_authorization_rule_key", "payer", "stem", "plan", "provider", "recorded_to"),
    Index("ix_authorization_rule_source", "source", "recorded_to"),
    Index("ix_authorization_rule_list", "payer", "recorded_to", "code", "n"),
)

authorization_row = Table(  # one request for authorization with what came of it: domain/prior_auth/desk/row
    "authorization_row",
    metadata,
    Column("root", Str, primary_key=True),  # `Type/id` of its first Claim; of an answer without one, of the answer
    Column("claim", Str, nullable=False),  # the newest version, `Type/id`
    Column("patient", Str, nullable=False),
    Column("state", Str, nullable=False),  # lifecycle.LifeState
    Column("open", Boolean, nullable=False),
    Column("sent", Boolean, nullable=False),
    Column("number", Str),  # the payer's
    Column("service", Str, nullable=False),
    Column("code", Str, nullable=False),
    Column("lines", Str, nullable=False),  # a JSON list: what was decided on each service, and its part of the ledger
    Column("orders", Str, nullable=False),  # a JSON list of the ids of cases
    Column("expedited", Boolean, nullable=False),
    Column("patient_name", Str, nullable=False),
    Column("patient_sort", Str, nullable=False),
    Column("birth_date", Str),
    Column("gender", Str),
    Column("mrn", Str),
    Column("member_id", Str),
    Column("payer_key", Str),  # system|value
    Column("payer_name", Str),
    Column("plan_name", Str),
    Column("provider", Str),  # who is to do it
    Column("placer_name", Str),
    Column("agreement", Str),  # its number
    Column("payer_agreement", Str),  # how it stands by what the payer was told: agreements.participation.Cause
    Column("payer_agreement_number", Str),
    Column("payer_agreement_until", Big),
    Column("papers", Integer, nullable=False),  # that went with the newest version
    Column("asked", Integer, nullable=False),  # that the payer asked for since
    Column("attached", Integer, nullable=False),  # of these
    Column("received", Big),
    Column("due", Big),  # until when the payer must have decided, while it has not
    Column("decided", Big),
    Column("appeal_by", Big),
    Column("peer_by", Big),
    Column("info_due", Big),
    Column("starts", Big),
    Column("ends", Big),  # the end of the last day
    Column("unit", Str),  # by words.sentence.dumps; the counts as people write them, in this unit
    Column("authorized", Str),
    Column("booked", Str),
    Column("used", Str),
    Column("left", Str),
    Column("voided", Str),
    Column("sort_due", Big, nullable=False),
    Column("parties", Str, nullable=False),  # a JSON list of [side, key]: what stands in authorization_party
    Column("searched", Str, nullable=False),  # all that it is found by
    Column("payer_searched", Str, nullable=False),  # of that, what its payer finds it by
    Column("updated", Big, nullable=False),
    Column("owner", Str),  # who at the clinic has it: of the case
    Column("owner_name", Str),
    Column("touch", Big),  # when somebody means to look at it next
    Column("visits", Str, nullable=False),  # a JSON list of the booked ones ahead: clinic.office.VisitAhead
    Column("outside", Integer, nullable=False),  # of these, that what was granted does not cover
    Column("office_clock", Str),  # what is due at the clinic: clinic.office.OfficeClock
    Column("office_due", Big),
    Column("sort_office", Big, nullable=False),
    Column("denial", Str),  # why it was denied at first
    Column("overturned", Boolean),  # what the payer said to an appeal
    Column("proposed", Big),  # since when a denial waits for a second person; kept when the row is made anew
    Column("extended", Str),  # who had the clock extended: payer | patient
    Column("level", Integer, nullable=False, server_default="0"),  # of the appeal that it is; 0: none
    Column("changes_at", Big),  # when time changes it next; None where its order is here: its case is judged anew then
    Index("authorization_row_patient", "patient"),
    Index("authorization_row_claim", "claim"),
    Index("authorization_row_changes", "changes_at"),
    # by which the lists of the desks are found and put in order: see lists.py
    Index("authorization_row_state", "state", "ends"),
    Index("authorization_row_due", "sort_due", "root"),
    Index("authorization_row_office", "sort_office", "root"),
    Index("authorization_row_proposed", "root", sqlite_where=text(PROPOSED), postgresql_where=text(PROPOSED)),
    Index("authorization_row_outside", "root", sqlite_where=text(UNCOVERED), postgresql_where=text(UNCOVERED)),
)
authorization_party = Table(  # whose it is: an index of its own for each way somebody comes to it
    "authorization_party",
    metadata,
    Column("side", Str, primary_key=True),  # placer | performer: the id of an Organization; payer: system|value
    Column("key", Str, primary_key=True),
    Column("root", Str, primary_key=True),
    Index("authorization_party_root", "root"),
)
authorization_word = Table(  # by what it is found
    "authorization_word",
    metadata,
    Column("word", Str, primary_key=True),
    Column("root", Str, primary_key=True),
    Column("payer", Boolean, nullable=False),  # whether its payer finds it by this, too
    Index("authorization_word_root", "root"),
)
authorization_lock = Table(  # who of the payer is on a request, for a while; it keeps nobody from reading
    "authorization_lock",
    metadata,
    Column("root", Str, primary_key=True),
    Column("account", Str, nullable=False),
    Column("name", Str, nullable=False),
    Column("until", Big, nullable=False),
)
authorization_automatic = Table(  # which books let a rule approve by itself, and whose they are
    "authorization_automatic",
    metadata,
    Column("source", Str, primary_key=True),  # `PlanDefinition/id`
    Column("payer", Str, nullable=False),  # system|value
)
authorization_step = Table(  # at which step of its payer a request stands beside its state: queues.StepKind
    "authorization_step",
    metadata,
    Column("claim", Str, primary_key=True),  # `Claim/id`
    Column("kind", Str, primary_key=True),
    Column("since", Big, nullable=False),
)

letter_sending = Table(  # a letter of a payer: by which way it goes, in which batch, and when it went
    "letter_sending",
    metadata,
    Column("document", Str, primary_key=True),  # the id of its DocumentReference
    Column("payer", Str, nullable=False),  # the id of the Organization that writes
    Column("root", Str, nullable=False),  # of the row of the request
    Column("patient", Str, nullable=False),
    Column("channel", Str, nullable=False),  # print | mail | portal: shipped.CHOICES of letter.channel
    Column("kind", Str, nullable=False),  # desk.letter.LetterKind
    Column("written", Big, nullable=False),
    Column("batch", Str),  # with which others it goes; none: it waits, or goes by itself
    Column("sent", Big),
    Column("sent_by", Str, nullable=False),  # the name of who says that it went; empty: nobody, it goes by itself
    Index("letter_sending_waiting", "payer", "batch", "channel", "written"),
    Index("letter_sending_root", "root"),
)
letter_batch = Table(  # letters of one way that go out together, as one file
    "letter_batch",
    metadata,
    Column("id", Str, primary_key=True),  # of the act that made it
    Column("payer", Str, nullable=False),
    Column("channel", Str, nullable=False),
    Column("made", Big, nullable=False),
    Column("made_by", Str, nullable=False),  # the name of who made it
    Column("letters", Integer, nullable=False),  # how many
    Column("sent", Big),
    Column("sent_by", Str, nullable=False),
    Index("letter_batch_payer", "payer", "made"),
)
request_packet = Table(  # the packet of a request as somebody asked for it: nobody else is given it
    "request_packet",
    metadata,
    Column("id", Str, primary_key=True),
    Column("digest", Str, nullable=False),  # of all that it is made of
    Column("state", Str, nullable=False),  # packets.State
    Column("sheets", LargeBinary, nullable=False),  # JSON of what is to be made into pages; empty once it is done
    Column("asked", Big, nullable=False),
    Column("made", Big),
    Column("pages", Integer, nullable=False),
    Column("left", Integer, nullable=False),  # of the documents, that could not be made into pages
    Column("why", Str, nullable=False),  # a sentence as rows keep it: why it could not be made
    Column("body", LargeBinary, nullable=False),  # the PDF
    Index("request_packet_asked", "asked"),
)

authorization_counted = Table(  # a request as its payer's metrics count it, made of the log of events alone
    "authorization_counted",
    metadata,
    Column("claim", Str, primary_key=True),  # `Claim/id`: the first of those that ask for it
    Column("root", Str, nullable=False),  # the first Claim of its chain
    Column("patient", Str, nullable=False),
    Column("payer", Str, nullable=False),  # the id of an Organization
    Column("expedited", Boolean, nullable=False),
    Column("received", Big, nullable=False),
    Column("due", Big),  # until when it had to be decided
    Column("decided", Big),
    Column("outcome", Str, nullable=False),  # empty: not decided
    Column("extended", Str, nullable=False),  # payer | patient; empty: it was not
    Column("by", Str, nullable=False),  # rule | human; empty: nobody says
    Column("appealed", Big),
    Column("redecided", Big),
    Column("appeal", Str, nullable=False),  # what the appeal came to; empty: nothing yet
    Column("withdrawn", Boolean, nullable=False),  # before it was decided
    Index("authorization_counted_patient", "patient"),
    Index("authorization_counted_decided", "payer", "decided"),
)
