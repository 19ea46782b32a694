"""The tables of agreements, networks and rates. Each row is what one version of a resource says, or a schedule of rates
that was brought in, with two times: the days for which it says it (`valid_from`, `valid_to`), and how long we knew it
so (`recorded_at`, `superseded_at`). Both are half-open. A row is written once; only its `superseded_at` is set, when
another takes its place.

Days are numbers of the calendar (1 is 0001-01-01), NO_START and NO_END where a side is open. Instants are microseconds
since 1970-01-01 UTC; a row that still holds is superseded at NEVER. References are JSON as FHIR has them, and beside
them stands the key by which they are found: `Type/id`, or `system|value` of a logical identifier.
"""

from typing import Final

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table

from carecoord.store.database.tables import Big, Str, metadata

NO_START: Final = 0
NO_END: Final = 10_000_000
NEVER: Final = 2**62

agreement_version = Table(  # a Contract
    "agreement_version",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),  # of the resource
    Column("id", Str, nullable=False),  # of the resource
    Column("agreement", Str, nullable=False),  # what the versions of an agreement share: its number with its system
    Column("number", Str, nullable=False),
    Column("n", Str, nullable=False),  # the version as the parties count it
    Column("status", Str, nullable=False),
    Column("valid_from", Integer, nullable=False),
    Column("valid_to", Integer, nullable=False),
    Column("evergreen", Boolean, nullable=False),
    Column("notice", Integer),  # the day on which notice was given
    Column("notice_days", Integer, nullable=False),
    Column("renewal_months", Integer, nullable=False),
    Column("amends", Str, nullable=False),  # `Contract/id`
    Column("amendment", Str, nullable=False),
    Column("authority", Str, nullable=False),  # References: whose agreement it is
    Column("page", Str, nullable=False, server_default=""),  # of the paper, where it speaks of taking part
    Column("recorded_at", Big, nullable=False),
    Column("superseded_at", Big, nullable=False),
    Index("ix_agreement_version_id", "id", "superseded_at"),
    Index("ix_agreement_version_agreement", "agreement", "superseded_at"),
)

participation = Table(  # an OrganizationAffiliation, or a PractitionerRole that names networks
    "participation",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("type", Str, nullable=False),
    Column("id", Str, nullable=False),
    Column("subject", Str, nullable=False),  # the key of whom it is about: the clinician, or the organization
    Column("include", Boolean, nullable=False),
    Column("payer", Str, nullable=False),  # a Reference, as the next three
    Column("organization", Str, nullable=False),
    Column("practitioner", Str, nullable=False),
    Column("networks", Str, nullable=False),  # a list of References, as the next
    Column("sites", Str, nullable=False),
    Column("specialties", Str, nullable=False),  # a list of words
    Column("contract", Str, nullable=False),  # `Contract/id`
    Column("credentialed", Integer),  # from this day on
    Column("tier", Str, nullable=False, server_default=""),
    Column("verified", Integer),  # the day on which the directory last asked
    Column("absent", Str, nullable=False, server_default="{}"),  # a Reference: the clinician whose place is taken
    Column("valid_from", Integer, nullable=False),
    Column("valid_to", Integer, nullable=False),
    Column("recorded_at", Big, nullable=False),
    Column("superseded_at", Big, nullable=False),
    Index("ix_participation_subject", "subject", "superseded_at"),
    Index("ix_participation_contract", "contract", "superseded_at"),
)

# Who can be offered in a network: a row for each network and specialty of an organization's participation, and one for
# the network without a specialty. It stands in the order in which people read names, so that the first few are a walk
# of the index, however many there are.
network_member = Table(
    "network_member",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),  # as in `participation`
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("network", Str, primary_key=True),  # its key
    Column("specialty", Str, primary_key=True),  # empty: whatever it is
    Column("sort", Str, nullable=False),  # the organization's name, folded
    Column("subject", Str, nullable=False),
    Column("contract", Str, nullable=False),  # its id
    Column("valid_from", Integer, nullable=False),
    Column("valid_to", Integer, nullable=False),
    Column("recorded_at", Big, nullable=False),
    Column("superseded_at", Big, nullable=False),
    Index("ix_network_member_sort", "network", "specialty", "sort", "rid"),
    Index("ix_network_member_subject", "subject"),
)

# Where organizations stand, now: a row for each of their Locations, and one for an Organization with an address.
organization_place = Table(
    "organization_place",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),
    Column("key", Str, nullable=False),  # `Type/id` of the resource
    Column("organization", Str, nullable=False),  # `Organization/id`
    Column("latitude", Double, nullable=False),
    Column("longitude", Double, nullable=False),
    Column("x", Double, nullable=False),  # on a globe of radius 1: the nearer by these, the nearer by land
    Column("y", Double, nullable=False),
    Column("z", Double, nullable=False),
    Index("ix_organization_place_point", "latitude", "longitude"),
    Index("ix_organization_place_organization", "organization"),
    Index("ix_organization_place_key", "key"),
)

plan_network = Table(  # an InsurancePlan, once for each identifier
    "plan_network",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("plan", Str, primary_key=True),  # the value of its identifier, as it stands on cards
    Column("id", Str, nullable=False),
    Column("payer", Str, nullable=False),  # a Reference
    Column("networks", Str, nullable=False),  # a list of References
    Column("valid_from", Integer, nullable=False),
    Column("valid_to", Integer, nullable=False),
    Column("recorded_at", Big, nullable=False),
    Column("superseded_at", Big, nullable=False),
    Index("ix_plan_network_plan", "plan", "superseded_at"),
)

# What is paid under a version of an agreement: a schedule, and its lines. Both are written once and ended, as all is.
rate_schedule = Table(
    "rate_schedule",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("schedule", Str, nullable=False),  # what its lines are kept under, whatever else changes of it
    Column("contract", Str, nullable=False),  # the id of the Contract; empty: others refer to it by its name
    Column("name", Str, nullable=False),
    Column("network", Str, nullable=False),  # its key; empty: of all, as the next two
    Column("plan", Str, nullable=False),
    Column("business", Str, nullable=False),
    Column("currency", Str, nullable=False),
    Column("recorded_at", Big, nullable=False),
    Column("superseded_at", Big, nullable=False),
    Index("ix_rate_schedule_contract", "contract", "name", "superseded_at"),
    Index("ix_rate_schedule_schedule", "schedule", "superseded_at"),
)

rate_line = Table(
    "rate_line",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("schedule", Str, nullable=False),
    Column("stem", Str, nullable=False),  # what all codes of the range begin with; empty: any code
    Column("digest", Str, nullable=False),  # of all that the line says
    Column("recorded_at", Big, nullable=False),
    Column("superseded_at", Big, nullable=False),
    Column("valid_from", Integer, nullable=False),
    Column("valid_to", Integer, nullable=False),
    Column("method", Str, nullable=False),
    Column("amount", Str, nullable=False),  # a decimal number as text, exact; empty: none, as the next four
    Column("percent", Str, nullable=False),
    Column("factor", Str, nullable=False),
    Column("least", Str, nullable=False),
    Column("most", Str, nullable=False),
    Column("reference", Str, nullable=False),  # the name of another schedule
    Column("system", Str, nullable=False),
    Column("code", Str, nullable=False),
    Column("code_end", Str, nullable=False),
    Column("category", Str, nullable=False),
    Column("modifiers", Str, nullable=False),  # a list of words, as the next two
    Column("places", Str, nullable=False),
    Column("specialties", Str, nullable=False),
    Column("site", Str, nullable=False),  # `Location/id`
    Column("setting", Str, nullable=False),
    Column("billing", Str, nullable=False),
    Column("lesser_of", Boolean, nullable=False),
    Column("unit", Str, nullable=False),
    Column("line", Str, nullable=False),
    Column("page", Str, nullable=False),
    Index("ix_rate_line_stem", "schedule", "stem", "superseded_at"),
)

# The register as it is looked through: a row for each agreement, made anew whenever a version of it is written, and
# when the day `turns_on` has come. `words` is searched: SQLite by the FTS5 table `agreement_words`, which triggers
# keep, and PostgreSQL by an index of the column.
agreement_row = Table(
    "agreement_row",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("agreement", Str, nullable=False),  # as in agreement_version
    Column("part", Str, nullable=False),  # of which payer, where two have given one number
    Column("contract", Str, nullable=False),  # the id of the version that is shown
    Column("number", Str, nullable=False),
    Column("title", Str, nullable=False),
    Column("kind", Str, nullable=False),
    Column("state", Str, nullable=False),
    Column("stage", Str, nullable=False),
    Column("version", Str, nullable=False),
    Column("versions", Integer, nullable=False),
    Column("drafts", Boolean, nullable=False),
    Column("parties", Str, nullable=False),  # a list of [key, name, role]
    Column("sides", Str, nullable=False, server_default=""),  # the keys in agreement_party, a line break around each
    Column("starts", Integer, nullable=False),
    Column("ends", Integer, nullable=False),
    Column("term_ends", Integer, nullable=False),
    Column("notice_by", Integer, nullable=False),
    Column("due", Integer, nullable=False),
    Column("turns_on", Integer, nullable=False),
    Column("amount", Str, nullable=False),
    Column("words", Str, nullable=False),
    Index("ix_agreement_row_agreement", "agreement"),
    Index("ix_agreement_row_contract", "contract"),
    Index("ix_agreement_row_stage", "stage", "due", "n", "kind", "drafts", "notice_by", "ends", "term_ends"),
    Index("ix_agreement_row_drafts", "drafts", "due", "n"),
    Index("ix_agreement_row_due", "due", "n"),
    Index("ix_agreement_row_turns_on", "turns_on"),
)

agreement_party = Table(
    "agreement_party",
    metadata,
    Column("row", Big, primary_key=True, autoincrement=False),  # n of agreement_row
    Column("key", Str, primary_key=True),  # `Type/id`
    Column("binds", Boolean, nullable=False),  # whether a Contract names it itself, and not in an offer alone
    Index("ix_agreement_party_key", "key", "binds", "row"),
)

# The papers of agreements: a row for each document that is about a Contract, with the file whose words were read, who
# may find it by them, and the words of each page. SQLite finds them by the FTS5 table `paper_words`, which triggers
# keep, and PostgreSQL by an index of the column `words`.
paper = Table(
    "paper",
    metadata,
    Column("document", Str, primary_key=True),  # the id of the DocumentReference
    Column("file", Str, nullable=False),  # which file it is, so that the same is not read twice
    Column("pages", Integer),  # how many it has; none while it was not read, 0 where it can not be
)

paper_reader = Table(
    "paper_reader",
    metadata,
    Column("document", Str, primary_key=True),
    Column("contract", Str, primary_key=True),  # the id of the Contract
    Column("office", Str, primary_key=True),  # the id of an Organization whose contract staff see it
    Index("ix_paper_reader_contract", "contract"),
)

paper_page = Table(
    "paper_page",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("document", Str, nullable=False),
    Column("page", Integer, nullable=False),  # from 1
    Column("said", Str, nullable=False),  # its words as they stand there
    Column("words", Str, nullable=False),  # each once, in base letters
    Index("ix_paper_page_document", "document", "page"),
)
