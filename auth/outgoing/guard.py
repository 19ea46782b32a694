"""Outgoing requests to an address that somebody gave us, without letting them reach our own network through us.

Every address that the name resolves to is judged, and the connection goes to the very address that was judged, so a
name that answers differently the second time gains nothing. Redirects are not followed by the session: each would be a
new address to judge. An answer whose headers drip is cut off; its body is the caller's to bound (`limited_body`).
"""

import ipaddress
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Timer
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Allowed = Sequence[Network | str]  # networks, and host names in lower case
Judge = Callable[[str], bool]

HINT: Final = "allow it in the configuration if it is meant"
TIMEOUT: Final = (10.0, 60.0)  # seconds to connect and between two bytes, where the caller says none
_PATIENCE: Final = 2  # times the wait for one byte that the headers of an answer may take altogether
_HOLD_V4: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))  # NAT64, IPv4-compatible


class Forbidden(requests.ConnectionError):
    """The address lies in a range that we do not call."""


def judge(allowed: Allowed = ()) -> Judge:
    """Whether an IP address may be called: public ones, and those in the ranges that the configuration names."""
    networks = [network for network in allowed if not isinstance(network, str)]

    def may_call(address: str) -> bool:
        ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
        return any(ip in network for network in networks) or (ip.is_global and not ip.is_multicast)

    return may_call


def session(allowed: Allowed = (), hint: str = HINT) -> requests.Session:
    """A session that calls only public addresses, and the networks and hosts allowed. It ignores proxies of the
    environment, which would resolve names out of our sight. Whatever else is asked of it raises Forbidden, in words
    that end with `hint`."""
    guarded = _Session()
    guarded.trust_env = False
    for scheme in ("http://", "https://"):
        guarded.mount(scheme, GuardedAdapter(allowed, hint))
    return guarded


def refuse(url: str, allowed: Allowed = (), hint: str = HINT) -> None:
    """Raise Forbidden when the address itself tells that it would not be called: an IP address in any way of writing
    it, or localhost. Names are not looked up: they are judged whenever they are called."""
    host = _host(url)
    if host == "localhost" or host.endswith(".localhost"):
        found = ["127.0.0.1"]
    else:
        try:
            found = _addresses(host, None, socket.AI_NUMERICHOST)
        except OSError:
            return
    _demand(host, found, allowed, hint)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: a redirect is handed to the caller as the answer that it is."""


class GuardedAdapter(HTTPAdapter):
    """A transport that judges the address it is about to connect to."""

    def __init__(self, allowed: Allowed = (), hint: str = HINT) -> None:
        self._allowed, self._hint = allowed, hint
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._allowed, self._hint)

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """As ever, but never without a time limit, and a Forbidden comes out as itself: requests wraps every failure
        of a connection into one kind."""
        _host(str(request.url))
        try:
            return super().send(request, stream, TIMEOUT if timeout is None else timeout, *args, **kwargs)
        except requests.ConnectionError as error:
            reason = next((arg for arg in _arguments(error) if isinstance(arg, Forbidden)), None)
            raise reason or error from error


def _arguments(error: Exception) -> list[object]:
    return [inner for arg in error.args for inner in (arg, *getattr(arg, "args", ()))]


def _host(url: str) -> str:
    """The host of an address. Raises Forbidden for one with a user name: `https://good.example@10.0.0.1/` means to be
    misread, and a password does not belong into an address."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise Forbidden("An address with a user name or password in it is not called.")
    return (parts.hostname or "").rstrip(".")


def _pools(allowed: Allowed, hint: str) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            """Connected to the address that was judged. The name comes back then: it is the name that TLS asks for and
            holds the certificate against, and that the Host header says; an address proves nothing of who answers."""
            name = self._dns_host
            self._dns_host = _judged(name, self.port, allowed, hint)
            try:
                return super()._new_conn()
            finally:
                self._dns_host = name

        def getresponse(self) -> Any:
            with _in_time(self.sock):
                return super().getresponse()

    class Secure(Plain, HTTPSConnection):
        """In this order: what is judged above is what urllib3's own TLS connection then connects to."""

    http = type("GuardedHTTP", (HTTPConnectionPool,), {"ConnectionCls": Plain})
    https = type("GuardedHTTPS", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
    return {"http": http, "https": https}


@contextmanager
def _in_time(sock: socket.socket | None) -> Iterator[None]:
    """Cut the line when the headers take too long: the socket's own limit is one for each byte, and a server that
    sends a byte now and then would hold a thread for ever. Raises TimeoutError then, whatever was made of what had
    come: to the parser a line that is cut looks like headers that have ended."""
    seconds = _PATIENCE * ((sock.gettimeout() if sock else None) or TIMEOUT[1])
    over = Event()
    timer = Timer(seconds, _cut, [sock, over])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
    if over.is_set():
        raise TimeoutError(f"the headers of the answer took more than {seconds:.0f} s")


def _cut(sock: socket.socket | None, over: Event) -> None:
    over.set()
    try:
        if sock:
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended by itself


def _judged(host: str, port: int | None, allowed: Allowed, hint: str) -> str:
    """The address to connect to. One forbidden address among several condemns the name."""
    try:
        found = _addresses(host, port)
    except (OSError, UnicodeError) as error:
        raise requests.ConnectionError(f"{host} can not be resolved") from error
    _demand(host, found, allowed, hint)
    return found[0]


def _addresses(host: str, port: int | None, flags: int = 0) -> list[str]:
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=flags)
    return [str(entry[4][0]) for entry in found]


def _demand(host: str, addresses: Sequence[str], allowed: Allowed, hint: str) -> None:
    may_call = judge(allowed)
    named = host.lower().rstrip(".") in allowed
    if not addresses or not (named or all(map(may_call, addresses))):
        raise Forbidden(f"{host} is not a public address; {hint}")


def _plain(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address inside an IPv6 one, for a v4 range is not left by another way of writing it."""
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _HOLD_V4) and int(ip) > 1:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip.sixtofour or ip
    return ip
