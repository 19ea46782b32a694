"""We as a client with a person in front, before a provider over real HTTP that says what no honest one would. The other
way round, with a provider that is honest, it is in test_providers.py."""

import hmac
import json
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.oidc.core.util import create_half_hash
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from flask import Response, jsonify, redirect
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import Engine, create_engine, delete, func, select

from auth.client import openid
from auth.client.backend import TokenError
from auth.client.openid import ALGORITHMS, LEEWAY, LIFE, InvalidIdToken, PendingSignIn
from auth.keys.fetched import AGAIN, KeySets
from auth.tables import metadata, pending
from tests.auth.conftest import Clock
from tests.auth.liar import Liar, serving

BACK = "https://care.example/sign-in/callback/hospital"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database for all: what is kept is found by random values alone."""
    made = create_engine(f"sqlite:///{tmp_path_factory.mktemp('relying') / 'auth.db'}")
    metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def liar(clock: Clock, rsa: RSAKey) -> Iterator[Liar]:
    with serving(Liar(clock, rsa, keys=[rsa])) as told:
        yield told


def went(
    engine: Engine, liar: Liar, extra: dict[str, str] | None = None, **party: Any
) -> tuple[dict[str, str], PendingSignIn]:
    """What the browser takes there, and what is found when it comes back."""
    now = liar.clock.seconds()
    with engine.begin() as conn:
        begun = openid.start(conn, liar.party(**party), BACK, "provider", {"next": "/x"}, now, **(extra or {}))
        back = openid.take_state(conn, "provider", begun.state, now)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    assert back is not None
    return asked, back


def exchanged(liar: Liar, back: PendingSignIn, **party: Any) -> dict[str, Any]:
    return openid.exchange_code(requests.Session(), liar.party(**party), back, "c-1", liar.clock, lambda: "jti-1")


@pytest.fixture
def judge(liar: Liar, keys: KeySets) -> Callable[..., dict[str, Any]]:
    """Hold an id_token against the question whose nonce was n-1."""
    liar.nonce = "n-1"

    def held(id_token: Any, access_token: str | None = None) -> dict[str, Any]:
        return openid.verify_id_token(id_token, liar.party(), keys, "n-1", liar.clock.seconds(), access_token)

    return held


Judge = Callable[..., dict[str, Any]]


def test_the_request_carries_what_protects_it(engine: Engine, liar: Liar) -> None:
    asked, back = went(engine, liar, {"aud": "https://ehr.example/fhir", "launch": "l-1"})
    digest = urlsafe_b64encode(sha256(back.verifier.encode()).digest()).rstrip(b"=").decode()
    assert asked["response_type"] == "code"
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (digest, "S256")
    assert (asked["redirect_uri"], asked["client_id"]) == (BACK, "us")
    assert (asked["aud"], asked["launch"]) == ("https://ehr.example/fhir", "l-1")
    assert asked["nonce"] == back.nonce
    assert len({asked["state"], asked["nonce"], back.verifier}) == 3
    assert min(map(len, (asked["state"], asked["nonce"], back.verifier))) >= 43
    assert back.data == {"next": "/x"}


def test_no_two_requests_are_alike(engine: Engine, liar: Liar) -> None:
    one, two = (went(engine, liar)[0] for _ in range(2))
    assert all(one[name] != two[name] for name in ("state", "nonce", "code_challenge"))


def test_an_authorization_address_with_a_query_of_its_own_keeps_it(engine: Engine, liar: Liar) -> None:
    asked, _ = went(engine, liar, authorize_url=f"{liar.url}/authorize?tenant=a%20b")
    assert asked["tenant"] == "a b"
    assert asked["client_id"] == "us"


def test_a_server_that_knows_no_openid_is_sent_no_nonce(engine: Engine, liar: Liar) -> None:
    asked, back = went(engine, liar, scope="launch patient/*.rs")
    assert "nonce" not in asked
    assert back.nonce is None


def test_a_state_is_good_once_for_its_purpose_and_for_ten_minutes(engine: Engine, liar: Liar, clock: Clock) -> None:
    with engine.begin() as conn:
        first, late = (openid.start(conn, liar.party(), BACK, "provider", {}, clock.seconds()).state for _ in range(2))
        assert openid.take_state(conn, "embed", first, clock.seconds()) is None
        assert openid.take_state(conn, "provider", first, clock.seconds()) is not None
        assert openid.take_state(conn, "provider", first, clock.seconds()) is None
        clock.pass_by(LIFE)
        assert openid.take_state(conn, "provider", late, clock.seconds()) is None
        assert openid.take_state(conn, "provider", "\0made up", clock.seconds()) is None


def test_neither_state_nor_verifier_can_be_read_off_the_database_by_their_key(engine: Engine, liar: Liar) -> None:
    with engine.begin() as conn:
        begun = openid.start(conn, liar.party(), BACK, "provider", {}, liar.clock.seconds())
        assert begun.state not in str(conn.execute(select(pending)).all())


def test_s22_a_code_becomes_a_proven_person(engine: Engine, liar: Liar, keys: KeySets) -> None:
    asked, back = went(engine, liar)
    liar.nonce = asked["nonce"]
    answer = exchanged(liar, back)
    found = openid.verify_id_token(answer["id_token"], liar.party(), keys, back.nonce, liar.clock.seconds(), "at")
    assert found["sub"] == "mina-7"
    assert liar.forms == [{
        "grant_type": "authorization_code", "code": "c-1", "redirect_uri": BACK, "code_verifier": back.verifier,
        "client_id": "us",
    }]  # fmt: skip


def test_a_secret_goes_into_the_header_encoded_as_rfc_6749_says(engine: Engine, liar: Liar) -> None:
    exchanged(liar, went(engine, liar)[1], secret="a:b c%é", client_id="us:2")
    kind, _, pair = (liar.authorizations[0] or "").partition(" ")
    assert (kind, b64decode(pair)) == ("Basic", b"us%3A2:a%3Ab+c%25%C3%A9")
    assert not {"client_id", "client_secret", "client_assertion"} & set(liar.forms[0])


def test_a_secret_goes_into_the_form_where_nothing_else_is_offered(engine: Engine, liar: Liar) -> None:
    exchanged(liar, went(engine, liar)[1], secret="s", methods=("client_secret_post",))
    assert liar.authorizations == [None]
    assert (liar.forms[0]["client_id"], liar.forms[0]["client_secret"]) == ("us", "s")


@pytest.mark.parametrize(("offered", "chosen"), [((), "ES384"), (("RS384", "RS256"), "RS384"), (("ES384",), "ES384")])
def test_s22_1_10_a_key_signs_an_assertion_of_our_client(
    engine: Engine, liar: Liar, rsa: RSAKey, ec: ECKey, offered: tuple[str, ...], chosen: str
) -> None:
    """The client-side criteria of section 1.10: typ, iss, sub, aud, exp at most five minutes ahead, a fresh jti."""
    exchanged(liar, went(engine, liar)[1], keys=(rsa, ec), algorithms=offered)
    sent = liar.forms[0]
    assert sent["client_assertion_type"].endswith(":jwt-bearer")
    token = jwt.decode(sent["client_assertion"], ec if chosen == "ES384" else rsa, algorithms=[chosen])
    now = liar.clock.seconds()
    assert (token.header["typ"], token.header["alg"]) == ("JWT", chosen)
    assert token.header["kid"] == (ec if chosen == "ES384" else rsa).kid
    assert (token.claims["iss"], token.claims["sub"], token.claims["aud"]) == ("us", "us", f"{liar.url}/token")
    assert now < token.claims["exp"] <= now + 300
    assert token.claims["jti"] == "jti-1"


def test_a_code_never_goes_to_another_server_than_the_one_that_was_asked(engine: Engine, liar: Liar) -> None:
    back = went(engine, liar)[1]
    with pytest.raises(ValueError, match="nobody but the server"):
        exchanged(liar, back, issuer="https://other.example")
    assert liar.forms == []


def html() -> Any:
    return Response("<h1>Sign in to the network</h1>", 200, content_type="text/html")


def broken() -> Any:
    return Response("<h1>Internal error</h1>", 500, content_type="text/html")


def elsewhere() -> Any:
    return redirect("https://attacker.example/token", 307)


def huge() -> Any:
    return Response(b" " * 1_000_000 + b'{"access_token": "at"}', content_type="application/json")


def deep() -> Any:
    return Response(b"[" * 100_000, content_type="application/json")


def listed() -> Any:
    return jsonify([{"access_token": "at"}])


def tokenless() -> Any:
    return jsonify({"token_type": "Bearer"})


def numbered() -> Any:
    return jsonify({"access_token": 7})


def bound() -> Any:
    return jsonify({"access_token": "at", "token_type": "DPoP"})


def spent() -> Any:
    return jsonify({"error": "invalid_grant", "error_description": "the code was used"}), 400


def busy() -> Any:
    return Response("", 503, {"Retry-After": "7"})


@pytest.mark.parametrize(
    ("answer", "words", "retry"),
    [
        (html, "200 and no JSON", False), (broken, "500", True), (elsewhere, "307", False), (huge, "TooMuch", True),
        (deep, "200 and no JSON", False), (listed, "200 and no JSON", False), (tokenless, "no access_token", False),
        (numbered, "no access_token", False), (bound, "another type than bearer", False),
        (spent, "400 invalid_grant the code was used", True), (busy, "503", True),
    ],
)  # fmt: skip
def test_what_is_no_token_response_is_told_as_it_is(
    engine: Engine, liar: Liar, answer: Callable[[], Any], words: str, retry: bool
) -> None:
    back = went(engine, liar)[1]
    liar.answer = answer
    with pytest.raises(TokenError) as caught:
        exchanged(liar, back)
    assert words in caught.value.text
    assert caught.value.retry is retry
    assert caught.value.seconds == (7.0 if answer is busy else None)
    assert len(liar.forms) == 1


def test_what_real_token_endpoints_do_beside_the_standard_is_tolerated(engine: Engine, liar: Liar) -> None:
    liar.answer = lambda: jsonify({"access_token": "at", "expires_in": "3600", "token_type": None, "extra": {}})
    assert exchanged(liar, went(engine, liar)[1])["access_token"] == "at"


def test_a_server_that_is_not_there_is_told(engine: Engine, liar: Liar) -> None:
    with pytest.raises(TokenError, match="did not answer"):
        exchanged(liar, went(engine, liar)[1], token_url="http://127.0.0.1:9/token")


def test_a_server_that_never_ends_its_answer_is_given_up(
    engine: Engine, liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trickle() -> Iterator[bytes]:
        for _ in range(100):
            yield b" "
            time.sleep(0.05)

    monkeypatch.setattr("auth.outgoing.limited_body.body.__defaults__", (200_000, 0.2))
    liar.answer = lambda: Response(trickle(), content_type="application/json")
    with pytest.raises(TokenError, match="TooMuch"):
        exchanged(liar, went(engine, liar)[1])


def test_rfc_9207_an_answer_of_another_issuer_is_refused(liar: Liar) -> None:
    """Mixed-up issuer: an attacker's server hands on the code of an honest one, to get it sent to itself."""
    quiet, telling = liar.party(), liar.party(tells_issuer=True)
    openid.check_issuer(quiet, None)
    openid.check_issuer(quiet, liar.url)
    openid.check_issuer(telling, liar.url)
    for party, said in (
        (quiet, "https://honest.example"), (telling, "https://honest.example"), (telling, None), (telling, ""),
        (telling, liar.url + "/"), (quiet, ""),
    ):  # fmt: skip
        with pytest.raises(InvalidIdToken, match="another server"):
            openid.check_issuer(party, said)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_each_algorithm_that_counts_is_verified(liar: Liar, judge: Judge, rsa: RSAKey, alg: str) -> None:
    made = {"ES256": "P-256", "ES384": "P-384"}
    key = ECKey.generate_key(made[alg], {"kid": "e"}) if alg in made else rsa
    liar.keys = [key]
    assert judge(liar.sign(key, alg))["sub"] == "mina-7"


def test_a_key_set_with_one_key_needs_no_kid_and_one_with_two_does(liar: Liar, judge: Judge, rsa: RSAKey) -> None:
    """OpenID Connect Core section 10.1."""
    nameless = liar.sign(header={"kid": None})
    assert judge(nameless)["sub"] == "mina-7"
    liar.keys = [rsa, RSAKey.generate_key(2048, {"kid": "second"})]
    liar.clock.pass_by(AGAIN)
    with pytest.raises(InvalidIdToken, match="not among those"):
        judge(nameless)


def test_a_rotated_key_is_found_by_fetching_once_more(liar: Liar, judge: Judge) -> None:
    judge(liar.sign())
    liar.key = RSAKey.generate_key(2048, {"kid": "next"})
    liar.keys = [liar.key]
    liar.clock.pass_by(AGAIN)
    assert judge(liar.sign())["sub"] == "mina-7"
    assert liar.fetched == 2


def test_s22_341_the_key_set_is_kept_as_long_as_its_cache_control_says(liar: Liar, judge: Judge) -> None:
    liar.headers = {"Cache-Control": "max-age=120"}
    judge(liar.sign())
    liar.clock.pass_by(119)
    judge(liar.sign())
    assert liar.fetched == 1
    liar.clock.pass_by(2)
    judge(liar.sign())
    assert liar.fetched == 2


def test_people_who_come_in_the_same_moment_wait_for_one_fetch_of_the_keys(liar: Liar, judge: Judge) -> None:
    liar.pause = 0.2
    with ThreadPoolExecutor(4) as several:
        found = list(several.map(judge, [liar.sign() for _ in range(4)]))
    assert [claims["sub"] for claims in found] == ["mina-7"] * 4
    assert liar.fetched == 1


def test_nobody_waits_long_for_keys_that_another_is_fetching(
    liar: Liar, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.keys.fetched.PATIENCE", 0.02)
    liar.pause = 0.4
    with ThreadPoolExecutor(2) as both:
        first = both.submit(judge, liar.sign())
        while liar.fetched == 0:
            time.sleep(0.01)
        with pytest.raises(InvalidIdToken, match="can not be had"):
            judge(liar.sign())
        assert first.result()["sub"] == "mina-7"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iss": "https://other.example"}, "iss"), ({"iss": None}, "iss"), ({"iss": 7}, "iss"),
        ({"aud": "somebody"}, "aud"), ({"aud": None}, "aud"), ({"aud": []}, "aud"), ({"aud": ["a", "b"]}, "aud"),
        ({"aud": ["us", "other"]}, "another client"), ({"aud": ["us", "other"], "azp": "other"}, "another client"),
        ({"azp": "other"}, "another client"), ({"azp": ["us"]}, "another client"),
        ({"sub": None}, "sub"), ({"sub": ""}, "sub"), ({"sub": "  "}, "names nobody"), ({"sub": 7}, "sub"),
        ({"sub": "x" * 256}, "names nobody"), ({"sub": "mina\0"}, "names nobody"),
        ({"nonce": None}, "another question"), ({"nonce": "n-2"}, "another question"),
        ({"nonce": ["n-1"]}, "another question"), ({"nonce": ""}, "another question"),
        ({"exp": None}, "exp"), ({"exp": "soon"}, "exp"), ({"exp": True}, "exp"),
        ({"iat": None}, "iat"), ({"iat": "now"}, "iat"),
    ],
)  # fmt: skip
def test_a_claim_that_does_not_hold_is_refused(liar: Liar, judge: Judge, changes: dict[str, Any], words: str) -> None:
    """Wrong iss, aud, azp, sub and nonce; the token is signed well each time."""
    with pytest.raises(InvalidIdToken, match="does not hold") as caught:
        judge(liar.sign(**changes))
    assert words in caught.value.text


def test_issuers_are_compared_to_the_last_slash(liar: Liar, judge: Judge) -> None:
    with pytest.raises(InvalidIdToken, match="iss"):
        judge(liar.sign(iss=liar.url + "/"))


def test_several_audiences_are_fine_when_it_was_issued_to_us(liar: Liar, judge: Judge) -> None:
    assert judge(liar.sign(aud=["other", "us"], azp="us"))["sub"] == "mina-7"


@pytest.mark.parametrize(
    ("exp", "iat", "good"),
    [
        (1, 0, True), (-LEEWAY + 1, -400, True), (-LEEWAY, -400, False), (-86_400, -90_000, False),
        (300, LEEWAY, True), (300, LEEWAY + 1, False), (90_000, 86_400, False),
    ],
)  # fmt: skip
def test_expired_and_future_id_tokens_are_refused_but_for_a_minutes_difference_of_clocks(
    liar: Liar, judge: Judge, exp: int, iat: int, good: bool
) -> None:
    now = liar.clock.seconds()
    token = liar.sign(exp=now + exp, iat=now + iat)
    if good:
        assert judge(token)["sub"] == "mina-7"
    else:
        with pytest.raises(InvalidIdToken, match="does not hold"):
            judge(token)


def test_alg_none_is_refused(liar: Liar, judge: Judge) -> None:
    header, claims, _ = liar.sign().split(".")
    for alg in ("none", "None", "NONE"):
        bare = urlsafe_b64encode(f'{{"alg":"{alg}","typ":"JWT"}}'.encode()).rstrip(b"=").decode()
        for forged in (f"{bare}.{claims}.", f"{bare}.{claims}.x", f"{header}.{claims}."):
            with pytest.raises(InvalidIdToken):
                judge(forged)


def crafted(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would write."""
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = urlsafe_b64encode(sign(b".".join(parts))).rstrip(b"=")
    return b".".join([*parts, signature]).decode()


def test_hs256_with_the_public_key_as_the_secret_is_refused(liar: Liar, judge: Judge, rsa: RSAKey) -> None:
    """Key confusion: what everybody can fetch must not sign."""
    for secret in (rsa.as_pem(private=False), rsa.as_der(private=False), str(rsa.get("n")).encode()):
        forged = crafted({"alg": "HS256", "kid": rsa.kid}, liar.claims(), partial(hmac.digest, secret, digest="sha256"))
        with pytest.raises(InvalidIdToken, match="does not hold"):
            judge(forged)


def test_a_key_of_the_right_name_and_another_hand_is_refused(liar: Liar, judge: Judge, rsa: RSAKey) -> None:
    own = RSAKey.generate_key(2048, {"kid": str(rsa.kid)})
    with pytest.raises(InvalidIdToken, match="does not hold"):
        judge(liar.sign(own))


def test_an_unknown_kid_is_refused_and_the_keys_are_not_fetched_for_each(liar: Liar, judge: Judge) -> None:
    for _ in range(3):
        with pytest.raises(InvalidIdToken, match="not among those"):
            judge(liar.sign(header={"kid": "made up"}))
    assert liar.fetched == 1


def test_a_key_that_the_token_brings_along_is_never_used(liar: Liar, judge: Judge) -> None:
    """jwk, jku and x5u of a header are the word of whoever wrote the token."""
    own = RSAKey.generate_key(2048, {"kid": "own"})
    for header in (
        {"jwk": own.as_dict(private=False)}, {"jku": f"{liar.url}/jwks2"}, {"x5u": f"{liar.url}/x"},
        {"kid": None, "jwk": own.as_dict(private=False)},
    ):  # fmt: skip
        with pytest.raises(InvalidIdToken):
            judge(liar.sign(own, header=header))


def test_an_access_token_is_no_id_token(liar: Liar, judge: Judge) -> None:
    with pytest.raises(InvalidIdToken, match="not signed in a way"):
        judge(liar.sign(header={"typ": "at+jwt"}))


def test_a_key_made_for_another_algorithm_does_not_verify_this_one(liar: Liar, judge: Judge, rsa: RSAKey) -> None:
    liar.keys = [RSAKey.import_key(rsa.as_dict(private=True) | {"alg": "RS512", "use": "sig"})]
    with pytest.raises(InvalidIdToken, match="does not hold"):
        judge(liar.sign())


def test_a_critical_header_that_nobody_here_understands_is_refused(liar: Liar, judge: Judge, rsa: RSAKey) -> None:
    def sign(text: bytes) -> bytes:
        key = rsa.private_key
        assert key is not None
        return key.sign(text, padding.PKCS1v15(), hashes.SHA256())

    plain = {"alg": "RS256", "kid": rsa.kid}
    assert judge(crafted(plain, liar.claims(), sign))["sub"] == "mina-7"
    with pytest.raises(InvalidIdToken, match="does not hold"):
        judge(crafted(plain | {"crit": ["urn:x"], "urn:x": 1}, liar.claims(), sign))


@pytest.mark.parametrize("junk", [None, 7, {}, "", "a", "a.b", "a.b.c", "....", "é.é.é", "x" * 40_000, "\ud800"])
def test_what_is_no_token_is_refused(judge: Judge, junk: Any) -> None:
    with pytest.raises(InvalidIdToken):
        judge(junk)


def test_an_at_hash_ties_the_id_token_to_its_access_token(liar: Liar, judge: Judge) -> None:
    half = create_half_hash("at", "RS256").decode()
    assert judge(liar.sign(at_hash=half), "at")["sub"] == "mina-7"
    for said, came in ((half, "another"), ("made up", "at"), (7, "at")):
        with pytest.raises(InvalidIdToken, match="at_hash"):
            judge(liar.sign(at_hash=said), came)


def test_keys_that_can_not_be_had_let_nobody_in(liar: Liar, keys: KeySets) -> None:
    party = liar.party(jwks_url="http://127.0.0.1:9/jwks")
    with pytest.raises(InvalidIdToken, match="can not be had"):
        openid.verify_id_token(liar.sign(nonce="n"), party, keys, "n", liar.clock.seconds())


def test_a_party_without_keys_can_prove_nobody(liar: Liar, keys: KeySets) -> None:
    with pytest.raises(InvalidIdToken, match="can be checked"):
        openid.verify_id_token(liar.sign(), liar.party(jwks_url=None), keys, None, liar.clock.seconds())


def test_nothing_is_kept_of_a_question_that_was_answered(engine: Engine, liar: Liar) -> None:
    with engine.begin() as conn:
        conn.execute(delete(pending))
    went(engine, liar)
    with engine.begin() as conn:
        assert conn.execute(select(func.count()).select_from(pending)).scalar() == 0


def test_seconds_of_a_busy_server_are_counted_from_our_clock(engine: Engine, liar: Liar) -> None:
    liar.clock.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    liar.answer = lambda: Response("", 503, {"Retry-After": "Sun, 22 Nov 2026 09:00:30 GMT"})
    with pytest.raises(TokenError) as caught:
        exchanged(liar, went(engine, liar)[1])
    assert caught.value.seconds == 30.0
