"""The address of a referral's own page: which paper is read, which events are shown, from which list one comes, and the
form that is open. Every link on the page is this address with one thing changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qs, quote, urlencode

from carecoord.errors import Problem
from carecoord.store.worklist.query import WorklistQuery
from carecoord.web.worklist import address

_NAMES: Final = ("paper", "sheet", "kind", "list", "act", "draft", "done")


@dataclass(frozen=True)
class CaseAddress:
    """`paper`: id of the document that is read, empty for the first; `sheet`: its page; `kind`: of the events that are
    shown, empty for all; `list`: the query of the worklist that one comes from, None from none."""

    id: str
    paper: str = ""
    sheet: int = 1
    kind: str = ""
    list: str | None = None
    act: str | None = None
    draft: str | None = None
    done: str | None = None

    def href(self) -> str:
        """The link to it; what is as by default is left out."""
        said = {
            "paper": self.paper, "sheet": str(self.sheet) if self.sheet > 1 else "", "kind": self.kind,
            "act": self.act, "done": self.done,
        }  # fmt: skip
        pairs = [(name, value) for name, value in said.items() if value]
        pairs += [("list", self.list)] if self.list is not None else []
        return f"/referrals/{quote(self.id)}{'?' if pairs else ''}{urlencode(pairs)}"

    def reading(self, paper: str, sheet: int = 1) -> "CaseAddress":
        return replace(self, paper=paper, sheet=sheet, act=None, draft=None, done=None)

    def of_kind(self, kind: str) -> "CaseAddress":
        return replace(self, kind=kind, act=None, draft=None, done=None)

    def doing(self, act: str | None) -> "CaseAddress":
        return replace(self, act=act, draft=None, done=None)

    def told(self, act: str) -> "CaseAddress":
        return replace(self, act=None, draft=None, done=act)

    def at(self, id: str) -> "CaseAddress":
        """Another referral of the same list."""
        return CaseAddress(id, kind=self.kind, list=self.list)

    def listed(self, home: str) -> WorklistQuery | None:
        """The list that one comes from; None from none, and where its address can not be read any more."""
        if self.list is None:
            return None
        try:
            return address.parse(parse_qs(self.list), home).asked
        except Problem:
            return None


def parse(id: str, query: Mapping[str, Sequence[str]]) -> CaseAddress:
    """The address that a path and a query string stand for; what can not be meant is left out."""
    one = {name: next(iter(query.get(name) or [""]), "") for name in _NAMES}
    sheet = int(one["sheet"]) if one["sheet"].isascii() and one["sheet"].isdigit() and len(one["sheet"]) < 5 else 1
    return CaseAddress(
        id, one["paper"], max(1, sheet), one["kind"], one["list"] if "list" in query else None,
        one["act"] or None, one["draft"] or None, one["done"] or None,
    )  # fmt: skip
