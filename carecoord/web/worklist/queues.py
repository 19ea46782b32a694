"""The lists of the worklist, by whose they are, and what they, their figures and their groups are called."""

from collections.abc import Iterable, Mapping

from carecoord.domain.access import verbs
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

TABS: Mapping[str, str] = Glossary(
    {
        "open": sentence("worklist.tabs.open"),
        "mine": sentence("worklist.tabs.mine"),
        "nobody": sentence("worklist.tabs.nobody"),
        "overdue": sentence("worklist.tabs.overdue"),
        "payer": sentence("worklist.tabs.payer"),
        "book": sentence("worklist.tabs.book"),
        "returned": sentence("worklist.tabs.returned"),
        "contract": sentence("worklist.tabs.contract"),
        "conflict": sentence("worklist.tabs.conflict"),
        "after": sentence("worklist.tabs.after"),
        "snoozed": sentence("worklist.tabs.snoozed"),
        "closed": sentence("worklist.tabs.closed"),
    }
)
# A clinician comes to sign, to answer, to read what came back.
CLINICIAN_TABS: Mapping[str, str] = Glossary(
    {
        "sign": sentence("worklist.clinician-tabs.sign"),
        "questions": sentence("worklist.clinician-tabs.questions"),
        "acknowledge": sentence("worklist.clinician-tabs.acknowledge"),
    }
)
# A clinic that others refer to, in its own words.
RECEIVING_TABS: Mapping[str, str] = Glossary(
    {
        "new": sentence("worklist.receiving-tabs.new"),
        "triage": sentence("worklist.receiving-tabs.triage"),
        "schedule": sentence("worklist.receiving-tabs.schedule"),
        "owed": sentence("worklist.receiving-tabs.owed"),
    }
)
FIGURES: Mapping[str, tuple[str, str]] = Glossary(
    {  # name -> (label, tone when it is not zero)
        "overdue": (sentence("worklist.figures.overdue"), "red"),
        "today": (sentence("worklist.figures.today"), "amber"),
        "payer": (sentence("worklist.figures.payer"), ""),
        "risk": (sentence("worklist.figures.risk"), "red"),
        "cleared": (sentence("worklist.figures.cleared"), "green"),
    }
)
# A payer's clerk knows the payer's own clock, not the clinics'.
PAYER_TABS: Mapping[str, str] = Glossary(
    {
        "payer": sentence("worklist.payer-tabs.payer"),
        "late": sentence("worklist.payer-tabs.late"),
        "open": sentence("worklist.payer-tabs.open"),
        "closed": sentence("worklist.payer-tabs.closed"),
    }
)
PAYER_FIGURES: Mapping[str, tuple[str, str]] = Glossary(
    {
        "late": (sentence("worklist.payer-figures.late"), "red"),
        "decide": (sentence("worklist.payer-figures.decide"), "amber"),
        "payer": (sentence("worklist.payer-figures.payer"), ""),
    }
)
GROUPS: Mapping[str, str] = Glossary(
    {
        "overdue": sentence("worklist.groups.overdue"),
        "today": sentence("worklist.groups.today"),
        "soon": sentence("worklist.groups.soon"),
        "later": sentence("worklist.groups.later"),
    }
)


def tabs_of(full: bool, roles: Iterable[str] = ()) -> Mapping[str, str]:
    """The tabs of somebody: by whether they see cases whole or as a payer, and by their roles. Those of a clinic that
    is referred to are shown while any of them holds something."""
    if not full:
        return PAYER_TABS
    own = CLINICIAN_TABS if verbs.may(roles, "acknowledge") else {}
    opening = {name: label for name, label in TABS.items() if name in ("open", "mine")}
    return {**opening, **own, **RECEIVING_TABS, **TABS}


def counts(full: bool, roles: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of everything that is counted for them."""
    return tuple(dict.fromkeys((*tabs_of(full, roles), *(FIGURES if full else PAYER_FIGURES))))


def home(full: bool) -> str:
    """The tab that the desk opens with: a payer's clerk comes to decide."""
    return "open" if full else "payer"
