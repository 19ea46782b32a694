"""A read, search, create or update answers the same by its lane as by the framework's road, the errors and the trail
included.

A slash behind the address leads by the framework's road: the lane knows no such address, the routes do.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import Client, TestResponse

from carecoord import app
from carecoord.store.audit.tables import audit
from carecoord.store.database.engine import reading
from carecoord.web.fhir import fast_path
from carecoord.web.server import exchange
from carecoord.web.server.exchange import Done
from carecoord.world import World
from tests.api.conftest import Api, patient

OWN = ("X-Request-Id", "Date")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ASKED = {
    "read": ("/Patient/{id}", {}),
    "read again": ("/Patient/{id}", {"If_None_Match": 'W/"1"'}),
    "read pretty": ("/Patient/{id}", {"_": "_pretty=true"}),
    "read a part": ("/Patient/{id}", {"_": "_elements=name"}),
    "read summed up": ("/Patient/{id}", {"_": "_summary=true"}),
    "unknown id": ("/Patient/nobody", {}),
    "deleted": ("/Patient/{gone}", {}),
    "in XML": ("/Patient/{id}", {"Accept": "application/fhir+xml"}),
    "bad preference": ("/Patient/{id}", {"Prefer": "handling=loud"}),
    "no token": ("/Patient/{id}", {"Authorization": ""}),
    "false token": ("/Patient/{id}", {"Authorization": "Bearer nonsense"}),
    "out of scope": ("/Task/x", {}),
    "search": ("/Patient", {"_": "name=okafor&_total=accurate"}),
    "search all": ("/Patient", {}),
    "search by nonsense": ("/Patient", {"_": "bogus=1"}),
    "search leniently": ("/Patient", {"_": "bogus=1", "Prefer": "handling=lenient"}),
    "search out of scope": ("/Task", {}),
    "search with a bad count": ("/Patient", {"_": "_count=many"}),
    "out of scope in Spanish": ("/Task/x", {"Accept_Language": "es"}),
    "search out of scope in Spanish": ("/Task", {"Accept_Language": "es"}),
}
SENT: dict[str, tuple[str, dict[str, Any]]] = {  # each by both roads, about two patients alike
    "update": ("PUT", {}),
    "update from this version": ("PUT", {"If_Match": 'W/"1"'}),
    "update from another version": ("PUT", {"If_Match": 'W/"99"'}),
    "update what is there already": ("PUT", {"If_None_Match": "*"}),
    "update, told little": ("PUT", {"Prefer": "return=minimal"}),
    "update, told what was done": ("PUT", {"Prefer": "return=OperationOutcome"}),
    "update in XML": ("PUT", {"Content_Type": "application/fhir+xml"}),
    "update by nobody": ("PUT", {"Authorization": ""}),
    "update with nonsense": ("PUT", {"body": b"{"}),
    "update with a body of another id": ("PUT", {"body": b'{"resourceType": "Patient", "id": "other"}'}),
    "update with too much": ("PUT", {"body": b" " * 200_001}),
    "update that breaks a rule, in Spanish": ("PUT", {"body": b'{"resourceType": "Task"}', "Accept_Language": "es"}),
    "create": ("POST", {}),
    "create, told little": ("POST", {"Prefer": "return=minimal"}),
    "create unless it is there": ("POST", {"If_None_Exist": "family=Nobody-Of-This-Name"}),
    "create by nobody": ("POST", {"Authorization": ""}),
    "create with nothing": ("POST", {"body": b""}),
    "create with too much": ("POST", {"body": b" " * 200_001}),
}


@pytest.fixture
def asker(client: Callable[..., Api]) -> tuple[Api, dict[str, str]]:
    """A client that may see patients only, and the ids of one who is there and one who is gone."""
    api = client()
    known, gone = (api.post("/Patient", patient(), Prefer="return=representation").json["id"] for _ in range(2))
    assert api.delete(f"/Patient/{gone}").status_code == 204
    return client("system/Patient.rs"), {"id": known, "gone": gone}


@pytest.mark.parametrize("what", ASKED)
def test_both_roads_give_the_same_answer(asker: tuple[Api, dict[str, str]], world: World, what: str) -> None:
    api, ids = asker
    path, more = ASKED[what]
    path, headers = path.format(**ids), {name: value for name, value in more.items() if name != "_"}
    query = f"?{more['_']}" if "_" in more else ""
    quick, ordinary = api.get(path + query, **headers), api.get(f"{path}/{query}", **headers)
    assert _whole(quick) == _whole(ordinary)
    assert quick.headers["X-Request-Id"] != ordinary.headers["X-Request-Id"]
    assert quick.headers["Access-Control-Allow-Origin"] == "*"
    world.journal.drain(world.engine)
    with reading(world.engine) as conn:
        names = ("interaction", "type", "resource", "patient", "query", "status", "subject", "client")
        rows = select(*(audit.c[name] for name in names)).where(
            audit.c.request.in_([quick.headers["X-Request-Id"], ordinary.headers["X-Request-Id"]])
        )
        noted = [tuple(row) for row in conn.execute(rows)]
    assert len(noted) in (0, 2)
    assert len(set(noted)) <= 1


@pytest.mark.parametrize("what", SENT)
def test_both_roads_give_the_same_answer_to_a_write(api: Api, world: World, what: str) -> None:
    method, more = SENT[what]
    headers = {name: value for name, value in more.items() if name != "body"}
    answers, noted = [], []
    for slash in ("", "/"):
        id = api.post("/Patient", patient(), Prefer="return=representation").json["id"]
        told = more.get("body", json.dumps(patient(id=id, gender="other")).encode())
        path = f"/Patient/{id}{slash}" if method == "PUT" else f"/Patient{slash}"
        answer = api(method, path, told, **headers)
        answer.request.environ["wsgi.input"].close()
        answers.append(_whole_write(answer, id))
        noted.append(_audited(world, answer.headers["X-Request-Id"]))
    assert answers[0] == answers[1]
    assert noted[0] == noted[1]


def test_the_lane_is_really_taken(asker: tuple[Api, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    api, ids = asker
    taken: list[str] = []
    real = fast_path.meant
    noted = lambda environ, route, args: (taken.append(route), real(environ, route, args))  # noqa: E731
    monkeypatch.setattr(fast_path, "meant", noted)
    api.get(f"/Patient/{ids['id']}")
    api.get("/Patient?name=x")
    api.put(f"/Patient/{ids['id']}", patient(id=ids["id"]))
    api.post("/Patient", patient())
    assert taken == [fast_path.READ, fast_path.SEARCH, fast_path.READ, fast_path.SEARCH]
    api.get("/Patient/x/_history")
    api.get("/metadata")
    api.get("/Nonsense/x")
    api("HEAD", f"/Patient/{ids['id']}")
    api("PATCH", f"/Patient/{ids['id']}", [])
    api.delete(f"/Patient/{ids['id']}")
    api.put("/Patient?name=x", patient())
    api.post("/Patient/_search", b"")
    assert len(taken) == 4


def test_an_error_that_nobody_foresaw_shows_only_an_id(world: World, asker: tuple[Api, dict[str, str]]) -> None:
    api, ids = asker

    def broken() -> Any:
        raise RuntimeError("Okafor, Ngozi")

    failing = Api(Client(app.wired(replace(world, clock=broken))), api.token)
    quick, ordinary = failing.get(f"/Patient/{ids['id']}"), failing.get(f"/Patient/{ids['id']}/")
    assert (quick.status_code, ordinary.status_code) == (500, 500)
    assert "Okafor" not in quick.get_data(as_text=True)
    assert quick.headers["X-Request-Id"] in quick.get_data(as_text=True)


def test_both_roads_count_as_the_same_route(world: World, asker: tuple[Api, dict[str, str]]) -> None:
    api, ids = asker
    seen: list[Done] = []
    made = app.wired(world)
    exchange.install(made, seen.append, lines=False)
    watched = Api(Client(made), api.token)
    for path in (f"/Patient/{ids['id']}", "/Patient", "/Patient?bogus=1"):
        plain, _, query = path.partition("?")
        watched.get(path)
        watched.get(f"{plain}/?{query}")
    kinds = [(done.route, json.dumps(done.args, sort_keys=True), done.status) for done in seen]
    assert kinds[0::2] == kinds[1::2]
    assert {kind[0] for kind in kinds} == {fast_path.READ, fast_path.SEARCH}


def _audited(world: World, request: str) -> list[tuple[Any, ...]]:
    world.journal.drain(world.engine)
    names = ("interaction", "type", "resource", "patient", "status", "subject", "client", "version")
    with reading(world.engine) as conn:
        rows = conn.execute(select(*(audit.c[name] for name in names)).where(audit.c.request == request))
        return [tuple(UUID.sub("ID", value) if isinstance(value, str) else value for value in row) for row in rows]


def _whole_write(answer: TestResponse, id: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """The same without what is its own of a write: ids and when it happened."""
    status, headers, body = _whole(answer)
    for name in (id, *re.findall(r"/Patient/([^/]+)/_history", answer.headers.get("Location", ""))):
        headers = [(each, value.replace(name, "ID")) for each, value in headers]
        body = body.replace(name.encode(), b"ID")
    body = re.sub(rb'"lastUpdated":"[^"]+"', b"", body)
    return status, [pair for pair in headers if pair[0] != "Last-Modified"], body


def _whole(answer: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    headers = sorted((name, value) for name, value in answer.headers if name not in OWN)
    own = answer.headers["X-Request-Id"].encode()
    return answer.status_code, headers, answer.get_data().replace(own, b"ID")
