"""Issue 3, "As client": we are launched from an EHR, in its frame (design/desk.md section 7). The EHR is a second
instance of our own application; every rule, and every attack on it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from auth import signin, store
from auth.tables import embedded, pending, session, user
from carecoord.actions import embedded_people
from carecoord.store.engine import reading, writing
from carecoord.store.trail import audit
from tests.adapters.wsgi import WsgiAdapter

from . import ehr_place
from .ehr_place import EHR, OURS, PATEL, PATELS, SANTOS, SANTOSES, Browser, Two, ours

FRAMED = f"frame-ancestors {EHR}"
NOBODY = "frame-ancestors 'none'"


@pytest.fixture(scope="session")
def built(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory, signing_row: dict[str, Any]) -> Path:
    folder = tmp_path_factory.mktemp("two")
    ehr_place.build(sqlite_template, folder, signing_row)
    return folder


class Wire:
    """Our way to the hospital, and a list of every address that we asked."""

    def __init__(self) -> None:
        self.two: Two | None = None
        self.asked: list[str] = []

    def session(self) -> requests.Session:
        made = requests.Session()
        made.trust_env = False
        if self.two:
            made.mount(EHR, WsgiAdapter(self.two.sites[EHR]))
        send = made.send

        def noted(request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            self.asked.append(str(request.url))
            return send(request, **kwargs)

        made.send = noted  # type: ignore[method-assign]
        return made


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def two(built: Path, tmp_path: Path, wire: Wire) -> Iterator[Two]:
    made = ehr_place.copied(built, tmp_path, (EHR, OURS), wire.session)
    wire.two = made
    yield made
    made.ehr.engine.dispose()
    made.our.engine.dispose()


@pytest.fixture
def doctor(two: Two) -> Browser:
    """A doctor's browser, at the desk of a hospital that is registered here."""
    two.register()
    made = Browser(two)
    made.sign_in(two.doctor())
    return made


def test_a_launch_opens_the_patients_open_referrals_with_their_clearance(doctor: Browser) -> None:
    page = doctor.get(doctor.launch())
    assert page.status_code == 200
    assert "Patel, Arjun" in page.text
    assert "MRN" in page.text
    assert "4428-351" in page.text
    assert len(re.findall(r'<li class="loop">', page.text)) == 3
    assert "cleared" in page.text.lower()
    for gate in ("Coverage", "Authorization", "Contract", "Information", "Appointment", "Loop"):
        assert gate in page.text
    assert 'href="/"' not in page.text.replace('target="_blank"', "")
    assert "rail" not in page.text
