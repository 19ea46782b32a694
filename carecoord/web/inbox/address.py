"""The address of the list of what waits: its tab, the page, the case whose panel is open and the form in it. `next` is
the row to go on with once an act has taken a row away."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from carecoord.actions.inbox.inbox import Asked
from carecoord.domain.inbox import kinds
from carecoord.errors import Invalid
from carecoord.words.catalogue import spoken

PATH = "/waiting"
TABS = ("all", *kinds.TABS, "snoozed")


@dataclass(frozen=True)
class InboxAddress:
    """As `Address` of the worklist."""

    asked: Asked = field(default_factory=Asked)
    shown: str | None = None
    act: str | None = None
    draft: str | None = None
    done: str | None = None
    next: str | None = None

    def href(self) -> str:
        """The link to it; what is as by default is left out."""
        asked = self.asked
        pairs = [("tab", asked.tab)] if asked.tab != "all" else []
        pairs += [("after", f"{asked.after[0]}.{asked.after[1]}")] if asked.after else []
        pairs += [("show", self.shown)] if self.shown else []
        pairs += [("act", self.act)] if self.act and self.shown else []
        pairs += [("next", self.next)] if self.next else []
        pairs += [("done", self.done)] if self.done else []
        return f"{PATH}?{urlencode(pairs)}" if pairs else PATH

    def tab(self, name: str) -> "InboxAddress":
        return InboxAddress(Asked(name))

    def page(self, after: tuple[int, int] | None) -> "InboxAddress":
        return InboxAddress(replace(self.asked, after=after))

    def show(self, id: str | None, next: str | None = None) -> "InboxAddress":
        return replace(self, shown=id, act=None, draft=None, done=None, next=next)

    def doing(self, act: str | None) -> "InboxAddress":
        """With the form of an act open."""
        return replace(self, act=act, draft=None, done=None)

    def at(self, id: str) -> "InboxAddress":
        """With a case's panel open, where none is."""
        return self if self.shown else replace(self, shown=id)

    def told(self, act: str) -> "InboxAddress":
        """After an act: its case has left the panel, and the next row is to be gone on with."""
        return replace(self, shown=None, act=None, draft=None, done=act)


def parse(query: Mapping[str, list[str]]) -> InboxAddress:
    """The address that a query string stands for. Raises Invalid naming the parameter that can not be meant."""

    def one(name: str) -> str | None:
        return (query.get(name) or [""])[-1] or None

    if any("\0" in value for given in query.values() for value in given):
        raise Invalid(spoken("inbox.address-can-not-hold-nul"), "http.tab")
    tab = one("tab") or "all"
    if tab not in TABS:
        raise Invalid(spoken("inbox.there-no-list-choose-one", tab=f"{tab!r}"), "http.tab")
    due, _, rid = (one("after") or "").partition(".")
    if one("after") and not (_is_number(due) and _is_number(rid)):
        raise Invalid(spoken("inbox.this-page-address-damaged-go"), "http.after")
    asked = Asked(tab, (int(due), int(rid)) if due else None)
    return InboxAddress(asked, one("show"), one("act"), one("draft"), one("done"), one("next"))


def _is_number(said: str) -> bool:
    return said.removeprefix("-").isdecimal() and said.isascii() and len(said) < 19
