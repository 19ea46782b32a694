"""Settings are judged where they are read, in one line that says what to do; secrets come from files, never from one
that others may write."""

from pathlib import Path

import pytest

from carecoord.settings import BadSetting, Settings, load


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o444, 0o644])
def test_a_secret_is_read_from_its_file(secret: Path, mode: int) -> None:
    """444 and 644 are how Docker and Kubernetes hand secrets out."""
    secret.chmod(mode)
    assert load({"CARECOORD_METRICS_TOKEN_FILE": str(secret)}).metrics_token == "s3cret"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_secret_that_others_may_write_is_refused_with_what_to_do(secret: Path, mode: int) -> None:
    secret.chmod(mode)
    with pytest.raises(BadSetting, match=f"chmod go-w {secret}"):
        load({"CARECOORD_METRICS_TOKEN_FILE": str(secret)})


def test_a_secret_that_is_not_there_or_no_text_is_refused_by_name(secret: Path, tmp_path: Path) -> None:
    secret.write_bytes(b"\xff\xfe")
    for path in (secret, tmp_path / "missing", tmp_path):
        with pytest.raises(BadSetting, match="CARECOORD_METRICS_TOKEN_FILE"):
            load({"CARECOORD_METRICS_TOKEN_FILE": str(path)})


def test_no_refusal_shows_the_secret(secret: Path) -> None:
    secret.chmod(0o666)
    with pytest.raises(BadSetting) as refused:
        load({"CARECOORD_METRICS_TOKEN_FILE": str(secret)})
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "99999", "a whole number from 1 to 65535"),
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("DEMO_EHR_PORT", "70000", "a whole number from 1 to 65535"),
        ("WORKERS", "-1", "a whole number from 0"),
        ("THREADS", "0", "a whole number from 1"),
        ("DATABASE_POOL", "1", "a whole number from 4"),
        ("MAX_BODY", "0", "a whole number from 1024"),
        ("PAGE_SIZE", "-5", "a whole number from 1"),
        ("PAGE_SIZE", "5000", "must not be above CARECOORD_PAGE_MAX"),
        ("PAGE_MAX", "0", "a whole number from 1"),
        ("SYNC_GOAL", "0", "a whole number from 1"),
        ("EXPIRING_DAYS", "-1", "a whole number from 0"),
        ("TRUSTED_PROXIES", "-1", "a whole number from 0"),
        ("SECOND_FACTOR_DAYS", "99999999999", "a whole number from 0 to 36500"),
        ("LOG_LEVEL", "TRACE", "DEBUG, INFO, WARNING or ERROR"),
        ("TIMEZONE", "Mars/Phobos", "a name such as America/New_York"),
        ("TIMEZONE", "America/Newyork", "did you mean America/New_York?"),
        ("TIMEZONE", "America", "a name such as America/New_York"),
        ("TIMEZONE", "../etc/passwd", "a name such as America/New_York"),
        ("TIMEZONE", "", "a name such as America/New_York"),
        ("BASE_URL", "h.example", "scheme and host, no path, no /fhir"),
        ("BASE_URL", "https://h.example/fhir", "scheme and host, no path, no /fhir"),
        ("BASE_URL", "http://h/care", "scheme and host, no path, no /fhir"),
        ("BASE_URL", "ftp://h.example", "scheme and host"),
        ("BASE_URL", "https://", "scheme and host"),
        ("BASE_URL", "https://h.example:port", "scheme and host"),
        ("BASE_URL", "https://h.example?x=1", "scheme and host"),
        ("BASE_URL", "https://a b", "scheme and host"),
        ("HOST", "http://127.0.0.1", "an IP address or a host's name"),
        ("HOST", "127.0.0.1:8000", "an IP address or a host's name"),
        ("HOST", "", "an IP address or a host's name"),
        ("HOST", "10.0.0.300", "an IP address or a host's name"),
        ("VAR", "", "the path of a folder"),
        ("SIGN_IN_RATE", "0/minute", "a rate such as 20/minute"),
        ("REDIS_URL", "redis://h:port/0", "can not be read"),
        ("BROKER_URL", "amqp://h:port", "can not be read"),
        ("BROKER_URL", "sqs://h", "must begin with redis://, rediss:// (TLS), amqp:// or amqps:// (TLS)"),
        ("METRICS_TOKEN", "two words", "without blanks"),
        ("DATABASE_URL", "nonsense", "must be sqlite:///path or postgresql://"),
        ("DATABASE_URL", "oracle://h/x", "not oracle://"),
        ("DATABASE_URL", "sqlite://", "must name a file"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name a file"),
        ("DATABASE_URL", "sqlite://var/carecoord.db", "must name a file"),
        ("DATABASE_URL", "postgresql://h", "does not name host and database"),
    ],
)
def test_a_setting_that_can_not_work_is_refused_where_it_is_read(name: str, value: str, said: str) -> None:
    """Faults F10, I06, I07 of operations.md: one line that names the setting and what would be right."""
    with pytest.raises(BadSetting) as refused:
        load({f"CARECOORD_{name}": value})
    told = str(refused.value)
    assert f"CARECOORD_{name}" in told
    assert said in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "url",
    [
        "postgres+psycopg2://cc:hush@h/cc",
        "mysql://cc:hush@h/cc",
        "postgresql://cc:hush@ss:w/rd@h/cc",
        "postgresql://cc:a@hush@h/cc",
        "postgresql://cc:hush:5432/cc",
        "cc:hush@h/cc",
        "hush",
    ],
)
def test_no_refusal_of_a_database_shows_its_password(url: str) -> None:
    """F8 and judgement 1.3: a password with @ in it that was not escaped moves into other parts of the URL."""
    with pytest.raises(BadSetting) as refused:
        load({"CARECOORD_DATABASE_URL": url})
    assert "hush" not in str(refused.value)
    assert "CARECOORD_DATABASE_URL" in str(refused.value)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_name_of_postgresql_is_understood(scheme: str) -> None:
    made = load({"CARECOORD_DATABASE_URL": f"{scheme}://cc:p%40ss@h/cc"})
    assert made.database == "postgresql+psycopg://cc:p%40ss@h/cc"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost", "http://localhost:8000"),
        ("care.example", "http://care.example:8000"),
        ("::1", "http://[::1]:8000"),
        ("[::1]", "http://[::1]:8000"),
        ("127.0.0.1", "http://127.0.0.1:8000"),
    ],
)
def test_an_address_of_ipv6_stands_in_brackets(host: str, url: str) -> None:
    """RFC 3986 3.2.2 (I03)."""
    assert load({"CARECOORD_HOST": host}).url == url


def test_what_kubernetes_sets_for_a_service_is_no_setting_of_ours() -> None:
    """F11: the variables of a Service named carecoord on port 8000, as every pod of its namespace gets them."""
    links = {
        "CARECOORD_SERVICE_HOST": "10.96.0.7",
        "CARECOORD_SERVICE_PORT": "8000",
        "CARECOORD_SERVICE_PORT_HTTP": "8000",
        "CARECOORD_PORT": "tcp://10.96.0.7:8000",
        "CARECOORD_PORT_8000_TCP": "tcp://10.96.0.7:8000",
        "CARECOORD_PORT_8000_TCP_PROTO": "tcp",
        "CARECOORD_PORT_8000_TCP_PORT": "8000",
        "CARECOORD_PORT_8000_TCP_ADDR": "10.96.0.7",
        "CARECOORD_POSTGRES_SERVICE_HOST": "fd00::7",
        "CARECOORD_POSTGRES_PORT": "tcp://[fd00::7]:5432",
    }
    assert load(links) == Settings()


@pytest.mark.parametrize(
    ("name", "value"), [("SERVICE_HOST", "care.example"), ("SERVICE_PORT", "http"), ("PROT", "8000"), ("SERVICE", "x")]
)
def test_a_name_that_only_looks_like_kubernetes_is_still_refused(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match="not a setting"):
        load({f"CARECOORD_{name}": value})


def test_a_setting_that_is_given_twice_is_refused(secret: Path) -> None:
    with pytest.raises(BadSetting, match="both given"):
        load({"CARECOORD_METRICS_TOKEN": "a", "CARECOORD_METRICS_TOKEN_FILE": str(secret)})
