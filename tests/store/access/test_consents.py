"""What is withheld, as SQL on both databases: criteria that must not hold, files by their documents, orders by their
payers, histories within limits; and the list of the Consents that forbid something."""

from importlib import import_module
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, insert, select

from carecoord.actions.worklist import project as worklist_project
from carecoord.domain.access.consent_filter import denied, narrowed
from carecoord.domain.access.consents import Asker, Directive, Part, Rule
from carecoord.fhir.instants import FOREVER, micros
from carecoord.fhir.search.query import EVERYTHING, Filter, limits
from carecoord.settings import Settings
from carecoord.store.access import consents
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import directive, resource
from carecoord.store.resources.write import Change, put_all
from carecoord.store.search.history import Limit, Point, changes
from carecoord.store.worklist.query import CaseScope, Worklist, WorklistQuery
from carecoord.store.worklist.tabs import DueBounds
from carecoord.store.worklist.walks import Outside
from tests.store.conftest import AMARA, HERE, START, Store

CONSENT = {
    "resourceType": "Consent", "id": "no", "status": "active", "patient": {"reference": "Patient/a"},
    "scope": {"coding": [{"code": "patient-privacy"}]}, "provision": {"type": "deny"},
}  # fmt: skip
DENY = Rule("deny", 0, FOREVER, None, frozenset("rsud"), frozenset(), Part(), True)
ENDS = Point(FOREVER, 2**62, 2**30)


def besides(type: str) -> Filter:
    found = denied([Directive("a", DENY)], Asker(frozenset()), micros(START))
    return narrowed(EVERYTHING, found.besides(type, "r", None, HERE))


def stock(store: Store) -> None:
    for id in "ab":
        store.put({"resourceType": "Patient", "id": id})
        store.put({"resourceType": "Observation", "id": f"{id}-lab", "subject": {"reference": f"Patient/{id}"}})
        store.put({"resourceType": "ServiceRequest", "id": f"{id}-order", "subject": {"reference": f"Patient/{id}"}})
        store.put({"resourceType": "Task", "id": f"{id}-task", "focus": {"reference": f"ServiceRequest/{id}-order"}})
        urls = [f"Binary/{id}-file", f"{HERE.url}/Binary/{id}-whole"]
        store.put(
            {"resourceType": "DocumentReference", "id": f"{id}-note", "subject": {"reference": f"Patient/{id}"},
             "content": [{"attachment": {"url": url}} for url in urls]}
        )  # fmt: skip
        for name in ("file", "whole"):
            store.put({"resourceType": "Binary", "id": f"{id}-{name}"})


def test_what_refers_to_a_denied_patient_itself_or_by_one_hop_is_not_found_and_not_counted(store: Store) -> None:
    stock(store)
    for type in ("Patient", "Observation", "ServiceRequest", "Task", "DocumentReference", "Binary"):
        page = store.page(f"{type}?_total=accurate", besides)
        ids = [row.id for row in page.rows]
        assert ids
        assert all(id.startswith("b") for id in ids), type
        assert page.total == len(ids)
    assert store.ids("Observation?subject:Patient._id=a", besides) == []
    included = store.page("Patient?_revinclude=*", besides).included
    assert {row.id[0] for row in included} == {"b"}


def test_thousands_of_denied_patients_are_one_parameter(store: Store) -> None:
    stock(store)
    many = [Directive(f"x{n}", DENY) for n in range(4000)]
    kept = denied([*many, Directive("a", DENY)], Asker(frozenset()), micros(START))

    def may(type: str) -> Filter:
        ways = limits(type, ((("_id:not", "y"),), (("_id:not", "z"),)), HERE)
        return narrowed(ways, kept.besides(type, "r", None, HERE))

    assert store.ids("Observation", may) == ["b-lab"]
    with reading(store.engine) as conn:
        every = tuple(sorted(kept.cases()))
        worklist = Worklist(conn, CaseScope((("placer", "o"), ("performer", "o")), every), DueBounds(0, 0, 0, 0))
        assert worklist.tally(WorklistQuery(), ("open", "overdue", "closed"))[0] == {
            "open": 0,
            "overdue": 0,
            "closed": 0,
        }


def test_a_file_is_found_by_the_document_that_it_is_attached_to(store: Store) -> None:
    stock(store)
    way = (("_has:DocumentReference:location:subject", "Patient/a"),)
    assert sorted(store.ids("Binary", lambda type: limits(type, (way,), HERE))) == ["a-file", "a-whole"]


def test_histories_within_limits_tell_neither_versions_nor_deletions_of_what_is_withheld(store: Store) -> None:
    stock(store)
    for id in "ab":
        changed = {"resourceType": "Observation", "id": f"{id}-lab", "subject": {"reference": f"Patient/{id}"}}
        store.put({**changed, "status": "final"})
        store.delete("Observation", f"{id}-lab")

    def told(limit: Limit) -> list[tuple[str, int]]:
        with reading(store.engine) as conn:
            found = changes(conn, ["Observation"], 50, ENDS, limits={"Observation": limit})
        return [(row.id, row.version) for row in found]

    assert told(Limit(besides("Observation"), ("a",))) == [("b-lab", 3), ("b-lab", 2), ("b-lab", 1)]
    assert told(Limit(besides("Observation"))) == []


def test_the_worklist_leaves_out_the_cases_of_denied_patients(store: Store) -> None:
    assert Outside("patient", ("a", "b")).blank() == Outside("patient", ("c",)).blank()
    with reading(store.engine) as conn:
        worklist = Worklist(conn, CaseScope((("placer", "o"), ("payer_key", "k")), ("a", "b")), DueBounds(0, 0, 0, 0))
        assert worklist.one("a-order") is None
        assert limits("ServiceRequest", ((("_requested-of", "k"),),), HERE)
    assert store.ids("ServiceRequest", lambda type: limits(type, ((("_requested-of", "k"),),), HERE)) == []


def test_the_list_of_forbidding_consents_is_kept_with_each_write_and_marked(engine: Engine) -> None:
    project = worklist_project.projector(worklist_project.policy(Settings(var="unused")))

    def write(consent: dict[str, Any] | None) -> bytes | None:
        with writing(engine) as conn:
            change = Change("Consent", "no", consent)
            put_all(conn, [change], now=START, actor=AMARA, base=HERE, project=project)
        with reading(engine) as conn:
            return consents.mark(conn)

    assert write({**CONSENT, "provision": {"type": "permit"}}) is None
    first = write(CONSENT)
    assert first
    second = write({**CONSENT, "provision": {"type": "deny", "action": [{"coding": [{"code": "use"}]}]}})
    assert second not in (None, first)
    with reading(engine) as conn:
        assert [row.id for row in consents.every(conn)] == ["no"]
    assert write(None) not in (None, second)
    with reading(engine) as conn:
        assert consents.every(conn) == []


def test_consents_that_were_here_before_are_found_when_the_database_is_brought_up_to_date(engine: Engine) -> None:
    revision = import_module("carecoord.store.migrations.versions.0002_second_factors_embedding_audit_chain")
    with writing(engine) as conn:
        for rid, id in enumerate(("deny", "permit"), 1):
            body = b'{"provision":{"type":"%b"}}' % id.encode()
            row = {"rid": rid, "id": id, "body": body, "type": "Consent", "version": 1, "updated": 1, "deleted": False}
            conn.execute(insert(resource).values(**row, hash=b""))
        with Operations.context(MigrationContext.configure(conn)):
            revision._find_directives()
        assert list(conn.scalars(select(directive.c.rid))) == [1]
        assert consents.mark(conn)
