"""The papers of agreements: whoever may read a document finds its agreement by its words, and nobody else."""

import base64
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Engine

from auth.grant import Grant
from auth.scopes import parse
from auth.scopes import resources as only
from carecoord.actions.access.turn import looking
from carecoord.actions.agreements import desk
from carecoord.actions.agreements.papers import pages
from carecoord.actions.worklist import project
from carecoord.domain.documents import audience
from carecoord.settings import Settings
from carecoord.store.agreements import papers
from carecoord.store.agreements.roll import Asked
from carecoord.store.audit.events import Journal
from carecoord.store.database import jobs
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.world import World
from tests.domain.stories import NOW, contract, plain, ref
from tests.domain.worklist.test_project import put

Json = dict[str, Any]
PAYER, GROUP, OTHER = "payer-1", "group-1", "clinic"


def document(id: str, by: str, said: str, **more: Any) -> Json:
    data = base64.b64encode(said.encode()).decode()
    return {
        "resourceType": "DocumentReference",
        "id": id,
        "status": "current",
        "author": [ref(f"Organization/{by}")],
        "context": {"related": [ref("Contract/agr-1-v1")]},
        "content": [{"attachment": {"contentType": "text/plain", "data": data}}],
    } | more


DOCUMENTS = {  # each says a word of its own
    "alpha": document("d1", PAYER, "alpha"),
    "bravo": audience.listed(document("d2", PAYER, "bravo"), [PAYER]),
    "charlie": audience.listed(document("d3", PAYER, "charlie"), [GROUP]),
    "delta": document("d4", GROUP, "delta") | {"custodian": ref(f"Organization/{PAYER}")},
    "echo": document("d5", PAYER, "echo", subject=ref("Patient/p")),
    "foxtrot": document("d6", OTHER, "foxtrot"),
}


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    settings = Settings()
    rules = project.projector(project.policy(settings))
    journal = Journal(tmp_path / "audit")
    made = World(engine, lambda: NOW, lambda: str(uuid4()), requests.Session, settings, rules, journal)
    signed = contract() | {"authority": [ref(f"Organization/{PAYER}")], "subject": [ref(f"Organization/{GROUP}")]}
    with writing(engine) as conn:
        put(conn, *plain().resources.values(), signed, *DOCUMENTS.values(), now=NOW)
    with reading(engine) as conn:
        waiting = jobs.waiting(conn, pages.JOB)
    for id in waiting:
        pages.read(made, id)
    return made


def found(world: World, organization: str, word: str) -> int:
    who = Grant("u", scopes=only(parse("user/*.rs")), roles=frozenset({"contracts"}), organization=organization)
    return len(desk.listed(world, who, "", Asked(0, words=(word,), tab="all")).lines)


def readable(world: World, organization: str, id: str) -> bool:
    who = Grant("u", scopes=only(parse("user/*.rs")), roles=frozenset({"contracts"}), organization=organization)
    with looking(world, who, "") as turn:
        row = read.get(turn.conn, "DocumentReference", id)
        return row is not None and turn.sees(row, "r")


def test_whoever_may_read_a_document_finds_its_agreement_by_its_words_and_nobody_else(world: World) -> None:
    told = {who: [word for word in DOCUMENTS if found(world, who, word)] for who in (PAYER, GROUP)}
    assert told == {PAYER: ["alpha", "bravo", "delta"], GROUP: ["delta"]}
    for who, words in told.items():
        assert words == [word for word, each in DOCUMENTS.items() if readable(world, who, each["id"])]
    assert found(world, PAYER, "agr") == 1


def test_another_file_takes_the_place_of_the_words_and_a_document_that_is_gone_of_none(world: World) -> None:
    def told(word: str) -> int:
        return found(world, PAYER, word)

    with writing(world.engine) as conn:
        put(conn, document("d1", PAYER, "golf\n" * 61 + "hotel"), now=NOW)
    assert (told("alpha"), told("golf")) == (0, 0), "it is not read yet"
    pages.read(world, "d1")
    with reading(world.engine) as conn:
        assert [len(each.split("\n")) for each in papers.pages(conn, "d1")] == [60, 2]
        assert papers.papers(conn, ["d1"])["d1"].pages == 2
    assert (told("golf"), told("hotel")) == (1, 1)
    with writing(world.engine) as conn:
        put(conn, document("d1", PAYER, "golf") | {"status": "entered-in-error"}, now=NOW)
    assert told("golf") == 0


def test_papers_that_were_there_before_are_read_when_the_server_is_made_ready(world: World) -> None:
    with writing(world.engine) as conn:
        for each in DOCUMENTS.values():
            papers.remove(conn, each["id"])
    pages.renew(world)
    pages.renew(world)
    pages.read(world, "d1")
    assert (found(world, PAYER, "alpha"), found(world, PAYER, "bravo")) == (1, 0)
