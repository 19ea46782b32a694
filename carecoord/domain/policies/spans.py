"""Lengths of time as a policy says them: `72 hours`, `7 days`, `2 business days`, `8 business hours`.

Hours and days run on, nights and holidays included (a payer's 7 calendar days, CMS-0057-F); business days and hours
are counted on somebody's calendar (`calendars.Calendar`)."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Final, Literal, cast

Unit = Literal["hour", "day", "business-hour", "business-day"]
MOST: Final = 3660  # of any unit: ten years of days
_SAID: Final = re.compile(r"(\d{1,4}) (business )?(hour|day)s?")


@dataclass(frozen=True, slots=True)
class Span:
    """So many hours or days, on every day or on those of business."""

    amount: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.amount} {self.unit.replace('-', ' ')}{'' if self.amount == 1 else 's'}"

    @property
    def length(self) -> timedelta:
        """How long it is where no calendar is asked: a business day counts as a day, a business hour as an hour."""
        return timedelta(hours=self.amount) if self.unit.endswith("hour") else timedelta(days=self.amount)

    @property
    def of_business(self) -> bool:
        """Whether only days of business count."""
        return self.unit.startswith("business")


@lru_cache(maxsize=1024)
def span(said: str) -> Span:
    """Read a length of time. Raises ValueError when it is none, or more than `MOST`."""
    found = _SAID.fullmatch(" ".join(said.split()).casefold())
    if not found or int(found[1]) > MOST:
        raise ValueError(f"No length of time: {said!r}")
    return Span(int(found[1]), cast(Unit, f"{'business-' if found[2] else ''}{found[3]}"))
