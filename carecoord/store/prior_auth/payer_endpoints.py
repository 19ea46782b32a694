"""Payers that take requests from us by PAS: where and how, how our subscription there stands, and whether they answer
at present."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from carecoord.store.prior_auth.pas_tables import pas_payer as row

REST = 30_000_000  # microseconds that a payer that does not answer is left alone, twice as long each time
LONGEST = 900_000_000
FAILURES = 3  # calls in a row that fail before it is left alone


@dataclass(frozen=True, slots=True)
class Endpoint:
    """payer: the id of its Organization. url: of its FHIR base that speaks this version of PAS. office: the id of the
    Organization in whose name we ask. client_id, key_file, scope, token_url: as for an EHR; no client_id: no token."""

    payer: str
    url: str
    office: str
    version: str = "2.2.1"
    client_id: str = ""
    key_file: str = ""
    scope: str = ""
    token_url: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """An endpoint and how it stands with it; instants in microseconds. told: what it said of itself, None where it was
    never asked."""

    endpoint: Endpoint
    told: Mapping[str, Any] | None
    failures: int
    rests: int | None
    trouble: str
    words: str
    failed: int | None
    subscription: str
    secret: bytes | None
    state: str
    heard: int | None
    events: int


def put(conn: Connection, one: Endpoint) -> None:
    """Remember a payer's endpoint, or remember it anew: what was said and subscribed under another address is over."""
    config = msgspec.json.encode(asdict(one)).decode()
    fresh: dict[str, Any] = {
        "config": config, "told": None, "failures": 0, "rests": None, "trouble": "", "words": "", "failed": None,
        "subscription": "", "secret": None, "state": "", "heard": None, "events": 0,
    }  # fmt: skip
    make = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    said = make(row).values(payer=one.payer, **fresh)
    conn.execute(said.on_conflict_do_update(index_elements=[row.c.payer], set_=fresh))


def remove(conn: Connection, payer: str) -> bool:
    """Forget a payer's endpoint; returns whether there was one."""
    return conn.execute(delete(row).where(row.c.payer == payer)).rowcount > 0


def one(conn: Connection, payer: str) -> Standing | None:
    """How it stands with a payer; None where it takes nothing from us."""
    found = conn.execute(select(row).where(row.c.payer == payer)).first()
    return _standing(found) if found else None


def every(conn: Connection) -> list[Standing]:
    """All of them, by the id of the payer."""
    return [_standing(each) for each in conn.execute(select(row).order_by(row.c.payer))]


def examined(conn: Connection, payer: str, told: Mapping[str, Any]) -> None:
    """Keep what a payer said of itself."""
    said = msgspec.json.encode(told).decode()
    conn.execute(update(row).where(row.c.payer == payer).values(told=said))


def answered(conn: Connection, payer: str) -> None:
    """It answered: whatever was wrong with it is over."""
    well = {"failures": 0, "rests": None, "trouble": "", "words": "", "failed": None}
    conn.execute(update(row).where(row.c.payer == payer, row.c.trouble != "").values(well))


def failed(conn: Connection, payer: str, trouble: str, words: str, now: int) -> None:
    """It gave no answer, at an instant: after several in a row it is left alone for a while."""
    found = conn.execute(select(row.c.failures, row.c.failed).where(row.c.payer == payer).with_for_update()).first()
    if found is None:
        return
    n = found.failures + 1
    rests = now + min(LONGEST, REST * 2 ** min(n - FAILURES, 10)) if n >= FAILURES else None
    said = {"failures": n, "rests": rests, "trouble": trouble, "words": words[:500], "failed": found.failed or now}
    conn.execute(update(row).where(row.c.payer == payer).values(said))


def subscribed(conn: Connection, payer: str, *, secret: bytes | None = None, **said: str) -> None:
    """Keep how our subscription there stands: `subscription`, its id; `state`; secret: the digest of a new one, with
    which its events are counted anew."""
    more: dict[str, Any] = {"secret": secret, "events": 0} if secret else {}
    conn.execute(update(row).where(row.c.payer == payer).values(**said, **more))


def heard(conn: Connection, payer: str, now: int, events: int) -> None:
    """A notice came, at an instant; events: the highest number of an event that it tells."""
    told = update(row).where(row.c.payer == payer)
    conn.execute(told.values(heard=now, state="active"))
    conn.execute(told.where(row.c.events < events).values(events=events))


def _standing(found: Any) -> Standing:
    told = msgspec.json.decode(found.told) if found.told else None
    return Standing(
        msgspec.json.decode(found.config, type=Endpoint), told, found.failures, found.rests, found.trouble,
        found.words, found.failed, found.subscription, found.secret, found.state, found.heard, found.events,
    )  # fmt: skip
