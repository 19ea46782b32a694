"""What our rules doubt in a resource that was stored as it came, as a case tells it: the place, never the value there.

The value may be of what a Consent keeps back or of another language; the place says what to look at, and where it came
from says whom to ask. The EHR is the system of record, so a doubt drops nothing (`actions/ehrs/sync.py`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from carecoord.domain.ehrs.disputes import named
from carecoord.domain.resource.elements import key
from carecoord.words.sentence import Sentence, joined, sentence

Json = dict[str, Any]
_SHOWN: Final = 3  # places of one resource; one that is wrong all over is not told place by place


@dataclass(frozen=True)
class Doubt:
    """key: `Type/id`; place: FHIRPath, `Appointment.start`, or nothing where the whole is meant; missing: nothing is
    there though something must be."""

    key: str
    place: str
    missing: bool


def told(doubts: Iterable[Doubt], resources: Iterable[Json], names: Mapping[str, str]) -> list[Sentence]:
    """A sentence for each of the resources that something is doubted in. names: who sent each, by `Type/id`."""
    by_key: dict[str, list[Doubt]] = {}
    for one in doubts:
        by_key.setdefault(one.key, []).append(one)
    return [_sentence(by_key[key(each)], names.get(key(each), "")) for each in resources if key(each) in by_key]


def _sentence(doubts: list[Doubt], who: str) -> Sentence:
    what = named(doubts[0].key.partition("/")[0])
    said = list(dict.fromkeys(map(_place, doubts)))
    shown = said if len(said) <= _SHOWN else [*said[:_SHOWN], sentence("doubt.more", n=len(said) - _SHOWN)]
    if who:
        return sentence("warning.doubted", who=who, what=what, places=joined(shown))
    return sentence("warning.doubted-loaded", what=what, places=joined(shown))


def _place(doubt: Doubt) -> Sentence:
    place = doubt.place.partition(".")[2]
    if not place:
        return sentence("doubt.whole")
    return sentence("doubt.missing", place=place) if doubt.missing else sentence("doubt.value", place=place)
