"""A new referral on one page: `/referrals/new`. Finding the patient begins a draft; each change is kept; the finder
beside the steps is made anew with them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from carecoord.actions.acts.act import Submission
from carecoord.actions.referrals import announcements, desk, drafts, holds, intake, orders, patients
from carecoord.actions.referrals.desk import Looked
from carecoord.actions.referrals.drafts import Clashing
from carecoord.actions.referrals.holds import Hold
from carecoord.actions.terms import choices
from carecoord.actions.worklist import project
from carecoord.domain.documents.suggestions import Suggestions
from carecoord.domain.referrals import drafts as fields_of
from carecoord.domain.referrals.candidates import ORDERS
from carecoord.domain.resource.days import local
from carecoord.errors import Conflict, Unprocessable
from carecoord.fhir.instants import micros
from carecoord.web.acts import commands, submissions
from carecoord.web.acts.buttons import ELSEWHERE
from carecoord.web.acts.forms import Fault, Reader, State, submission, typed
from carecoord.web.documents import pages as documents_pages
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.referrals import finder_view, new_form, new_view, patient_view
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

VERB = "refer"
_LONGEST = 200  # characters of what is looked for
_LABELS: Mapping[str, str] = Glossary(
    {
        "service": sentence("case.labels.service"),
        "service-code": sentence("case.labels.service-code"),
        "reason": sentence("case.labels.reason"),
        "reason-code": sentence("case.labels.reason-code"),
        "question": sentence("case.labels.question"),
        "clinician": sentence("case.labels.clinician"),
        "specialty": sentence("case.labels.specialty"),
        "specialty-code": sentence("case.labels.specialty"),
        "urgency": sentence("case.labels.urgency"),
        "from": sentence("case.labels.from"),
        "to": sentence("case.labels.to"),
        "interpreter": sentence("case.labels.interpreter"),
        "transport": sentence("case.labels.transport"),
        "card": sentence("case.labels.card"),
        "papers": sentence("case.labels.papers"),
        "follows": sentence("case.labels.follows"),
        "choice": sentence("case.labels.choice"),
        "told": sentence("case.labels.told"),
    }
)


def blueprint(world: World) -> Blueprint:
    """The pages and what their forms ask for."""
    both = Blueprint("referrals_new", __name__)
    both.register_blueprint(_pages(world))
    both.register_blueprint(_acts(world))
    return both


def _pages(world: World) -> Blueprint:
    """`/referrals/new`, and of it the patients who are found while somebody types."""
    pages = Blueprint("shown", __name__, template_folder="../templates")
    sign_in.guard(pages, world)
    screen = _Screen(world)

    @pages.get("/referrals/new")
    def new() -> Response:
        order = request.args.get("order", "")
        if order and "q" not in request.args:
            return screen.one(order)
        document = request.args.get("document", "")
        return screen.indexing(document) if document else screen.patients(order)

    @pages.get("/referrals/<id>/refer")
    def refer(id: str) -> Response:
        return _to(id)

    @pages.get("/referrals/new/file/<id>")
    def file(id: str) -> Response:
        return documents_pages.answer(intake.file(world, sign_in.session().grant(), request_id(), id))

    @pages.get("/referrals/new/patients")
    def hits() -> Response:
        return Response(render_template("referral_patients.html", found=screen.found(_asked())))

    return pages


def _acts(world: World) -> Blueprint:
    """`POST /referrals/new/begin` and, of a draft, `save` and `send`."""
    pages = Blueprint("acts", __name__, template_folder="../templates")
    sign_in.guard_forms(pages, world, lambda draft: submissions.signed_out(draft, ()))
    screen = _Screen(world)

    @pages.before_request
    def room() -> None:
        submissions.make_room(world)

    @pages.post("/referrals/new/begin")
    def begin() -> Response:
        return screen.begin(*(request.form.get(name, "") for name in ("patient", "order", "document")))

    @pages.post("/referrals/new/receive")
    def receive() -> Response:
        return screen.receive()

    @pages.post("/referrals/new/<id>/save")
    def save(id: str) -> Response:
        return screen.save(id)

    @pages.post("/referrals/new/<id>/send")
    def send(id: str) -> Response:
        return screen.send(id)

    return pages


def _asked() -> str:
    return request.args.get("q", "")[:_LONGEST]


class _Screen:
    """Makes the page, and does what its forms ask for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)

    @property
    def times(self) -> Times:
        return Times(self.world.clock(), self.zone)

    def found(self, said: str) -> patient_view.Cards:
        """The patients of a text."""
        told = patients.find(self.world, sign_in.session().grant(), said, request_id())
        return patient_view.cards(told, self.times)

    def patients(
        self, order: str, trouble: str = "", status: int = 200, *, said: str | None = None, document: str = "",
        hints: Suggestions | None = None,
    ) -> Response:  # fmt: skip
        """The page on which the patient is found. order: the draft that is to be for another patient. document: what
        waits to be indexed, with what it may say (hints)."""
        grant = sign_in.session().grant()
        patients.demand(grant)
        said = _asked() if said is None else said
        page = render_template(
            "referral_new.html",
            rail=spoken("case.new-referral"),
            typed=said,
            found=self.found(said),
            order=order,
            page=None,
            once=State(VERB).id,
            trouble_told=trouble,
            document=document,
            hints=hints,
            waiting=[] if order or document else self._waiting(),
            most=self.world.settings.max_document,
        )
        return make_response(page, status)

    def indexing(self, document: str) -> Response:
        """The same for a document that waits: whom it may be about is looked for by what it says, the surest first."""
        hints = intake.read_of(self.world, sign_in.session().grant(), request_id(), document)
        tries = (each for each in hints.searches if self.found(each).cards)
        said = _asked() if "q" in request.args else next(tries, "")
        return self.patients("", said=said, document=document, hints=hints)

    def receive(self) -> Response:
        """Keep a document that came in."""
        session = sign_in.session()
        sign_in.demand_own_request(session)
        reader = self._reader(typed(request.form, request.files), request.files)
        given = commands.upload(reader)
        if given is None:
            words = reader.faults[0].text if reader.faults else spoken("case.choose-file-first")
            return self.patients("", words, 422)
        done = intake.receive(self.world, session.grant(), request_id(), submission("", request.form), given)
        return redirect(f"/referrals/new?{urlencode({'document': done.act.id})}", 303)

    def _waiting(self) -> list[tuple[str, str]]:
        """The documents that wait, (id, when each came)."""
        found = intake.queue(self.world, sign_in.session().grant(), request_id())
        return [(each.id, self.times.exact(micros(each.came)) if each.came else "") for each in found]

    def begin(self, patient: str, order: str, document: str = "") -> Response:
        """A draft for the patient who was chosen."""
        session = sign_in.session()
        sign_in.demand_own_request(session)
        if not patient:
            return self.patients(order, spoken("case.choose-patient-first"), 422)
        sent = submission(order, request.form)
        if order:
            drafts.again(self.world, session.grant(), request_id(), sent, patient)
            return _to(order)
        done = drafts.begin(self.world, session.grant(), request_id(), sent, patient, document=document)
        return _to(done.act.id, document)

    def save(self, id: str) -> Response:
        """Keep what the form says; the finder anew for a swap, else the page."""
        session, values = sign_in.session(), typed(request.form, request.files)
        grant, reader = session.grant(), self._reader(values)
        fields = new_form.read(reader)
        if not sign_in.own_session(session):
            return self._page(id, State(VERB, values, notice=say(submissions.ANEW)), 403, fields=fields)
        state, saved = State(VERB, values), ""  # what is still being typed is no fault: it is one when it is sent
        if request.form.get("draft"):
            try:
                _, told, _ = drafts.save(self.world, grant, request_id(), self._submission(id, fields), fields)
                saved = self._saved(told)
            except Clashing as clash:
                return self._page(id, replace(state, faults=tuple(_clashes(clash))), 412, fields=fields)
        partial_wanted = request.headers.get("HX-Request-Type") == "partial"
        if not partial_wanted:
            return redirect(f"/referrals/new?{urlencode({'order': id, **_looked_at(values)})}", 303)
        return self._page(id, state, 200, saved=saved, fields=fields if not request.form.get("draft") else None)

    def send(self, id: str) -> Response:
        """Send it; what can not be sent comes back with all that was typed."""
        session, values = sign_in.session(), typed(request.form, request.files)
        reader = self._reader(values)
        fields = new_form.read(reader)
        if not sign_in.own_session(session):
            return self._page(id, State(VERB, values, notice=say(submissions.ANEW)), 403, fields=fields)
        wanted = fields_of.lacking({**dict.fromkeys(fields_of.FIELDS, ""), **fields}, reader.today)
        for name, words in wanted if request.form.get("draft") else [each for each in wanted if each[0] == "choice"]:
            reader.fault(name, say(words))
        state = State(VERB, values, tuple(reader.faults), offers=reader.offers)
        if reader.faults:
            return self._page(id, state, 422, fields=fields)
        once = submission(id, request.form)
        sent = Submission(id, f"send-{once.form}", once.seen)
        try:
            done = orders.send(self.world, session.grant(), request_id(), sent, fields, hold=_hold(values))
        except Clashing as clash:
            return self._page(id, replace(state, faults=tuple(_clashes(clash))), 412, fields=fields)
        except (Unprocessable, Conflict) as refused:
            fault = Fault(refused.where if refused.where in (*fields, holds.FIELD) else "", refused.text)
            return self._page(id, replace(state, faults=(fault,)), refused.status, fields=fields)
        back = f"/?{urlencode({'show': id, 'done': done.act.id})}"
        if announcements.COVER in fields.get("told", "").split():
            return redirect(f"/referrals/{quote(id)}/{ELSEWHERE['link']}?{urlencode({'back': back})}", 303)
        return redirect(back, 303)

    def one(self, id: str) -> Response:
        """The page of a draft, or of an order that nobody has been asked for yet."""
        return self._page(id, State(VERB), 200)

    def _page(
        self, id: str, state: State, status: int, *, saved: str = "", fields: dict[str, str] | None = None
    ) -> Response:
        values = state.values or request.args
        looked = _looked(values)
        found = desk.desk(self.world, sign_in.session().grant(), request_id(), id, looked, fields)
        page = new_view.page(found, looked, state, project.policy(self.world.settings), self.times, saved)
        swap = request.headers.get("HX-Request-Type") == "partial"
        name = "referral_finder.html" if swap else "referral_new.html"
        document = request.args.get("document", "") if request.method == "GET" else ""
        hints = intake.said_by(self.world, sign_in.session().grant(), request_id(), document) if document else None
        shown = render_template(
            name,
            rail=spoken("case.new-referral"),
            page=page,
            swap=swap,
            by=finder_view.BY,
            hints=hints,
            document_id=document,
        )
        return make_response(shown, status)

    def _reader(self, values: dict[str, str], files: Mapping[str, FileStorage] = MappingProxyType({})) -> Reader:
        look_up, most = partial(choices.read, self.world), self.world.settings.max_document
        return Reader(values, local(self.world.clock(), self.zone), self.zone, files, most, look_up)

    def _submission(self, id: str, fields: dict[str, str]) -> Submission:
        """One for each content: a form that is kept at every change has one id until it is shown anew."""
        sent = submission(id, request.form)
        digest = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]
        return Submission(id, f"save-{sent.form}-{digest}", sent.seen)

    def _saved(self, told: object) -> str:
        at = f"{self.times.now.astimezone(self.zone):%H:%M}"
        names = list(dict.fromkeys(_LABELS[each] for each in told)) if isinstance(told, list) else []
        changed = ", ".join(names)
        return spoken("case.kept-colleague-changed", at=at, changed=changed) if names else spoken("case.kept", at=at)


def _to(id: str, document: str = "") -> Response:
    return redirect(f"/referrals/new?{urlencode({'order': id, **({'document': document} if document else {})})}", 303)


def _hold(values: Mapping[str, str]) -> Hold | None:
    """The time that is to be held, where the form says one that can be read."""
    performer, _, said = values.get(holds.FIELD, "").partition(" ")
    try:
        starts = datetime.fromisoformat(said)
    except ValueError:
        return None
    return Hold(performer, starts) if starts.tzinfo else None


def _looked(values: object) -> Looked:
    get = values.get if hasattr(values, "get") else dict[str, str]().get
    by = next((each for each in ORDERS if each == get("by", "")), "cleared")
    return Looked(by, bool(get("far", "")), (get("another", "") or "")[:_LONGEST])  # type: ignore[arg-type]


def _looked_at(values: dict[str, str]) -> dict[str, str]:
    return {name: values[name] for name in ("by", "far", "another") if values.get(name)}


def _clashes(found: Clashing) -> list[Fault]:
    """What a colleague wrote into the same fields: sent once more, mine stands."""
    names = {each.field.removesuffix("-code"): each for each in reversed(found.clashes)}
    return [
        Fault(name, _clash(each.theirs or spoken("acts.nothing"), _LABELS[each.field])) for name, each in names.items()
    ]


def _clash(theirs: str, name: str) -> str:
    return spoken("case.colleague-wrote-as-meanwhile-sent", theirs=theirs, name=name)
