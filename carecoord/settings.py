"""Settings: one frozen value, read once from one mapping (see configuration), every name prefixed CARECOORD_.

A name ending in _FILE gives the path of a file that holds the value (for secrets). An unknown CARECOORD_ name is an
error, so that a misspelt setting can not be silently without effect. A test checks the README's table against `FIELDS`.
"""

import difflib
import ipaddress
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "CARECOORD_"

Host = ipaddress.IPv4Network | ipaddress.IPv6Network | str

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*")
_RATES = ("sign_in_rate", "oauth_rate", "search_rate")
_DAYS = (0, 36_500)
_PORTS = (1, 65_535)
_RANGES = {  # the least and the most of each number
    "port": _PORTS, "demo_ehr_port": _PORTS, "workers": (0, 1024), "threads": (1, 1024), "database_pool": (4, 1000),
    "max_body": (1024, 2**31), "max_document": (1024, 2**30), "max_import": (1024, 2**40),
    "page_size": (1, 10_000), "page_max": (1, 10_000),
    "job_lease": (1, 3600), "sync_goal": (1, 525_600), "backup_goal": (0, 8_760),
    "eligibility_days": _DAYS, "expiring_days": _DAYS, "second_factor_days": _DAYS, "trusted_proxies": (0, 100),
}  # fmt: skip
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_DATABASES = "sqlite:///path or postgresql://user:password@host/name"
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg",
            "postgresql+psycopg": "postgresql+psycopg", "sqlite": "sqlite", "sqlite+pysqlite": "sqlite"}  # fmt: skip
# What Kubernetes puts into every pod for each Service whose name begins with `carecoord`, and how its values look.
_SERVICE = r"CARECOORD_(\w+_)?"
_LINKS = tuple((re.compile(_SERVICE + name), re.compile(value)) for name, value in (
    (r"SERVICE_HOST", r"[0-9a-fA-F.:]+|None"),
    (r"SERVICE_PORT(_\w+)?", r"\d+"),
    (r"PORT(_\d+_(TCP|UDP|SCTP))?", r"(tcp|udp|sctp)://\S+"),
    (r"PORT_\d+_(TCP|UDP|SCTP)_ADDR", r"[0-9a-fA-F.:]+"),
    (r"PORT_\d+_(TCP|UDP|SCTP)_PORT", r"\d+"),
    (r"PORT_\d+_(TCP|UDP|SCTP)_PROTO", r"tcp|udp|sctp"),
))  # fmt: skip


class BadSetting(ValueError):
    """A setting that is unknown or can not be read; the text names it and what would be right."""


@dataclass(frozen=True)
class Settings:
    """Every setting with its default. The comment behind each is what the README's table says."""

    var: str = "./var"  # folder for the embedded database, keys and journals
    database_url: str = ""  # SQLAlchemy URL; empty: SQLite in CARECOORD_VAR
    database_pool: int = 16  # connections that a process keeps; it may open as many again when its threads crowd
    host: str = "127.0.0.1"  # address to listen on
    port: int = 8000  # port to listen on
    demo_ehr_port: int = 8001  # port of the demo EHR that `carecoord demo` starts
    base_url: str = ""  # address that clients use, without /fhir; empty: http://HOST:PORT
    workers: int = 0  # server processes; 0: one per core
    threads: int = 4  # threads per server process
    max_body: int = 20_000_000  # largest request body, bytes
    max_document: int = 20_000_000  # largest file that can be attached to a referral, bytes
    max_import: int = 2_000_000_000  # largest uploaded file of a publisher (NPPES, rates, Plan-Net), bytes
    page_size: int = 20  # search page when _count is not given
    page_max: int = 1000  # largest _count that is honoured
    sync_goal: int = 60  # minutes; an EHR whose last good sync is older shows as late (or twice its --every, if longer)
    backup_goal: int = 0  # hours; carecoord check says so when the last carecoord backup is older; 0: not looked at
    eligibility_days: int = 30  # an eligibility answer older than this no longer confirms a coverage
    expiring_days: int = 30  # an agreement or approval that ends within this many days shows as expiring
    timezone: str = "America/New_York"  # whose days "due today" and a date without a zone mean (decision 24)
    secure_cookies: bool = False  # demand https for the session cookie; set it wherever TLS is in front
    second_factor_days: int = 14  # days after which admins and auditors must have a second factor; 0: never
    sign_in_rate: str = "20/minute;100/hour"  # attempts to sign in, by address
    oauth_rate: str = "600/minute"  # requests to the OAuth endpoints, by client or address
    search_rate: str = "30000/minute"  # searches of the FHIR API, by access token
    job_lease: int = 60  # seconds without a sign of life after which another worker takes over a job
    broker_url: str = ""  # RabbitMQ (amqp://) or Redis (redis://) that carries later work to every machine; empty: none
    redis_url: str = ""  # where counts of requests are kept when several machines serve; empty: in each process
    trusted_proxies: int = 0  # how many proxies in front tell the caller's address (X-Forwarded-For)
    private_hosts: str = ""  # hosts and networks of ours that addresses given to us may lead to, comma-separated
    registration: bool = False  # apps may register themselves (RFC 7591); an admin approves each
    metrics_token: str = ""  # bearer token for /metrics; empty: this machine alone may read it, if no proxy is in front
    mail_url: str = ""  # mail server, smtp://user:password@host:587 (STARTTLS) or smtps://; empty: no mail is sent
    mail_from: str = ""  # address that mail of carecoord comes from
    intake_folder: str = ""  # folder with one for each organization (by its id), whose files become documents to index
    intake_mail: str = ""  # mailboxes to index: ORGANIZATION=imaps://user:password@host/INBOX, blanks between several
    otlp_url: str = ""  # OpenTelemetry collector that traces go to by OTLP over HTTP: http://host:4318; empty: none
    security_contact: str = ""  # mailto: or https: address that /.well-known/security.txt names; empty: no such file
    log_level: str = "INFO"  # DEBUG, INFO, WARNING or ERROR

    @property
    def url(self) -> str:
        """The address that clients use, without a trailing slash and without /fhir."""
        host = f"[{self.host.replace('%', '%25')}]" if ":" in self.host else self.host  # RFC 3986 3.2.2, RFC 6874
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def fhir_url(self) -> str:
        """The FHIR base, `[base]` in the standard."""
        return f"{self.url}/fhir"

    @property
    def allowed(self) -> tuple[Host, ...]:
        """The networks and host names of CARECOORD_PRIVATE_HOSTS. Raises BadSetting."""
        return tuple(_host(part.strip()) for part in self.private_hosts.split(",") if part.strip())

    @property
    def mailboxes(self) -> dict[str, str]:
        """The mailboxes of CARECOORD_INTAKE_MAIL: the id of the organization -> the address."""
        return {whose: address for whose, _, address in (each.partition("=") for each in self.intake_mail.split())}

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force, with the driver that we speak."""
        scheme, mark, rest = self.database_url.partition("://")
        known = f"{_DRIVERS.get(scheme, scheme)}{mark}{rest}"
        return known if self.database_url else f"sqlite:///{Path(self.var) / 'carecoord.db'}"


FIELDS = fields(Settings)


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings from a mapping. Raises BadSetting naming the first name or value that is wrong."""
    known = {PREFIX + f.name.upper(): f for f in FIELDS}
    given: dict[str, Any] = {}
    for name, raw in environ.items():
        if not name.startswith(PREFIX) or is_link(name, raw):
            continue
        plain = name.removesuffix("_FILE") if name not in known else name
        if plain not in known:
            raise BadSetting(f"{name} is not a setting of carecoord; known: {', '.join(sorted(known))}")
        if plain != name and plain in environ and not is_link(plain, environ[plain]):
            raise BadSetting(f"{plain} and {name} are both given: take one away")
        value = raw.strip() if plain == name else _read(name, Path(raw))
        given[known[plain].name] = _cast(name, value, known[plain].type)
    return _judged(Settings(**given))


def is_link(name: str, value: str) -> bool:
    """Whether Kubernetes put this into our environment, not an operator: a Service named `carecoord` makes it set
    CARECOORD_PORT=tcp://10.96.0.7:8000 and a dozen more in every pod."""
    return any(named.fullmatch(name) and looks.fullmatch(value) for named, looks in _LINKS)


def _read(name: str, path: Path) -> str:
    """A secret from a file. One that others may write is refused: they could put their own in its place. Others may
    read it where the platform hands secrets out so (Docker, Kubernetes)."""
    try:
        if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise BadSetting(f"{name}: others may write {path}: chmod go-w {path}")
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as e:
        raise BadSetting(f"{name} must be a file that can be read as text, not {str(path)!r}") from e


def _judged(made: Settings) -> Settings:
    """The settings, with each spelling that means the same made one. Raises BadSetting for a value that can not be
    meant, or with which nothing can work."""
    for name, (least, most) in _RANGES.items():
        if not least <= getattr(made, name) <= most:
            raise _bad(name, f"a whole number from {least} to {most}", getattr(made, name))
    if made.page_size > made.page_max:
        raise BadSetting(f"{PREFIX}PAGE_SIZE ({made.page_size}) must not be above {PREFIX}PAGE_MAX ({made.page_max})")
    if not made.var:
        raise BadSetting(f"{PREFIX}VAR must be the path of a folder; leave it out for ./var")
    made.allowed  # noqa: B018 (to read it is to judge it)
    for name in _RATES:
        if getattr(made, name) != getattr(Settings, name):
            _judge_rate(name, getattr(made, name))
    judges = (_judge_database, _judge_base_url, _judge_timezone, _judge_brokers, _judge_token, _judge_mail)
    for judge in (*judges, _judge_intake, _judge_addresses):
        judge(made)
    if made.log_level.upper() not in _LEVELS:
        raise _bad("log_level", "DEBUG, INFO, WARNING or ERROR", made.log_level)
    return replace(made, host=_listening(made.host), log_level=made.log_level.upper())


def _bad(name: str, right: str, value: object) -> BadSetting:
    return BadSetting(f"{PREFIX}{name.upper()} must be {right}, not {value!r}")


def _judge_rate(name: str, value: str) -> None:
    import limits  # only where somebody says a rate of their own: it takes as long to load as all of the settings

    try:
        nothing = any(rate.amount < 1 for rate in limits.parse_many(value))
    except ValueError:
        nothing = True
    if nothing:
        raise _bad(name, "a rate such as 20/minute, or several with ; between", value)


def _judge_database(made: Settings) -> None:
    """No refusal quotes the URL: it may hold a password."""
    if not made.database_url:
        return
    name = f"{PREFIX}DATABASE_URL"
    scheme, mark, _ = made.database_url.partition("://")
    if scheme not in _DRIVERS or not mark:
        said = f", not {scheme}://…" if mark and re.fullmatch(r"[a-z0-9+]{1,40}", scheme) else ""
        raise BadSetting(f"{name} must be {_DATABASES}{said}")
    escape = "a password with @ : / ? # or % in it has them as %40 %3A %2F %3F %23 %25"
    try:
        url = make_url(made.database)
    except (ArgumentError, ValueError):
        raise BadSetting(f"{name} can not be read: it must be {_DATABASES}; {escape}") from None
    if url.get_backend_name() == "sqlite":
        if url.host or url.database in (None, "", ":memory:"):
            raise BadSetting(f"{name} must name a file: sqlite:///path (four slashes for a path from the root)")
    elif not url.database or any(mark in (url.host or "") for mark in "@:#"):
        raise BadSetting(f"{name} does not name host and database clearly: it must be {_DATABASES}; {escape}")


def _judge_base_url(made: Settings) -> None:
    if not made.base_url:
        return
    wrong = _bad("base_url", "an address such as https://care.example: scheme and host, no path, no /fhir",
                 made.base_url if "@" not in made.base_url else "one with a login in it")  # fmt: skip
    try:
        split = urlsplit(made.base_url)
        host, _ = split.hostname or "", split.port
    except ValueError:
        raise wrong from None
    rest = (split.path.strip("/"), split.query, split.fragment, split.username, split.password)
    if split.scheme not in ("http", "https") or any(rest) or not _is_host(host) or re.search(r"\s", made.base_url):
        raise wrong


def _judge_timezone(made: Settings) -> None:
    try:
        ZoneInfo(made.timezone)
    except (OSError, KeyError, ValueError):
        close = difflib.get_close_matches(made.timezone, available_timezones(), 1, 0.7)
        right = f"a name such as America/New_York{f' (did you mean {close[0]}?)' if close else ''}"
        raise _bad("timezone", right, made.timezone) from None


def _judge_brokers(made: Settings) -> None:
    """No refusal quotes the URL: it may hold a password."""
    for name, value in (("REDIS_URL", made.redis_url), ("BROKER_URL", made.broker_url)):
        schemes = ["redis://", "rediss:// (TLS)"]
        schemes += ["unix://"] if name == "REDIS_URL" else ["amqp://", "amqps:// (TLS)"]
        if value and not value.startswith(tuple(each.split()[0] for each in schemes)):
            raise BadSetting(f"{PREFIX}{name} must begin with {', '.join(schemes[:-1])} or {schemes[-1]}")
        try:
            urlsplit(value).port  # noqa: B018 (to read it is to judge it)
        except ValueError:
            right = f"{schemes[0]}user:password@host:port"
            raise BadSetting(f"{PREFIX}{name} can not be read: it must be {right}") from None


def _judge_token(made: Settings) -> None:
    if not re.fullmatch(r"[!-~]*", made.metrics_token):
        raise BadSetting(f"{PREFIX}METRICS_TOKEN must be letters, digits and signs of ASCII, without blanks")


def _judge_mail(made: Settings) -> None:
    """No refusal quotes the URL: it may hold a password."""
    if not made.mail_url:
        return
    right = f"{PREFIX}MAIL_URL must be smtp://user:password@host:port or smtps://…, without a path"
    try:
        split = urlsplit(made.mail_url)
        host, _ = split.hostname or "", split.port
    except ValueError:
        raise BadSetting(right) from None
    if split.scheme not in ("smtp", "smtps") or not _is_host(host) or split.path.strip("/") or split.query:
        raise BadSetting(right)
    if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+", made.mail_from):
        raise _bad("mail_from", "an address such as carecoord@office.example, for mail is to be sent", made.mail_from)


def _judge_intake(made: Settings) -> None:
    """No refusal quotes the URL: it may hold a password."""
    right = f"{PREFIX}INTAKE_MAIL must be ORGANIZATION=imaps://user:password@host/INBOX (imap:// for STARTTLS)"
    for organization, address in made.mailboxes.items():
        try:
            split = urlsplit(address)
            host, _ = split.hostname or "", split.port
        except ValueError:
            raise BadSetting(right) from None
        good = split.scheme in ("imap", "imaps") and _is_host(host) and split.username and not split.query
        if not good or not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", organization):
            raise BadSetting(right)


def _judge_addresses(made: Settings) -> None:
    collector = urlsplit(made.otlp_url)
    if made.otlp_url and (collector.scheme not in ("http", "https") or not collector.netloc or "@" in made.otlp_url):
        raise BadSetting(f"{PREFIX}OTLP_URL must be http://host:4318 or https://…, without a login in it")
    if made.security_contact and not re.fullmatch(r"(mailto:[^\s@]+@|https://)[^\s@]+", made.security_contact):
        raise _bad("security_contact", "mailto:security@clinic.example or an https:// address", made.security_contact)


def _is_host(name: str) -> bool:
    """Whether it is an IP address or a host's name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return bool(_NAME.fullmatch(name.lower().rstrip("."))) and not name.rsplit(".", 1)[-1].isdigit()
    return True


def _listening(host: str) -> str:
    """CARECOORD_HOST without brackets. A name is looked up when we listen."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not _is_host(bare):
        right = "an IP address or a host's name (no scheme, no port; the port is CARECOORD_PORT)"
        raise _bad("host", right, host)
    return bare


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
