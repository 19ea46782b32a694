"""What a partner may subscribe to: that answers to its own requests have come, told in full to an address of its own.
Pure.

Clauses: Da Vinci PAS 2.2.1, SubscriptionTopic PASSubscriptionTopic and specification.html (spec-55, spec-56, spec-58,
spec-59, spec-62); Subscriptions R5 Backport 1.1, R4 (topic in criteria, filters and content in extensions)."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from carecoord.domain.prior_auth.pas.guide import GUIDE
from carecoord.domain.resource import addresses
from carecoord.domain.resource.codes import CANONICAL
from carecoord.domain.resource.elements import Json, extensions, item, items, text
from carecoord.errors import Forbidden, Unprocessable

TOPIC: Final = f"{GUIDE}/SubscriptionTopic/PASSubscriptionTopic"
OWNER: Final = f"{CANONICAL}/CodeSystem/subscriber"  # a meta.tag: whose organization's it is, the server's alone to say
LIVE: Final = ("requested", "active", "error")
_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
NAMES: Final[Mapping[str, str]] = {"topic": TOPIC, "backport": _BACKPORT}
_FILTER: Final = f"{_BACKPORT}/backport-filter-criteria"
_CONTENT: Final = f"{_BACKPORT}/backport-payload-content"
_STATUS: Final = f"{_BACKPORT}/backport-subscription-status-r4"
_NAMES: Final = re.compile(r"(?:ClaimResponse\?)?(?:org-identifier|orgIdentifier)(?::eq)?=(\S+)")  # the example's, too
_HEADER: Final = re.compile(r"([A-Za-z0-9-]+): ?([^\r\n]+)")
_OURS: Final = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection"})
_PAYLOADS: Final = ("application/fhir+json", "application/json")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where to, with which headers, about whose requests: identifiers as they are given, `value` or `system|value`."""

    endpoint: str
    headers: Mapping[str, str]
    identifiers: tuple[str, ...]


def judge(before: Json, after: Json, own: Collection[str] | None) -> None:
    """Refuse a subscription that would never be served. own: the identifiers (`system|value`) of the asker's
    organization, None for who keeps whole records. One that is off wants nothing. Raises Unprocessable, Forbidden."""
    status, was = text(after, "status"), text(before, "status")
    if status == "off":
        return
    if status != "requested" and status != was:
        raise Unprocessable(
            "A client asks for a subscription (requested) or ends it (off); the rest is the server's to say.",
            "Subscription.status",
        )
    values = {each.rpartition("|")[2] for each in own or ()} | set(own or ())
    for each in wanted(after).identifiers:
        if own is not None and each not in values:
            raise Forbidden(f"{each[:80]} is no identifier of your organization.", "Subscription.criteria")


def wanted(subscription: Json) -> Wanted:
    """What a subscription asks for. Raises Unprocessable for another topic, channel, content or filter."""
    if text(subscription, "criteria") != TOPIC:
        raise Unprocessable(f"The one topic of this server is {TOPIC}.", "Subscription.criteria")
    filters = [text(each, "valueString") for each in extensions(item(subscription, "_criteria"), _FILTER)]
    named = [_NAMES.fullmatch(each) for each in filters]
    if not named or not all(named):
        raise Unprocessable("The filter is org-identifier=ID, several with commas.", "Subscription.criteria")
    identifiers = tuple(dict.fromkeys(id for each in named if each for id in each[1].split(",") if id))
    channel = item(subscription, "channel")
    if text(channel, "type") != "rest-hook":
        raise Unprocessable("The one channel of this server is rest-hook.", "Subscription.channel.type")
    if text(channel, "payload") not in _PAYLOADS:
        raise Unprocessable(f"The payload is {_PAYLOADS[0]}.", "Subscription.channel.payload")
    contents = [text(each, "valueCode") for each in extensions(item(channel, "_payload"), _CONTENT)]
    if contents != ["full-resource"]:
        raise Unprocessable("The content is full-resource.", "Subscription.channel.payload")
    endpoint = text(channel, "endpoint")
    where = addresses.parts(endpoint)
    if where.scheme not in ("http", "https") or not where.hostname:
        raise Unprocessable("The endpoint is an address of http or https.", "Subscription.channel.endpoint")
    return Wanted(endpoint, _headers(channel), identifiers)


def _headers(channel: Json) -> dict[str, str]:
    found: dict[str, str] = {}
    given = channel.get("header")
    for each in given if isinstance(given, list) else []:
        header = _HEADER.fullmatch(each) if isinstance(each, str) else None
        if header is None or header[1].lower() in _OURS:
            raise Unprocessable("A header is `Name: value`, not one of ours.", "Subscription.channel.header")
        found[header[1]] = header[2]
    return found


def marked(before: Json, after: Json, organization: str | None) -> Json:
    """A subscription with whose it is, and its filter under the name that the guide gives. organization: of who makes
    it; a service without one, which keeps whole records, says itself whose it is."""
    meta = item(after, "meta")
    tags = [each for each in items(meta, "tag") if each.get("system") != OWNER]
    held = [each for each in items(item(before, "meta"), "tag") if each.get("system") == OWNER]
    if not before:
        brought = [each for each in items(meta, "tag") if each.get("system") == OWNER]
        held = [{"system": OWNER, "code": organization}] if organization else brought
    told: dict[str, Any] = {name: value for name, value in meta.items() if name != "tag"}
    told |= {"tag": [*tags, *held]} if tags or held else {}
    found = {name: value for name, value in after.items() if name != "meta"} | ({"meta": told} if told else {})
    criteria = item(after, "_criteria")
    if criteria:
        renamed = [_renamed(each) for each in items(criteria, "extension")]
        found["_criteria"] = criteria | {"extension": renamed}
    return found


def _renamed(filter: Json) -> Json:
    named = _NAMES.fullmatch(text(filter, "valueString")) if filter.get("url") == _FILTER else None
    return filter | {"valueString": f"org-identifier={named[1]}"} if named else filter


def status(subscription: str, kind: str, state: str, count: int, base: str, events: Sequence[Json] = ()) -> Json:
    """The Parameters that tell how a subscription, `Subscription/id`, stands. kind: handshake, event-notification,
    query-status; count: of events since it began; events: the parts of each that is told."""
    return {
        "resourceType": "Parameters",
        "meta": {"profile": [_STATUS]},
        "parameter": [
            {"name": "subscription", "valueReference": {"reference": f"{base}/{subscription}"}},
            {"name": "topic", "valueCanonical": TOPIC},
            {"name": "status", "valueCode": state},
            {"name": "type", "valueCode": kind},
            {"name": "events-since-subscription-start", "valueString": str(count)},
            *({"name": "notification-event", "part": each["part"]} for each in events),
        ],
    }


def event(number: int, at: str, focus: str) -> Json:
    """An event: its number, when it happened, and where what it is about stands."""
    return {"part": [
        {"name": "event-number", "valueString": str(number)},
        {"name": "timestamp", "valueInstant": at},
        {"name": "focus", "valueReference": {"reference": focus}},
    ]}  # fmt: skip


def notice(told: Json, subscription: str, base: str, at: str, more: Sequence[Json] = ()) -> Json:
    """The Bundle that is sent. told: the status; more: the entries of what it speaks of."""
    first = {
        "fullUrl": f"{base}/{subscription}/$status",
        "resource": told,
        "request": {"method": "GET", "url": f"{base}/{subscription}/$status"},
        "response": {"status": "200"},
    }
    return {"resourceType": "Bundle", "type": "history", "timestamp": at, "entry": [first, *more]}
