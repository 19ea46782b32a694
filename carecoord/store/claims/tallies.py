"""How many claims stand how, and what of them is denied and paid short: kept in the transaction that writes a claim, so
that a list of all of them is counted without a walk through it.

A cell counts the claims of an office that stand alike; those of one payer, code, agreement or reason besides. Nobody
waits for anybody: whoever finds a cell in the hands of another transaction counts in a row of their own beside it, and
a cell is the sum of its rows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, func, literal, select, text

from carecoord.store.claims.tables import claim, claim_adjustment, claim_tally

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


def astray(conn: Connection) -> list[str]:
    """The offices (ids) whose claims are not counted as they stand, by a walk through all of them."""
    kept = claim_tally.c
    cell = [kept[name] for name in COLUMNS]
    held = select(*cell, *(func.sum(each) for each in (kept.claims, kept.denied, kept.short))).group_by(*cell)
    told = {_as_cell(row): sums for row in conn.execute(held) if any(sums := _as_sums(row))}
    stands = {_as_cell(row): _as_sums(row) for each in _walks() for row in conn.execute(each)}
    return sorted({cell[0] for cell, _ in told.items() ^ stands.items()})


def _walks() -> Iterator[Select[Any]]:
    """Where all claims are to be counted: the columns of a cell, and its sums."""
    own, why = claim.c, claim_adjustment.c
    sums = (func.count(), func.sum(own.denied), func.sum(own.short))
    yield _walk("all", literal("")).add_columns(*sums)
    for kind, value in (("payer", own.payer_name), ("code", own.code), ("agreement", own.agreement_number)):
        yield _walk(kind, value).add_columns(*sums).where(value != "").group_by(value)
    denied = _walk("reason", why.reason).join(claim_adjustment, why.claim == own.id).where(why.denies, own.denied > 0)
    yield denied.add_columns(func.count(own.id.distinct()), func.sum(why.amount), literal(0)).group_by(why.reason)


def _walk(kind: str, value: ColumnElement[Any]) -> Select[Any]:
    own = claim.c
    alike = (own.work, own.status, own.doubts != "[]", own.short > 0)
    return select(own.office, literal(kind), value, *alike).group_by(own.office, *alike)


def _as_cell(row: Sequence[Any]) -> tuple[Any, ...]:
    office, kind, value, work, status, doubted, underpaid, *_ = row
    return office, kind, value, work, status, bool(doubted), bool(underpaid)


def _as_sums(row: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int(each) for each in row[len(COLUMNS):])
