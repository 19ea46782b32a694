"""The address of a worklist: the whole state of the page stands in the URL, and every link is this address with one
thing changed. Paging starts over whenever the list changes; an open referral stays open."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

import msgspec

from carecoord.domain.measures.definitions import FACETS as MEASURED_BY
from carecoord.domain.measures.definitions import MEASURES
from carecoord.errors import Invalid
from carecoord.store.worklist.query import FACETS, SORTS, CountedIn, WorklistQuery
from carecoord.store.worklist.tabs import tabs_named
from carecoord.words.catalogue import spoken
from carecoord.words.sentence import sentence

COLUMNS = ("next", "referral", "authorization", "contract")  # that can be left out
COUNTED = "counted"  # the tab of all that a measure counts, whatever became of it
_NARROWED = "in-"  # before the name of a facet by which a measure is narrowed
LONGEST = 200  # characters of a search
_MOST = 2**63 - 1  # the largest number that a database column holds


@dataclass(frozen=True)
class Address:
    """A question and, beside it, the referral whose panel is open, with the form that is open in it."""

    asked: WorklistQuery
    shown: str | None = None
    home: str = "open"  # the tab of an address that names none
    act: str | None = None  # the act whose form is open
    draft: str | None = None  # what fetches what was typed into it before the session was over
    done: str | None = None  # the act that was done last, to be told of
    hidden: tuple[str, ...] = ()  # columns that are not shown

    def href(self, path: str = "/") -> str:
        """The link to it; what is as by default is left out."""
        asked = self.asked
        pairs = [("tab", asked.tab)] if asked.tab != self.home else []
        pairs += [(name, value) for name, values in asked.facets for value in values]
        pairs += [("q", asked.words)] if asked.words else []
        pairs += [("sort", asked.sort)] if asked.sort != "due" else []
        pairs += [("hide", name) for name in self.hidden]
        pairs += counted_pairs(asked.counted) if asked.counted else []
        pairs += [("after", _mark(asked.after))] if asked.after else []
        pairs += [("before", _mark(asked.before))] if asked.before else []
        pairs += [("show", self.shown)] if self.shown else []
        pairs += [("act", self.act)] if self.act and self.shown else []
        pairs += [("done", self.done)] if self.done else []
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def fields(self) -> list[tuple[str, str]]:
        """What the search form must carry along so that the other filters stay."""
        kept = [("tab", self.asked.tab)] if self.asked.tab != self.home else []
        kept += [(name, value) for name, values in self.asked.facets for value in values]
        kept += [("sort", self.asked.sort)] if self.asked.sort != "due" else []
        kept += [("hide", name) for name in self.hidden]
        kept += counted_pairs(self.asked.counted) if self.asked.counted else []
        return kept + ([("show", self.shown)] if self.shown else [])

    def tab(self, name: str) -> "Address":
        return self._listing(tab=name)

    def sort(self, name: str) -> "Address":
        """Sorted by `name`; a second time the other way round."""
        return self._listing(sort=f"-{name}" if self.asked.sort == name else name)

    def toggle(self, name: str, value: str) -> "Address":
        """With a facet's value chosen, or no longer chosen."""
        values = self.chosen(name)
        return self._facet(name, tuple(v for v in values if v != value) if value in values else (*values, value))

    def column(self, name: str) -> "Address":
        """With a column shown, or no longer shown."""
        without = tuple(each for each in self.hidden if each != name)
        return replace(self, hidden=without if name in self.hidden else (*self.hidden, name))

    def without(self, name: str) -> "Address":
        return self._facet(name, ())

    def uncounted(self) -> "Address":
        """Without what is behind a figure of a measure."""
        return self._listing(counted=None, tab=self.home if self.asked.tab == COUNTED else self.asked.tab)

    def plain(self) -> "Address":
        """The same tab without filters and search."""
        return self._listing(facets=(), words="")

    def searching(self, words: str) -> "Address":
        return self._listing(words=words)

    def show(self, id: str | None) -> "Address":
        return replace(self, shown=id, act=None, draft=None, done=None)

    def doing(self, act: str | None) -> "Address":
        """With the form of an act open."""
        return replace(self, act=act, draft=None, done=None)

    def told(self, act: str) -> "Address":
        """With what was done to be told of."""
        return replace(self, act=None, draft=None, done=act)

    def from_row(self, place: tuple[Any, int]) -> "Address":
        """The page after this row."""
        return replace(self, asked=replace(self.asked, after=place, before=None), act=None, draft=None, done=None)

    def to_row(self, place: tuple[Any, int]) -> "Address":
        """The page before this row."""
        return replace(self, asked=replace(self.asked, before=place, after=None), act=None, draft=None, done=None)

    def start(self) -> "Address":
        return self._listing()

    def chosen(self, name: str) -> tuple[str, ...]:
        """The chosen values of a facet."""
        return dict(self.asked.facets).get(name, ())

    def _facet(self, name: str, values: tuple[str, ...]) -> "Address":
        facets = {**dict(self.asked.facets), name: values}
        return self._listing(facets=tuple((name, facets[name]) for name in FACETS if facets.get(name)))

    def _listing(self, **changes: Any) -> "Address":
        asked = replace(self.asked, after=None, before=None, **changes)
        return replace(self, asked=asked, act=None, draft=None, done=None)


def parse(query: Mapping[str, list[str]], home: str = "open") -> Address:
    """The address that a query string stands for; `home`: the tab where it names none. Raises Invalid naming the
    parameter that can not be meant."""

    for name, given in query.items():
        if any("\0" in value for value in given):
            raise Invalid(spoken("worklist.address-can-not-hold-nul"), f"http.{name}")

    def one(name: str, default: str = "") -> str:
        return (query.get(name) or [default])[-1]

    tab, sort = one("tab", home), one("sort", "due")
    counted = _counted(query)
    if tab not in tabs_named() or (tab == COUNTED and counted is None):
        raise Invalid(spoken("worklist.there-no-list-choose-one", tab=f"{tab!r}"), "http.tab")
    if sort.removeprefix("-") not in SORTS:
        raise Invalid(spoken("worklist.list-can-not-be-sorted", sort=f"{sort!r}"), "http.sort")
    facets = {name: tuple(dict.fromkeys(v for v in query.get(name, ()) if v)) for name in FACETS}
    asked = WorklistQuery(
        tab=tab,
        facets=tuple((name, values) for name, values in facets.items() if values),
        words=" ".join(one("q").split())[:LONGEST],
        sort=sort,
        after=_place("after", one("after"), sort),
        before=None if one("after") else _place("before", one("before"), sort),
        only=tuple(query.get("id", ())),
        counted=counted,
    )
    return Address(
        asked, one("show") or None, home, one("act") or None, one("draft") or None, one("done") or None,
        tuple(name for name in COLUMNS if name in query.get("hide", ())),
    )  # fmt: skip


def counted_pairs(counted: CountedIn) -> list[tuple[str, str]]:
    """What is behind a figure, as an address says it."""
    pairs = [("measure", counted.measure), ("from", counted.first.isoformat()), ("to", counted.last.isoformat())]
    pairs += [("hits", "1")] if counted.hits else []
    return pairs + [(f"{_NARROWED}{facet}", value) for facet, values in counted.choices for value in values]


def _counted(query: Mapping[str, list[str]]) -> CountedIn | None:
    """The figure that an address names; None where it names none. Raises Invalid."""
    measure = (query.get("measure") or [""])[-1]
    if not measure:
        return None
    if measure not in MEASURES:
        raise Invalid(sentence("refusals.measure.unknown", given=measure), "http.measure")
    days = []
    for name in ("from", "to"):
        try:
            days.append(date.fromisoformat((query.get(name) or [""])[-1]))
        except ValueError:
            said = sentence("refusals.measure.days", example="from=2026-10-01&to=2026-10-31")
            raise Invalid(said, f"http.{name}") from None
    chosen = {facet: tuple(dict.fromkeys(query.get(f"{_NARROWED}{facet}", ()))) for facet in MEASURED_BY}
    return CountedIn(
        measure, days[0], days[1], "hits" in query, tuple((name, values) for name, values in chosen.items() if values)
    )


def _mark(place: tuple[Any, int] | None) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).rstrip(b"=").decode()


def _place(name: str, mark: str, sort: str) -> tuple[Any, int] | None:
    if not mark:
        return None
    kind = tuple[int, int] if sort.removeprefix("-") == "due" else tuple[str, int]
    damaged = Invalid(spoken("worklist.this-page-address-damaged-go"), f"http.{name}")
    try:
        place: tuple[Any, int] = msgspec.json.decode(urlsafe_b64decode(mark + "=" * (-len(mark) % 4)), type=kind)
    except (ValueError, msgspec.MsgspecError):
        raise damaged from None
    if any(isinstance(part, int) and abs(part) > _MOST for part in place) or "\0" in str(place[0]):
        raise damaged
    return place
