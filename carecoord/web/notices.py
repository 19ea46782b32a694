"""What the page says beside its rows: why a list is empty and what to do, and how the EHRs are doing."""

from collections.abc import Sequence
from dataclasses import dataclass

from carecoord.store.ehrs import Run
from carecoord.web.asking import Address
from carecoord.web.clocks import Times


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


def empty(address: Address, elsewhere: bool) -> Empty:
    """Why the list is empty, and the way out. `elsewhere`: other lists hold open cases."""
    asked = address.asked
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
        "Cases appear by themselves when referrals arrive: from an EHR "
        "(carecoord sync NAME), from files (carecoord load FILE) or through the FHIR API.",
    )


def sync(runs: Sequence[tuple[str, Run | None]], times: Times) -> Sync:
    """The worst news first: an EHR that failed, one that is late, else all well."""
    if not runs:
        return Sync("none", "No EHR is connected")
    failed = [(name, run) for name, run in runs if run and run.error]
    if failed:
        name, run = failed[0]
        return Sync("bad", f"{name}: the last sync failed", times.ago(run.finished or run.started))
    going = [name for name, run in runs if run and run.finished is None]
    never = [name for name, run in runs if run is None]
    if going or never:
        return Sync("late", f"{going[0]} is syncing" if going else f"{never[0]} has not been synced yet")
    ends = [run.finished for _, run in runs if run and run.finished]
    names = " and ".join([", ".join(name for name, _ in runs[:-1]), runs[-1][0]] if runs[1:] else [runs[0][0]])
    return Sync("good", f"{names} in sync", times.ago(min(ends)))
