"""The auditor's desk: who saw this patient, when, by which app, under which launch; the same as files; and the records
that were opened in an emergency."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as Answer

from carecoord.actions.audit import trail as audit_trail
from carecoord.actions.audit.trail import MANY
from carecoord.actions.audit.trail_names import Named, Seen
from carecoord.errors import Invalid
from carecoord.fhir import text
from carecoord.fhir.audit_event import Deed, audit_event
from carecoord.fhir.instants import micros, moment
from carecoord.store.audit.trail_search import Place, Wanted
from carecoord.web.audit import trail_words
from carecoord.web.page import downloads
from carecoord.web.page.columns import headings
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

PAGE: Final = 50
KINDS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = Glossary(
    {  # name -> (label, interactions)
        "read": (sentence("audit.kinds.read"), ("read", "vread", "history")),
        "search": (
            sentence("audit.kinds.search"),
            (
                "search",
                "search-system",
                "clearance",
                "participation",
                "rates",
                "everything",
                "apply",
                "validate",
                "expand",
            ),
        ),
        "export": (sentence("audit.kinds.export"), ("export-table",)),
        "write": (sentence("audit.kinds.write"), ("create", "update", "delete", "transaction")),
        "sign": (sentence("audit.kinds.sign"), ("sign-in", "sign-out", "launch")),
        "apps": (sentence("audit.kinds.apps"), ("consent", "consent-refused", "token", "token-revoked")),
        "accounts": (
            sentence("audit.kinds.accounts"),
            ("account-change", "link-identity", "unlink-identity", "link-person"),
        ),
        "emergency": (sentence("audit.kinds.emergency"), ("break-glass", "break-glass-end", "review-emergency")),
        "audit": (sentence("audit.kinds.audit"), ("audit", "export")),
    }
)
COLUMNS: Final = (
    "when",
    "who",
    "roles",
    "organization",
    "what",
    "type",
    "id",
    "version",
    "category",
    "asked_by",
    "patients",
    "app",
    "launch",
    "launch_began",
    "emergency",
    "status",
    "request",
    "row",
)
_place = msgspec.json.Decoder(tuple[int, int]).decode
_glass = msgspec.json.Decoder(tuple[int, str]).decode


@dataclass(frozen=True)
class Asked:
    """The search as it stands in the address: words for a patient and a person, an app's id, days, a kind."""

    patient: str = ""
    person: str = ""
    app: str = ""
    since: str = ""
    until: str = ""
    what: str = ""
    emergency: str = ""

    def href(self, path: str = "/audit", **more: str) -> str:
        """The address of the same search, with some of it replaced."""
        fields = {"from" if k == "since" else "to" if k == "until" else k: v for k, v in self.__dict__.items()}
        query = urlencode({name: value for name, value in {**fields, **more}.items() if value})
        return f"{path}?{query}" if query else path


@dataclass(frozen=True)
class Meant:
    """What the words mean: what to look for (None: nothing can be), and for whom one has to choose first."""

    wanted: Wanted | None
    patient: Named | None = None
    person: Named | None = None
    choices: Sequence[tuple[Named, str]] = ()
    problem: str = ""


def blueprint(world: World) -> Blueprint:
    """The pages, each behind the sign-in and for auditors alone."""
    pages = Blueprint("audit", __name__, template_folder="../templates")
    sign_in.guard(pages, world)

    @pages.before_request
    def for_auditors() -> None:
        audit_trail.admit(world, sign_in.session().grant(), request_id())

    zone = ZoneInfo(world.settings.timezone)

    @pages.get("/audit")
    def trail() -> str:
        asked = _asked()
        meant = _meant(world, asked, zone)
        found = None
        if meant.wanted:
            place = _unpacked(request.args.get("after"))
            grant = sign_in.session().grant()
            found = audit_trail.trail(world, grant, meant.wanted, place, PAGE, _said(meant.wanted), request_id())
        times = Times(found.now if found else world.clock(), zone)
        return render_template(
            "audit.html",
            rail=spoken("audit.title"),
            asked=asked,
            meant=meant,
            kinds=KINDS,
            apps=audit_trail.apps(world),
            lines=[trail_words.line(row, times) for row in found.rows] if found else [],
            total=_counted(found.total) if found else "",
            after=asked.href(after=_packed([found.next.at, found.next.n])) if found and found.next else "",
            later=bool(request.args.get("after")),
        )

    @pages.get("/audit.<any(csv, xlsx):form>")
    def table(form: downloads.Form) -> Answer:
        return downloads.table("audit", headings(COLUMNS), _lines(_exported(world, zone), zone), form)

    @pages.get("/audit.ndjson")
    def events() -> Response:
        rows = _exported(world, zone)
        site = world.settings.fhir_url
        lines = (text.dumps(audit_event(deed(row), site)) + b"\n" for row in rows)
        named = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
        return Response(lines, mimetype="application/fhir+ndjson", headers=named)

    _emergencies(pages, world, zone)
    return pages


def _emergencies(pages: Blueprint, world: World, zone: ZoneInfo) -> None:
    @pages.get("/audit/emergencies")
    def emergencies() -> str:
        unreviewed = request.args.get("all") != "1"
        before = _unpacked_glass(request.args.get("after"))
        now, rows, last = audit_trail.emergencies(
            world, sign_in.session().grant(), unreviewed, before, PAGE, request_id()
        )  # fmt: skip
        times = Times(now, zone)
        more = {**({} if unreviewed else {"all": "1"}), "after": _packed(last or ())}
        return render_template(
            "audit_emergencies.html", rail=spoken("audit.title"), unreviewed=unreviewed,
            lines=[trail_words.broken(row, times) for row in rows],
            after=f"/audit/emergencies?{urlencode(more)}" if last else "",
        )  # fmt: skip

    @pages.post("/audit/emergencies/<id>/review")
    def review(id: str) -> Answer:
        audit_trail.review(world, sign_in.session().grant(), id, request_id())
        return redirect("/audit/emergencies" + ("?all=1" if request.form.get("all") else ""), 303)


def deed(row: Seen) -> Deed:
    """The row as the standard's AuditEvent has it."""
    who, app = row.who, (row.app_id, row.app) if row.app_id else None
    return Deed(
        row.id, row.at, row.interaction, row.status, row.request, row.type, row.resource, row.version,
        ", ".join(row.asked), (who.id, who.name) if who else None, who.roles if who else (), app, row.launch,
        bool(row.emergency), [patient.id for patient in row.patients],
    )  # fmt: skip


def _asked() -> Asked:
    args = request.args
    names = {"since": "from", "until": "to"}
    asked = Asked(**{name: args.get(names.get(name, name), "").strip()[:100] for name in Asked.__dataclass_fields__})
    # The box is filled again with the name of whoever was found: left as it was, it means the same patient.
    same = asked.patient and asked.patient == args.get("called", "").strip()[:100]
    return replace(asked, patient=args.get("of", "")[:100]) if same and args.get("of") else asked


def _meant(world: World, asked: Asked, zone: ZoneInfo) -> Meant:
    """What is to be looked for. Raises Forbidden for all but the auditor, Invalid naming the argument."""
    grant = sign_in.session().grant()
    audit_trail.demand(grant)
    since, until = _midnight(asked.since, zone, "from", 0), _midnight(asked.until, zone, "to", 1)
    if since is not None and until is not None and since >= until:
        return Meant(None, problem=spoken("audit.first-day-lies-after-last"))
    if asked.what and asked.what not in KINDS:
        raise Invalid(
            spoken("audit.there-no-kind-choose-one", what=repr(asked.what), kinds=", ".join(KINDS)), "http.what"
        )
    wanted = Wanted(
        client=asked.app or None,
        interactions=KINDS[asked.what][1] if asked.what else (),
        since=since,
        until=until,
        emergency=bool(asked.emergency),
    )
    patients = audit_trail.patients(world, grant, asked.patient, request_id()) if asked.patient else []
    people = audit_trail.people(world, grant, asked.person) if asked.person else []
    for words, found, kind in ((asked.patient, patients, "patient"), (asked.person, people, "person")):
        if words and not found:
            return Meant(None, problem=_nobody(kind, words))
        if len(found) > 1:
            return Meant(None, choices=[(one, asked.href(**{kind: one.id})) for one in found])
    patient, person = next(iter(patients), None), next(iter(people), None)
    meant = replace(wanted, patient=patient.id if patient else None, subject=person.id if person else None)
    return Meant(meant, patient, person)


def _nobody(kind: str, words: str) -> str:
    """That nobody is found, and what to try."""
    if kind == "patient":
        return spoken("audit.no-patient", words=repr(words))
    return spoken("audit.no-person", words=repr(words))


def _midnight(day: str, zone: ZoneInfo, name: str, later: int) -> int | None:
    """The midnight with which a day begins in the office, or so many days later. Raises Invalid."""
    if not day:
        return None
    try:
        at = datetime.combine(date.fromisoformat(day) + timedelta(later), time(), zone)
        return micros(at.astimezone(UTC))
    except (ValueError, OverflowError):
        raise Invalid(spoken("audit.must-be-day-such-as", name=name, day=repr(day)), f"http.{name}") from None


def _said(wanted: Wanted) -> str:
    """What was asked, for the trail itself."""
    told = {**wanted.__dict__, "interactions": ",".join(wanted.interactions), "emergency": wanted.emergency or ""}
    return urlencode({name: value for name, value in told.items() if value not in (None, "")})


def _counted(total: int) -> str:
    return f"{total:,}" if total < MANY else f"{MANY:,}+"


def _packed(place: Sequence[int | str]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _raw(word: str) -> bytes:
    return base64.urlsafe_b64decode(word.encode() + b"=" * (-len(word) % 4))


def _unpacked(word: str | None) -> Place | None:
    """The place that a link goes on from. Raises Invalid for a word that is none of ours."""
    try:
        return Place(*_place(_raw(word))) if word else None
    except (ValueError, msgspec.MsgspecError):
        raise Invalid(spoken("audit.this-link-page-not-one"), "http.after") from None


def _unpacked_glass(word: str | None) -> tuple[int, str] | None:
    try:
        return _glass(_raw(word)) if word else None
    except (ValueError, msgspec.MsgspecError):
        raise Invalid(spoken("audit.this-link-page-not-one"), "http.after") from None


def _exported(world: World, zone: ZoneInfo) -> Iterator[Seen]:
    meant = _meant(world, _asked(), zone)
    if meant.wanted is None:
        raise Invalid(meant.problem or spoken("audit.several-meant-choose-one-on"), "http.patient")
    return audit_trail.export(world, sign_in.session().grant(), meant.wanted, _said(meant.wanted), request_id())


def _lines(rows: Iterator[Seen], zone: ZoneInfo) -> Iterator[list[str]]:
    """The rows as texts, times in the office's time zone."""
    for row in rows:
        who, began = row.who, row.beginning
        yield [
            _when(row.at, zone), who.name if who else "", " ".join(who.roles) if who else "",
            who.organization if who else "", row.interaction, row.type, row.resource, str(row.version or ""),
            row.category, " ".join(row.asked), "; ".join(f"{one.name} ({one.id})" for one in row.patients), row.app,
            row.launch, _when(began.at, zone) if began else "", "yes" if row.emergency else "", str(row.status),
            row.request, str(row.n),
        ]  # fmt: skip


def _when(at: int, zone: ZoneInfo) -> str:
    return moment(at).astimezone(zone).isoformat(timespec="seconds")
