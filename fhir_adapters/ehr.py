"""An EHR as one value: what it is called here, where it is, which dialect it speaks, and how we prove who we are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from fhir_adapters.errors import Misconfigured

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


@dataclass(frozen=True)
class BackendServices:
    """We as this EHR's SMART Backend Services client. `key_file` holds our private keys: PEM, JWK or JWKS.

    `scope` empty: the dialect's. `token_url` empty: the EHR's own discovery says it.
    """

    client_id: str
    key_file: str
    scope: str = ""
    token_url: str = ""


@dataclass(frozen=True)
class Ehr:
    """Everything we are told about one EHR. Its resources' ids here derive from `name`, so a name is never changed.

    `headers` and `params` go with every FHIR request (tenancy, client ids). `hosts` are further origins that may be
    given our token, such as `https://pages.ehr.example`. `aliases` are other base URLs under which the EHR refers to
    itself. `limits` overrides single numbers of the dialect's limits. Raises Misconfigured.
    """

    name: str
    base_url: str
    dialect: str = "generic"
    auth: BackendServices | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise Misconfigured(
                f"{self.name!r} is no name for an EHR: use lower case letters, digits, '.', '_' and '-', 64 at most."
            )
        object.__setattr__(self, "base_url", _base(self.base_url))
        object.__setattr__(self, "aliases", tuple(_base(alias) for alias in self.aliases))
        object.__setattr__(self, "hosts", tuple(self.hosts))
        for host in self.hosts:
            origin(host)

    @property
    def bases(self) -> tuple[str, ...]:
        """Every base URL under which this EHR refers to its own resources, its present one first."""
        return (self.base_url, *self.aliases)

    @property
    def origins(self) -> frozenset[Origin]:
        """Where our token may go."""
        return frozenset({origin(self.base_url), *map(origin, self.hosts)})


def origin(url: str) -> Origin:
    """Scheme, host and port of an absolute http(s) URL. Raises Misconfigured for anything else."""
    parts = _split(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _base(url: str) -> str:
    parts = _split(url)
    if parts.query or parts.fragment or parts.username or parts.password:
        raise Misconfigured(f"{parts.hostname}: a base URL has no user, query or fragment.")
    return url.rstrip("/")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or any(c.isspace() for c in url):
        raise Misconfigured(f"{url!r} is not an absolute http or https URL.")
    return parts
