"""The pages of a sync kept: each in one transaction with the cursor that speaks of it, brought together with what was
changed here meanwhile."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy import Connection

from carecoord.actions.ehrs import reconcile, workflow
from carecoord.actions.ehrs.attachments import folded
from carecoord.actions.ehrs.reconcile import Reconciled, Word
from carecoord.actions.scheduling import slots
from carecoord.actions.worklist import project
from carecoord.domain.resource.elements import items as elements
from carecoord.domain.resource.elements import target
from carecoord.errors import Issue
from carecoord.fhir import text
from carecoord.fhir.instants import micros
from carecoord.fhir.validation import validate
from carecoord.store.database.engine import reading, writing
from carecoord.store.ehrs import deliveries, ehrs, items
from carecoord.store.ehrs.items import Heard, Seen
from carecoord.store.resources import read
from carecoord.store.resources.change import digest
from carecoord.store.resources.write import Actor, Change, put_all
from carecoord.world import World
from fhir_adapters import dialects
from fhir_adapters.cursor import Cursor
from fhir_adapters.ehr import Ehr
from fhir_adapters.identity import Made, local_id
from fhir_adapters.sync import Page

Issues = tuple[Issue, ...]


@dataclass
class Keeper:
    """Keeps the pages of one run."""

    world: World
    ehr: Ehr
    run: int
    states: dict[str, bytes]
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    _made: dict[tuple[str, str], str] = field(default_factory=dict)

    @cached_property
    def made(self) -> Made:
        """What we made in this EHR; more may become known while it is read, see `claimed`."""
        with reading(self.world.engine) as conn:
            self._made |= items.made_here(conn, self.ehr.name)
        return Made(self._made, self.world.settings.fhir_url)

    def claimed(self, type: str, id: str, claim: str) -> None:
        """A resource of the EHR says that we made it. Only what we have set out to tell this EHR can be that: whatever
        else says so is the EHR's own."""
        if (type, id) in self._made:
            return
        with writing(self.world.engine) as conn:
            ehrs.get(conn, self.ehr.name, lock=True)
            if deliveries.get(conn, self.ehr.name, type, claim):
                items.adopt(conn, self.ehr.name, type, id, claim)
                self._made[type, id] = claim

    def accept(self, page: Page, cursor: Cursor) -> None:
        """Store a page. What the EHR said before and says again changes nothing. Raises Conflict if another run moved
        the cursor, NotFound if the EHR was taken away."""
        state, now = cursor.dumps(), self.world.clock()
        words = self._words(page)
        flags = self._judged(page.type, words)
        with writing(self.world.engine) as conn:
            ehrs.get(conn, self.ehr.name, lock=True)
            ehrs.move_cursor(conn, self.ehr.name, page.type, self.states.get(page.type), state, now)
            did = self._put(conn, page, words, flags, now)
            changed = did["created"] + did["updated"] + did["deleted"]
            ehrs.count(conn, self.run, len(page.items), changed, did["flagged"])
        self.states[page.type] = state
        self.outcomes.setdefault(page.type, Counter()).update(did)

    def beside(self, page: Page) -> None:
        """Store a page that was read beside the rounds, of one patient: no cursor speaks of it. Raises NotFound if the
        EHR was taken away."""
        words = self._words(page)
        flags = self._judged(page.type, words)
        with writing(self.world.engine) as conn:
            ehrs.get(conn, self.ehr.name, lock=True)
            did = self._put(conn, page, words, flags, self.world.clock())
        self.outcomes.setdefault(page.type, Counter()).update(did)

    def _put(
        self, conn: Connection, page: Page, words: Mapping[str, Word], flags: Mapping[str, Issues], now: datetime
    ) -> "Counter[str]":
        before = items.heard(conn, self.ehr.name, page.type, [*words, *page.gone])
        reconciled = self._brought_together(conn, page, words, before, flags, now)
        actor = Actor(f"ehr:{self.ehr.name}", None, None, f"sync-{self.run}")
        changes = [*reconciled.changes, *self._slots(conn, reconciled.changes, words)]
        written = put_all(conn, changes, now=now, actor=actor, base=self.world.base, project=self.world.project)
        if reconciled.patients:
            project.rewrite(conn, reconciled.patients, now, project.policy(self.world.settings))
        did: Counter[str] = Counter(one.outcome for one in written[: len(reconciled.changes)])
        did["unchanged"] += reconciled.unchanged
        did["flagged"] = sum(1 for change in reconciled.changes if change.flags)
        return did

    def _slots(self, conn: Connection, changes: Sequence[Change], words: Mapping[str, Word]) -> list[Change]:
        """The Slots that go along with the visits of a page. One that the EHR keeps itself, and has spoken of since it
        called the visit off, stays as it said: it may have given the time to somebody whom we are not told of."""
        found = slots.along(conn, changes)
        said = items.said_at(conn, self.ehr.name, "Slot", [each.id for each in found])
        since = {
            target(slot): micros(word.updated)
            for word in words.values()
            for slot in elements(word.resource, "slot")
            if word.updated
        }
        return [each for each in found if said.get(each.id, -1) < since.get(f"Slot/{each.id}", 0)]

    def known(self, type: str, after: str, unseen: int | None) -> list[str]:
        """Ids of the EHR that were kept earlier, see `fhir_adapters.sync.Source`."""
        with reading(self.world.engine) as conn:
            return items.known(conn, self.ehr.name, type, after, unseen)

    def held_of(self, type: str, patient: str) -> list[str]:
        """Ids of the EHR of what was kept earlier about a patient (our id)."""
        with reading(self.world.engine) as conn:
            return items.held_of(conn, self.ehr.name, type, patient)

    def _words(self, page: Page) -> dict[str, Word]:
        """What a page says, by the EHR's ids; of what we made there as we would say it."""
        found = {}
        with reading(self.world.engine) as conn:
            resources = workflow.settled(conn, self.ehr, [item.resource for item in page.items])
            for item, resource in zip(page.items, resources, strict=True):
                ours = self._made.get((page.type, item.id))
                row = read.get(conn, page.type, ours) if ours else None
                if row and row.body:
                    resource = folded(conn, resource, text.loads(row.body))
                found[item.id] = Word(resource, digest(resource), item.updated)
        return found

    def _judged(self, type: str, words: Mapping[str, Word]) -> dict[str, Issues]:
        """What the rules find in what is news, before the transaction: the writers of a database wait for each other.
        What the EHR said before was judged when it was stored."""
        with reading(self.world.engine) as conn:
            before = items.heard(conn, self.ehr.name, type, [*words])
        return {
            id: tuple(validate.issues(word.resource))
            for id, word in words.items()
            if _is_news(word, before.get(id))
        }

    def _brought_together(
        self,
        conn: Connection,
        page: Page,
        words: Mapping[str, Word],
        before: Mapping[str, Heard],
        flags: Mapping[str, Issues],
        now: datetime,
    ) -> Reconciled:
        """What the page changes here; what it says is noted as the EHR's last word."""
        reconciled, name = Reconciled(), self.ehr.name
        seen = [Seen(id, word.updated, word.resource["id"], word.hash) for id, word in words.items()]
        stale = items.stale(page.round, seen, before)
        news = [id for id, word in words.items() if id not in stale and _is_news(word, before.get(id))]
        reconciled.unchanged = len(words) - len(stale) - len(news)
        gone = [before[id].local or local_id(name, page.type, id) for id in page.gone if id in before]
        held = [words[id].resource["id"] for id in news if id in before]
        ours = {one.id: one for one in items.ours(conn, page.type, [*held, *gone], lock=True)}
        owners = dialects.owners(self.ehr)
        items.see(conn, name, page.type, page.round, [each for each in seen if each.id not in stale])
        for id in news:
            word = words[id]
            one = ours.get(word.resource["id"])
            if one is None or one.agrees or before[id].hash == word.hash:
                reconciled.changes.append(_change(page.type, word, flags.get(id, ())))
            else:
                reconcile.settle_with(conn, one, word, owners, now, reconciled)
        missed = [ours[id] for id in gone if id in ours]
        lost = [one.there for one in missed if reconcile.lose(conn, one, now, reconciled)]
        items.mark_gone(conn, name, page.type, lost)
        forgotten = [id for id in page.gone if id not in lost]
        items.forget(conn, name, page.type, forgotten)
        reconciled.changes += [Change(page.type, _local(name, page.type, id, before), None) for id in forgotten]
        return reconciled


def _is_news(word: Word, before: Heard | None) -> bool:
    return before is None or before.hash != word.hash or _insists(word, before)


def _insists(word: Word, before: Heard) -> bool:
    """Whether a Slot is said once more, later, to be taken: that we took it to be free, for a visit was called off, is
    over."""
    slot, later = word.resource, word.updated and before.updated is not None and micros(word.updated) > before.updated
    return slot["resourceType"] == "Slot" and slot.get("status") != "free" and bool(later)


def _local(name: str, type: str, id: str, before: Mapping[str, Heard]) -> str:
    known = before.get(id)
    return (known.local if known else None) or local_id(name, type, id)


def _change(type: str, word: Word, flags: Sequence[Issue]) -> Change:
    resource = word.resource
    return Change(type, resource["id"], resource, flags=tuple(flags))
