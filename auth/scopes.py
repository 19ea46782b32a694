"""SMART App Launch scopes as values: parse, render, cover, intersect, and what they permit. Pure.

Clause: SMART App Launch 2.2 scopes-and-launch-context.html. v2: `<level>/<Type|*>.<c?r?u?d?s?>[?<search arguments>]`;
v1: `<level>/<Type|*>.<read|write|*>`, where read is `rs`, write is `cud` and `*` is `cruds`. What is no scope of ours
is left out without an error: a server may grant less than was asked (RFC 6749 section 3.3), and clients in the field
do ask for more.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

Pair = tuple[str, str]
Query = tuple[Pair, ...]
Alternatives = tuple[Query, ...]

EVERYTHING: Final[Alternatives] = ((),)  # one alternative that asks for nothing: every resource of the type

SPECIALS: Final = frozenset(
    {"openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access"}
)
RESULT: Final = frozenset(  # parameters that shape an answer and filter nothing: as a limit they would be none
    {
        "_contained",
        "_containedType",
        "_count",
        "_elements",
        "_format",
        "_include",
        "_maxresults",
        "_pretty",
        "_revinclude",
        "_score",
        "_sort",
        "_summary",
        "_total",
    }
)
V1: Final = {"read": frozenset("rs"), "write": frozenset("cud"), "*": frozenset("cruds")}
V1_NAMES: Final = {perms: name for name, perms in V1.items()}

_RESOURCE = re.compile(
    r"(?P<level>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]{1,63})"
    r"\.(?:(?P<v1>read|write|\*)|(?P<v2>(?=[cruds])c?r?u?d?s?)(?:\?(?P<query>[\x21\x23-\x5B\x5D-\x7E]+))?)"
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*")
_CHOICE = re.compile(r"(?:\\.|[^,\\]|\\$)+", re.DOTALL)
_KEPT = "!$'()*,/:;@|-._~"  # printed as they are in a query value; the rest is percent-encoded


@dataclass(frozen=True)
class Scope:
    """Permission on a type. `perms` is a non-empty subset of the letters `cruds`; every pair of `query` must match.

    `v1` only says how it was asked, hence how it is printed: two scopes that differ in it permit the same.
    """

    level: str
    type: str
    perms: frozenset[str]
    query: Query = ()
    v1: bool = False

    def __str__(self) -> str:
        if self.v1 and not self.query and self.perms in V1_NAMES:
            return f"{self.level}/{self.type}.{V1_NAMES[self.perms]}"
        letters = "".join(letter for letter in "cruds" if letter in self.perms)
        asked = "&".join(f"{name}={quote(value, safe=_KEPT)}" for name, value in self.query)
        return f"{self.level}/{self.type}.{letters}{'?' + asked if asked else ''}"


@dataclass(frozen=True)
class Special:
    """A scope that is no permission on a type: identity, launch context or the life of the session."""

    name: str

    def __str__(self) -> str:
        return self.name


def parse(text: str) -> tuple[Scope | Special, ...]:
    """The scopes of a space-separated string, in order, each once; those that we do not know are left out."""
    found = (_one(word) for word in text.split())
    return tuple(dict.fromkeys(scope for scope in found if scope is not None))


def render(scopes: Iterable[Scope | Special]) -> str:
    """The string for a token response: `parse(render(parse(text))) == parse(text)`."""
    return " ".join(str(scope) for scope in scopes)


def resources(scopes: Iterable[Scope | Special]) -> tuple[Scope, ...]:
    """Only the permissions on types, as a Grant carries them."""
    return tuple(scope for scope in scopes if isinstance(scope, Scope))


def names(scopes: Iterable[Scope | Special]) -> frozenset[str]:
    """Only the special ones, by name: `"offline_access" in names(granted)`."""
    return frozenset(scope.name for scope in scopes if isinstance(scope, Special))


def covers(wide: Scope | Special, narrow: Scope | Special) -> bool:
    """Whether all that `narrow` permits is permitted by `wide`. Reflexive and transitive; blind to v1 or v2.

    Search arguments are compared as written: `category=a,b` covers `category=a`, but that a code is part of a value set
    is not known here, so the answer may be a needless no, never a wrong yes.
    """
    if isinstance(wide, Special) or isinstance(narrow, Special):
        return wide == narrow
    return (
        wide.level == narrow.level
        and wide.type in ("*", narrow.type)
        and narrow.perms <= wide.perms
        and all(any(_implies(have, want) for have in narrow.query) for want in wide.query)
    )


def meet(one: Scope, other: Scope) -> Scope | None:
    """What both permit, as one scope, or None. Commutative but for the order of search arguments."""
    perms = one.perms & other.perms
    if one.level != other.level or not perms or ("*" not in (one.type, other.type) and one.type != other.type):
        return None
    query = _conjunction(one.query + other.query)
    v1 = one.v1 and not query and perms in V1_NAMES
    return Scope(one.level, other.type if one.type == "*" else one.type, perms, query, v1)


def intersect(asked: Iterable[Scope | Special], allowed: Iterable[Scope | Special]) -> tuple[Scope | Special, ...]:
    """What was asked, narrowed to what is allowed; never wider than either. In the order and the version asked.

    A scope that is allowed as a whole comes back just as it was asked (RFC 6749 section 3.3).
    """
    allowed = tuple(allowed)
    kept: list[Scope | Special] = []
    for want in asked:
        if any(covers(have, want) for have in allowed):
            kept.append(want)
        elif isinstance(want, Scope):
            kept.extend(_widest(meet(want, have) for have in resources(allowed)))
    return tuple(dict.fromkeys(kept))


def permits(scopes: Iterable[Scope], level: str, type: str, perm: str) -> Alternatives | None:
    """What the scopes of one level let a client do to one type: `perm` is one letter of `cruds`.

    None: nothing. EVERYTHING: no search argument limits it. Otherwise alternatives of search arguments: a resource is
    in scope when it matches every pair of at least one alternative.
    """
    queries = [s.query for s in scopes if s.level == level and perm in s.perms and s.type in ("*", type)]
    if not queries:
        return None
    return EVERYTHING if () in queries else tuple(dict.fromkeys(queries))


def _one(word: str) -> Scope | Special | None:
    if word in SPECIALS:
        return Special(word)
    found = _RESOURCE.fullmatch(word)
    if not found:
        return None
    level, type, v1 = found["level"], found["type"], found["v1"]
    if v1:
        return Scope(level, type, V1[v1], (), True)
    query = _query(found["query"] or "")
    return None if query is None else Scope(level, type, frozenset(found["v2"]), query)


def _query(text: str) -> Query | None:
    """The pairs of a scope's search arguments; None when malformed: a limit that we can not read must not vanish."""
    pairs = []
    for part in text.split("&") if text else ():
        name, equals, raw = part.partition("=")
        value = unquote(raw)
        if not equals or not _NAME.fullmatch(name) or name in RESULT or not _readable(value):
            return None
        pairs.append((name, value))
    return _conjunction(pairs)


def _readable(value: str) -> bool:
    """Whether a search argument says something: no empty choice between commas, no control or undecodable character."""
    return ",".join(_choices(value)) == value != "" and all(" " <= c != "\ufffd" for c in value)


def _conjunction(pairs: Iterable[Pair]) -> Query:
    """The same conditions without those that another one implies."""
    kept: list[Pair] = []
    for pair in pairs:
        if not any(_implies(have, pair) for have in kept):
            kept = [have for have in kept if not _implies(pair, have)] + [pair]
    return tuple(kept)


def _implies(strong: Pair, weak: Pair) -> bool:
    """Whether matching `strong` means matching `weak`: a comma is OR, so fewer choices ask more (not under a
    modifier).
    """
    if strong == weak:
        return True
    return strong[0] == weak[0] and ":" not in strong[0] and set(_choices(strong[1])) <= set(_choices(weak[1]))


def _choices(value: str) -> list[str]:
    """The choices of a search argument: commas part them, a backslash keeps the next one (search.html#escaping)."""
    return _CHOICE.findall(value)


def _widest(found: Iterable[Scope | None]) -> list[Scope]:
    """The scopes without those that another one covers, so that an answer says nothing twice."""
    kept: list[Scope] = []
    for scope in found:
        if scope is None or any(covers(have, scope) for have in kept):
            continue
        kept = [have for have in kept if not covers(scope, have)] + [scope]
    return kept
