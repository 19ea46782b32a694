"""The search index holds days of one zone, says which, and is read anew when the office moves."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import ix_date, ix_pair
from carecoord.store.search import date_index, date_zone
from tests.store.conftest import HERE, Store

NEW_YORK = replace(HERE, zone=ZoneInfo("America/New_York"))
BERLIN = replace(HERE, zone=ZoneInfo("Europe/Berlin"))
CODE = {"code": {"coding": [{"code": "c"}]}}


def wrong(store: Store) -> str:
    with reading(store.engine) as conn:
        return date_zone.wrong_zone(conn, store.base.zone)


def test_every_date_is_read_anew_when_the_office_moves(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.base = NEW_YORK
    assert date_index.renew(store.engine, store.base) == 0
    for id, text in (("day", "2026-03-08"), ("evening", "2026-03-09T01:30:00Z"), ("month", "2026-03")):
        store.put({"resourceType": "Observation", "id": id, **CODE, "valueDateTime": text})
    store.put({"resourceType": "Patient", "id": "gone", "birthDate": "1980-05-05"})
    store.delete("Patient", "gone")
    both = ("Observation?value-date=2026-03-08", "Observation?code-value-date=c$2026-03-08")
    assert [store.ids(query) for query in both] == [["day", "evening"]] * 2
    assert wrong(store) == ""
    store.base = BERLIN
    assert wrong(store) == (
        "its search index holds days of America/New_York, and CARECOORD_TIMEZONE is Europe/Berlin: set that to "
        "America/New_York, or end all that serves and run carecoord init, which reads every date anew"
    )
    monkeypatch.setattr(date_index, "_RUN", 2)
    assert date_index.renew(store.engine, store.base) == 3
    assert wrong(store) == ""
    assert [store.ids(query) for query in both] == [["day"]] * 2
    assert store.ids("Observation?value-date=2026-03") == ["day", "evening", "month"]
    assert date_index.renew(store.engine, store.base) == 0


def test_one_that_was_cut_off_begins_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    date_index.renew(store.engine, HERE)
    for id in "abc":
        store.put({"resourceType": "Patient", "id": id, "birthDate": "1980-05-05"})
    with reading(store.engine) as conn:
        before = conn.execute(select(ix_date)).all()

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    store.base = BERLIN
    with monkeypatch.context() as patch:
        patch.setattr(date_index, "_again", die)
        with pytest.raises(KeyboardInterrupt):
            date_index.renew(store.engine, store.base)
    assert wrong(store) == "its search index is not yet that of this version: run carecoord init"
    assert date_index.renew(store.engine, store.base) == 3
    with reading(store.engine) as conn:
        after = conn.execute(select(ix_date)).all()
    assert [(row.low - old.low) / 3_600_000_000 for row, old in zip(after, before, strict=True)] == [-2, -2, -2]
    assert store.ids("Patient?birthdate=1980-05-05") == ["a", "b", "c"]


def test_a_resource_that_breaks_the_rules_keeps_one_row_for_a_single_date(store: Store) -> None:
    date_index.renew(store.engine, HERE)
    odd = {"resourceType": "Patient", "id": "odd", "birthDate": ["1980-05-05", "1981-05-05"]}
    store.put(odd)
    date_index.renew(store.engine, BERLIN)
    with writing(store.engine) as conn:
        assert len(conn.execute(select(ix_date.c.low)).all()) == 1
        assert conn.execute(select(ix_pair)).all() == []
