"""What the desk says of the EHRs: green only what was read in time (judgement 17), and why when it was not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from carecoord.actions.ehrs.sync_health import State, SyncHealth
from carecoord.store.ehrs.ehrs import Run
from carecoord.web.page.times import Times
from carecoord.web.worklist.notices import Sync, sync

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
TIMES = Times(NOW, ZoneInfo("America/New_York"))
HOUR = timedelta(hours=1)


def health(state: State, good: timedelta | None, error: str | None = None, running: bool = False) -> SyncHealth:
    run = Run(1, "city", NOW - HOUR / 2, None if running else NOW - HOUR / 4, 1, 1, 0, error)
    return SyncHealth("city", None if state == "never" else run, NOW - good if good else None, None, HOUR, state)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (health("good", HOUR / 4), Sync("good", "city in sync", "15 min ago")),
        (health("good", HOUR / 4, running=True), Sync("good", "city in sync", "15 min ago")),
        (
            health("late", timedelta(days=3)),
            Sync("late", "city was not synced in time; what is shown is as of", "3 d ago"),
        ),
        (health("never", None), Sync("late", "city has not been synced yet")),
        (
            health("failed", timedelta(hours=2), "city does not answer"),
            Sync(
                "bad",
                "city: the last sync failed: city does not answer; what is shown is as of 2 h ago",
                "15 min ago",
            ),
        ),
        (
            health("failed", None, "it lets nobody in"),
            Sync("bad", "city: the last sync failed: it lets nobody in; nothing was read yet", "15 min ago"),
        ),
    ],
)
def test_the_dot_is_green_only_below_the_goal(one: SyncHealth, said: Sync) -> None:
    assert sync([one], TIMES, inside=True) == said


def test_the_worst_news_comes_first() -> None:
    late, good = health("late", timedelta(days=3)), health("good", HOUR / 4)
    assert sync([good, late], TIMES, inside=True).tone == "late"
    assert sync([good, good], TIMES, inside=True).tone == "good"


def test_a_payer_is_not_told_why_a_sync_failed() -> None:
    said = sync([health("failed", timedelta(hours=2), "city does not answer")], TIMES, inside=False)
    assert said.text == "city: the last sync failed; what is shown is as of 2 h ago"


def test_without_an_ehr_nothing_is_claimed() -> None:
    assert sync([], TIMES, inside=True) == Sync("none", "No EHR is connected")


@pytest.mark.parametrize(
    ("again", "running", "said"),
    [
        (timedelta(minutes=12), False, "city: the last sync failed: away; what is shown is as of 2 h ago; "
         "it is asked again by itself at 28 Nov 04:12"),
        (timedelta(seconds=-1), False, "city: the last sync failed: away; what is shown is as of 2 h ago; "
         "it is due to be asked again"),
    ],
)  # fmt: skip
def test_an_ehr_that_is_away_is_asked_again_by_itself_and_the_desk_says_when(
    again: timedelta, running: bool, said: str
) -> None:
    one = replace(health("failed", timedelta(hours=2), "away", running), again=NOW + again)
    assert sync([one], TIMES, True).text == said
