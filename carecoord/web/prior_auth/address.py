"""The address of the clinic's list of requests for authorization: its tab, words, choices and order, the row that is
open. Every link on the page is this address with one thing changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args
from urllib.parse import urlencode

from carecoord.store.prior_auth.authorizations import Asked, OfficeTab, Sort, Tab

PATH: Final = "/authorizations"
CALL: Final = "call-payer"  # the one act whose form stands in the panel
TABS: Final[tuple[Tab, ...]] = (*get_args(OfficeTab), "late")
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)


@dataclass(frozen=True)
class RequestsAddress:
    """`sort`: of SORTS, `down` the other way round; `after`: where the page begins, as (value, root); `shown`: id of
    the request whose panel is open; `done`: the act that was just done."""

    tab: str = "open"
    words: str = ""
    sort: Sort = "due"
    down: bool = False
    payer: str = ""
    owner: str = ""
    state: str = ""
    after: tuple[str, str] | None = None
    shown: str = ""
    done: str = ""

    def asked(self, now: int, today: int) -> Asked:
        """What is asked for, at an instant whose day ends then (microseconds)."""
        tab = next(each for each in TABS if each == self.tab)
        after: tuple[int | str, str] | None = None
        if self.after:
            value, root = self.after
            number = self.sort in ("due", "ends")
            after = (int(value), root) if number and value.isdecimal() else None if number else (value, root)
        return Asked(
            now, tab, self.words, after, sort=self.sort, down=self.down, payer=self.payer, owner=self.owner,
            state=self.state, today=today,
        )  # fmt: skip

    def pairs(self) -> list[tuple[str, str]]:
        """What it says; what is as by default is left out."""
        said = (
            ("tab", self.tab if self.tab != "open" else ""), ("q", self.words), ("payer", self.payer),
            ("owner", self.owner), ("state", self.state),
            ("sort", f"{'-' if self.down else ''}{self.sort}" if (self.sort, self.down) != ("due", False) else ""),
            ("after", "~".join(self.after) if self.after else ""), ("show", self.shown), ("done", self.done),
        )  # fmt: skip
        return [(name, value) for name, value in said if value]

    def href(self, path: str = PATH) -> str:
        """The link to it."""
        pairs = self.pairs()
        return f"{path}{'?' if pairs else ''}{urlencode(pairs)}"

    def to_tab(self, name: str) -> "RequestsAddress":
        return replace(self, tab=name, after=None, shown="", done="")

    def chosen(self, name: str, value: str) -> "RequestsAddress":
        """With only the rows of this payer, owner or state; with all again where it is chosen already."""
        wanted: dict[str, Any] = {name: "" if str(getattr(self, name)) == value else value}
        return replace(self, **wanted, after=None, shown="", done="")

    def sorted(self, by: Sort) -> "RequestsAddress":
        """In this order; the other way round where it is so already."""
        return replace(self, sort=by, down=self.sort == by and not self.down, after=None, shown="", done="")

    def show(self, id: str) -> "RequestsAddress":
        return replace(self, shown=id, done="")

    def call(self) -> str:
        """The link to the form of a call, in the panel of the request that is open."""
        return f"{replace(self, done='').href()}&act={CALL}"

    def from_row(self, after: tuple[int | str, str]) -> "RequestsAddress":
        return replace(self, after=(str(after[0]), after[1]), shown="", done="")

    def plain(self) -> "RequestsAddress":
        """Without choices and words."""
        return RequestsAddress(self.tab)


def parse(query: Mapping[str, str]) -> RequestsAddress:
    """The address that a query string stands for; what can not be meant is left out."""
    said = {name: query.get(name, "")[:200] for name in ("tab", "q", "sort", "after", "payer", "owner", "state")}
    sort: Sort = next((each for each in SORTS if each == said["sort"].removeprefix("-")), "due")
    value, _, root = said["after"].rpartition("~")
    return RequestsAddress(
        said["tab"] if said["tab"] in TABS else "open", said["q"][:100], sort, said["sort"].startswith("-"),
        said["payer"], said["owner"], said["state"], (value, root) if root else None,
        query.get("show", "")[:64], query.get("done", "")[:64],
    )  # fmt: skip
