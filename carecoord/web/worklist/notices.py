"""What the page says beside its rows: why a list is empty and what to do, and how the EHRs are doing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from carecoord.actions.ehrs.sync_health import SyncHealth
from carecoord.domain.access import verbs
from carecoord.fhir.instants import micros
from carecoord.store.ehrs.ehrs import Run
from carecoord.web.page.times import Times
from carecoord.web.worklist.address import Address
from carecoord.words.catalogue import say, spoken
from carecoord.words.sentence import sentence


@dataclass(frozen=True)
class Empty:
    icon: str
    title: str
    text: str
    href: str = ""
    action: str = ""


@dataclass(frozen=True)
class Sync:
    """How the EHRs are doing. tone: good, late, bad or none."""

    tone: str
    text: str
    ago: str = ""


def empty(address: Address, elsewhere: bool, roles: frozenset[str], belongs: bool) -> Empty:
    """Why the list is empty, and the way out. `elsewhere`: other lists hold open cases; `belongs`: the asker is of an
    organization, or is somebody in the directory: without, no case is theirs."""
    asked = address.asked
    if not belongs:
        payer = verbs.may(roles, "see-as-payer")
        return Empty(
            "lock",
            spoken("worklist.you-belong-no-organization-here"),
            spoken("worklist.you-see-cases-payer-once") if payer else spoken("worklist.you-see-cases-office-once"),
        )
    if asked.words:
        return Empty(
            "search",
            spoken("worklist.nothing-found-for", words=asked.words),
            spoken("worklist.look-for-beginning-name-mrn"),
            address.searching("").href(),
            spoken("worklist.clear-search"),
        )
    if asked.facets:
        return Empty(
            "list-filter",
            spoken("worklist.no-case-passes-all-these"),
            spoken("worklist.take-filter-away-see-more"),
            address.plain().href(),
            spoken("worklist.clear-all-filters"),
        )
    if asked.tab not in ("open", "closed") and elsewhere:
        return Empty(
            "circle-check",
            spoken("worklist.nothing-here"),
            spoken("worklist.no-open-case-in-this"),
            address.tab("open").href(),
            spoken("worklist.show-all-open-cases"),
        )
    return Empty(
        "inbox",
        spoken("worklist.no-cases-yet"),
        spoken("worklist.requests-appear-by-themselves-when")
        if verbs.may(roles, "see-as-payer")
        else spoken("worklist.cases-appear-by-themselves-when"),
    )


def sync(syncs: Sequence[SyncHealth], times: Times, inside: bool) -> Sync:
    """The worst news first: an EHR whose sync failed, one that was never read, one that is late, else all well. Green
    is only what was read within its goal. inside: of our own office, who may know why."""
    if not syncs:
        return Sync("none", spoken("worklist.no-ehr-connected"))
    worst = min(syncs, key=lambda one: ("failed", "never", "late", "good").index(one.state))
    if worst.state == "failed" and worst.run:
        why = f": {worst.run.error}" if inside and worst.run.error else ""
        again = _again(worst, times)
        known = (
            spoken("worklist.what-shown-as", good=times.ago(worst.good))
            if worst.good
            else spoken("worklist.nothing-was-read-yet")
        )
        said = spoken("worklist.last-sync-failed", ehr=worst.ehr, why=why, known=known, again=again)
        return Sync("bad", said, times.ago(_ended(worst.run)))
    if worst.state == "never":
        return Sync(
            "late",
            spoken("worklist.syncing", ehr=worst.ehr)
            if worst.is_running
            else spoken("worklist.has-not-been-synced-yet", ehr=worst.ehr),
        )
    if worst.state == "late" and worst.good:
        now = spoken("worklist.sync-under-way") if worst.is_running else ""
        return Sync("late", spoken("worklist.was-not-synced-in-time", ehr=worst.ehr, now=now), times.ago(worst.good))
    ends = [one.good for one in syncs if one.good]
    names = [one.ehr for one in syncs]
    said = say(sentence("and", first=", ".join(names[:-1]), last=names[-1])) if names[1:] else names[0]
    return Sync("good", spoken("worklist.in-sync", said=said), times.ago(min(ends)))


def _again(one: SyncHealth, times: Times) -> str:
    """That an EHR which is away is asked again by itself, and when: nobody has to do anything for it."""
    if one.again is None:
        return ""
    if one.is_running:
        return spoken("worklist.it-being-asked-again-now")
    if one.again <= times.now:
        return spoken("worklist.it-due-be-asked-again")
    return spoken("worklist.it-asked-again-by-itself", again=times.exact(micros(one.again)))


def _ended(run: Run) -> datetime:
    return run.finished or run.started
