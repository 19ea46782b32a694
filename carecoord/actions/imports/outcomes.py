"""What became of a file that was brought in at the desk, as its row keeps it."""

from dataclasses import replace

import msgspec

from carecoord.store.imports.files import File
from carecoord.words.sentence import Sentence, Value, dumps

TOLD = 2_000  # faults that are kept to be shown


class Told(msgspec.Struct, frozen=True):
    """A fault, as a row keeps it. where, column, what: sentences as kept; cell: what it holds."""

    where: str
    row: int
    column: str
    cell: str
    what: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of a file, or would. rows: new, changed, unchanged, ended, faulty, and of a publisher's file how many
    were read; gone: what is no longer in a directory; failed: why nothing did, as kept."""

    rows: dict[str, int] = {}
    faults: list[Told] = []
    more: int = 0
    formulas: int = 0
    failed: str = ""
    gone: list[str] = []


def ended(file: File, outcome: Outcome, state: str) -> File:
    """The file once it was tried, taken in, or failed."""
    return replace(file, state=state, outcome=msgspec.json.encode(outcome))


def kept(said: Value) -> str:
    """A refusal, or what a column is called, as a row keeps it."""
    return dumps(said) if isinstance(said, Sentence) else str(said)


def outcome_of(file: File) -> Outcome | None:
    """What became of a file, None before it was tried."""
    return msgspec.json.decode(file.outcome, type=Outcome) if file.outcome else None
