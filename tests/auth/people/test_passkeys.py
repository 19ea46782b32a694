"""Passkeys on both databases: what is registered lets in, and nothing that was bent, replayed or copied does."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from auth import store
from auth.people import passkeys
from auth.people.passkeys import LIFE, BadPasskey, Site, site
from carecoord.store.database.engine import open_engine, writing
from tests.auth.visitors import MINA, PASSWORD, PRESENT, VERIFIED, Device, encoded
from tests.people import add_user_with_password

NOW = 1_795_000_000
HERE = Site("care.example", "https://care.example")
OTHER = replace(MINA, id="u2", login="other", name="Other, One")
BROWSER = "the secret of this browser's form"


@pytest.fixture
def conn(database_url: str) -> Iterator[Connection]:
    made = open_engine(database_url)
    with writing(made) as conn:
        add_user_with_password(conn, MINA, PASSWORD, NOW)
        store.add_user(conn, OTHER, "", NOW)
        yield conn
    made.dispose()


def registered(conn: Connection, who: store.User = MINA, **about: Any) -> Device:
    device = Device(**about)
    options = passkeys.registration_options(conn, HERE, who, BROWSER, NOW)
    passkeys.register(conn, HERE, who, device.make(options), "Laptop", BROWSER, NOW)
    return device


def shown(conn: Connection, device: Device, user_id: str | None = None, **changes: Any) -> store.User:
    options = passkeys.authentication_options(conn, HERE, BROWSER, NOW, user_id)
    return passkeys.authenticate(conn, HERE, device.show(options, **changes), BROWSER, NOW, user_id)


def test_a_passkey_that_was_registered_lets_its_person_in(conn: Connection) -> None:
    device = registered(conn)
    assert shown(conn, device).id == "u1"
    assert shown(conn, device, "u1").id == "u1"
    (one,) = passkeys.of_user(conn, "u1")
    assert (one.name, one.made, one.used) == ("Laptop", NOW, NOW)


def test_the_authenticator_is_told_nothing_of_the_person_but_the_name_that_it_shows(conn: Connection) -> None:
    options = passkeys.registration_options(conn, HERE, MINA, BROWSER, NOW)
    assert options["user"]["id"] != encoded(b"u1")
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"


def test_a_device_is_registered_once(conn: Connection) -> None:
    device = registered(conn)
    again = passkeys.registration_options(conn, HERE, MINA, BROWSER, NOW)
    assert [each["id"] for each in again["excludeCredentials"]] == [encoded(device.id)]
    with pytest.raises(BadPasskey, match="registered already"):
        passkeys.register(conn, HERE, MINA, device.make(again), "Again", BROWSER, NOW)


BENT = {
    "a page of another site": {"origin": "https://care.example.evil.test"},
    "the same host on another port": {"origin": "https://care.example:8443"},
    "the same host without TLS": {"origin": "http://care.example"},
    "an answer to the other question": {"type": "webauthn.create"},
}


@pytest.mark.parametrize("changes", BENT.values(), ids=BENT.keys())
def test_phishing_what_was_made_elsewhere_does_not_count_here(conn: Connection, changes: dict[str, str]) -> None:
    device = registered(conn)
    with pytest.raises(BadPasskey):
        shown(conn, device, **changes)
    assert shown(conn, device)


@pytest.mark.parametrize("changes", [*BENT.values()][:3])
def test_a_passkey_made_elsewhere_is_not_registered(conn: Connection, changes: dict[str, str]) -> None:
    options = passkeys.registration_options(conn, HERE, MINA, BROWSER, NOW)
    with pytest.raises(BadPasskey):
        passkeys.register(conn, HERE, MINA, Device().make(options, **changes), "x", BROWSER, NOW)
    assert passkeys.of_user(conn, "u1") == []


def test_a_passkey_for_another_host_does_not_count(conn: Connection) -> None:
    device = registered(conn)
    device.host = "evil.test"
    with pytest.raises(BadPasskey):
        shown(conn, device)


def test_an_answer_counts_once(conn: Connection) -> None:
    device = registered(conn)
    options = passkeys.authentication_options(conn, HERE, BROWSER, NOW)
    answer = device.show(options)
    assert passkeys.authenticate(conn, HERE, answer, BROWSER, NOW)
    with pytest.raises(BadPasskey):
        passkeys.authenticate(conn, HERE, answer, BROWSER, NOW)
    with pytest.raises(BadPasskey):  # nor does a new answer to the old question
        passkeys.authenticate(conn, HERE, device.show(options), BROWSER, NOW)


def test_a_challenge_is_good_for_minutes_for_one_browser_and_for_one_purpose(conn: Connection) -> None:
    device = registered(conn)
    late = passkeys.authentication_options(conn, HERE, BROWSER, NOW)
    with pytest.raises(BadPasskey):
        passkeys.authenticate(conn, HERE, device.show(late), BROWSER, NOW + LIFE)
    elsewhere = passkeys.authentication_options(conn, HERE, BROWSER, NOW)
    with pytest.raises(BadPasskey):
        passkeys.authenticate(conn, HERE, device.show(elsewhere), "another browser", NOW)
    second = passkeys.authentication_options(conn, HERE, BROWSER, NOW, "u1")
    with pytest.raises(BadPasskey):
        passkeys.authenticate(conn, HERE, device.show(second), BROWSER, NOW)
    new = passkeys.registration_options(conn, HERE, MINA, BROWSER, NOW)
    with pytest.raises(BadPasskey):
        passkeys.authenticate(conn, HERE, device.show(new), BROWSER, NOW)
    with pytest.raises(BadPasskey):
        passkeys.authenticate(conn, HERE, device.show({"challenge": encoded(b"x" * 32)}), BROWSER, NOW)


def test_a_signature_counter_that_goes_back_is_a_copy_and_refused(conn: Connection) -> None:
    device = registered(conn, count=5)
    assert shown(conn, device)
    device.count -= 1  # the copy, made before
    with pytest.raises(BadPasskey):
        shown(conn, device)


def test_a_synced_passkey_that_counts_nothing_stays_good(conn: Connection) -> None:
    device = registered(conn, count=0)
    for _ in range(2):
        device.count = -1  # shown as zero each time
        assert shown(conn, device)


def test_alone_it_counts_only_when_the_device_has_verified_its_person(conn: Connection) -> None:
    device = registered(conn)
    device.flags = PRESENT
    with pytest.raises(BadPasskey):
        shown(conn, device)
    assert shown(conn, device, "u1")  # after the password it is the second factor
    device.flags = VERIFIED  # nobody touched it
    with pytest.raises(BadPasskey):
        shown(conn, device, "u1")


def test_without_verification_it_is_not_registered(conn: Connection) -> None:
    options = passkeys.registration_options(conn, HERE, MINA, BROWSER, NOW)
    with pytest.raises(BadPasskey):
        passkeys.register(conn, HERE, MINA, Device(flags=PRESENT).make(options), "x", BROWSER, NOW)


def test_nobody_is_let_in_by_the_passkey_of_another(conn: Connection) -> None:
    theirs = registered(conn, OTHER)
    with pytest.raises(BadPasskey):
        shown(conn, theirs, "u1")
    assert shown(conn, theirs).id == "u2"
    theirs.handle = encoded(b"somebody else")
    with pytest.raises(BadPasskey):
        shown(conn, theirs)


def test_another_key_under_the_same_id_is_refused(conn: Connection) -> None:
    device = registered(conn)
    forged = Device(id=device.id, handle=device.handle, count=device.count)
    with pytest.raises(BadPasskey):
        shown(conn, forged)


def test_a_disabled_person_is_not_let_in(conn: Connection) -> None:
    device = registered(conn)
    store.change_user(conn, replace(MINA, disabled=True))
    with pytest.raises(BadPasskey):
        shown(conn, device)


def test_a_passkey_that_was_removed_lets_nobody_in(conn: Connection) -> None:
    device = registered(conn)
    assert passkeys.remove(conn, "u2", device.id) is None
    assert passkeys.remove(conn, "u1", device.id) == "Laptop"
    with pytest.raises(BadPasskey):
        shown(conn, device)


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://care.example", Site("care.example", "https://care.example")),
        ("https://care.example:8443", Site("care.example", "https://care.example:8443")),
        ("http://localhost:8000", Site("localhost", "http://localhost:8000")),
        ("http://127.0.0.1:8000", None), ("https://192.0.2.7", None), ("https://[2001:db8::1]", None),
        ("http://care.example", None),
    ],
)  # fmt: skip
def test_passkeys_are_offered_only_where_browsers_know_them(url: str, known: Site | None) -> None:
    assert site(url) == known


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.binary(max_size=40).map(encoded),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def pocket(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Device]]:
    """A database in which somebody has a passkey, and that passkey."""
    path = tmp_path_factory.mktemp("junk") / "carecoord.db"
    shutil.copyfile(sqlite_template, path)
    made = open_engine(f"sqlite:///{path}")
    with writing(made) as conn:
        add_user_with_password(conn, MINA, PASSWORD, NOW)
        device = registered(conn)
    yield made, device
    made.dispose()


@given(JUNK, st.sampled_from(["clientDataJSON", "authenticatorData", "signature", "userHandle", "rawId", "id", "type"]))
def test_whatever_a_browser_sends_is_refused_in_words(pocket: tuple[Engine, Device], junk: Any, where: str) -> None:
    engine, device = pocket
    assume(where != "userHandle" or junk not in (None, ""))  # an authenticator need not send one
    with writing(engine) as conn:
        sent = json.loads(device.show(passkeys.authentication_options(conn, HERE, BROWSER, NOW)))
        (sent["response"] if where in sent["response"] else sent)[where] = junk
        for answer in (json.dumps(sent), json.dumps(junk), str(junk)):
            with pytest.raises(BadPasskey):
                passkeys.authenticate(conn, HERE, answer, BROWSER, NOW)


@given(JUNK | JUNK.map(lambda junk: encoded(cbor2.dumps(junk))), st.booleans())
def test_whatever_an_authenticator_attests_is_refused_in_words(
    pocket: tuple[Engine, Device], junk: Any, whole: bool
) -> None:
    engine, _ = pocket
    with writing(engine) as conn:
        made = json.loads(Device(id=b"new").make(passkeys.registration_options(conn, HERE, MINA, BROWSER, NOW)))
        if whole:
            made["response"]["attestationObject"] = junk
        else:
            data = {"fmt": "none", "attStmt": {}, "authData": junk}
            made["response"]["attestationObject"] = encoded(cbor2.dumps(data))
        with pytest.raises(BadPasskey):
            passkeys.register(conn, HERE, MINA, json.dumps(made), "x", BROWSER, NOW)
