"""Outgoing requests to an address that somebody gave us, without letting them reach our own network through us.

Every address that the name resolves to is judged, and the connection goes to the very address that was judged, so a
name that answers differently the second time gains nothing. Redirects are not followed: each would be a new address
to judge.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Judge = Callable[[str], bool]

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(requests.ConnectionError):
    """The address lies in a range that we do not call."""


def judge(allowed: Sequence[Network] = ()) -> Judge:
    """Whether an IP address may be called: public ones, and those in the ranges that the configuration names."""

    def may_call(address: str) -> bool:
        ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
        return any(ip in network for network in allowed) or (ip.is_global and not ip.is_multicast)

    return may_call


def session(allowed: Sequence[Network] = ()) -> requests.Session:
    """A session that calls only public addresses, and the ranges allowed. It ignores proxies of the environment, which
    would resolve names out of our sight."""
    guarded = requests.Session()
    guarded.trust_env = False
    guarded.max_redirects = 0
    for scheme in ("http://", "https://"):
        guarded.mount(scheme, GuardedAdapter(judge(allowed)))
    return guarded


class GuardedAdapter(HTTPAdapter):
    """A transport that judges the address it is about to connect to."""

    def __init__(self, may_call: Judge) -> None:
        self._may_call = may_call
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._may_call)

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """As ever, but a Forbidden comes out as itself: requests wraps every failure of a connection into one kind."""
        try:
            return super().send(*args, **kwargs)
        except requests.ConnectionError as error:
            reason = next((arg for arg in _arguments(error) if isinstance(arg, Forbidden)), None)
            raise reason or error from error


def _arguments(error: Exception) -> list[object]:
    return [inner for arg in error.args for inner in (arg, *getattr(arg, "args", ()))]


def _pools(may_call: Judge) -> dict[str, Any]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            self._dns_host = _judged(self._dns_host, self.port, may_call)
            return super()._new_conn()

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            self._dns_host = _judged(self._dns_host, self.port, may_call)
            return super()._new_conn()

    http = type("GuardedHTTP", (HTTPConnectionPool,), {"ConnectionCls": Plain})
    https = type("GuardedHTTPS", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
    return {"http": http, "https": https}


def _judged(host: str, port: int | None, may_call: Judge) -> str:
    """The address to connect to. One forbidden address among several condemns the name."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise requests.ConnectionError(f"{host} can not be resolved") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(may_call(address) for address in addresses):
        raise Forbidden(f"{host} is not a public address; allow its range in the configuration if it is meant")
    return addresses[0]


def _plain(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address inside an IPv6 one, for a v4 range is not left by another way of writing it."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        return ip.ipv4_mapped or ip.sixtofour or ip
    return ip
