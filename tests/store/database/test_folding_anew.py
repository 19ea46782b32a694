"""A database from before names were folded to base letters is brought up to date: old rows are found and sorted."""

import hashlib
import json
from importlib import import_module

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, insert, select

from carecoord.fhir.search.params import key
from carecoord.store.database.engine import reading, writing
from carecoord.store.database.tables import case, ix_pair, ix_string, outbox, resource
from carecoord.store.worklist import rows as worklist_rows
from tests.desk.rows import row

revision = import_module("carecoord.store.migrations.versions.0003_names_in_base_letters")
LONG = "Łuk " * 200
FAMILY, PAIR, TOKENS = (
    key("Patient", "family"),
    key("Observation", "code-value-string"),
    key("Observation", "code-date"),
)


def clipped(text: str) -> str:
    return text.encode()[:400].decode(errors="ignore") + "#" + hashlib.sha256(text.encode()).hexdigest()


def test_strings_pairs_and_cases_are_folded_anew(engine: Engine) -> None:
    old = {  # exact -> as it was folded
        "Łukasiewicz": "łukasiewicz", "O’Brien": "o’brien", "Okafor": "okafor", LONG: clipped(LONG.lower().strip()),
    }  # fmt: skip
    body = {"resourceType": "Patient", "id": "p", "version": 1, "type": "Patient", "updated": 1, "deleted": False}
    with writing(engine) as conn:
        text = json.dumps({"name": [{"family": LONG}]})
        known = {name: value for name, value in body.items() if name != "resourceType"}
        conn.execute(insert(resource).values(rid=7, body=text.encode(), hash=b"", **known))
        for exact, folded in old.items():
            held = exact if len(exact) < 100 else clipped(exact)
            conn.execute(insert(ix_string).values(rid=7, key=FAMILY, folded=folded, exact=held))
        for each, second in ((PAIR, "łukasiewicz"), (TOKENS, "Łukasiewicz")):
            conn.execute(
                insert(ix_pair).values(rid=7, key=each, code="a", system="", code2=second, system2="", low=0, high=0)
            )
        worklist_rows.save(conn, [{**row(7, patient_name="Ødegård, Bjørn", specialty="Ŧest"), "patient_sort": ""}])
        with Operations.context(MigrationContext.configure(conn)):
            revision._fold_strings(conn)
            revision._fold_pairs(conn)
            revision._fold_cases(conn)
    with reading(engine) as conn:
        folded = set(conn.scalars(select(ix_string.c.folded)))
        assert folded == {"lukasiewicz", "obrien", "okafor", clipped(("luk " * 200).strip())}
        pairs = {each.key: each.code2 for each in conn.execute(select(ix_pair))}
        assert pairs == {PAIR: "lukasiewicz", TOKENS: "Łukasiewicz"}, "a code is no name and stays as it is"
        found = conn.execute(select(case)).one()
        assert (found.patient_sort, found.specialty_sort, found.searched) == ("odegard, bjorn", "test", "")
        assert found.changes_at == 0, "it is judged anew, with its words, before it is shown"
        assert conn.execute(select(outbox.c.kind, outbox.c.due_at)).all() == [("refresh-cases", 0)]
