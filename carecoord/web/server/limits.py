"""How often one asker may sign in, call the OAuth endpoints and search. Over the limit: 429 with Retry-After, in the
form that the asker reads (`carecoord.web.server.errors`).

Counted in this process, or for all of them in Redis when CARECOORD_REDIS_URL is set. A Redis that is away takes
nothing down: it is said in the log, each process counts for itself, and Redis is asked again after a while.

The grammar of rates is that of `limits`, which Flask-Limiter stands on. Flask-Limiter itself costs a search more than
its token check does, and its memory starts a thread whenever 10 ms have passed, so the counting is our own.
"""

import hashlib
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final
from weakref import finalize

import structlog
from flask import Flask, Request
from flask.globals import request_ctx
from limits import RateLimitItem, parse_many
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from werkzeug.middleware.proxy_fix import ProxyFix

from auth.server import issuer, routes
from auth.server.assertion import peek
from carecoord.errors import TooMany
from carecoord.settings import Settings
from carecoord.world import World

# Every address that takes a secret of a person: password, second step, passkey, invitation, proof, one-time code.
SECRETS: Final = (
    "/sign-in", "/invitation/", "/account/password", "/account/proof", "/embed/tab", "/guest/<token>/code",
)  # fmt: skip
GUESTS: Final = "/guest/"  # where anybody may knock
OAUTH: Final = (issuer.TOKEN_PATH, issuer.INTROSPECT_PATH, issuer.REVOKE_PATH, issuer.REGISTER_PATH)
# Whoever comes here makes us ask another server.
CALLING: Final = ("/sign-in/with/", "/sign-in/callback/", "/embed/launch", "/embed/callback/")
SEARCHES: Final = ("search", "post_search", "compartment", "changes", "bundle", "everything", "search_all")
CROWD: Final = 10  # times the limit of one client that all clients behind one address have together
MOST: Final = 50_000  # askers remembered; beyond, those who came first are forgotten
AWAY: Final = 10.0  # seconds until a Redis that did not answer is asked again
PATIENCE: Final = 0.25  # seconds that Redis has to answer

# Counts, lets the window begin with the first, and tells how much of it is left: in one step, whoever else counts.
_COUNT: Final = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('TTL', KEYS[1])}
"""

_log = structlog.get_logger()

Askers = Callable[[Request], list[tuple[str, int]]]  # each with how many times the limit it has


@dataclass(frozen=True)
class Limit:
    """So many requests for each asker in each window of time."""

    name: str
    rates: tuple[RateLimitItem, ...]
    askers: Askers
    text: str

    def ask(self, counts: "Counts", request: Request, now: float) -> None:
        """Count this request. Raises TooMany."""
        wait = 0.0
        for who, times in self.askers(request):
            for rate in self.rates:
                seconds = rate.get_expiry()
                count, left = counts.add(f"{self.name}/{seconds}/{who}", seconds, now)
                if count > rate.amount * times:
                    wait = max(wait, left)
        if wait:
            _log.info("limited", limit=self.name)
            raise TooMany(self.text.format(wait=_words(wait)), headers={"Retry-After": str(int(wait) + 1)})


class Counts:
    """Counts of this process, each in a window that begins with the first request."""

    def __init__(self) -> None:
        self._counts: dict[str, list[float]] = {}  # key: [count, end of the window]
        self._lock = Lock()

    def add(self, key: str, seconds: int, now: float) -> tuple[int, float]:
        """Count one more; returns how many there are, and the seconds until counting begins anew."""
        with self._lock:
            found = self._counts.get(key)
            if found is None or now >= found[1]:
                self._counts.pop(key, None)
                if len(self._counts) >= MOST:
                    del self._counts[next(iter(self._counts))]
                found = self._counts[key] = [0, now + seconds]
            found[0] += 1
            return int(found[0]), found[1] - now


class SharedCounts(Counts):
    """Counts in Redis, and in this process while Redis is away."""

    def __init__(self, url: str) -> None:
        super().__init__()
        once = Retry(NoBackoff(), 1)  # a connection may have died with the Redis that there was
        redis = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=once)
        # With the application goes its connection: left to the garbage, it might be found before what closes it.
        finalize(self, redis.connection_pool.disconnect)
        self._count = redis.register_script(_COUNT)
        self._away = float("-inf")

    def add(self, key: str, seconds: int, now: float) -> tuple[int, float]:
        """As ever."""
        if now >= self._away:
            try:
                count, left = self._count(keys=[f"carecoord/{key}"], args=[seconds])
                return int(count), max(float(left), 1.0)
            except (RedisError, OSError) as e:
                self._away = now + AWAY
                _log.warning("redis_away", error=type(e).__name__)
        return super().add(key, seconds, now)


def install(app: Flask, world: World) -> Callable[[Request, str | None], None]:
    """Hold `app`, whose routes are all there, to the limits of the settings. Returns what counts one request that was
    meant for an endpoint, for those that do not come by the framework. It raises TooMany."""
    settings = world.settings
    counts = SharedCounts(settings.redis_url) if settings.redis_url else Counts()
    by_endpoint = limited(app, *limits(settings))
    clock = world.clock

    def hold(request: Request, endpoint: str | None) -> None:
        by_method = by_endpoint.get(endpoint)
        if by_method is not None and request.method in by_method:
            by_method[request.method].ask(counts, request, clock().timestamp())

    @app.before_request
    def every() -> None:
        request = request_ctx.request
        hold(request, request.endpoint)

    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0)  # type: ignore[method-assign]
    return hold


def limits(settings: Settings) -> tuple[Limit, Limit, Limit, Limit]:
    """On signing in, on what makes us ask another server, on the OAuth endpoints, and on searches."""
    told = "Too many {what} from here. Wait {{wait}}, then try again."
    oauth = _rates(settings.oauth_rate)
    return (
        Limit("sign-in", _rates(settings.sign_in_rate), _address, told.format(what="attempts to sign in")),
        Limit("call", oauth, _address, told.format(what="requests")),
        Limit("oauth", oauth, _clients, told.format(what="requests of this client")),
        Limit("search", _rates(settings.search_rate), _token, told.format(what="searches with this token")),
    )


def limited(app: Flask, sign_in: Limit, call: Limit, oauth: Limit, search: Limit) -> dict[str | None, dict[str, Limit]]:
    """The limits by endpoint and method, of those that have one."""
    found: dict[str | None, dict[str, Limit]] = {}
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - {"OPTIONS"}
        if rule.rule.startswith(CALLING):
            found[rule.endpoint] = dict.fromkeys(methods, call)
        elif rule.rule.startswith(OAUTH):
            found[rule.endpoint] = dict.fromkeys(methods, oauth)
        elif rule.rule.startswith(SECRETS) and "POST" in methods:
            found[rule.endpoint] = {"POST": sign_in}
        elif rule.rule.startswith(GUESTS):
            found[rule.endpoint] = dict.fromkeys(methods, call)
        elif rule.endpoint.startswith("fhir.") and rule.endpoint.rpartition(" ")[2] in SEARCHES:
            found[rule.endpoint] = dict.fromkeys(methods, search)
    return found


def _rates(text: str) -> tuple[RateLimitItem, ...]:
    return tuple(parse_many(text))


def _address(request: Request) -> list[tuple[str, int]]:
    return [(_network(request.remote_addr), 1)]


def _clients(request: Request) -> list[tuple[str, int]]:
    """The client that the request names, from this address: it is not proven yet, so nobody may use up the limit of
    another. All the names that one address gives have a limit together, or a new name each time would know none."""
    request.max_content_length = routes.LARGEST
    address, sent = _network(request.remote_addr), request.authorization
    named = peek(request.form.get("client_assertion", ""))[0] or request.form.get("client_id")
    if sent is not None and sent.type == "basic":
        named = sent.username
    return [(f"{address}/{_digest(named)}", 1), (address, CROWD)] if named else [(address, 1)]


def _token(request: Request) -> list[tuple[str, int]]:
    sent = request.environ.get("HTTP_AUTHORIZATION")
    return [(_digest(sent) if sent else _network(request.remote_addr), 1)]


def _network(address: str | None) -> str:
    """An IPv4 address, or the network of an IPv6 one: a household has 2**64 addresses at least."""
    try:
        ip = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ipaddress.ip_network((int(ip), 64), strict=False))


def _digest(text: str) -> str:
    """A name for what is secret or too long to keep."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:32]


def _words(seconds: float) -> str:
    whole = int(seconds) + 1
    return f"{whole} seconds" if whole < 120 else f"{whole // 60 + 1} minutes"
