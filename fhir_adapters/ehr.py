"""An EHR as one value: what it is called here, where it is, which dialect it speaks, and how we prove who we are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from fhir_adapters.errors import Misconfigured

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_HOST = re.compile(r"[a-z0-9_][a-z0-9_.-]*|[0-9a-f:.]+")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
LONGEST_OVERLAP = 7 * 24 * 3600  # seconds; whoever needs more is better served by a sweep
WRITES = frozenset({"create", "update", "delete"})
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


@dataclass(frozen=True)
class BackendServices:
    """We as this EHR's SMART Backend Services client. `key_file` holds our private keys: PEM, JWK or JWKS; empty: the
    ones whose public halves stand at our JWKS URL, which is all that the EHR needs to be told.

    `scope` empty: the dialect's. `token_url` empty: the EHR's own discovery says it.
    """

    client_id: str
    key_file: str = ""
    scope: str = ""
    token_url: str = ""


@dataclass(frozen=True)
class Launch:
    """We as an app that this EHR launches (SMART App Launch 2.2, EHR launch).

    `origins`: where the EHR's own pages are, which may frame us, such as `https://ehr.example`; none: only new tabs.
    We prove ourselves by `secret_file`, by the keys in `key_file`, by our published keys (`own_keys`), or are a public
    client. `roles` and `organization` are of those whom the EHR sends and who are nobody here yet; without them only
    people who are known get in. `issuer`: whose id_tokens count, where the EHR's SMART configuration does not say it.
    Raises Misconfigured.
    """

    client_id: str
    origins: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    organization: str = ""
    scope: str = "openid fhirUser launch"
    key_file: str = ""
    secret_file: str = ""
    own_keys: bool = False
    issuer: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "origins", tuple(dict.fromkeys(_page(said) for said in self.origins)))
        object.__setattr__(self, "roles", tuple(self.roles))
        if not self.client_id:
            raise Misconfigured("A launch needs the client id that the EHR gave us.")
        if sum(map(bool, (self.key_file, self.secret_file, self.own_keys))) > 1:
            raise Misconfigured("We prove ourselves in one way: by a secret, by a key file or by the keys we publish.")
        if wanting := {"openid", "launch"} - set(self.scope.split()):
            raise Misconfigured(f"A launch needs the scope {' and '.join(sorted(wanting))} too.")
        if self.roles and not self.organization:
            raise Misconfigured("Roles for the EHR's people need the organization whose cases they are to see.")


@dataclass(frozen=True)
class Ehr:
    """Everything we are told about one EHR. Its resources' ids here derive from `name`, so a name is never changed.

    `headers` and `params` go with every FHIR request (tenancy, client ids). `hosts` are further origins that may be
    given our token, such as `https://pages.ehr.example`. `aliases` are other base URLs under which the EHR refers to
    itself. `limits` overrides single numbers of the dialect's limits. `overlap_seconds`: how far a window reaches back
    behind the one before, where the dialect's own overlap is less than `meta.lastUpdated` lags there. `launch`: it
    launches us. `writes`: what it lets us write, by type, of create, update and delete; None: as its dialect says.
    `owners`: whose word counts for an element, as {"Task.status": "theirs"}. `workflow`: which referral workflow is
    agreed with it, by carecoord's name; empty: carecoord's own. Raises Misconfigured.
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
    overlap_seconds: float | None = None
    launch: Launch | None = None
    writes: Mapping[str, tuple[str, ...]] | None = None
    owners: Mapping[str, str] = field(default_factory=dict)
    workflow: str = ""

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
        if self.overlap_seconds is not None and not 0 <= self.overlap_seconds <= LONGEST_OVERLAP:
            raise Misconfigured(f"An overlap of {self.overlap_seconds:.0f} s is not one: from 0 to seven days.")
        for type, verbs in (self.writes or {}).items():
            if not WRITES.issuperset(verbs):
                raise Misconfigured(f"{type}={','.join(verbs)}: what we may write is {', '.join(sorted(WRITES))}.")

    @property
    def bases(self) -> tuple[str, ...]:
        """Every base URL under which this EHR refers to its own resources, its present one first."""
        return (self.base_url, *self.aliases)

    def is_called(self, iss: str) -> bool:
        """Whether a launch's `iss` is this EHR: one of its base URLs, letter by letter, but for a slash at the end."""
        return iss.removesuffix("/") in self.bases

    @property
    def origins(self) -> frozenset[Origin]:
        """Where our token may go."""
        return frozenset({origin(self.base_url), *map(origin, self.hosts)})


def origin(url: str) -> Origin:
    """Scheme, host and port of an absolute http(s) URL. Raises Misconfigured for anything else."""
    parts = _split(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _page(said: str) -> str:
    """An origin as browsers write it, for it goes into a header: nothing else may be in it."""
    parts = _split(said)
    host = parts.hostname or ""
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username or parts.password:
        raise Misconfigured(f"{host}: an origin is a scheme, a host and perhaps a port, such as https://ehr.example.")
    if not _HOST.fullmatch(host):
        raise Misconfigured(f"{said!r} names no single host: say each one, without wildcards.")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise Misconfigured(f"{said}: a page that frames us must come by https.")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port not in (None, _PORTS[parts.scheme]) else "")


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
