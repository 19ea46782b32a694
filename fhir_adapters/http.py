"""Asking one EHR: timeouts, retries with backoff, Retry-After, a fresh token on 401, size limits and a circuit breaker.

Clause: FHIR R4 http.html#2.21.0.4 (status codes); RFC 9110 sections 10.2.3 (Retry-After) and 15.5.2 (401).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import random
from typing import Generic, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

import msgspec
import requests
import urllib3

from auth.client.backend import TokenError, retry_after
from auth.outgoing.guard import Forbidden
from fhir_adapters.dialects import Limits
from fhir_adapters.ehr import Ehr, origin
from fhir_adapters.errors import (
    Away,
    Broken,
    Busy,
    CircuitOpen,
    EhrError,
    Elsewhere,
    Garbled,
    Misconfigured,
    NotAllowedIn,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from fhir_adapters.outcome import words

CHUNK = 65_536
REDIRECTS = 5

T = TypeVar("T")


Params = Sequence[tuple[str, str]]
Found = tuple[requests.Response, bytes]


class Bearer(Protocol):
    """Who gives us tokens: auth.client.backend.Backend."""

    def token(self) -> str: ...

    def renew(self) -> str: ...


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A 200. `date` is the EHR's own clock, where it tells it; `url` is where the answer came from in the end."""

    url: str
    document: T
    date: datetime | None


@dataclass(frozen=True)
class Sent:
    """What came back for something that we wrote. headers: by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Call:
    method: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_GET = _Call()


class Http:
    """The way to one EHR for one run. It remembers how many requests failed in a row."""

    def __init__(
        self,
        ehr: Ehr,
        limits: Limits,
        session: requests.Session,
        bearer: Bearer | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.ehr, self.limits, self.session, self.bearer = ehr, limits, session, bearer
        self.sleep, self.monotonic, self.clock = sleep, monotonic, clock
        self.headers = {"Accept": "application/fhir+json", **(headers or {}), **ehr.headers}
        self.failures = 0
        self._last = float("-inf")

    def get(self, url: str, kind: type[T], params: Params = (), *, public: bool = False) -> Answer[T]:
        """GET a JSON document of the EHR, read as a msgspec `kind`. `public`: send no token, as for discovery.

        Raises an EhrError once all tries have failed.
        """
        if self.failures >= self.limits.failures:
            raise CircuitOpen(f"{self.ehr.name}: {self.failures} requests in a row failed; giving up for this run.")
        home = self._home(url)
        try:
            answer = self._insist(lambda: self._read(home, kind, params, public))
        except EhrError as trouble:
            # A refusal is an answer: only silence and failure count against the EHR's being there at all.
            self.failures = self.failures + 1 if trouble.tried_again else 0
            raise
        self.failures = 0
        return answer

    def send(self, method: str, url: str, body: bytes, headers: Mapping[str, str], *, again: bool) -> Sent:
        """Write to the EHR, and return what it answered well (a 2xx). again: to be repeated when no answer comes, since
        a second time does no harm. Raises an EhrError; Refused for what the EHR will not have."""
        home, given = self._home(url), {"Content-Type": "application/fhir+json", **headers}

        def ask() -> Sent:
            response, said = self._admitted(home, (), False, _Call(method, body, given))
            return Sent(response.status_code, {name.lower(): value for name, value in response.headers.items()}, said)

        return self._insist(ask) if again else ask()

    def admit(self) -> None:
        """Get a token now, so that what is wrong with our registration is said first. Raises an EhrError."""
        if self.bearer:
            give = self.bearer.token
            self._insist(lambda: self._token(give))

    def _insist(self, ask: Callable[[], T]) -> T:
        """Ask until an answer comes, or it makes no sense to ask again."""
        attempt = 1
        while True:
            try:
                return ask()
            except EhrError as trouble:
                if not trouble.tried_again or attempt >= self.limits.attempts:
                    raise
                self.sleep(self._wait(trouble, attempt))
            attempt += 1

    def _read(self, url: str, kind: type[T], params: Params, public: bool) -> Answer[T]:
        found, body = self._admitted(url, params, public)
        return Answer(found.url, _decode(body, kind, self._name(found.url)), _date(found.headers.get("Date")))

    def _admitted(self, url: str, params: Params, public: bool, call: _Call = _GET) -> Found:
        """One try; a 401 is answered with a new token, once."""
        if public or self.bearer is None:
            return self._once(url, params, None, call)
        try:
            return self._once(url, params, self._token(self.bearer.token), call)
        except NotAllowedIn:
            return self._once(url, params, self._token(self.bearer.renew), call)

    def _token(self, give: Callable[[], str]) -> str:
        try:
            return give()
        except TokenError as trouble:
            if trouble.retry:
                raise self._patience(trouble.text, trouble.seconds) from trouble
            raise NotAllowedIn(trouble.text, 401) from trouble

    def _once(self, url: str, params: Params, token: str | None, call: _Call) -> Found:
        for _ in range(REDIRECTS):
            response = self._send(url, params, token, call)
            with response:
                body = self._body(response)
            if not response.is_redirect or call is not _GET:
                self._judge(response, body, call.method)
                return response, body
            url, params = self._home(urljoin(url, response.headers["Location"])), ()
        raise Garbled(f"{self.ehr.name}: redirected more than {REDIRECTS} times.")

    def _send(self, url: str, params: Params, token: str | None, call: _Call) -> requests.Response:
        def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
            # As `auth`, for requests lets a .netrc entry replace an Authorization header, but not this.
            if token:
                request.headers["Authorization"] = f"Bearer {token}"
            return request

        self._pace()
        try:
            return self.session.request(
                call.method,
                url,
                params=list(params),
                data=call.body,
                headers={**self.headers, **call.headers},
                auth=sign,
                timeout=(self.limits.connect_seconds, self.limits.read_seconds),
                allow_redirects=False,
                stream=True,
            )
        except requests.RequestException as e:
            raise self._silence(url, e) from e

    def _body(self, response: requests.Response) -> bytes:
        """The body, while it is within the limits of size and time: an answer that drips is no answer."""
        chunks, size, end = [], 0, self.monotonic() + self.limits.answer_seconds
        try:
            for chunk in response.iter_content(CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > self.limits.body_bytes:
                    raise TooLarge(
                        f"{self._name(response.url)}: answer larger than {self.limits.body_bytes:.0f} bytes."
                    )
                if self.monotonic() > end:
                    raise TimedOut(f"{self._name(response.url)}: answer took over {self.limits.answer_seconds:.0f} s.")
        except requests.RequestException as e:
            raise self._silence(response.url, e) from e
        return b"".join(chunks)

    def _judge(self, response: requests.Response, body: bytes, method: str = "GET") -> None:
        status = response.status_code
        if status == 200 or (method != "GET" and status in (201, 204)):
            return
        text = f"{self._name(response.url, method)}: {status} {_diagnostics(body)}".rstrip()
        if status in (429, 503):
            raise self._patience(text, retry_after(response.headers.get("Retry-After"), self.clock()))
        if status == 408 or (status >= 500 and status != 501):
            raise Broken(text)
        if status == 401:
            raise NotAllowedIn(text, status)
        raise Refused(text, status)

    def _patience(self, text: str, seconds: float | None) -> Busy:
        if seconds is not None and seconds > self.limits.retry_after_max_seconds:
            return Away(f"{text}; it asks us to come back in {seconds:.0f} s.", seconds)
        return Busy(text, seconds)

    def _wait(self, trouble: EhrError, attempt: int) -> float:
        """Seconds until the next try: as the EHR asked, else twice as long each time, spread so that clients part."""
        if isinstance(trouble, Busy) and trouble.seconds is not None:
            return trouble.seconds
        longest = min(self.limits.backoff_max_seconds, self.limits.backoff_seconds * 2.0 ** (attempt - 1))
        return longest * (0.5 + random() / 2)  # noqa: S311 - spreads load, guards nothing

    def _pace(self) -> None:
        if self.limits.requests_per_second:
            rest = self._last + 1 / self.limits.requests_per_second - self.monotonic()
            if rest > 0:
                self.sleep(rest)
            self._last = self.monotonic()

    def _home(self, url: str) -> str:
        """The same address if it is the EHR's own. Raises Elsewhere, so that our token goes to no other host."""
        try:
            there = origin(url)
        except Misconfigured as e:
            raise Elsewhere(f"{self.ehr.name}: a link leads to no http address.") from e
        if there in self.ehr.origins:
            return url
        # Behind a TLS proxy many servers print http links to themselves; asking them by https loses nothing.
        if there[0] == "http" and there[2] == 80 and ("https", there[1], 443) in self.ehr.origins:
            return urlunsplit(urlsplit(url)._replace(scheme="https", netloc=there[1]))
        scheme, host, port = there
        other = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        raise Elsewhere(
            f"{self.ehr.name}: a link leads to {other}, which is not this EHR. Not followed, so that our token stays "
            f"here. If that is an address of this EHR too, say so: carecoord ehr add … --host {other}"
        )

    def _silence(self, url: str, e: requests.RequestException) -> EhrError:
        if isinstance(e, Forbidden):
            return Misconfigured(f"{self.ehr.name}: {e}.")
        if isinstance(e, requests.Timeout) or (e.args and isinstance(e.args[0], urllib3.exceptions.ReadTimeoutError)):
            return TimedOut(f"{self._name(url)}: no answer in time ({type(e).__name__}).")
        if isinstance(e, requests.exceptions.ContentDecodingError):
            return Garbled(f"{self._name(url)}: the answer's compression is broken.")
        kind = (
            "certificate not accepted" if isinstance(e, requests.exceptions.SSLError) else "no connection, or it broke"
        )
        return Unreachable(f"{self._name(url)}: {kind} ({type(e).__name__}).")

    def _name(self, url: str, method: str = "GET") -> str:
        """The EHR and the path, without the query, which may name a patient."""
        return f"{self.ehr.name}: {method} {urlsplit(url).path}"


def _decode(body: bytes, kind: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        # The error of a wrong shape may quote what it found, so only its kind is told.
        raise Garbled(f"{name}: the answer is not the JSON that it should be ({type(e).__name__}).") from e


def _date(text: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):  # the latter of a zone that is no number of hours
        return None
    return date if date and date.tzinfo else None


def _diagnostics(body: bytes) -> str:
    """What the OperationOutcome of an error says, or nothing where the body is none."""
    try:
        issue = msgspec.json.decode(body)["issue"][0]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        return ""
    return words(issue) if isinstance(issue, dict) else ""
