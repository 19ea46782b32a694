"""Settings: one frozen value, read once from one mapping (the environment), every name prefixed CARECOORD_.

A name ending in _FILE gives the path of a file that holds the value (for secrets). An unknown CARECOORD_ name is an
error, so that a misspelt setting can not be silently without effect. A test checks the README's table against `FIELDS`.
"""

import ipaddress
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import limits

PREFIX = "CARECOORD_"

Host = ipaddress.IPv4Network | ipaddress.IPv6Network | str

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")
_RATES = ("sign_in_rate", "oauth_rate", "search_rate")


class BadSetting(ValueError):
    """A setting that is unknown or can not be read; the text names it and what would be right."""


@dataclass(frozen=True)
class Settings:
    """Every setting with its default. The comment behind each is what the README's table says."""

    var: str = "./var"  # folder for the embedded database, keys and journals
    database_url: str = ""  # SQLAlchemy URL; empty: SQLite in CARECOORD_VAR
    host: str = "127.0.0.1"  # address to listen on
    port: int = 8000  # port to listen on
    demo_ehr_port: int = 8001  # port of the demo EHR that `carecoord demo` starts
    base_url: str = ""  # address that clients use, without /fhir; empty: http://HOST:PORT
    workers: int = 0  # server processes; 0: one per core
    threads: int = 4  # threads per server process
    max_body: int = 20_000_000  # largest request body, bytes
    page_size: int = 20  # search page when _count is not given
    page_max: int = 1000  # largest _count that is honoured
    eligibility_days: int = 30  # an eligibility answer older than this no longer confirms a coverage
    expiring_days: int = 30  # an agreement or approval that ends within this many days shows as expiring
    timezone: str = "America/New_York"  # whose midnight "due today" means
    secure_cookies: bool = False  # demand https for the session cookie; set it wherever TLS is in front
    second_factor_days: int = 14  # days after which admins and auditors must have a second factor; 0: never
    sign_in_rate: str = "20/minute;100/hour"  # attempts to sign in, by address
    oauth_rate: str = "600/minute"  # requests to the OAuth endpoints, by client or address
    search_rate: str = "30000/minute"  # searches of the FHIR API, by access token
    redis_url: str = ""  # where counts of requests are kept when several machines serve; empty: in each process
    trusted_proxies: int = 0  # how many proxies in front tell the caller's address (X-Forwarded-For)
    private_hosts: str = ""  # hosts and networks of ours that addresses given to us may lead to, comma-separated
    registration: bool = False  # apps may register themselves (RFC 7591); an admin approves each
    metrics_token: str = ""  # bearer token for /metrics; empty: this machine alone may read it, if no proxy is in front
    log_level: str = "INFO"  # DEBUG, INFO, WARNING or ERROR

    @property
    def url(self) -> str:
        """The address that clients use, without a trailing slash and without /fhir."""
        return (self.base_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def fhir_url(self) -> str:
        """The FHIR base, `[base]` in the standard."""
        return f"{self.url}/fhir"

    @property
    def allowed(self) -> tuple[Host, ...]:
        """The networks and host names of CARECOORD_PRIVATE_HOSTS. Raises BadSetting."""
        return tuple(_host(part.strip()) for part in self.private_hosts.split(",") if part.strip())

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{Path(self.var) / 'carecoord.db'}"


FIELDS = fields(Settings)


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from a mapping. Raises BadSetting naming the first name or value that is wrong."""
    known = {PREFIX + f.name.upper(): f for f in FIELDS}
    given: dict[str, Any] = {}
    for name, raw in environ.items():
        if not name.startswith(PREFIX):
            continue
        plain = name.removesuffix("_FILE") if name not in known else name
        if plain not in known:
            raise BadSetting(f"{name} is not a setting of carecoord; known: {', '.join(sorted(known))}")
        value = raw if plain == name else _read(name, Path(raw))
        given[known[plain].name] = _cast(name, value, known[plain].type)
    made = Settings(**given)
    _judge(made)
    return made


def _read(name: str, path: Path) -> str:
    """A secret from a file. One that others may write is refused: they could put their own in its place. Others may
    read it where the platform hands secrets out so (Docker, Kubernetes)."""
    try:
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise BadSetting(f"{name}: others may write {path}: chmod go-w {path}")
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as e:
        raise BadSetting(f"{name} must be a file that can be read as text, not {str(path)!r}") from e


def _judge(made: Settings) -> None:
    """Raise BadSetting for a value that can not be meant."""
    made.allowed  # noqa: B018 (to read it is to judge it)
    for name in _RATES:
        try:
            limits.parse_many(getattr(made, name))
        except ValueError:
            right = "a rate such as 20/minute, or several with ; between"
            raise BadSetting(f"{PREFIX}{name.upper()} must be {right}, not {getattr(made, name)!r}") from None
    if made.trusted_proxies < 0:
        raise BadSetting(f"{PREFIX}TRUSTED_PROXIES must be the number of proxies in front, 0 or more")
    if made.redis_url and not made.redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise BadSetting(f"{PREFIX}REDIS_URL must begin with redis://, rediss:// (TLS) or unix://")


def _host(text: str) -> Host:
    """One entry of CARECOORD_PRIVATE_HOSTS."""
    wrong = f"{PREFIX}PRIVATE_HOSTS takes host names, IP addresses and networks, comma-separated; {text!r} is none"
    name = text.lower().rstrip(".")
    try:
        network = ipaddress.ip_network(name.strip("[]"), strict=False)
    except ValueError:
        if "/" in name or ":" in name or not _NAME.fullmatch(name) or name.rsplit(".", 1)[-1].isdigit():
            raise BadSetting(f"{wrong} (no scheme, port, path or wildcard)") from None
        return name
    if network.prefixlen == 0:
        raise BadSetting(f"{PREFIX}PRIVATE_HOSTS={text} would let every address through: name the networks of yours")
    if "/" in name and ipaddress.ip_address(name.strip("[]").partition("/")[0]) != network.network_address:
        raise BadSetting(f"{PREFIX}PRIVATE_HOSTS: {text} has bits set beyond its mask; did you mean {network}?")
    return network


def _cast(name: str, value: str, kind: Any) -> Any:
    if kind in (bool, "bool"):
        if value.lower() not in ("0", "1", "true", "false", "yes", "no"):
            raise BadSetting(f"{name} must be true or false, not {value!r}")
        return value.lower() in ("1", "true", "yes")
    if kind in (int, "int"):
        try:
            return int(value)
        except ValueError:
            raise BadSetting(f"{name} must be a whole number, not {value!r}") from None
    return value
