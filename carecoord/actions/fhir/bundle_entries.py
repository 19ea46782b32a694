"""The entries of a transaction or batch Bundle as values, each what one HTTP request would say.

Clause: FHIR R4 bundle.html#transaction, http.html#transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from carecoord.errors import Invalid, NotFound, Problem
from carecoord.fhir.etag import Expected, expected
from carecoord.fhir.types import TYPES

Pairs = tuple[tuple[str, str], ...]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Entry:
    """The request of entry number n. path: what stands before the query, split at the slashes. query: None where there
    is no `?`. full_url is empty where none was given. expected: the version of ifMatch."""

    n: int
    method: str
    path: tuple[str, ...]
    query: Pairs | None = None
    full_url: str = ""
    resource: dict[str, Any] | None = None
    expected: Expected | None = None
    if_none_match: str | None = None
    if_none_exist: Pairs | None = None

    @property
    def where(self) -> str:
        """The FHIRPath of the entry."""
        return f"Bundle.entry[{self.n}]"

    @property
    def type(self) -> str:
        """The resource type that the path begins with."""
        return self.path[0]

    @property
    def id(self) -> str | None:
        """The resource id of the path, if it names one."""
        return self.path[1] if len(self.path) == 2 else None


def kind(bundle: Any) -> str:
    """`transaction` or `batch`. Raises Invalid for anything else."""
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise Invalid("Post a Bundle here; a single resource goes to [base]/[type].", "resourceType")
    found = bundle.get("type")
    if found not in ("transaction", "batch"):
        raise Invalid(f"Bundle.type must be transaction or batch, not {str(found)[:40]!r}.", "Bundle.type")
    return str(found)


def listed(bundle: dict[str, Any]) -> Sequence[Any]:
    """Bundle.entry as it came. Raises Invalid where it is no list."""
    found = bundle.get("entry", [])
    if not isinstance(found, list):
        raise Invalid("Bundle.entry must be a list.", "Bundle.entry")
    return found


def address_of(raw: Any) -> tuple[str, str]:
    """What must be an entry's own (bdl-7): its fullUrl and the version of its resource, either perhaps empty."""
    entry = raw if isinstance(raw, dict) else {}
    url, resource = entry.get("fullUrl"), entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return (url if isinstance(url, str) else ""), (version if isinstance(version, str) else "")


def parse(raw: Any, n: int, base_url: str) -> Entry:
    """One entry. Raises Invalid or NotFound with the expression of what is wrong."""
    where = f"Bundle.entry[{n}]"
    asked = _object(raw, where).get("request")
    request = _object(asked, f"{where}.request")
    method = _text(request, "method", f"{where}.request")
    if method not in _METHODS:
        raise Invalid(f"The method is one of {', '.join(_METHODS)}, not {method!r}.", f"{where}.request.method")
    url = _text(request, "url", f"{where}.request")
    path, query = _address(url, base_url)
    entry = Entry(
        n,
        "GET" if method == "HEAD" else method,
        path,
        query,
        _optional(raw, "fullUrl", where) or "",
        _object(raw["resource"], f"{where}.resource") if "resource" in raw else None,
        expected(_optional(request, "ifMatch", f"{where}.request"), f"{where}.request.ifMatch"),
        _optional(request, "ifNoneMatch", f"{where}.request"),
        conditions(_optional(request, "ifNoneExist", f"{where}.request")),
    )
    _check(entry, url)
    return entry


def conditions(text: str | None) -> Pairs | None:
    """The search arguments of If-None-Exist, with or without a `?` or `Type?` in front; None where there are none."""
    if text is None:
        return None
    return tuple(parse_qsl(text.rpartition("?")[2], keep_blank_values=True))


def _check(entry: Entry, url: str) -> None:
    """Refuse what no address of ours could mean, before anything is done."""
    where = f"{entry.where}.request.url"
    if entry.method == "GET":
        return
    if not entry.path:
        raise Invalid(f"{url!r} names no resource type.", where)
    if entry.type not in TYPES:
        raise NotFound(f"{entry.type!r} is not a resource type of this server.", where)
    longest = {"POST": 1, "PUT": 2, "PATCH": 2, "DELETE": 2}[entry.method]
    if len(entry.path) > longest or (entry.method != "POST" and entry.id is None and not entry.query):
        raise Invalid(f"{entry.method} {url!r} is not an interaction of a transaction or batch here.", where)
    if entry.method != "DELETE" and entry.resource is None:
        raise Invalid(f"{entry.method} needs a resource.", f"{entry.where}.resource")


def _address(url: str, base_url: str) -> tuple[tuple[str, ...], Pairs | None]:
    path, mark, query = url.removeprefix(base_url).partition("?")
    parts = tuple(part for part in path.split("/") if part)
    return parts, tuple(parse_qsl(query, keep_blank_values=True)) if mark else None


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"{where} must be an object.", where)
    return value


def _text(owner: dict[str, Any], name: str, where: str) -> str:
    value = owner.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(f"{where}.{name} is missing or not a text.", f"{where}.{name}")
    return value


def _optional(owner: dict[str, Any], name: str, where: str) -> str | None:
    return _text(owner, name, where) if name in owner else None


def placed(problem: Problem, where: str) -> Problem:
    """The same problem seen from the Bundle: `Patient.gender` becomes `Bundle.entry[2].resource.gender`."""
    issues = [replace(issue, where=_within(issue.where, where)) for issue in problem.all_issues()]
    return type(problem)(problem.text, issues[0].where, issues, problem.headers)


_REQUEST = {"http.If-Match": "ifMatch", "http.If-None-Match": "ifNoneMatch", "http.If-None-Exist": "ifNoneExist"}


def _within(expression: str | None, where: str) -> str:
    if expression is None or expression.startswith("Bundle."):
        return expression or where
    if expression.startswith("http."):
        return f"{where}.request.{_REQUEST.get(expression, 'url')}"
    return f"{where}.resource{expression.partition('.')[1]}{expression.partition('.')[2]}"
