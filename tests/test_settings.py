"""Secrets by file (issue 3): read from the file that a `_FILE` setting names, never from one that others may write."""

from pathlib import Path

import pytest

from carecoord.settings import BadSetting, load


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
