"""Every table of the store. Times are integers: microseconds since 1970-01-01 UTC.

A resource is one row: its newest version's bytes exactly as they are served. Older versions move to `history`.
Search reads the `ix_*` tables: one row per value, keyed by `key` (the 32-bit number of a (type, parameter), see
fhir/params) with the resource's internal `rid`. Each has (rid, key) first for checking, sorting and replacing, and
an index for finding: the leading value, then rid, so that the rows of one value come in the order of rid and a
sorted walk has its tie-break inside.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite

metadata = MetaData()


# Byte order everywhere: prefix ranges and sort keys must mean the same in SQLite and PostgreSQL.
Str = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
Big = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")

resource = Table(
    "resource",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=True),
    Column("type", Str, nullable=False),
    Column("id", Str, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated", Big, nullable=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Column("patient", Str),  # the patient it is about, when there is exactly one: joins a case in one query
    Column("source", Str),  # meta.source: the EHR it came from
    Column("hash", LargeBinary, nullable=False),  # sha256 of the content without meta.versionId and meta.lastUpdated
    Column("body", LargeBinary, nullable=False),  # empty when deleted
    Column("method", Str),  # of the request that made this version: POST, PUT, PATCH, DELETE; NULL: it was not noted
    UniqueConstraint("type", "id", name="uq_resource_type_id"),
    Index("ix_resource_type", "type", "deleted", "rid"),
    Index("ix_resource_updated", "type", "deleted", "updated", "rid"),
    Index("ix_resource_patient", "patient", "type"),
)

history = Table(
    "history",
    metadata,
    Column("rid", Big, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("updated", Big, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("method", Str),
    Index("ix_history_updated", "updated", "rid"),
)

flag = Table(  # what the rules found in a resource that was stored all the same (load --lenient, EHR sync)
    "flag",
    metadata,
    Column("rid", Big, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("severity", Str, nullable=False),
    Column("code", Str, nullable=False),
    Column("text", Str, nullable=False),
    Column("expression", Str),
)


def _values(name: str, *columns: Column[object], leading: tuple[str, ...]) -> Table:
    """An index table: primary key (rid, key, values...), and an index (key, leading values, rid, other values)."""
    others = [column.name for column in columns if column.name not in leading]
    return Table(
        name,
        metadata,
        Column("rid", Big, primary_key=True, autoincrement=False),
        Column("key", Integer, primary_key=True, autoincrement=False),
        *columns,
        Index(f"{name}_find", "key", *leading, "rid", *others),
        sqlite_with_rowid=False,
    )


def _key(name: str, kind: object) -> Column[object]:
    return Column(name, kind, primary_key=True, autoincrement=False)  # type: ignore[arg-type]


ix_token = _values("ix_token", _key("code", Str), _key("system", Str), leading=("code",))
ix_string = _values("ix_string", _key("folded", Str), _key("exact", Str), leading=("folded",))
ix_date = _values("ix_date", _key("low", Big), _key("high", Big), leading=("low",))  # [low, high): half open
Index("ix_date_end", ix_date.c.key, ix_date.c.high, ix_date.c.rid, ix_date.c.low)  # what has not ended by a date
ix_number = _values(
    "ix_number", _key("low", Double), _key("high", Double), _key("code", Str), _key("system", Str), leading=("low",)
)
ix_reference = _values("ix_reference", _key("id", Str), _key("type", Str), _key("url", Str), leading=("id", "url"))
ix_uri = _values("ix_uri", _key("value", Str), leading=("value",))
ix_pair = _values(  # composite parameters: a token and, beside it, a token or a range, from the same element
    "ix_pair",
    _key("code", Str),
    _key("system", Str),
    _key("code2", Str),
    _key("system2", Str),
    _key("low", Double),
    _key("high", Double),
    leading=("code",),
)

case = Table(
    "case_row",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),  # of the ServiceRequest
    Column("id", Str, nullable=False, unique=True),  # the ServiceRequest's id
    Column("number", Str, nullable=False),  # the loop key people read: R-24817
    Column("open", Boolean, nullable=False),
    Column("patient", Str, nullable=False),
    Column("patient_name", Str, nullable=False),  # "Okafor, Ngozi"
    Column("patient_sort", Str, nullable=False),  # the name in base letters, fhir.collation.fold
    Column("birth_date", Str),
    Column("gender", Str),
    Column("mrn", Str),
    Column("member_id", Str),  # the payer's number of the patient
    Column("specialty", Str, nullable=False),
    Column("specialty_sort", Str, nullable=False),  # folded
    Column("reason", Str, nullable=False),
    Column("priority", Str, nullable=False),  # routine | urgent | asap | stat
    Column("placer", Str),  # Organization id of the referring side
    Column("placer_name", Str),
    Column("performer", Str),  # Organization id of the referred-to side
    Column("performer_name", Str),
    Column("payer", Str),  # Organization id
    Column("payer_key", Str),  # the payer's identifier, system|value: joins copies of one payer from several systems
    Column("payer_name", Str),
    Column("plan_name", Str),
    Column("agreement", Str),  # agreement number
    Column("stage", Str, nullable=False),  # referral-stage code
    Column("coverage_gate", Str, nullable=False),
    Column("authorization_gate", Str, nullable=False),
    Column("agreement_gate", Str, nullable=False),
    Column("information_gate", Str, nullable=False),
    Column("appointment_gate", Str, nullable=False),
    Column("loop_gate", Str, nullable=False),
    Column("authorization_state", Str, nullable=False),
    Column("authorization_note", Str),
    Column("authorization_until", Big),
    Column("agreement_state", Str, nullable=False),
    Column("agreement_note", Str),
    Column("agreement_until", Big),
    Column("cleared", Boolean, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("headline_gate", Str),  # the first unmet gate, or nothing
    Column("headline", Str, nullable=False),
    Column("action", Str),  # code of the next action
    Column("action_label", Str),
    Column("role", Str),  # whose move: coordinator | clinician | payer | contracts | performer | patient
    Column("due_at", Big),
    Column("due_label", Str),  # WHAT is due; like headline, notes and action_label by `words.sentence.dumps`
    Column("clock_start", Big),
    Column("appointment_at", Big),
    Column("owner", Str),  # the person who works it: a Practitioner id
    Column("owner_name", Str),
    # how it stands by what the payer was told, who knows of no visit: see domain/access/payer_view
    Column("payer_authorization", Str),
    Column("payer_authorization_note", Str),
    Column("payer_agreement", Str),
    Column("payer_agreement_note", Str),
    Column("changes_at", Big),  # when passing time alone will change this row; read before showing, see actions/cases
    Column("searched", Str, nullable=False),  # all that it is found by, domain/search_words
    Column("payer_searched", Str, nullable=False),  # of that, what the payer finds it by
    Column("updated", Big, nullable=False),
    Column("payer_order", Boolean, nullable=False),  # whether a request that was sent to it names the order
    # whether something may still come of what the payer was asked; its own move and clock, whoever else moves first
    Column("payer_open", Boolean, nullable=False),
    Column("payer_moves", Boolean, nullable=False),
    Column("payer_due", Big),
    Column("payer_due_label", Str),
    Column("payer_clock_start", Big),
    Column("payer_sort", Big, nullable=False),  # as sort_due
    Column("wakes_at", Big, nullable=False, server_default=text("0")),  # until when the referring office lets it rest
    Column("touch_at", Big),  # the day on which that office means to look at it again
    Column("contacts", Integer, nullable=False, server_default=text("0")),  # how often somebody was called, written to
    Column("told_at", Big),  # when somebody last wrote or said anything about it
    # far future when nothing is due, so that the sort key is never NULL
    Column("sort_due", Big, nullable=False),
    Index("case_row_due", "open", "sort_due", "rid"),
    Index("case_row_agreement", "agreement"),
    Index("case_row_patient", "patient"),
    Index("case_row_changes", "changes_at"),
)

# Whose cases a person may see, and what may lead such a list: each pair is an index in the order of the due time, so
# that a page and a count that stops early cost the same among a thousand cases and a million (see store/cases).
CASE_LEADS = {
    "placer": (
        "stage", "authorization_state", "agreement_state", "payer_key", "owner", "role", "headline_gate", "action",
        "cleared", "conflict",
    ),
    "performer": (
        "stage", "authorization_state", "agreement_state", "role", "headline_gate", "action", "cleared", "conflict",
    ),
    "payer_key": ("payer_authorization", "role"),
}  # fmt: skip
CASE_SORTS = {"placer": ("patient_sort", "specialty_sort")}  # the other orders that have an index of their own
# What is checked most often beside the lead stands behind it, so that counting need not look into the rows.
_BESIDE = {"placer": ("payer_key", "wakes_at"), "performer": ("payer_key",), "payer_key": ("payer_authorization",)}
for _scope, _leads in CASE_LEADS.items():
    for _lead in (None, *_leads):
        _names = (_scope, "open", *([_lead] if _lead else []), "sort_due", "rid", *_BESIDE[_scope])
        _named = f"case_row_{_scope}_{_lead}" if _lead else f"case_row_{_scope}"
        Index(_named, *(case.c[_name] for _name in dict.fromkeys(_names)))
for _scope, _sorts in CASE_SORTS.items():
    for _sort in _sorts:
        Index(f"case_row_{_scope}_{_sort}", case.c[_scope], case.c.open, case.c[_sort], case.c.rid)
Index("case_row_visit", case.c.placer, case.c.open, case.c.cleared, case.c.appointment_at, case.c.rid, case.c.wakes_at)
# few rest, and they are looked for among all that do not
_rests = text("wakes_at > 0")
Index("case_row_resting", case.c.placer, case.c.wakes_at, sqlite_where=_rests, postgresql_where=_rests)

Index("case_row_payer_clock", case.c.payer_key, case.c.payer_open, case.c.payer_sort, case.c.rid)
Index("case_row_payer_moves", case.c.payer_key, case.c.payer_open, case.c.payer_moves, case.c.payer_sort, case.c.rid)

for _scope in CASE_LEADS:  # whether anything in somebody's list has changed, in one step
    Index(f"case_row_{_scope}_updated", case.c[_scope], case.c.updated)

case_need = Table(  # what of the registry a case row leans on: a changed agreement finds its cases here
    "case_need",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=False),
    Column("rid", Big, primary_key=True, autoincrement=False),
    Index("case_need_rid", "rid"),
    sqlite_with_rowid=False,
)

case_word = Table(  # the words that a case is found by: the beginnings of names and numbers (see store/search_words)
    "case_word",
    metadata,
    Column("word", Str, primary_key=True),
    Column("rid", Big, primary_key=True, autoincrement=False),
    Index("case_word_rid", "rid"),
    sqlite_with_rowid=False,
)

directive = Table(  # the active Consents that forbid something: few, so that a turn need not look through all
    "directive",
    metadata,
    Column("rid", Big, primary_key=True, autoincrement=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("kind", Str, nullable=False),
    Column("key", Str, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("due_at", Big, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("latest", Boolean, nullable=False, server_default=true()),  # a later job of its key takes its place
    Column("revision", Integer, nullable=False, server_default=text("0")),  # how often that happened
    Column("holder", Str),  # who is doing it …
    Column("claimed_until", Big),  # … and until when it is theirs, if they do not renew it
    Column("tried_at", Big),  # when it was last begun
    Column("relayed_until", Big),  # the broker has it: until then it is not sent again
    Column("error", Str),
    Column("parked", Boolean, nullable=False, default=False),
    Index("ix_outbox_latest", "kind", "key", unique=True, sqlite_where=text("latest"), postgresql_where=text("latest")),
    Index("ix_outbox_turn", "kind", "key", "n"),
    Index("ix_outbox_kind", "kind", "parked", "due_at"),
    Index("ix_outbox_due", "parked", "due_at"),
)

ehr = Table(
    "ehr",
    metadata,
    Column("name", Str, primary_key=True),
    Column("base_url", Str, nullable=False),
    Column("dialect", Str, nullable=False),
    Column("config", LargeBinary, nullable=False),  # JSON: client_id, key file, scopes, headers
    Column("added", Big, nullable=False),
)

ehr_cursor = Table(  # commits together with the page it speaks of
    "ehr_cursor",
    metadata,
    Column("ehr", Str, primary_key=True),
    Column("type", Str, primary_key=True),
    Column("state", LargeBinary, nullable=False),  # JSON, the adapter's own
    Column("updated", Big, nullable=False),
)

ehr_run = Table(
    "ehr_run",
    metadata,
    Column("n", Big, primary_key=True, autoincrement=True),
    Column("ehr", Str, nullable=False),
    Column("started", Big, nullable=False),
    Column("finished", Big),
    Column("received", Integer, nullable=False, default=0),
    Column("changed", Integer, nullable=False, default=0),
    Column("flagged", Integer, nullable=False, default=0),
    Column("error", Str),
    Column("ungranted", Str),  # types, space-separated: offered, and not granted to us
    Index("ix_ehr_run_ehr", "ehr", "n"),
)

setting = Table(  # facts of this database: its secret for paging links, its creation
    "setting",
    metadata,
    Column("name", Str, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
