"""Our own side of every question: where we are, and whose days we mean."""

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Final


@dataclass(frozen=True)
class Base:
    """url: our FHIR base (`[base]` in the standard), whose references are as good as relative ones. zone: the time zone
    of a date that names none, in what is stored as in what is asked (R4 search.html#date: "the servers local time zone
    should be assumed"). prefix: what our absolute addresses begin with."""

    url: str
    zone: tzinfo
    prefix: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", self.url.rstrip("/") + "/")


NOWHERE: Final = Base("", UTC)  # where only the shape of a thing is looked at, no reference of it and no day
