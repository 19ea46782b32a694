"""What machines look for at fixed places, and what Prometheus is told of our processes."""

import platform
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from carecoord import app, effects
from carecoord.settings import BadSetting, Settings, load
from carecoord.store.database.engine import migrate

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


def client(folder: Path, **given: str) -> Client:
    world = replace(effects.world(Settings(var=str(folder), **given)), clock=lambda: NOW)  # type: ignore[arg-type]
    migrate(world.engine)
    return app.wired(world).test_client()


def test_security_txt_names_the_contact_that_the_operator_set(tmp_path: Path) -> None:
    asked = client(tmp_path, security_contact="mailto:security@care.example", base_url="https://care.example")
    answer = asked.get("/.well-known/security.txt")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.get_data(as_text=True) == (
        "Contact: mailto:security@care.example\n"
        "Expires: 2027-05-21T00:00:00Z\n"
        "Preferred-Languages: en, es\n"
        "Canonical: https://care.example/.well-known/security.txt\n"
    )


def test_without_a_contact_there_is_no_security_txt(tmp_path: Path) -> None:
    assert client(tmp_path).get("/.well-known/security.txt").status_code == 404


def test_a_password_manager_is_led_to_where_a_password_is_changed(tmp_path: Path) -> None:
    answer = client(tmp_path).get("/.well-known/change-password")
    assert (answer.status_code, answer.location) == (302, "/account")


def test_search_engines_are_told_to_stay_out(tmp_path: Path) -> None:
    assert client(tmp_path).get("/robots.txt").get_data(as_text=True) == "User-agent: *\nDisallow: /\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECURITY_CONTACT", "security@care.example"), ("SECURITY_CONTACT", "mailto:nobody"),
        ("SECURITY_CONTACT", "https://care.example/a b"), ("OTLP_URL", "collector:4318"),
        ("OTLP_URL", "https://user:s3cret@collector"), ("OTLP_URL", "grpc://collector:4317"),
    ],
)  # fmt: skip
def test_an_address_that_can_not_be_meant_is_refused(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"CARECOORD_{name} must be") as refused:
        load({f"CARECOORD_{name}": value})
    assert "s3cret" not in str(refused.value)


def test_metrics_say_which_version_runs_and_what_its_processes_use(tmp_path: Path) -> None:
    text = client(tmp_path).get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}).get_data(as_text=True)
    found = {
        one.name: (one.labels, one.value)
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name.startswith(("process_", "carecoord_build", "carecoord_processes"))
    }
    assert found["carecoord_build_info"] == (
        {"version": version("carecoord"), "python": platform.python_version()}, 1.0
    )  # fmt: skip
    assert found["carecoord_processes"][1] >= 1
    assert found["process_resident_memory_bytes"][1] > 20_000_000
    assert 3 < found["process_open_fds"][1] < found["process_max_fds"][1]
    assert found["process_cpu_seconds_total"][1] > 0
    assert text.count("# HELP process_cpu_seconds_total ") == 1
