"""How many claims stand how, and what of them is denied and paid short: kept in the transaction that writes a claim, so
that a list of all of them is counted without a walk through it.

A cell counts the claims of an office that stand alike; those of one payer, code, agreement or reason besides. Nobody
waits for anybody: whoever finds a cell in the hands of another transaction counts in a row of their own beside it, and
a cell is the sum of its rows."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection, text

Kind = Literal["all", "payer", "code", "agreement", "reason"]  # what the claims of a cell have in common beside
Cell = tuple[str, Kind, str, str, str, bool, bool]  # office, kind, value, work, status, doubted, underpaid
Sums = tuple[int, int, int]  # claims, cents denied, cents paid short
COLUMNS: Final = ("office", "kind", "value", "work", "status", "doubted", "underpaid")
COUNTED: Final = (  # of a claim, all by which it is counted
    "office", "payer_name", "code", "agreement_number", "work", "status", "doubts", "denied", "short",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode
_KEY: Final = ", ".join(COLUMNS)
_SAME: Final = " AND ".join(f"held.{name} = wanted.{name}" for name in COLUMNS)
_TYPES: Final = "office text, kind text, value text, work text, status text, doubted boolean, underpaid boolean"
_SQLITE: Final = text(
    f"INSERT INTO claim_tally ({_KEY}, slot, claims, denied, short) "  # noqa: S608 - our own words; the cells are bound
    "SELECT json_extract(value, '$.office'), json_extract(value, '$.kind'), json_extract(value, '$.value'), "
    "json_extract(value, '$.work'), json_extract(value, '$.status'), json_extract(value, '$.doubted'), "
    "json_extract(value, '$.underpaid'), 0, json_extract(value, '$.claims'), json_extract(value, '$.denied'), "
    "json_extract(value, '$.short') FROM json_each(:cells) WHERE true "
    f"ON CONFLICT ({_KEY}, slot) DO UPDATE SET claims = claims + excluded.claims, denied = denied + excluded.denied, "
    "short = short + excluded.short"
)
_POSTGRESQL: Final = text(
    "WITH wanted AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(CAST(:cells AS jsonb)) "  # noqa: S608 - as above
    f"AS cell ({_TYPES}, claims bigint, denied bigint, short bigint)), "
    "free AS MATERIALIZED (SELECT held.* FROM claim_tally AS held "
    f"JOIN wanted ON {_SAME} FOR UPDATE OF held SKIP LOCKED), "
    f"chosen AS MATERIALIZED (SELECT {_KEY}, min(slot) AS slot FROM free GROUP BY {_KEY}), "
    "changed AS (UPDATE claim_tally AS held SET claims = held.claims + wanted.claims, "
    "denied = held.denied + wanted.denied, short = held.short + wanted.short "
    f"FROM chosen JOIN wanted USING ({_KEY}) WHERE {_SAME} AND held.slot = chosen.slot) "
    f"INSERT INTO claim_tally ({_KEY}, slot, claims, denied, short) "
    f"SELECT {_KEY}, pg_current_xact_id()::text::bigint, wanted.claims, wanted.denied, wanted.short "
    f"FROM wanted LEFT JOIN chosen USING ({_KEY}) WHERE chosen.slot IS NULL"
)


def cells(claim: Mapping[str, Any], reasons: Mapping[str, int]) -> dict[Cell, Sums]:
    """Where a claim is counted, by its columns of COUNTED. reasons: of each reason that denies, how many cents."""
    office, denied, short = claim["office"], claim["denied"], claim["short"]
    stands = (claim["work"], claim["status"], claim["doubts"] != "[]", short > 0)
    beside: tuple[tuple[Kind, str | None], ...] = (
        ("payer", claim["payer_name"]), ("code", claim["code"]), ("agreement", claim["agreement_number"]),
    )  # fmt: skip
    found: dict[Cell, Sums] = {(office, "all", "", *stands): (1, denied, short)}
    found |= {(office, kind, value, *stands): (1, denied, short) for kind, value in beside if value}
    if denied > 0:
        found |= {(office, "reason", reason, *stands): (1, cents, 0) for reason, cents in reasons.items()}
    return found


def move(conn: Connection, before: Mapping[Cell, Sums], after: Mapping[Cell, Sums]) -> None:
    """Count a claim no more where it was counted, and where it is to be counted now."""
    changes = Counter[tuple[Cell, int]]()
    for found, sign in ((before, -1), (after, 1)):
        for cell, sums in found.items():
            changes.update({(cell, n): sign * each for n, each in enumerate(sums)})
    moved = [(cell, [changes[cell, n] for n in range(3)]) for cell in dict.fromkeys(cell for cell, _ in changes)]
    rows = [_row(cell, sums) for cell, sums in moved if any(sums)]
    if rows:
        how = _POSTGRESQL if conn.dialect.name == "postgresql" else _SQLITE
        conn.execute(how, {"cells": _encode(rows).decode()})


def _row(cell: Cell, sums: Sequence[int]) -> dict[str, Any]:
    claims, denied, short = sums
    return dict(zip(COLUMNS, cell, strict=True)) | {"claims": claims, "denied": denied, "short": short}


def by_reason(adjustments: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Of each reason that denies, how many cents."""
    found = Counter[str]()
    for each in adjustments:
        if each["denies"]:
            found[each["reason"]] += each["amount"]
    return dict(found)
