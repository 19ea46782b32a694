"""Walking the pages of a search: next links, each page once, each resource in its newest copy.

Clause: FHIR R4 http.html#paging, bundle.html#searchset and bundle.html#references (a link may be relative).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin

import msgspec

from fhir_adapters.errors import Garbled, Loop
from fhir_adapters.http import Answer, Http, Params
from fhir_adapters.outcome import words

Read = Callable[[bytes], dict[str, Any]]
_OLDEST = datetime.min.replace(tzinfo=UTC)


class Link(msgspec.Struct):
    """Bundle.link."""

    relation: str
    url: str = ""


class Search(msgspec.Struct):
    """Bundle.entry.search."""

    mode: str = "match"


class Entry(msgspec.Struct):
    """Bundle.entry; the resource stays bytes, so that one that can not be read does not cost us the page."""

    resource: msgspec.Raw = msgspec.Raw()
    search: Search = msgspec.field(default_factory=Search)


class Bundle(msgspec.Struct):
    """What we need of a searchset Bundle."""

    resourceType: str
    link: list[Link] = msgspec.field(default_factory=list)
    entry: list[Entry] = msgspec.field(default_factory=list)
    total: int | None = None


@dataclass(frozen=True)
class Found:
    """A resource as the EHR gave it: its id there, its `meta.lastUpdated` if it has one, its JSON."""

    id: str
    updated: datetime | None
    resource: dict[str, Any]


@dataclass(frozen=True)
class Leaf:
    """One page. `next` is absolute; `date` is the EHR's clock; `notices` say what on it could not be used, and why."""

    found: tuple[Found, ...]
    next: str | None
    total: int | None
    date: datetime | None
    notices: tuple[str, ...] = ()


def walk(http: Http, type: str, url: str, params: Params, read: Read) -> Iterator[Leaf]:
    """Every page from this address on, as the EHR links them. `read` makes a resource of bytes or raises ValueError.

    Raises Loop when a next link comes again, or the same content a third time (twice may be a page that shifted because
    a resource was added), and whatever Http raises.
    """
    addresses, contents = {url}, Counter[bytes]()
    for _ in range(int(http.limits.pages)):
        answer = http.get(url, Bundle, params)
        leaf = leaf_of(answer, type, read)
        yield leaf
        if leaf.next is None:
            return
        content = _content(leaf)
        contents[content] += bool(leaf.found)
        if leaf.next in addresses or contents[content] > 2:
            raise Loop(f"{http.ehr.name}: paging of {type} comes back to a page that was read already.")
        addresses.add(leaf.next)
        url, params = leaf.next, ()
    raise Loop(f"{http.ehr.name}: {type} has more than {http.limits.pages:.0f} pages; raise the limit `pages` if so.")


def leaf_of(answer: Answer[Bundle], type: str, read: Read) -> Leaf:
    """What one page holds of one type. Raises Garbled when it is no Bundle."""
    bundle = answer.document
    if bundle.resourceType != "Bundle":
        raise Garbled(f"A search of {type} answered with a {bundle.resourceType[:64]} instead of a Bundle.")
    found, notices = [], []
    for entry in bundle.entry:
        try:
            one = _found(entry, type, read)
        except (ValueError, RecursionError) as e:
            notices.append(f"A {type} could not be read and was left out: {e}")
            continue
        if isinstance(one, str):
            notices.append(one)
        elif one:
            found.append(one)
    follow = next((link.url for link in bundle.link if link.relation == "next" and link.url), None)
    absolute = urljoin(answer.url, follow) if follow else None
    return Leaf(newest(found), absolute, bundle.total, answer.date, tuple(notices))


def newest(found: Iterable[Found]) -> tuple[Found, ...]:
    """One copy per id, in the order of first appearance: the last updated, or of equals the one that came later."""
    kept: dict[str, Found] = {}
    for one in found:
        before = kept.get(one.id)
        if before is None or (before.updated or _OLDEST) <= (one.updated or _OLDEST):
            kept[one.id] = one
    return tuple(kept.values())


def updated(resource: Mapping[str, Any]) -> datetime | None:
    """`meta.lastUpdated` as an aware datetime, or None when there is none that can be read."""
    meta = resource.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return at.astimezone(UTC) if at and at.tzinfo else None
    except (ValueError, OverflowError):  # the latter at the first and the last day of all calendars
        return None


def _found(entry: Entry, type: str, read: Read) -> Found | str | None:
    """The resource of an entry, or a notice about it, or nothing where it is of no concern here."""
    if not bytes(entry.resource):
        return None
    resource = read(bytes(entry.resource))
    kind, id = resource.get("resourceType"), resource.get("id")
    if kind == "OperationOutcome":
        return _warning(resource, type)
    if kind != type or entry.search.mode != "match":
        return None
    if not isinstance(id, str) or not id:
        return f"A {type} without an id was left out: nothing could refer to it, nor could it be found again."
    return Found(id, updated(resource), resource)


def _warning(outcome: Mapping[str, Any], type: str) -> str | None:
    """What the EHR remarks about the search, worst first; its information is of no concern."""
    issues = outcome.get("issue")
    for issue in issues if isinstance(issues, list) else ():
        if isinstance(issue, dict) and issue.get("severity") in ("fatal", "error", "warning"):
            return f"About {type} the EHR remarks: {words(issue)}"
    return None


def _content(leaf: Leaf) -> bytes:
    return sha256(repr([(one.id, one.updated) for one in leaf.found]).encode()).digest()
