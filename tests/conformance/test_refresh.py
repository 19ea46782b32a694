"""Section 1.3: refresh, with and without a scope. What re-use does is in test_attacks."""

from collections.abc import Callable

import pytest

from .conftest import Launch
from .serving import Site
from .visitor import refused

KINDS = ["public", "symmetric", "asymmetric"]


@pytest.mark.parametrize("kind", KINDS)
def test_smart_1_3_1_a_refresh_answers_whole_and_keeps_the_scope(
    site: Site, fresh: Callable[..., Launch], kind: str
) -> None:
    first = fresh(kind)
    answer = first.app.refresh(first.told["refresh_token"])
    assert answer.status_code == 200, answer.text
    second = answer.json()
    assert second["token_type"].lower() == "bearer"
    assert type(second["expires_in"]) is int
    assert second["scope"] == first.told["scope"]
    assert second["access_token"] != first.token
    assert "no-store" in answer.headers["Cache-Control"]
    assert "no-cache" in answer.headers["Pragma"]
    assert site.read("Patient/okafor", second["access_token"]).status_code == 200
    narrow = first.app.refresh(second["refresh_token"], scope="launch/patient patient/Patient.r")
    assert narrow.status_code == 200, narrow.text
    assert set(narrow.json()["scope"].split()) <= set(first.told["scope"].split()) | {"patient/Patient.r"}
    assert site.read("Observation/okafor-survey", narrow.json()["access_token"]).status_code == 403
    again = first.app.refresh(narrow.json()["refresh_token"])
    assert again.json()["scope"] == first.told["scope"]


@pytest.mark.parametrize("token", ["bogus", "", None])
def test_smart_1_3_2_a_bogus_refresh_token_is_refused_to_every_kind_of_app(launched: Launch, token: str | None) -> None:
    answer = launched.app.post("/oauth/token", grant_type="refresh_token", refresh_token=token)
    refused(answer, "invalid_grant", "invalid_request")


def test_smart_1_3_2_without_offline_or_online_access_there_is_nothing_to_refresh(fresh: Callable[..., Launch]) -> None:
    assert "refresh_token" not in fresh("public", "launch/patient patient/Patient.rs").told
    online = fresh("public", "launch/patient patient/Patient.rs online_access")
    assert online.app.refresh(online.told["refresh_token"]).status_code == 200
