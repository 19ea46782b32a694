"""What each prefix finds of dates, Periods and Timings of every precision, beside a look at each value by the words of
the standard: FHIR R4 search.html#prefix, #date. The office is in New York, whose clocks went forward on 8 March 2026.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from carecoord.fhir.search.query import EVERYTHING, parse
from carecoord.store.database.engine import open_engine, reading
from carecoord.store.resources.write import Change
from carecoord.store.search.search import find
from tests.conftest import DATABASES
from tests.store.conftest import HERE, Store

NEW_YORK = ZoneInfo("America/New_York")
PREFIXES = ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
SECOND = 1_000_000
Ends = tuple[float, float]  # the first and the last microsecond of a range, both inside

# Each date with how long it is, in microseconds; of those without a zone, when the clock in New York showed it.
DAY = 86_400 * SECOND
TEXTS: dict[str, tuple[datetime, int]] = {
    "2026": (datetime(2026, 1, 1, 5, tzinfo=UTC), 365 * DAY),
    "2026-03": (datetime(2026, 3, 1, 5, tzinfo=UTC), 31 * DAY - 3600 * SECOND),
    "2026-03-08": (datetime(2026, 3, 8, 5, tzinfo=UTC), 23 * 3600 * SECOND),
    "2026-03-09": (datetime(2026, 3, 9, 4, tzinfo=UTC), DAY),
    "2026-03-08T20:30": (datetime(2026, 3, 9, 0, 30, tzinfo=UTC), 60 * SECOND),
    "2026-03-08T20:30:00": (datetime(2026, 3, 9, 0, 30, tzinfo=UTC), SECOND),
    "2026-03-08T20:30:00-04:00": (datetime(2026, 3, 9, 0, 30, tzinfo=UTC), SECOND),
    "2026-03-09T00:30:00Z": (datetime(2026, 3, 9, 0, 30, tzinfo=UTC), SECOND),
    "2026-03-09T00:30:00.0Z": (datetime(2026, 3, 9, 0, 30, tzinfo=UTC), SECOND // 10),
    "2026-03-09T00:30:00.000Z": (datetime(2026, 3, 9, 0, 30, tzinfo=UTC), 1000),
    "2026-03-09T00:30:00.5Z": (datetime(2026, 3, 9, 0, 30, 0, 500_000, UTC), SECOND // 10),
    "2026-03-09T00:30:00.123456Z": (datetime(2026, 3, 9, 0, 30, 0, 123_456, UTC), 1),
    "2026-03-09T00:29:59Z": (datetime(2026, 3, 9, 0, 29, 59, tzinfo=UTC), SECOND),
    "2026-03-09T00:29:59.999Z": (datetime(2026, 3, 9, 0, 29, 59, 999_000, UTC), 1000),
    "2026-03-09T00:30:01Z": (datetime(2026, 3, 9, 0, 30, 1, tzinfo=UTC), SECOND),
    "2026-03-09T03:59:59Z": (datetime(2026, 3, 9, 3, 59, 59, tzinfo=UTC), SECOND),
    "2026-03-09T04:00:00.000Z": (datetime(2026, 3, 9, 4, tzinfo=UTC), 1000),
    "2026-03-09T04:00:00Z": (datetime(2026, 3, 9, 4, tzinfo=UTC), SECOND),
}


def begins(text: str) -> int:
    return (TEXTS[text][0] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def asked(text: str) -> tuple[int, int]:
    """A question names all that begins with its text."""
    return begins(text), begins(text) + TEXTS[text][1] - 1


def stored(text: str) -> Ends:
    """A value that tells its seconds is an instant, of no width."""
    first, last = asked(text)
    return (first, first) if last - first < SECOND else (first, last)


def period(start: str | None, end: str | None) -> Ends:
    return stored(start)[0] if start else -inf, stored(end)[1] if end else inf


def matches(prefix: str, question: str, value: Ends) -> bool:
    """The table of search.html#prefix."""
    (a, b), (first, last) = asked(question), value
    is_moment = b - a < SECOND
    contains = a <= first and last <= b
    near = max(b - a + 1, SECOND)
    return {
        "": contains,
        "eq": contains,
        "ne": not contains,
        "gt": last > b,
        "lt": first < a,
        "ge": last >= a if is_moment else last > b or contains,
        "le": first <= b if is_moment else first < a or contains,
        "sa": first > b,
        "eb": last < a,
        "ap": first <= b + near and last >= a - near,
    }[prefix]


@dataclass(frozen=True)
class Value:
    """Elements of an Observation's time, the texts in them, and what range they are."""

    elements: dict[str, Any]
    texts: tuple[str, ...]
    ends: Ends


def observations() -> dict[str, Value]:
    made: dict[str, Value] = {}
    for n, text in enumerate(TEXTS):
        made[f"at{n}"] = Value({"effectiveDateTime": text}, (text,), stored(text))
        made[f"from{n}"] = Value({"effectivePeriod": {"start": text}}, (text,), period(text, None))
        made[f"to{n}"] = Value({"effectivePeriod": {"end": text}}, (text,), period(None, text))
    for n, (start, end) in enumerate(product(TEXTS, TEXTS)):
        if stored(start)[0] <= stored(end)[1]:
            during = {"effectivePeriod": {"start": start, "end": end}}
            made[f"during{n}"] = Value(during, (start, end), period(start, end))
            both = [stored(start), stored(end)]
            ends = min(first for first, _ in both), max(last for _, last in both)
            made[f"times{n}"] = Value({"effectiveTiming": {"event": [end, start]}}, (start, end), ends)
    start, end = "2026-03-08", "2026-03-09T00:30:00.5Z"
    bounds = {"effectiveTiming": {"repeat": {"boundsPeriod": {"start": start, "end": end}}}}
    made["bound"] = Value(bounds, (start, end), period(start, end))
    return made


OBSERVATIONS = observations()
CODE = {"code": {"coding": [{"code": "c"}]}}


@pytest.fixture(scope="module", params=DATABASES)
def office(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> Iterator["Office"]:
    engine = open_engine(new_database(request.param))
    store = Office(engine)
    store.put_all(
        *(
            Change("Observation", id, {"resourceType": "Observation", "id": id, **each.elements})
            for id, each in OBSERVATIONS.items()
        ),
        *(
            Change("Observation", f"value{n}", {"resourceType": "Observation", **CODE, "valueDateTime": text})
            for n, text in enumerate(TEXTS)
        ),
        *(
            Change("ServiceRequest", f"order{n}", {"resourceType": "ServiceRequest", "authoredOn": text})
            for n, text in enumerate(TEXTS)
        ),
        *(
            Change("Slot", f"slot{n}", {"resourceType": "Slot", "start": text})
            for n, text in enumerate(TEXTS)
            if text.endswith("Z")
        ),
    )
    yield store
    engine.dispose()


class Office(Store):
    """A store in New York."""

    base = replace(HERE, zone=NEW_YORK)

    def found(self, query: str) -> set[str]:
        type, _, rest = query.partition("?")
        name, _, value = rest.partition("=")
        search = parse(type, [(name, value)], self.base, strict=True)
        with reading(self.engine) as conn:
            return {row.id for row in find(conn, search, lambda _: EVERYTHING, page_size=2000).rows}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_prefix_finds_what_the_standard_says_of_every_pair_of_precisions(office: Office, prefix: str) -> None:
    texts = dict(enumerate(TEXTS))
    for question in TEXTS:
        value = f"{prefix}{question}"
        wanted = {id for id, each in OBSERVATIONS.items() if matches(prefix, question, each.ends)}
        assert office.found(f"Observation?date={value}") == wanted, value
        alike = {n for n, text in texts.items() if matches(prefix, question, stored(text))}
        assert office.found(f"Observation?value-date={value}") == {f"value{n}" for n in alike}, value
        assert office.found(f"Observation?code-value-date=c${value}") == {f"value{n}" for n in alike}, value
        assert office.found(f"ServiceRequest?authored={value}") == {f"order{n}" for n in alike}, value
        slots = {f"slot{n}" for n in alike if texts[n].endswith("Z")}
        assert office.found(f"Slot?start={value}") == slots, value


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_moment_finds_the_same_to_the_second_and_to_its_thousandth(office: Office, prefix: str) -> None:
    """JavaScript's toISOString always writes `.000Z`: what was written to the second it must not miss."""
    whole = {text for text in TEXTS if "." not in text and text.count(":") > 1}
    to_the_second = {id for id, each in OBSERVATIONS.items() if whole.issuperset(each.texts)}
    assert len(to_the_second) > 50
    seconds = office.found(f"Observation?date={prefix}2026-03-09T00:30:00Z") & to_the_second
    assert office.found(f"Observation?date={prefix}2026-03-09T00:30:00.000Z") & to_the_second == seconds
