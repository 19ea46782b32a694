"""`carecoord provider …` and its lines in `carecoord check`, against a provider on a real port."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Response
from joserfc.jwk import RSAKey

from carecoord.settings import PREFIX
from tests.auth.conftest import Clock as LiarClock
from tests.auth.liar import Liar, serving

from .conftest import Run


@pytest.fixture
def run(ready: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one verb where this machine may be called, and clients use https."""
    monkeypatch.setenv(f"{PREFIX}PRIVATE_HOSTS", "127.0.0.1")
    monkeypatch.setenv(f"{PREFIX}BASE_URL", "https://care.example")
    monkeypatch.setenv(f"{PREFIX}SECURE_COOKIES", "true")
    return ready


@pytest.fixture
def liar() -> Iterator[Liar]:
    key = RSAKey.generate_key(2048, {"kid": "k"})
    with serving(Liar(LiarClock(), key, keys=[key])) as speaking:
        yield speaking


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "east.secret"
    path.write_text("s")
    path.chmod(0o600)
    return path


def test_a_provider_is_added_linked_listed_checked_and_closed(run: Run, liar: Liar, secret: Path) -> None:
    told = ("--name", "East Hospital", "--client-id", "us", "--secret-file", secret)
    code, out, err = run("provider", "add", "east", liar.url, *told)
    assert (code, err) == (0, "")
    assert "https://care.example/sign-in/callback/east" in out
    assert "carecoord provider link east LOGIN SUBJECT" in out
    assert run("user", "add", "mina", "--name", "Mina", "--role", "payer")[0] == 0
    code, out, _ = run("provider", "link", "east", "mina", "m-7")
    assert (code, "Mina is let in by east as m-7." in out) == (0, True)
    code, out, _ = run("provider", "list")
    assert code == 0
    assert all(word in out for word in ("east", "East Hospital", liar.url, "us", "who is linked"))
    _, out, _ = run("check")
    assert f"good  provider east: {liar.url} answers, knows us by our secret as us" in out
    assert run("provider", "unlink", "east", "m-7")[0] == 0
    assert run("provider", "disable", "east")[0] == 0
    assert "nobody" in run("provider", "list")[1]
    assert "good  provider east: disabled" in run("check")[1]


def test_check_says_what_to_do_about_a_provider(run: Run, liar: Liar, secret: Path) -> None:
    run("provider", "add", "east", liar.url, "--name", "East", "--client-id", "us", "--secret-file", secret)
    secret.chmod(0o644)
    code, out, _ = run("check")
    assert code == 1
    assert f"BAD   provider east: others may read {secret}: chmod 600 {secret}" in out
    secret.chmod(0o600)
    liar.told = lambda: Response("gone", 503)
    assert f"{liar.url}/.well-known/openid-configuration answered 503" in run("check")[1]


def test_a_provider_that_is_not_as_told_is_refused_in_one_sentence(run: Run, liar: Liar, secret: Path) -> None:
    told = ("--name", "East", "--client-id", "us", "--secret-file", secret)
    for issuer, words in (
        (liar.url + "/", "to the last slash"), ("http://127.0.0.1:9", "did not answer"),
        ("http://public.example", "https://"), ("https://10.0.0.1", "CARECOORD_PRIVATE_HOSTS"),
    ):  # fmt: skip
        code, out, err = run("provider", "add", "east", issuer, *told)
        assert (code, out) == (1, "")
        assert words in err
        assert len(err.splitlines()) == 1
    code, _, err = run("provider", "add", "east", liar.url, *told[:-2])
    assert (code, "give it with a secret in a file" in err) == (1, True)
    code, _, err = run("provider", "disable", "east")
    assert (code, "There is no provider 'east'" in err) == (1, True)
    assert "No provider yet" in run("provider", "list")[1]


def test_without_a_secret_our_keys_are_told(run: Run, liar: Liar) -> None:
    liar.configuration = {"token_endpoint_auth_methods_supported": ["private_key_jwt"]}
    code, out, err = run("provider", "add", "east", liar.url, "--name", "East", "--client-id", "us")
    assert (code, err) == (0, "")
    assert "our keys, to register there: https://care.example/" in out
