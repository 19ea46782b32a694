"""Rows of the trail in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass

from carecoord.actions.audit.trail import Broken
from carecoord.actions.audit.trail_names import Beginning, Named, Seen
from carecoord.domain.access.break_glass import REASONS
from carecoord.fhir.instants import moment
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say

VERBS = {  # interaction -> (what was done, what was tried when it was refused)
    "read": ("read", "tried to read"),
    "vread": ("read an older version of", "tried to read an older version of"),
    "history": ("read the history of", "tried to read the history of"),
    "search": ("searched", "tried to search"),
    "clearance": ("looked up what is missing for", "tried to look up what is missing for"),
    "rates": ("asked what is paid under", "tried to ask what is paid under"),
    "apply": ("applied a template of care plans,", "tried to apply a template of care plans,"),
    "participation": ("asked who is in network by", "tried to ask who is in network by"),
    "expand": ("looked codes up in", "tried to look codes up in"),
    "everything": ("read the whole record of", "tried to read the whole record of"),
    "search-system": ("searched records of every kind", "tried to search records of every kind"),
    "validate": ("had checked", "tried to have checked"),
    "create": ("created", "tried to create"),
    "update": ("changed", "tried to change"),
    "delete": ("deleted", "tried to delete"),
    "transaction": ("wrote several records in one", "tried to write several records in one"),
    "sign-in": ("signed in", "was refused at sign-in"),
    "sign-out": ("signed out", "tried to sign out"),
    "launch": ("opened a patient from an EHR", "tried to open a patient from an EHR"),
    "consent": ("authorized an app", "tried to authorize an app"),
    "consent-refused": ("refused an app", "refused an app"),
    "token": ("got an access token", "was refused an access token"),
    "token-revoked": ("ended an app's access", "tried to end an app's access"),
    "patch": ("changed", "tried to change"),
    "break-glass-search": ("looked for a patient to break the glass for", "tried to find one to break the glass for"),
    "break-glass": ("broke the glass for", "tried to break the glass for"),
    "break-glass-end": ("closed the record again of", "tried to close the record of"),
    "review-emergency": ("looked into the emergency opening of", "tried to look into the emergency opening of"),
    "account-change": ("changed an account", "was refused a change of an account"),
    "restore": ("put the database back from a backup", "tried to put the database back from a backup"),
    "job-retry": ("had later work tried again", "tried to have later work done again"),
    "job-drop": ("let later work go", "tried to let later work go"),
    "ehr-pause": ("paused the reading of an EHR", "tried to pause the reading of an EHR"),
    "ehr-resume": ("had an EHR read", "tried to have an EHR read"),
    "ehr-retry": ("had an EHR told once more", "tried to have an EHR told once more"),
    "ehr-ask": ("had an EHR asked again for", "tried to have an EHR asked again for"),
    "ehr-add": ("connected an EHR", "tried to connect an EHR"),
    "ehr-examine": ("asked an EHR what it gives", "tried to ask an EHR what it gives"),
    "link-open": ("opened a link for", "gave a wrong answer at a link for"),
    "policy-say": ("said something in a policy", "tried to say something in a policy"),
    "policy-take-back": ("took something back in a policy", "tried to take something back in a policy"),
    "digest": ("was sent the mail of the morning", "was not sent the mail of the morning"),
    "digest-change": ("said whether to be sent mail", "tried to say whether to be sent mail"),
    "view-save": ("kept a view of the worklist", "tried to keep a view of the worklist"),
    "view-remove": ("let a view of the worklist go", "tried to let a view of the worklist go"),
    "away": ("said who stands in for them", "tried to say who stands in for them"),
    "back": ("said that they are back", "tried to say that they are back"),
    "assignment-say": ("said to whom new work goes", "tried to say to whom new work goes"),
    "assignment-remove": ("let a rule for new work go", "tried to let a rule for new work go"),
    "assignment-order": ("put the rules for new work in order", "tried to put the rules for new work in order"),
    "assignment-sweep": ("had what nobody has given away by the rules", "tried to have work given away by the rules"),
    "audit": ("looked at the audit", "tried to look at the audit"),
    "export-table": ("exported a table", "tried to export a table"),
    "export": ("exported the audit", "tried to export the audit"),
}
WITHOUT_TYPE = frozenset({
    "sign-in", "sign-out", "launch", "consent", "consent-refused", "token", "token-revoked", "break-glass",
    "break-glass-search", "break-glass-end", "review-emergency", "audit", "export", "export-table",
    "view-save", "view-remove", "away", "back", "digest", "digest-change",
    "assignment-say", "assignment-remove", "assignment-order", "assignment-sweep",
    "account-change", "search-system",
    "restore", "job-retry", "job-drop", "ehr-pause", "ehr-resume", "ehr-retry",
    "ehr-add", "ehr-ask", "ehr-examine", "link-open",
    "policy-say", "policy-take-back",
})  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A row as the page shows it. what: "read Observation (laboratory)"; whom: the patients named, `others` how many
    more; launch: in words; refused: its status was an error."""

    when: str
    who: str
    about: str
    what: str
    detail: str
    whom: Sequence[Named]
    others: int
    app: str
    launch: str
    emergency: bool
    status: int
    refused: bool
    request: str
    n: int


@dataclass(frozen=True)
class Opening:
    """A breaking of the glass as the page shows it."""

    id: str
    when: str
    until: str
    who: str
    who_id: str
    about: str
    patient: str
    patient_id: str
    reason: str
    note: str
    reviewed: str
    mine: bool


def line(row: Seen, times: Times) -> Line:
    """The row in words."""
    who = row.who
    about = ", ".join([*who.roles, *([who.organization] if who.organization else [])]) if who else ""
    name = who.name if who else row.app or "Somebody unknown"
    app = "" if who and row.app_id == who.id else row.app
    return Line(
        f"{times.exact(row.at)}:{moment(row.at):%S}", name, about, what(row), detail(row), row.patients,
        row.total - len(row.patients),
        app, _launch(row.beginning, row.launch, times), bool(row.emergency), row.status, row.status >= 400, row.request,
        row.n,
    )  # fmt: skip


def what(row: Seen) -> str:
    """What was done, such as "read Observation (laboratory)"."""
    said = row.interaction.replace("-", " ")
    done, tried = VERBS.get(row.interaction, (said, f"{said}, refused"))
    verb = tried if row.status >= 400 else done
    if row.interaction in WITHOUT_TYPE or not row.type:
        return verb
    if _is_worklist(row):
        return "looked at the worklist" if row.status < 400 else "tried to look at the worklist"
    return f"{verb} {row.type}{f' ({row.category.lower()})' if row.category else ''}"


def _is_worklist(row: Seen) -> bool:
    """Whether it is a page of the desk's list, which is asked for by its tab, and no search of the API."""
    return row.interaction == "search" and row.type == "ServiceRequest" and "tab" in row.asked


def detail(row: Seen) -> str:
    """Which one, or by which arguments it was searched: their names, for their values may tell of a patient."""
    if _is_worklist(row):
        narrowed = ["words" if name == "q" else name for name in row.asked if name != "tab"]
        return f"narrowed by {', '.join(narrowed)}" if narrowed else ""
    if row.interaction in ("search", "audit", "export") and row.asked:
        return f"by {', '.join(row.asked)}"
    if row.resource and row.interaction not in WITHOUT_TYPE:
        return f"{row.resource}, version {row.version}" if row.version else row.resource
    return ""


def broken(row: Broken, times: Times) -> Opening:
    """A breaking of the glass in words."""
    glass, who = row.glass, row.who
    by = row.reviewer or "somebody"
    return Opening(
        glass.id, times.exact(glass.started), times.exact(glass.ended or glass.expires), who.name, who.id,
        ", ".join([*who.roles, *([who.organization] if who.organization else [])]), row.patient, glass.patient,
        say(REASONS.get(glass.reason, glass.reason)), glass.note,
        f"{times.exact(glass.reviewed)} by {by}" if glass.reviewed else "", row.mine,
    )  # fmt: skip


def _launch(beginning: Beginning | None, launch: str, times: Times) -> str:
    if beginning is None:
        return f"launch {launch[:8]}" if launch else ""
    at = times.exact(beginning.at)
    return f"opened from {beginning.ehr}, {at}" if beginning.ehr else f"access granted {at}"
