"""Rows of the trail in plain words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from carecoord.actions.audit.trail import Broken
from carecoord.actions.audit.trail_names import Beginning, Named, Seen
from carecoord.domain.access.break_glass import REASONS
from carecoord.fhir.instants import moment
from carecoord.web.page.labels import roles_called
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

VERBS: Final[Mapping[str, tuple[str, str]]] = Glossary(
    {  # interaction -> (what was done, what was tried when it was refused)
        "read": (sentence("audit.did.read"), sentence("audit.tried.read")),
        "vread": (sentence("audit.did.vread"), sentence("audit.tried.vread")),
        "history": (sentence("audit.did.history"), sentence("audit.tried.history")),
        "search": (sentence("audit.did.search"), sentence("audit.tried.search")),
        "clearance": (sentence("audit.did.clearance"), sentence("audit.tried.clearance")),
        "rates": (sentence("audit.did.rates"), sentence("audit.tried.rates")),
        "apply": (sentence("audit.did.apply"), sentence("audit.tried.apply")),
        "participation": (sentence("audit.did.participation"), sentence("audit.tried.participation")),
        "expand": (sentence("audit.did.expand"), sentence("audit.tried.expand")),
        "everything": (sentence("audit.did.everything"), sentence("audit.tried.everything")),
        "search-system": (sentence("audit.did.search-system"), sentence("audit.tried.search-system")),
        "validate": (sentence("audit.did.validate"), sentence("audit.tried.validate")),
        "create": (sentence("audit.did.create"), sentence("audit.tried.create")),
        "update": (sentence("audit.did.update"), sentence("audit.tried.update")),
        "delete": (sentence("audit.did.delete"), sentence("audit.tried.delete")),
        "transaction": (sentence("audit.did.transaction"), sentence("audit.tried.transaction")),
        "sign-in": (sentence("audit.did.sign-in"), sentence("audit.tried.sign-in")),
        "sign-out": (sentence("audit.did.sign-out"), sentence("audit.tried.sign-out")),
        "launch": (sentence("audit.did.launch"), sentence("audit.tried.launch")),
        "consent": (sentence("audit.did.consent"), sentence("audit.tried.consent")),
        "consent-refused": (sentence("audit.did.consent-refused"), sentence("audit.tried.consent-refused")),
        "token": (sentence("audit.did.token"), sentence("audit.tried.token")),
        "token-revoked": (sentence("audit.did.token-revoked"), sentence("audit.tried.token-revoked")),
        "patch": (sentence("audit.did.patch"), sentence("audit.tried.patch")),
        "break-glass-search": (sentence("audit.did.break-glass-search"), sentence("audit.tried.break-glass-search")),
        "break-glass": (sentence("audit.did.break-glass"), sentence("audit.tried.break-glass")),
        "break-glass-end": (sentence("audit.did.break-glass-end"), sentence("audit.tried.break-glass-end")),
        "review-emergency": (sentence("audit.did.review-emergency"), sentence("audit.tried.review-emergency")),
        "account-change": (sentence("audit.did.account-change"), sentence("audit.tried.account-change")),
        "restore": (sentence("audit.did.restore"), sentence("audit.tried.restore")),
        "job-retry": (sentence("audit.did.job-retry"), sentence("audit.tried.job-retry")),
        "job-drop": (sentence("audit.did.job-drop"), sentence("audit.tried.job-drop")),
        "ehr-pause": (sentence("audit.did.ehr-pause"), sentence("audit.tried.ehr-pause")),
        "ehr-remove": (sentence("audit.did.ehr-remove"), sentence("audit.tried.ehr-remove")),
        "ehr-resume": (sentence("audit.did.ehr-resume"), sentence("audit.tried.ehr-resume")),
        "ehr-retry": (sentence("audit.did.ehr-retry"), sentence("audit.tried.ehr-retry")),
        "ehr-ask": (sentence("audit.did.ehr-ask"), sentence("audit.tried.ehr-ask")),
        "ehr-add": (sentence("audit.did.ehr-add"), sentence("audit.tried.ehr-add")),
        "payer-add": (sentence("audit.did.payer-add"), sentence("audit.tried.payer-add")),
        "payer-examine": (sentence("audit.did.payer-examine"), sentence("audit.tried.payer-examine")),
        "payer-remove": (sentence("audit.did.payer-remove"), sentence("audit.tried.payer-remove")),
        "ehr-examine": (sentence("audit.did.ehr-examine"), sentence("audit.tried.ehr-examine")),
        "link-open": (sentence("audit.did.link-open"), sentence("audit.tried.link-open")),
        "letter-say": (sentence("audit.did.letter-say"), sentence("audit.tried.letter-say")),
        "letter-shipped": (sentence("audit.did.letter-shipped"), sentence("audit.tried.letter-shipped")),
        "policy-say": (sentence("audit.did.policy-say"), sentence("audit.tried.policy-say")),
        "policy-take-back": (sentence("audit.did.policy-take-back"), sentence("audit.tried.policy-take-back")),
        "digest": (sentence("audit.did.digest"), sentence("audit.tried.digest")),
        "digest-change": (sentence("audit.did.digest-change"), sentence("audit.tried.digest-change")),
        "view-save": (sentence("audit.did.view-save"), sentence("audit.tried.view-save")),
        "view-remove": (sentence("audit.did.view-remove"), sentence("audit.tried.view-remove")),
        "away": (sentence("audit.did.away"), sentence("audit.tried.away")),
        "back": (sentence("audit.did.back"), sentence("audit.tried.back")),
        "assignment-say": (sentence("audit.did.assignment-say"), sentence("audit.tried.assignment-say")),
        "assignment-remove": (sentence("audit.did.assignment-remove"), sentence("audit.tried.assignment-remove")),
        "assignment-order": (sentence("audit.did.assignment-order"), sentence("audit.tried.assignment-order")),
        "assignment-sweep": (sentence("audit.did.assignment-sweep"), sentence("audit.tried.assignment-sweep")),
        "audit": (sentence("audit.did.audit"), sentence("audit.tried.audit")),
        "export-table": (sentence("audit.did.export-table"), sentence("audit.tried.export-table")),
        "export": (sentence("audit.did.export"), sentence("audit.tried.export")),
    }
)
WITHOUT_TYPE = frozenset({
    "sign-in", "sign-out", "launch", "consent", "consent-refused", "token", "token-revoked", "break-glass",
    "break-glass-search", "break-glass-end", "review-emergency", "audit", "export", "export-table",
    "view-save", "view-remove", "away", "back", "digest", "digest-change",
    "assignment-say", "assignment-remove", "assignment-order", "assignment-sweep",
    "account-change", "search-system",
    "restore", "job-retry", "job-drop", "ehr-pause", "ehr-resume", "ehr-retry",
    "ehr-remove", "ehr-add", "ehr-ask", "ehr-examine", "link-open", "payer-add", "payer-examine", "payer-remove",
    "policy-say", "policy-take-back", "letter-say", "letter-shipped",
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
    about = _about(who.roles, who.organization) if who else ""
    name = who.name if who else row.app or spoken("audit.somebody-unknown")
    app = "" if who and row.app_id == who.id else row.app
    return Line(
        f"{times.exact(row.at)}:{moment(row.at):%S}", name, about, what(row), detail(row), row.patients,
        row.total - len(row.patients),
        app, _launch(row.beginning, row.launch, times), bool(row.emergency), row.status, row.status >= 400, row.request,
        row.n,
    )  # fmt: skip


def _about(roles: Iterable[str], organization: str | None) -> str:
    """What somebody is, and where."""
    return ", ".join([*([roles_called(roles)] if roles else []), *([organization] if organization else [])])


def what(row: Seen) -> str:
    """What was done, such as "read Observation (laboratory)"."""
    said = row.interaction.replace("-", " ")
    done, tried = VERBS.get(row.interaction, (said, spoken("audit.tried-other", said=said)))
    verb = tried if row.status >= 400 else done
    if row.interaction in WITHOUT_TYPE or not row.type:
        return verb
    if _is_worklist(row):
        return spoken("audit.looked-at-worklist") if row.status < 400 else spoken("audit.tried-look-at-worklist")
    return f"{verb} {row.type}{f' ({row.category.lower()})' if row.category else ''}"


def _is_worklist(row: Seen) -> bool:
    """Whether it is a page of the desk's list, which is asked for by its tab, and no search of the API."""
    return row.interaction == "search" and row.type == "ServiceRequest" and "tab" in row.asked


def detail(row: Seen) -> str:
    """Which one, or by which arguments it was searched: their names, for their values may tell of a patient."""
    if _is_worklist(row):
        narrowed = [spoken("audit.words-sought") if name == "q" else name for name in row.asked if name != "tab"]
        return spoken("audit.narrowed-by", narrowed=", ".join(narrowed)) if narrowed else ""
    if row.interaction in ("search", "audit", "export") and row.asked:
        return spoken("audit.by", asked=", ".join(row.asked))
    if row.resource and row.interaction not in WITHOUT_TYPE:
        return spoken("audit.version", resource=row.resource, version=row.version) if row.version else row.resource
    return ""


def broken(row: Broken, times: Times) -> Opening:
    """A breaking of the glass in words."""
    glass, who = row.glass, row.who
    by = row.reviewer or spoken("audit.somebody")
    return Opening(
        glass.id, times.exact(glass.started), times.exact(glass.ended or glass.expires), who.name, who.id,
        _about(who.roles, who.organization), row.patient, glass.patient,
        say(REASONS.get(glass.reason, glass.reason)), glass.note,
        spoken("audit.reviewed-by", reviewed=times.exact(glass.reviewed), by=by) if glass.reviewed else "", row.mine,
    )  # fmt: skip


def _launch(beginning: Beginning | None, launch: str, times: Times) -> str:
    if beginning is None:
        return spoken("audit.launch", launch=launch[:8]) if launch else ""
    at = times.exact(beginning.at)
    return (
        spoken("audit.opened-from", ehr=beginning.ehr, at=at)
        if beginning.ehr
        else spoken("audit.access-granted", at=at)
    )
