"""Settings: one frozen value, read once from one mapping (the environment), every name prefixed CARECOORD_.

A name ending in _FILE gives the path of a file that holds the value (for secrets). An unknown CARECOORD_ name is an
error, so that a misspelt setting can not be silently without effect. A test checks the README's table against `FIELDS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

PREFIX = "CARECOORD_"


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
    sign_in_rate: str = "20/minute;100/hour"  # attempts to sign in, by address
    oauth_rate: str = "600/minute"  # requests to the OAuth endpoints, by client or address
    search_rate: str = "3000/minute"  # searches of the FHIR API, by access token
    redis_url: str = ""  # where counts of requests are kept when several machines serve; empty: in each process
    trusted_proxies: int = 0  # how many proxies in front tell the caller's address (X-Forwarded-For)
    private_hosts: str = ""  # hosts and networks of ours that addresses given to us may lead to, comma-separated
    registration: bool = False  # apps may register themselves (RFC 7591); an admin approves each
    metrics_token: str = ""  # bearer token for /metrics; empty: only this machine may read it
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
        value = raw if plain == name else Path(raw).read_text().strip()
        given[known[plain].name] = _cast(name, value, known[plain].type)
    return Settings(**given)


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
