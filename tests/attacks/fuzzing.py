"""Requests without sense: an address of the table of routes, a body, form, header or parameter of a good request with
parts of it replaced, by somebody or nobody. A number is a seed: what failed is made again from it."""

import copy
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import quote, urlencode

from werkzeug.routing import Map

from carecoord.fhir.search.params import params
from carecoord.fhir.types import TYPES
from tests.desk.conftest import FIXTURES

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get")
ENDS: Final = frozenset({"/sign-out", "/sign-out-everywhere", "/account/password"})  # of a session: nothing comes after
TEXTS: Final = (
    "", " ", "0", "-1", "1", "999999999999999999999", "1e400", "NaN", "true", "null", "\0", "\ufeff", "é漢😀", "\ud800",
    "a" * 3000, "%00", "%ff%fe", "../../../etc/passwd", "'; DROP TABLE resource; --", "<script>alert(1)</script>",
    "${7*7}{{7*7}}", "2026-02-30", "2026-13-45T99:99:99Z", "0001-01-01", "9999-12-31T23:59:59.999999+14:00",
    "ge2026", "ap1e400", "Patient/eleanor-brandt", "Patient/../Task/x", "urn:uuid:x", "http://[::1", "//evil.example/",
    "javascript:alert(1)", "*", "-_id", "_id", "a|b|c", "a\\,b", "\r\nSet-Cookie: x=1", "order-24792",
    "office-fairmont",
    "eleanor-brandt", "Organization/office-fairmont", "Task?code=x", "0198d757-18b9-5a0e-a2e9-b2d333fadd6d", "\u0663",
    "\u06f1\u06f2",
    "\u0661\u0669\u0669\u0660-\u0660\u0661-\u0660\u0661", "\u00b2", "\u2163", "+1", "1_000", "0x10", "1.", ".5",
    "\u22121", "12:00", "24:00", "2026-11-29T25:00", "P1Y",
)  # fmt: skip
ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 10**30, 1.5, 1e300, [], {}, [[]], [None], {"a": None}, [{}], {"resourceType": "Patient"},
)  # fmt: skip
HEADERS: Final = (
    "If-Match", "If-None-Match", "If-None-Exist", "If-Modified-Since", "Prefer", "Accept", "Accept-Language", "Range",
    "Content-Type", "X-Request-Id", "Origin", "Referer", "Sec-Fetch-Site", "HX-Request", "HX-Target", "Authorization",
    "X-Forwarded-For", "X-HTTP-Method-Override", "Cookie", "Accept-Encoding", "Content-Encoding", "X-Security-Context",
    "Expect", "Upgrade", "DPoP", "Forwarded",
)  # fmt: skip
KINDS: Final = (
    "application/fhir+json", "application/json", "application/json-patch+json", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "application/fhir+xml", "text/html",
    "image/png",
    "application/fhir+json; charset=utf-16", "x", "", "application/pdf",
)  # fmt: skip
CONTROLS: Final = (
    "_sort", "_count", "_include", "_revinclude", "_summary", "_elements", "_total", "_cursor", "_has:Task:patient:_id",
    "_since", "_type", "_format", "_pretty", "_filter", "_text", "_content", "date", "asOf", "patient", "subject",
    "periodStart", "periodEnd", "provider", "plan", "service", "near", "url", "filter", "q", "show", "act", "id",
    "sort",
    "page", "tab", "facet", "back", "next", "case", "from", "to", "who", "kind", "days", "done", "after", "client_id",
    "state", "code", "scope", "redirect_uri", "response_type", "aud", "launch", "iss", "grant_type", "token",
)  # fmt: skip
MODIFIERS: Final = ("", ":exact", ":missing", ":not", ":contains", ":above", ":identifier", ":Patient", ".name",
    ":iterate", ":")


@dataclass(frozen=True)
class Request:
    """What is sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


@dataclass
class Corpus:
    """What good requests are made of. forms: who -> of the pages shown to them, (address, fields)."""

    routes: list[tuple[str, tuple[str, ...]]]
    resources: list[dict[str, Any]]
    forms: dict[str, list[tuple[str, list[tuple[str, str]]]]] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Map) -> "Corpus":
        """Of the table of routes, and the story's resources, one of each type and shape that is not too long."""
        routes = [(rule.rule, tuple(sorted(rule.methods or ()))) for rule in rules.iter_rules()
            if rule.rule not in ENDS]
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        for file in [*sorted((FIXTURES / "office").glob("*.ndjson")), *sorted((FIXTURES / "ehr").glob("*.ndjson"))]:
            for line in file.read_text().splitlines():
                resource = json.loads(line)
                if len(line) < 20_000:
                    found.setdefault((resource["resourceType"], *sorted(resource)), resource)
        return cls(sorted(routes), list(found.values()))


class Fields(HTMLParser):
    """The forms of a page that are sent by POST."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str]]]] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("method", "").lower() == "post"
            if self._inside:
                self.found.append((given.get("action", ""), []))
        elif self._inside and given.get("name") and tag in ("input", "button", "select", "textarea"):
            self.found[-1][1].append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


def requests_of(corpus: Corpus, who: str, credentials: dict[str, str], seed: int) -> Iterator[Request]:
    """Without end. who: whose forms; credentials: headers that most of the requests carry."""
    rng = random.Random(seed)
    while True:
        yield _request(corpus, who, credentials, rng)


def _request(corpus: Corpus, who: str, credentials: dict[str, str], rng: random.Random) -> Request:
    headers = dict(credentials) if rng.random() < 0.95 else {}
    forms = corpus.forms.get(who, [])
    if forms and rng.random() < 0.35:
        method, path, kind, body = _form(rng, *rng.choice(forms))
    else:
        rule, allowed = rng.choice(corpus.routes)
        if rng.random() < 0.4:  # most routes are the desk's; most of what the API can do stands behind a few
            rule, allowed = rng.choice([each for each in corpus.routes if each[0].startswith("/fhir")])
        method = rng.choice(allowed) if rng.random() < 0.85 else rng.choice(METHODS)
        path, kind, body = _address(rng, rule), None, None
        if method not in ("GET", "HEAD", "OPTIONS", "get") or rng.random() < 0.05:
            kind, body = _body(corpus, rng)
    if rng.random() < 0.5:
        path += ("&" if "?" in path else "?") + _query(rng)
    if kind is not None:
        headers["Content-Type"] = kind if rng.random() < 0.9 else rng.choice(KINDS)
    while rng.random() < 0.25:
        headers[rng.choice(HEADERS)] = _header(rng)
    return Request(method, path, headers, body)


def _form(rng: random.Random, address: str, fields: list[tuple[str, str]]) -> tuple[str, str, str, bytes]:
    pairs = list(fields)
    for _ in range(rng.randint(0, 3)):
        if pairs:
            n = rng.randrange(len(pairs))
            if pairs[n][0] == "csrf" and rng.random() < 0.9:
                continue
            change = rng.random()
            if change < 0.6:
                pairs[n] = (pairs[n][0], rng.choice(TEXTS))
            elif change < 0.8:
                del pairs[n]
            else:
                pairs.append((pairs[n][0], rng.choice(TEXTS)))
    if rng.random() < 0.15:
        parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs]
        named = 'form-data; name="file"; filename="a\\"b.pdf"'
        parts.append(f"--x\r\nContent-Disposition: {named}\r\n\r\n%PDF-1.4\r\n--x--\r\n")
        return "POST", address, "multipart/form-data; boundary=x", "".join(parts).encode("utf-8", "surrogatepass")
    encoded = urlencode(pairs, errors="surrogatepass").encode()
    return "POST", address, "application/x-www-form-urlencoded", encoded


def _address(rng: random.Random, rule: str) -> str:
    def fill(found: re.Match[str]) -> str:
        name = found[1].rpartition(":")[2]
        if name in ("type", "owner") and rng.random() < 0.9:
            return rng.choice(list(TYPES))
        if "any(" in found[1]:
            return rng.choice(("csv", "xlsx", "pdf"))
        return quote(rng.choice(TEXTS).encode("utf-8", "surrogatepass"), safe="" if rng.random() < 0.8 else "/.")[:2000]

    path = re.sub(r"<((?:[^<>(]|\([^)]*\))+)>", fill, rule)
    if rng.random() < 0.05:
        path += rng.choice(("/", "//", "/..", "/%2e%2e", ";x=1", "/$x", "/_history/1", "%00", "?", "#"))
    return path


def _query(rng: random.Random) -> str:
    pairs = []
    for _ in range(rng.randint(1, 4)):
        pick = rng.random()
        name = rng.choice(CONTROLS) if pick < 0.6 else rng.choice(list(params(rng.choice(list(TYPES)))))
        pairs.append((name + rng.choice(MODIFIERS) if pick > 0.4 else name, rng.choice(TEXTS)))
    return "&".join(f"{quote(n.encode('utf-8', 'surrogatepass'))}={quote(v.encode('utf-8', 'surrogatepass'))}" for n,
        v in pairs)


def _header(rng: random.Random) -> str:
    text = rng.choice((*TEXTS, 'W/"1"', "*", "bytes=0-", "handling=strict", "return=representation", "gzip", "en;q=x",
                       "application/json", "Basic eDp4", "Bearer x", "cc=x", "100-continue", "same-origin",
                       "true"))  # fmt: skip
    return re.sub(r"[^\x20-\x7e\x80-\xff]", "", text)


def _body(corpus: Corpus, rng: random.Random) -> tuple[str, bytes]:
    pick = rng.random()
    if pick < 0.1:
        raw = (b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 5000, b'{"a":' * 3000, b"\0" * 200, b'"x"', b"1" * 5000,
            b"a=b&a=c")
        return rng.choice(KINDS), rng.choice(raw)
    if pick < 0.2:
        paths = ("/status", "/subject/reference", "/x/0", "/-", "", "/meta", "/id")
        ops = ("add", "remove", "replace", "move", "test", "x")
        patch = [{"op": rng.choice(ops), "path": rng.choice(paths), "value": _odd(rng)}
            for _ in range(rng.randint(0, 3))]
        return "application/json-patch+json", _dump(patch)
    resource = _mangled(rng, copy.deepcopy(rng.choice(corpus.resources)))
    if pick < 0.4:
        entry = [
            {"fullUrl": rng.choice(TEXTS), "resource": _mangled(rng, copy.deepcopy(rng.choice(corpus.resources))),
             "request": {"method": rng.choice(METHODS),
             "url": rng.choice((*TEXTS, "Patient", "Task/x", "Task?status=x"))}}
            for _ in range(rng.randint(0, 3))
        ]  # fmt: skip
        resource = _mangled(rng,
            {"resourceType": "Bundle", "type": rng.choice(("batch", "transaction")), "entry": entry})
    elif pick < 0.5:
        given = [{"name": rng.choice(CONTROLS), "valueString": rng.choice(TEXTS)},
            {"name": "resource", "resource": resource}]
        resource = _mangled(rng, {"resourceType": "Parameters", "parameter": given})
    return "application/fhir+json", _dump(resource)


def _mangled(rng: random.Random, resource: dict[str, Any]) -> dict[str, Any]:
    for _ in range(rng.randint(0, 3)):
        place: Any = resource
        while isinstance(place, dict | list) and place:
            key: Any = rng.choice(list(place)) if isinstance(place, dict) else rng.randrange(len(place))
            if isinstance(place[key], dict | list) and place[key] and rng.random() < 0.7:
                place = place[key]
                continue
            change = rng.random()
            if change < 0.7:
                place[key] = _odd(rng)
            elif isinstance(place, dict):
                place[rng.choice(("x", "_" + str(key), "extension", "id", "reference"))] = _odd(rng)
            else:
                place.append(_odd(rng))
            break
    return resource


def _odd(rng: random.Random) -> Any:
    return copy.deepcopy(rng.choice(ODD)) if rng.random() < 0.4 else rng.choice(TEXTS)


def _dump(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
