"""What is read of the registry around cases: once for as many as are assembled between two changes of it."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection

from carecoord.actions.agreements import places, register
from carecoord.actions.clearance import rule_lines
from carecoord.actions.clearance.bodies import decoded
from carecoord.actions.clearance.shelf import Layer, Reading
from carecoord.actions.policies import known
from carecoord.domain.agreements.records import Listing, PlanListing
from carecoord.domain.agreements.versions import Version
from carecoord.domain.ehrs.disputes import Disputed
from carecoord.domain.policies.lines import Line
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.domain.resource.elements import identifiers, key, pairs, target
from carecoord.domain.resource.parties import TAXES
from carecoord.domain.resource.places import Place, Point
from carecoord.store.ehrs import conflicts, ehrs
from carecoord.store.resources import read, registry_mark
from carecoord.store.resources.read import Row
from carecoord.store.worklist import registry

Json = dict[str, Any]
T = TypeVar("T")
People = tuple[Mapping[str, Json], frozenset[str]]  # by `Type/id`, and the keys of the registry asked for
COPIED = ("Organization", "Location", "Practitioner")


@dataclass
class Library:
    """The registry as of one instant (None: now), read once for as many cases as are assembled in a transaction; of the
    present, once for all transactions between two changes of it. looked: it may be as this transaction saw it last."""

    conn: Connection
    as_of: int | None = None
    looked: bool = False
    kept: dict[str, Any] = field(default_factory=dict)  # what `assemble` read of patients whom the transaction holds
    _changed: list[Json] | None = None

    def __post_init__(self) -> None:
        self._shelf = Reading(self.conn, past=self.as_of is not None, looked=self.looked)
        self._held: Layer[Json | None] = self._shelf.layer("resources")
        self._people: Layer[People] = self._shelf.layer("people")
        self._around: Layer[Any] = self._shelf.layer("around")
        self._answers: Layer[tuple[str, ...]] = self._shelf.layer("answers")
        self._rules: Layer[tuple[Rule, ...]] = self._shelf.layer("rules")
        self._sparing: Layer[bool] = self._shelf.layer("sparing")
        self._listings: Layer[tuple[Listing, ...]] = self._shelf.layer("listings")
        self._plans: Layer[tuple[PlanListing, ...]] = self._shelf.layer("plans")
        self._versions: Layer[tuple[Version, ...]] = self._shelf.layer("versions")
        self._policies: Layer[tuple[Line, ...]] = self._shelf.layer("policies")
        self._members: Layer[list[str]] = self._shelf.layer("members")
        self._places: Layer[tuple[Place, ...]] = self._shelf.layer("places")

    @cached_property
    def systems(self) -> Mapping[str, str]:
        """What each EHR is called, by every base URL that it has."""
        return _named(tuple((base, one.name) for one in ehrs.every(self.conn) for base in one.bases))

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

    @property
    def mark(self) -> bytes:
        """The mark of the registry when it was first looked into."""
        return self._shelf.mark

    def standing(self) -> "Library":
        """This one, of a registry that stands still from now on; another where it was changed since it was first looked
        into."""
        registry_mark.hold_still(self.conn)
        return self if registry_mark.mark(self.conn) == self.mark else Library(self.conn)

    def keep(self) -> None:
        """Let later transactions use what was read and made in this one."""
        self._shelf.keep()

    def made(self, question: Any, evidence: Any) -> Any:
        """What was made of this evidence and the registry as it stands, or None. The past is made anew."""
        return self._shelf.made(question, evidence) if self.as_of is None else None

    def make(self, question: Any, evidence: Any, found: Any) -> None:
        """Make something of evidence and the registry."""
        self._shelf.make(question, evidence, found)

    def fetch(self, references: Iterable[str]) -> list[Json]:
        """The resources of the registry with these `Type/id`."""
        wanted = list(dict.fromkeys(references))
        missing = [each for each in wanted if each not in self._held]
        if missing:
            pairs = [(kind, id) for kind, _, id in (each.partition("/") for each in missing)]
            rows = read.many(self.conn, pairs, self.as_of)
            self._held.add(dict.fromkeys(missing))
            self._keep(rows)
        return [found for each in wanted if (found := self._held[each])]

    def rules(
        self, payers: Iterable[str], plans: Iterable[str] | None, codes: Iterable[str], providers: Iterable[str]
    ) -> tuple[Rule, ...]:
        """The payers' rules that may speak of one of these codes: see `rule_lines.find`. Where none of them spares any
        one provider they are the same for all, and found once; nearly every case names somebody whom no other does."""
        asked = (frozenset(payers), plans if plans is None else frozenset(plans), frozenset(codes))
        if self.as_of is None and asked not in self._sparing:
            self._sparing.add({asked: rule_lines.spares_any(self.conn, *asked)})
        spared = frozenset(providers) if self.as_of is not None or self._sparing[asked] else frozenset[str]()
        if (*asked, spared) not in self._rules:
            found = rule_lines.find(self.conn, *asked, spared, self.as_of)
            self._rules.add({(*asked, spared): found})
        return self._rules[*asked, spared]

    def identified(self, kind: str, keys: Iterable[str]) -> list[Json]:
        """The resources of a type with these identifiers, `system|value`. In the past, what the index knows today is
        checked against what each resource said then, and what has changed since is looked through."""
        values = sorted(set(keys))
        if missing := [value for value in values if (kind, value) not in self._answers]:
            rows = registry.identified(self.conn, kind, pairs(missing))
            if self.as_of is None:
                found = self._keep(rows)
            else:
                then = self.fetch(f"{row.type}/{row.id}" for row in rows)
                found = [*then, *(each for each in self._others() if each not in then)]
            mine = [(key(each), identifiers(each)) for each in found if each.get("resourceType") == kind]
            self._answers.add({(kind, value): tuple(each for each, ids in mine if value in ids) for value in missing})
        return self.fetch(each for value in values for each in self._answers[kind, value])

    def people(self, named: Hashable, ask: Callable[[], People]) -> People:
        """Who is around cases that name these: asked once for all such cases."""
        if named not in self._people:
            self._people.add({named: ask()})
        return self._people[named]

    def around(self, wanted: Hashable, ask: Callable[[], T]) -> T:
        """What the registry has around cases that name these of it: put together once for all such cases."""
        if wanted not in self._around:
            self._around.add({wanted: ask()})
        found: T = self._around[wanted]
        return found

    def copies(self, keys: Iterable[str]) -> list[Json]:
        """The organizations that are meant by keys (`records.named`), each with every copy of it."""
        wanted = sorted(set(keys))
        own = self.fetch(each for each in wanted if each.startswith("Organization/"))
        ids = shared(own) | {each for each in wanted if "|" in each}
        same = self.identified("Organization", (each for each in ids if not each.startswith(TAXES)))
        return list({key(each): each for each in (*own, *same)}.values())

    def listings(self, subjects: Iterable[str]) -> list[Listing]:
        """The rows of the directory about organizations and clinicians with these keys (`records.named`)."""

        def ask(missing: Sequence[str]) -> list[Listing]:
            return register.participations(self.conn, missing, self.as_of)

        return _remembered(self._listings, subjects, ask, lambda each: each.subject)

    def absent(self, rows: Iterable[Listing]) -> tuple[list[Json], list[Listing]]:
        """The clinicians in whose place the rows list another, with every copy of each, and the rows about them."""
        own = self.fetch(sorted({to for each in rows if (to := target(each.absent))}))
        people = {key(each): each for each in (*own, *self.identified("Practitioner", shared(own)))}
        return list(people.values()), self.listings(people.keys() | shared(own))

    def plans(self, values: Iterable[str]) -> list[PlanListing]:
        """What is listed of the plans with these identifiers, values as they stand on cards."""

        def ask(missing: Sequence[str]) -> list[PlanListing]:
            return register.plans(self.conn, missing, self.as_of)

        return _remembered(self._plans, values, ask, lambda each: each.plan)

    def versions(self, contracts: Iterable[str]) -> list[Version]:
        """Every version of the agreements of which these `Contract/id` are versions."""
        wanted = sorted(set(contracts))
        if missing := [each for each in wanted if each not in self._versions]:
            found: dict[str, list[Version]] = {}
            for each in register.versions(self.conn, missing, self.as_of):
                found.setdefault(each.agreement, []).append(each)
            self._versions.add(dict.fromkeys(missing, ()))
            self._versions.add({each.key: tuple(part) for part in found.values() for each in part})
        return list({each.key: each for name in wanted for each in self._versions[name]}.values())

    def policies(self, organizations: Iterable[str]) -> list[Line]:
        """What those with these keys have said of clocks and calendars: see `known.policies`."""

        def ask(missing: Sequence[str]) -> list[Line]:
            return known.policies(self.conn, missing, self.as_of)

        return _remembered(self._policies, organizations, ask, lambda each: each.organization)

    def members(
        self, open_to: Iterable[str], specialties: Iterable[str], day: date, most: int, near: Point | None
    ) -> list[str]:
        """Who seems to take part in networks: see `register.members`. Of the past nobody knows where they stood."""
        near = near if self.as_of is None else None
        asked = (frozenset(open_to), frozenset(specialties), day, most, near)
        if asked not in self._members:
            self._members.add({asked: register.members(self.conn, *asked[:4], self.as_of, near)})
        return self._members[asked]

    def places(self, keys: Iterable[str]) -> tuple[Place, ...]:
        """Where these parties stand now; of the past nobody knows."""
        asked = frozenset(keys)
        if self.as_of is not None:
            return ()
        if asked not in self._places:
            self._places.add({asked: places.of(self.conn, asked)})
        return self._places[asked]

    def _others(self) -> list[Json]:
        """What of the parties has changed since the instant, as it was then."""
        if self._changed is None and self.as_of is not None:
            young = registry.changed_since(self.conn, COPIED, self.as_of)
            self._changed = self._keep(read.many(self.conn, young, self.as_of))
        return self._changed or []

    def _keep(self, rows: Iterable[Row]) -> list[Json]:
        found = []
        for row in rows:
            name = f"{row.type}/{row.id}"
            if name not in self._held or self._held[name] is None:
                self._held.add({name: None if row.deleted else decoded(row.body)})
            if (held := self._held[name]) is not None:
                found.append(held)
        return found


def _remembered(
    held: Layer[tuple[T, ...]],
    keys: Iterable[str],
    ask: Callable[[Sequence[str]], list[T]],
    said: Callable[[T], str],
) -> list[T]:
    """What has been asked for already, and the rest asked for; `said`: the key that an answer belongs to."""
    wanted = sorted(set(keys))
    if missing := [each for each in wanted if each not in held]:
        found: dict[str, list[T]] = {each: [] for each in missing}
        for each in ask(missing):
            found.setdefault(said(each), []).append(each)
        held.add({name: tuple(answers) for name, answers in found.items()})
    return [each for name in wanted for each in held[name]]


def shared(resources: Iterable[Json]) -> set[str]:
    """Every identifier, `system|value`, that any of the resources has."""
    return {id for each in resources for id in identifiers(each)}


@lru_cache(16)
def _named(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The very same mapping for the same names: who was judged by it need not be judged anew."""
    return dict(pairs)
