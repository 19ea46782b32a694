"""One server for each of http (on SQLite) and https (on PostgreSQL where it is installed), for the whole session; and
one launch of each kind, which many tests then look at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import postgres

from . import visitor
from .practice import Keys, make_keys
from .serving import Publisher, Site, publishing, serving
from .visitor import App, Browser, Came, apps

EHR = "launch openid fhirUser offline_access patient/Patient.rs patient/Observation.rs user/Encounter.rs"
SCHEMES = [pytest.param(name, marks=pytest.mark.xdist_group(f"conformance-{name}")) for name in ("http", "https")]


PLAIN = {"test_app_launch.py", "test_discovery.py", "test_programs.py", "test_our_client.py"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Over plain http, on SQLite, only what depends on the scheme: addresses, cookies, discovery, others' programs. The
    rest is asked once, over https on PostgreSQL: tokens, keys and attacks are the same code on both."""
    here = Path(__file__).parent
    plain = [each for each in items if each.path.parent == here and _scheme(each) == "http"]
    left = {id(each) for each in plain if each.path.name not in PLAIN}
    config.hook.pytest_deselected(items=[each for each in items if id(each) in left])
    items[:] = [each for each in items if id(each) not in left]


def _scheme(item: pytest.Item) -> str:
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get("site", "")) if callspec else ""


@pytest.fixture(scope="session")
def client_keys() -> Keys:
    return make_keys()


@pytest.fixture(scope="session")
def publisher() -> Iterator[Publisher]:
    with publishing() as told:
        yield told


@pytest.fixture(scope="session", params=SCHEMES)
def site(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_database: Callable[[str], str],
    client_keys: Keys,
    publisher: Publisher,
) -> Iterator[Site]:
    """The server under test."""
    kind = "postgres" if request.param == "https" and postgres.programs() else "sqlite"
    folder = tmp_path_factory.mktemp(f"conformance-{request.param}")
    with serving(request.param, folder, new_database(kind), client_keys, publisher) as site:
        yield site


@dataclass(frozen=True)
class Launch:
    """A launch that went well: what the callback was told, what the token endpoint answered."""

    app: App
    came: Came
    answer: requests.Response

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = self.answer.json()
        return found

    @property
    def token(self) -> str:
        return str(self.told["access_token"])


def exchanged(app: App, came: Came) -> Launch:
    answer = app.exchange(came)
    assert answer.status_code == 200, answer.text
    return Launch(app, came, answer)


@pytest.fixture(scope="session")
def mina(site: Site) -> Browser:
    """A person's browser, signed in."""
    return Browser(site).signed_in()


@pytest.fixture(scope="session")
def standalone(site: Site, mina: Browser) -> dict[str, Launch]:
    """A standalone launch of each kind of app."""
    return {name: exchanged(app, visitor.standalone(app, mina)) for name, app in apps(site).items()}


@pytest.fixture(params=["public", "symmetric", "asymmetric"])
def launched(request: pytest.FixtureRequest, standalone: dict[str, Launch]) -> Launch:
    """The standalone launch of one kind after the other."""
    return standalone[request.param]


@pytest.fixture(scope="session")
def ehr(site: Site, mina: Browser) -> Launch:
    """An EHR launch of the confidential app."""
    app = apps(site)["symmetric"]
    return exchanged(app, visitor.ehr_launch(app, mina, EHR))


@pytest.fixture
def fresh(site: Site, mina: Browser) -> Callable[..., Launch]:
    """A launch of its own, for tests that end it: `fresh("public", "launch/patient patient/Patient.rs")`."""

    def launch(kind: str = "public", scope: str = visitor.STANDALONE, **choice: tuple[str, ...]) -> Launch:
        app = apps(site)[kind]
        return exchanged(app, visitor.standalone(app, mina, scope, **choice))

    return launch


@pytest.fixture
def public_app(site: Site) -> App:
    return apps(site)["public"]


@pytest.fixture
def loader(site: Site, request: pytest.FixtureRequest) -> App:
    """A backend service that signs with RS384."""
    return App(site, "loader", key=site.keys.rsa)
