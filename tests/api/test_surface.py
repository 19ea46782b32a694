"""What the API says of itself, to whom it speaks, and what every answer carries."""

from pathlib import Path

import pytest
from sqlalchemy import select

from carecoord.fhir.types import TYPES
from carecoord.settings import Settings
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from carecoord.web.fhir.routes import ROUTES
from carecoord.world import World
from tests.api.conftest import FHIR_JSON, Api, issues, patient


def test_metadata_and_the_smart_configuration_are_open_and_everything_else_is_not(api: Api) -> None:
    nobody = Api(api.http, None)
    statement = nobody.get("/metadata")
    assert statement.status_code == 200
    assert statement.content_type.startswith(FHIR_JSON)
    assert nobody.get("/.well-known/smart-configuration").status_code == 200
    for method, path, _ in ROUTES:
        address = path.replace("<type>", "Patient").replace("<owner>", "Patient").replace("<id>", "p")
        answer = nobody(method, address.replace("<number>", "1"), {} if method in ("POST", "PUT") else None)
        assert answer.status_code == 401, (method, path)


def test_metadata_tells_what_is_there(api: Api) -> None:
    told = api.get("/metadata").get_json()
    rest = told["rest"][0]
    assert {row["type"] for row in rest["resource"]} == set(TYPES)
    assert told["implementation"]["url"] == "https://care.example/fhir"
    order = next(row for row in rest["resource"] if row["type"] == "ServiceRequest")
    assert order["operation"][0]["name"] == "clearance"
    assert {each["code"] for each in order["interaction"]} >= {"read", "vread", "create", "update", "delete"}
    assert {each["code"] for each in rest["interaction"]} == {"transaction", "batch", "search-system", "history-system"}
    assert rest["security"]["cors"] is True
    assert api.get("/metadata?_format=xml").status_code == 406


def test_browser_apps_of_any_origin_may_ask(api: Api) -> None:
    origin = {"Origin": "https://app.example"}
    ask = api.http.options("/fhir/Patient/p", headers={**origin, "Access-Control-Request-Method": "PUT"})
    assert ask.status_code == 204
    assert "PUT" in ask.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in ask.headers["Access-Control-Allow-Headers"]
    for path in ("/metadata", "/.well-known/smart-configuration", "/Patient/p", "/nonsense/x/y/z/1"):
        answer = api.get(path, **origin)
        assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"], path
    assert "ETag" in api.get("/Patient/p").headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in api.http.get("/sign-in").headers


def test_every_answer_carries_an_id_and_the_security_headers(api: Api) -> None:
    for path in ("/metadata", "/Patient/nobody", "/Patient"):
        headers = api.get(path).headers
        assert len(headers["X-Request-Id"]) == 32
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
    assert api.get("/Patient", X_Request_Id="my-7").headers["X-Request-Id"] == "my-7"
    assert api.get("/Patient", X_Request_Id="a b\tc").headers["X-Request-Id"] != "a b\tc"


def test_it_says_that_it_is_well(api: Api) -> None:
    answer = api.http.get("/healthz")
    assert (answer.status_code, answer.get_data()) == (200, b"ok\n")


def test_every_read_search_and_write_is_audited_also_the_refused(api: Api, world: World) -> None:
    api.put("/Patient/p", patient(id="p"), X_Request_Id="a")
    api.get("/Patient/p", X_Request_Id="b")
    api.get("/Patient?family=Okafor&_count=2", X_Request_Id="c")
    api.get("/Patient/nobody", X_Request_Id="d")
    api.get("/Patient/p/_history", X_Request_Id="e")
    api.get("/Patient?birthdate=nonsense", X_Request_Id="f")
    api.delete("/Patient/p", X_Request_Id="g")
    world.journal.drain(world.engine)
    with reading(world.engine) as conn:
        found = {row.request: row for row in conn.execute(select(audit).order_by(audit.c.n))}
    told = {key: (row.interaction, row.type, row.resource, row.status) for key, row in found.items()}
    assert told == {
        "a": ("create", "Patient", "p", 201),
        "b": ("read", "Patient", "p", 200),
        "c": ("search", "Patient", None, 200),
        "d": ("read", "Patient", "nobody", 404),
        "e": ("history", "Patient", "p", 200),
        "f": ("search", "Patient", None, 400),
        "g": ("delete", "Patient", "p", 204),
    }
    assert found["c"].query == "family=Okafor&_count=2"
    assert found["b"].patient == "p"
    assert {row.subject for row in found.values()} == {"tester"}


@pytest.mark.parametrize("path", ["/fhir", "/fhir/"])
def test_the_base_takes_bundles_with_and_without_a_slash(api: Api, path: str) -> None:
    body = b'{"resourceType":"Bundle","type":"batch"}'
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": FHIR_JSON}
    assert api.http.post(path, data=body, headers=headers).status_code == 200


def test_a_body_in_pieces_is_limited_too(api: Api, settings: Settings) -> None:
    """Without a Content-Length the limit counts what arrives."""
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": FHIR_JSON, "Transfer-Encoding": "chunked"}
    environ = {"wsgi.input_terminated": True}
    answer = api.http.post(
        "/fhir/Patient", data=b" " * (settings.max_body + 1), headers=headers, content_length=None,
        environ_overrides=environ,
    )  # fmt: skip
    assert answer.status_code == 413
    assert issues(answer)[0]["code"] == "too-long"


def test_there_is_no_word_of_xml_in_what_it_takes(api: Api) -> None:
    assert api.get("/metadata").get_json()["format"] == ["application/fhir+json", "json"]
    assert not list(Path(__file__).parents[2].glob("carecoord/web/*xml*"))
