"""The address of the list of claims: its tab, words, choices and order, the claim whose panel is open. Every link on
the page is this address with one thing changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args
from urllib.parse import urlencode

from carecoord.actions.claims.desk import FACETS, TABS
from carecoord.store.claims.claims import Asked, Facet, Sort, Tab

PATH: Final = "/claims"
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
_NUMBERS: Final = ("due", "amount")  # sorts by a number


@dataclass(frozen=True)
class ClaimsAddress:
    """`after`: where the page begins, (value, id); `shown`: id of the claim whose panel is open."""

    tab: Tab = "denied"
    words: str = ""
    sort: Sort = "due"
    down: bool = False
    reason: str = ""
    payer: str = ""
    code: str = ""
    agreement: str = ""
    status: str = ""
    after: tuple[str, str] | None = None
    shown: str = ""

    def asked(self, now: int) -> Asked:
        """What is asked for, at an instant (microseconds)."""
        after: tuple[int | str, str] | None = None
        if self.after:
            value, id = self.after
            number = self.sort in _NUMBERS
            after = (int(value), id) if number and _is_number(value) else None if number else (value, id)
        return Asked(now, self.tab, self.words, self.sort, self.down, self.reason, self.payer, self.code,
                     self.agreement, self.status, after)  # fmt: skip

    def pairs(self) -> list[tuple[str, str]]:
        """What it says; what is as by default is left out."""
        said = (
            ("tab", self.tab if self.tab != "denied" else ""), ("q", self.words),
            *((facet, str(getattr(self, facet))) for facet in FACETS),
            ("sort", f"{'-' if self.down else ''}{self.sort}" if (self.sort, self.down) != ("due", False) else ""),
            ("after", "~".join(self.after) if self.after else ""), ("show", self.shown),
        )  # fmt: skip
        return [(name, value) for name, value in said if value]

    def href(self, path: str = PATH) -> str:
        """The link to it."""
        pairs = self.pairs()
        return f"{path}{'?' if pairs else ''}{urlencode(pairs)}"

    def to_tab(self, tab: Tab) -> "ClaimsAddress":
        return replace(self, tab=tab, after=None, shown="")

    def chosen(self, facet: Facet, value: str) -> "ClaimsAddress":
        """With only the claims of this; with all again where it is chosen already."""
        wanted: dict[str, Any] = {facet: "" if getattr(self, facet) == value else value}
        return replace(self, **wanted, after=None, shown="")

    def sorted(self, by: Sort) -> "ClaimsAddress":
        """In this order; the other way round where it is so already."""
        return replace(self, sort=by, down=self.sort == by and not self.down, after=None, shown="")

    def show(self, id: str) -> "ClaimsAddress":
        return replace(self, shown=id)

    def from_row(self, after: tuple[int | str, str]) -> "ClaimsAddress":
        return replace(self, after=(str(after[0]), after[1]), shown="")

    def plain(self) -> "ClaimsAddress":
        """Without choices and words."""
        return ClaimsAddress(self.tab)


def _is_number(value: str) -> bool:
    return value.removeprefix("-").isdecimal() and value.isascii()


def parse(query: Mapping[str, str]) -> ClaimsAddress:
    """The address that a query string stands for; what can not be meant is left out."""
    said = {name: query.get(name, "")[:200] for name in ("tab", "q", "sort", "after", *FACETS)}
    sort: Sort = next((each for each in SORTS if each == said["sort"].removeprefix("-")), "due")
    value, _, id = said["after"].rpartition("~")
    return ClaimsAddress(
        next((each for each in TABS if each == said["tab"]), "denied"), said["q"][:100], sort,
        said["sort"].startswith("-"), said["reason"], said["payer"], said["code"], said["agreement"], said["status"],
        (value, id) if id else None, query.get("show", "")[:64],
    )  # fmt: skip
