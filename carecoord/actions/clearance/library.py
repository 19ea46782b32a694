"""What is read of the registry around cases: once for as many as are assembled between two changes of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import Connection

from carecoord.actions.clearance import rule_lines
from carecoord.actions.clearance.shelf import Layer, Reading
from carecoord.domain.ehrs.disputes import Disputed
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.referrals.case import REGISTRY
from carecoord.domain.resource.elements import identifiers, key, targets
from carecoord.store.ehrs import conflicts, ehrs
from carecoord.store.resources import read
from carecoord.store.resources.read import Row
from carecoord.store.worklist import registry

Json = dict[str, Any]
_decode = msgspec.json.Decoder().decode  # stored bytes were read strictly when they came in; here speed counts


@dataclass
class Library:
    """The registry as of one instant (None: now), read once for as many cases as are assembled in a transaction; of the
    present, once for all transactions between two changes of it."""

    conn: Connection
    as_of: int | None = None
    _changed: list[Json] | None = None

    def __post_init__(self) -> None:
        self._shelf = Reading(self.conn, past=self.as_of is not None)
        self._held: Layer[Json | None] = self._shelf.layer("resources")
        self._answers: Layer[tuple[str, ...]] = self._shelf.layer("answers")
        self._rules: Layer[tuple[Rule, ...]] = self._shelf.layer("rules")

    @cached_property
    def systems(self) -> dict[str, str]:
        """What each EHR is called, by every base URL that it has."""
        return {base: one.name for one in ehrs.every(self.conn) for base in one.bases}

    @cached_property
    def _in_dispute(self) -> frozenset[str]:
        """The patients of whom anything is in dispute with an EHR: normally nobody."""
        return conflicts.patients(self.conn) if self.as_of is None else frozenset()

    def disputes(self, patient: str) -> tuple[Disputed, ...]:
        """What an EHR and we have changed differently of a patient's resources, and nobody has settled yet."""
        if patient not in self._in_dispute:
            return ()
        found = conflicts.of_patient(self.conn, patient)
        return tuple(Disputed(one.ehr, one.type, one.id, one.element, one.ours, one.theirs) for one in found)

    def keep(self) -> None:
        """Let later transactions use what was read in this one."""
        self._shelf.keep()

    def patient(self, id: str) -> list[Json]:
        """The Patient, if there is one: no part of the registry, and read anew in each transaction."""
        return [_decode(row.body) for row in read.many(self.conn, [("Patient", id)], self.as_of)]

    def fetch(self, references: Iterable[str]) -> list[Json]:
        """The resources of the registry with these `Type/id`."""
        wanted = list(dict.fromkeys(references))
        missing = [each for each in wanted if each not in self._held]
        if missing:
            pairs = [(kind, id) for kind, _, id in (each.partition("/") for each in missing)]
            found = read.many(self.conn, pairs, self.as_of)
            self._held.add(dict.fromkeys(missing))
            self._keep(found)
        return [found for each in wanted if (found := self._held[each])]

    def identified(self, kind: str, keys: Iterable[str]) -> list[Json]:
        """The resources of a type with these identifiers, `system|value`."""

        def ask(missing: Sequence[str]) -> list[Row]:
            pairs = [(system, value) for system, _, value in (each.partition("|") for each in missing)]
            return registry.identified(self.conn, kind, pairs)

        return self._asked(("identified", kind), sorted(set(keys)), ask, lambda found: identifiers(found))

    def pointing(self, kind: str, code: str, to: str, references: Iterable[str]) -> list[Json]:
        """The resources of a type that refer by a search parameter to any of these `Type/id` (all of type `to`)."""

        def ask(missing: Sequence[str]) -> list[Row]:
            ids = [each.partition("/")[2] for each in missing]
            return registry.pointing(self.conn, [(kind, code)], to, ids)

        element = code.replace("participating-organization", "participatingOrganization")
        return self._asked((kind, code), sorted(set(references)), ask, lambda found: frozenset(targets(found, element)))

    def rules(
        self, payers: Iterable[str], plans: Iterable[str] | None, codes: Iterable[str], providers: Iterable[str]
    ) -> tuple[Rule, ...]:
        """The payers' rules that may speak of one of these codes: see `rule_lines.find`."""
        asked = tuple(each if each is None else frozenset(each) for each in (payers, plans, codes, providers))
        if asked not in self._rules:
            self._rules.add({asked: rule_lines.find(self.conn, payers, plans, codes, providers, self.as_of)})
        return self._rules[asked]

    def _asked(
        self,
        question: tuple[str, ...],
        values: Sequence[str],
        ask: Callable[[Sequence[str]], list[Row]],
        said: Callable[[Json], frozenset[str]],
    ) -> list[Json]:
        """Answer from what was asked before, and ask for the rest. In the past, what the index knows today is checked
        against what each resource said then, and what has changed since is looked through."""
        missing = [value for value in values if (*question, value) not in self._answers]
        if missing:
            rows = ask(missing)
            if self.as_of is None:
                found = self._keep(rows)
            else:
                then = self.fetch(f"{row.type}/{row.id}" for row in rows)
                found = [*then, *(each for each in self._others() if each not in then)]
            kind = question[1] if question[0] == "identified" else question[0]
            mine = [(key(each), said(each)) for each in found if each.get("resourceType") == kind]
            self._answers.add(
                {(*question, value): tuple(each for each, words in mine if value in words) for value in missing}
            )
        return self.fetch(each for value in values for each in self._answers[*question, value])

    def _others(self) -> list[Json]:
        """What of the registry has changed since the instant, as it was then."""
        if self._changed is None and self.as_of is not None:
            young = registry.changed_since(self.conn, list(REGISTRY), self.as_of)
            self._changed = self._keep(read.many(self.conn, young, self.as_of))
        return self._changed or []

    def _keep(self, rows: Iterable[Row]) -> list[Json]:
        found = []
        for row in rows:
            name = f"{row.type}/{row.id}"
            if name not in self._held or self._held[name] is None:
                self._held.add({name: None if row.deleted else _decode(row.body)})
            if (held := self._held[name]) is not None:
                found.append(held)
        return found
