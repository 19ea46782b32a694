"""What became of what an office asked of a clinic: how many it accepted, and how long it took, from the log of events.
Each number comes with how many it is of: of few it says little. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

DAY: Final = 86_400_000_000  # microseconds
_YES: Final = frozenset({"accepted", "contacting-patient", "waitlisted", "in-progress", "scheduled", "visit-done"})
_SEEN: Final = frozenset({"visit-done", "report-received"})
_NO: Final = "declined"


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """`answered`: how many were accepted or declined, `accepted` how many of them; `answer_days`: the median until that
    word; `seen`: how many came to a visit, `wait_days` the median from asking to it. None: of none."""

    answered: int = 0
    accepted: int = 0
    answer_days: float | None = None
    seen: int = 0
    wait_days: float | None = None

    @property
    def acceptance(self) -> int | None:
        """Percent that were accepted."""
        return round(100 * self.accepted / self.answered) if self.answered else None


def track_record(courses: Iterable[Sequence[tuple[int, str]]]) -> TrackRecord:
    """courses: of each Task that was given to the clinic when (microseconds) it came to which stage, in order."""
    answers, waits, accepted, answered = list[float](), list[float](), 0, 0
    for course in courses:
        first = _first(course)
        asked = first.get("sent")
        yes = min((at for stage, at in first.items() if stage in _YES | _SEEN), default=None)
        no = first.get(_NO)
        if yes is None and no is None:
            continue
        answered += 1
        accepted += yes is not None and (no is None or yes < no)
        if asked is not None:
            word = min(each for each in (yes, no) if each is not None)
            answers.append(max(0, word - asked) / DAY)
            seen = min((at for stage, at in first.items() if stage in _SEEN), default=None)
            waits += [max(0, seen - asked) / DAY] if seen is not None else []
    return TrackRecord(
        answered, accepted, median(answers) if answers else None, len(waits), median(waits) if waits else None
    )


def _first(course: Sequence[tuple[int, str]]) -> Mapping[str, int]:
    """When each stage was first reached."""
    found: dict[str, int] = {}
    for at, stage in course:
        found.setdefault(stage, at)
    return found
