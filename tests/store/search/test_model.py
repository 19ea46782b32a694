"""The store against a dictionary: any sequence of writes leaves the same versions in both."""

import itertools
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from carecoord.errors import Stale
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import open_engine, reading
from carecoord.store.resources import read
from carecoord.store.resources.write import Change
from tests.conftest import DATABASES
from tests.store.conftest import Store, content

IDS = st.sampled_from(["a", "b", "c"])
FAMILIES = st.sampled_from(["Okafor", "Balewa", "Ünal"])
Versions = list[dict[str, Any] | None]


def patient(id: str, family: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id, "name": [{"family": family}]}


class Versioning(RuleBasedStateMachine):
    """Puts and deletions, some conditional, some many at once; a list of contents per id says what should be there."""

    url = ""
    runs = itertools.count()

    @initialize()
    def open(self) -> None:
        self.engine = open_engine(self.url)
        self.store = Store(self.engine)
        self.model: dict[str, Versions] = {}
        self.run = next(self.runs)  # each run has ids of its own, for all share the database

    def own(self, id: str) -> str:
        return f"run{self.run}-{id}"

    def expect(self, id: str, resource: dict[str, Any] | None) -> tuple[str, int]:
        """Change the model; say what the store should answer."""
        versions = self.model.setdefault(id, [])
        now = versions[-1] if versions else None
        if now == resource:
            return "unchanged", len(versions)
        versions.append(resource)
        outcome = "deleted" if resource is None else "updated" if now is not None else "created"
        return outcome, len(versions)

    @rule(id=IDS, family=FAMILIES)
    def put(self, id: str, family: str) -> None:
        written = self.store.put(patient(self.own(id), family))
        assert (written.outcome, written.version) == self.expect(id, patient(self.own(id), family))

    @rule(id=IDS)
    def delete(self, id: str) -> None:
        written = self.store.delete("Patient", self.own(id))
        assert (written.outcome, written.version) == self.expect(id, None)

    @rule(changes=st.lists(st.tuples(IDS, st.none() | FAMILIES), min_size=2, max_size=6))
    def put_many(self, changes: list[tuple[str, str | None]]) -> None:
        wanted = [(id, patient(self.own(id), family) if family else None) for id, family in changes]
        written = self.store.put_all(*(Change("Patient", self.own(id), resource) for id, resource in wanted))
        expected = [self.expect(id, resource) for id, resource in wanted]
        assert [(one.outcome, one.version) for one in written] == expected

    @rule(id=IDS, family=FAMILIES, off=st.sampled_from([0, 0, -1, 1]))
    def put_if_match(self, id: str, family: str, off: int) -> None:
        present = len(self.model.get(id, []))
        if present + off < 1:
            return
        if off == 0:
            written = self.store.put(patient(self.own(id), family), expected=present)
            assert (written.outcome, written.version) == self.expect(id, patient(self.own(id), family))
        else:
            with pytest.raises(Stale):
                self.store.put(patient(self.own(id), family), expected=present + off)

    @invariant()
    def the_same_is_there(self) -> None:
        for id, versions in self.model.items():
            with reading(self.engine) as conn:
                rows = read.history(conn, "Patient", self.own(id), len(versions)) if versions else []
                for row in rows:
                    assert read.version(conn, "Patient", self.own(id), row.version) == row
                    last = next(other for other in rows if other.updated == row.updated)
                    assert read.as_of(conn, "Patient", self.own(id), row.updated) == last
            assert [None if r.deleted else content(r.body) for r in reversed(rows)] == versions
        living = {self.own(id): versions[-1] for id, versions in self.model.items() if versions and versions[-1]}
        ours = "Patient?_id=" + ",".join(map(self.own, "abc"))
        assert sorted(self.store.ids(ours)) == sorted(living)
        for family in ("Okafor", "Balewa", "Ünal"):
            named = [id for id, resource in living.items() if resource == patient(id, family)]
            assert sorted(self.store.ids(f"{ours}&family:exact={family}")) == sorted(named)

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self.engine.dispose()


@pytest.mark.parametrize("kind", DATABASES)
def test_any_sequence_of_writes_leaves_what_a_dictionary_would_hold(kind: str, new_database: Any) -> None:
    Machine = type("Machine", (Versioning,), {"url": new_database(kind)})
    runs = 25 if kind == "sqlite" else 10  # the rules are the same code on both
    run_state_machine_as_test(Machine, settings=settings(max_examples=runs, stateful_step_count=15, deadline=None))


def test_a_version_of_an_instant_is_the_last_one_before_it(store: Store) -> None:
    first = store.put(patient("a", "One"))
    second = store.put(patient("a", "Two"))
    with reading(store.engine) as conn:
        assert read.as_of(conn, "Patient", "a", first.updated - 1) is None
        early, late = (read.as_of(conn, "Patient", "a", at) for at in (second.updated - 1, micros(store.now)))
    assert (early and early.version, late and late.version) == (1, 2)
