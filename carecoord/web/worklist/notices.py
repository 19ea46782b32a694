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
        who = "a payer" if verbs.may(roles, "see-as-payer") else "an office"
        return Empty(
            "lock",
            "You belong to no organization here",
            f"You see the cases of {who} once an administrator has said which one is yours. Ask yours to set it under "
            "People.",
        )
    if asked.words:
        return Empty(
            "search",
            f"Nothing found for “{asked.words}”",
            "Look for the beginning of a name, an MRN, a referral "
            "number, a clinic or a reason. Only cases that your organization may see are searched.",
            address.searching("").href(),
            "Clear the search",
        )
    if asked.facets:
        return Empty(
            "list-filter",
            "No case passes all these filters",
            "Take a filter away to see more: fewer filters never hide a case.",
            address.plain().href(),
            "Clear all filters",
        )
    if asked.tab not in ("open", "closed") and elsewhere:
        return Empty(
            "circle-check",
            "Nothing here",
            "No open case is in this list at the moment.",
            address.tab("open").href(),
            "Show all open cases",
        )
    return Empty(
        "inbox",
        "No cases yet",
        "Requests appear by themselves when a clinic sends one for authorization."
        if verbs.may(roles, "see-as-payer")
        else "Cases appear by themselves when referrals of your organization arrive from an EHR. If you expect some, "
        "ask whoever runs carecoord whether the last sync went well.",
    )


def sync(syncs: Sequence[SyncHealth], times: Times, inside: bool) -> Sync:
    """The worst news first: an EHR whose sync failed, one that was never read, one that is late, else all well. Green
    is only what was read within its goal. inside: of our own office, who may know why."""
    if not syncs:
        return Sync("none", "No EHR is connected")
    worst = min(syncs, key=lambda one: ("failed", "never", "late", "good").index(one.state))
    if worst.state == "failed" and worst.run:
        why = f": {worst.run.error}" if inside and worst.run.error else ""
        known = f"; what is shown is as of {times.ago(worst.good)}" if worst.good else "; nothing was read yet"
        said = f"{worst.ehr}: the last sync failed{why}{known}{_again(worst, times)}"
        return Sync("bad", said, times.ago(_ended(worst.run)))
    if worst.state == "never":
        return Sync("late", f"{worst.ehr} is syncing" if worst.is_running else f"{worst.ehr} has not been synced yet")
    if worst.state == "late" and worst.good:
        now = ", a sync is under way" if worst.is_running else ""
        return Sync("late", f"{worst.ehr} was not synced in time{now}; what is shown is as of", times.ago(worst.good))
    ends = [one.good for one in syncs if one.good]
    names = [one.ehr for one in syncs]
    said = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    return Sync("good", f"{said} in sync", times.ago(min(ends)))


def _again(one: SyncHealth, times: Times) -> str:
    """That an EHR which is away is asked again by itself, and when: nobody has to do anything for it."""
    if one.again is None:
        return ""
    if one.is_running:
        return "; it is being asked again now"
    if one.again <= times.now:
        return "; it is due to be asked again"
    return f"; it is asked again by itself at {times.exact(micros(one.again))}"


def _ended(run: Run) -> datetime:
    return run.finished or run.started
