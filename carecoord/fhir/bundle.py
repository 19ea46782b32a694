"""Bundles out: stored bytes joined, never parsed.

Clause: FHIR R4 bundle.html, http.html#search, #history, #transaction-response. A body is the JSON of a resource exactly
as it is stored; everything around it is written here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import msgspec

from carecoord.errors import Issue
from carecoord.fhir.instants import instant
from carecoord.fhir.outcome import outcome

_write = msgspec.json.encode


class Found(NamedTuple):
    """A resource of a searchset."""

    type: str
    id: str
    body: bytes


class Version(NamedTuple):
    """One version in a history, `updated` in microseconds; a deletion has no body. method: of the request that made
    it; None: it was not noted."""

    type: str
    id: str
    version: int
    updated: int
    deleted: bool
    body: bytes
    method: str | None


class Answer(NamedTuple):
    """What became of one entry of a transaction or batch. status: "201 Created". version and updated (microseconds)
    where a resource resulted. body: its bytes, or those of a searchset, where they were asked for. issues: why it was
    refused, or warnings."""

    status: str
    location: str | None = None
    version: int | None = None
    updated: int | None = None
    body: bytes = b""
    issues: Sequence[Issue] = ()


def searchset(
    base_url: str,
    matches: Iterable[Found],
    included: Iterable[Found] = (),
    *,
    links: Mapping[str, str],
    total: int | None = None,
    updated: int | None = None,
    warnings: Sequence[Issue] = (),
) -> bytes:
    """A page of search results. `links`: relation to URL, `self` and, where there is more, `next`. `total` counts the
    matches on all pages. `warnings` stand in the page as an OperationOutcome (parameters that were ignored)."""
    entries = [_found(base_url, row, b"match") for row in matches]
    entries += [_found(base_url, row, b"include") for row in included]
    if warnings:
        body = _write(outcome(warnings))
        url = _write(uuid5(NAMESPACE_URL, body.decode()).urn)  # the same words, the same page: paging stays repeatable
        entries.append(b'{"fullUrl":' + url + b',"resource":' + body + b',"search":{"mode":"outcome"}}')
    return _bundle("searchset", entries, links=links, total=total, updated=updated)


def history(
    base_url: str,
    versions: Iterable[Version],
    *,
    links: Mapping[str, str],
    total: int | None = None,
    updated: int | None = None,
) -> bytes:
    """A page of versions, newest first; each says how it came to be and when."""
    entries = [_version(base_url, row) for row in versions]
    return _bundle("history", entries, links=links, total=total, updated=updated)


def responses(kind: str, answers: Iterable[Answer]) -> bytes:
    """A transaction-response or batch-response (`kind`), with the answers in the order of the request's entries."""
    return _bundle(kind, [_answer(answer) for answer in answers])


def _bundle(
    kind: str,
    entries: list[bytes],
    *,
    links: Mapping[str, str] | None = None,
    total: int | None = None,
    updated: int | None = None,
) -> bytes:
    head: dict[str, Any] = {"resourceType": "Bundle"}
    if updated is not None:
        head["meta"] = {"lastUpdated": instant(updated)}
    head["type"] = kind
    if total is not None:
        head["total"] = total
    if links:
        head["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    start = _write(head)
    return start if not entries else start[:-1] + b',"entry":[' + b",".join(entries) + b"]}"


def _found(base_url: str, row: Found, mode: bytes) -> bytes:
    url = _write(f"{base_url}/{row.type}/{row.id}")
    return b'{"fullUrl":' + url + b',"resource":' + row.body + b',"search":{"mode":"' + mode + b'"}}'


def _version(base_url: str, row: Version) -> bytes:
    # of versions from before methods were noted, the one that the version's number makes most likely
    method = "DELETE" if row.deleted else row.method or ("POST" if row.version == 1 else "PUT")
    address = row.type if method == "POST" else f"{row.type}/{row.id}"
    status = "204" if row.deleted else "201" if row.version == 1 or method == "POST" else "200"
    response = {"status": status, "etag": f'W/"{row.version}"', "lastModified": instant(row.updated)}
    rest = _write({"request": {"method": method, "url": address}, "response": response})
    resource = b"" if row.deleted else b',"resource":' + row.body
    return b'{"fullUrl":' + _write(f"{base_url}/{row.type}/{row.id}") + resource + b"," + rest[1:]


def _answer(answer: Answer) -> bytes:
    response: dict[str, Any] = {"status": answer.status}
    if answer.location is not None:
        response["location"] = answer.location
    if answer.version is not None:
        response["etag"] = f'W/"{answer.version}"'
    if answer.updated is not None:
        response["lastModified"] = instant(answer.updated)
    if answer.issues:
        response["outcome"] = outcome(answer.issues)
    resource = b'"resource":' + answer.body + b"," if answer.body else b""
    return b"{" + resource + b'"response":' + _write(response) + b"}"
