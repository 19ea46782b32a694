"""The page of one agreement, put together: what is known of it, what can be done, the form that is open."""

from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.acts import act as acts_act
from carecoord.actions.agreements import acts, dossier, drafts, roster
from carecoord.actions.agreements.dossier import Dossier, Lapse
from carecoord.actions.agreements.office import rate_changes
from carecoord.actions.people import drafts as kept
from carecoord.domain.resource.days import local
from carecoord.errors import Conflict, NotFound, Unprocessable
from carecoord.web.acts import days
from carecoord.web.acts import view as acts_view
from carecoord.web.acts.forms import Fault, State
from carecoord.web.agreements import acts_view as agreement_acts
from carecoord.web.agreements import agreement_view, clause_view, draft_view, office_view, redline_view
from carecoord.web.agreements.clause_view import Citing
from carecoord.web.agreements.draft_view import Place, Sheet
from carecoord.web.agreements.redline_view import Countering, Redline
from carecoord.web.agreements.register_view import KINDS
from carecoord.web.page import docx
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.words.reader import reads
from carecoord.words.sentence import sentence
from carecoord.world import World

RETURNED = sentence("agreements.returned")


@dataclass(frozen=True)
class Screen:
    """Makes the page. `zone`: whose days it tells."""

    world: World
    zone: ZoneInfo

    def one(self, grant: Grant, id: str, state: State | None = None, status: int = 200) -> Response:
        """The page of the agreement of which a Contract (id) is a version. state: of the form that is open, where it is
        no new one."""
        found = dossier.dossier(self.world, grant, request_id(), id)
        times = Times(found.now, self.zone)
        page = agreement_view.page(found, times)
        state = state or self._state(grant)
        state, status, lapse = self._counted(grant, id, state, status)
        offered, most = acts.offered(grant, found), self.world.settings.max_document
        sheet = self._sheet(grant, found, state) if state and state.verb in offered else None
        view = agreement_acts.acts(found, offered, state, lapse, most, times, sheet)
        done = self._done(grant)
        return make_response(
            render_template(
                "contract.html",
                rail=spoken("agreements.contracts"),
                page=page,
                acts=view,
                done=done,
                done_back=view.back,
                address=None,
                office=office_view.office(found, times),
                quotes=clause_view.quotes(found),
                readings=clause_view.readings(found),
                redline=self._redline(grant, found, times),
            ),
            status,
        )

    def new(self, grant: Grant, kind: str, state: State | None = None, status: int = 200) -> Response:
        """The page of a new agreement: the kinds to choose from or, of one that is chosen, its form."""
        state = state or self._state(grant) or State("draft")
        chosen = kind or state.value("kind")
        offers = drafts.choices(self.world, grant, request_id(), state.value("first"))
        form = draft_view.new(chosen, state, offers) if chosen in KINDS else None
        kinds = [(code, label, draft_view.demands(code)) for code, label in KINDS.items()]
        return make_response(
            render_template("contract_new.html", rail=spoken("agreements.contracts"), form=form, kinds=kinds), status
        )

    def redlined(self, grant: Grant, id: str) -> Response:
        """The redline as a document with tracked changes, in the name of whoever asks. Raises NotFound where there are
        no two versions."""
        found = dossier.dossier(self.world, grant, request_id(), id)
        times = Times(found.now, self.zone)
        shown = self._redline(grant, found, times)
        if shown is None:
            raise NotFound(sentence("redline.one-version"))
        who = sign_in.session().user.name
        data = docx.document(redline_view.words_of(found, shown), who, found.now, reads())
        name = "".join(each if each.isascii() and each.isalnum() else "-" for each in found.line.number) or "agreement"
        named = {"Content-Disposition": f'attachment; filename="{name}-redline.docx"', "Cache-Control": "no-store"}
        return Response(data, mimetype=docx.TYPE, headers=named)

    def _redline(self, grant: Grant, found: Dossier, times: Times) -> Redline | None:
        """Two versions against each other, those that the address names; None where there is but one."""
        pair = redline_view.pair(found, request.args.get("from", ""), request.args.get("to", ""))
        if pair is None:
            return None
        paid = rate_changes.changed(self.world, grant, request_id(), *pair)
        return redline_view.redline(found, times, pair, paid)

    def _sheet(self, grant: Grant, found: Dossier, state: State) -> Sheet | Place | Citing | Countering | None:
        """The fields of the draft, with the networks of the payer that is written there now; or of a row of who takes
        part, or of a clause. None of other forms."""
        if state.verb == "cite":
            return clause_view.citing(found, state)
        if state.verb == "counter-clause":
            return redline_view.countering(found, state)
        if state.verb == "affiliate":
            return draft_view.placed(found, state, roster.offered(self.world, grant, request_id(), found))
        if state.verb != "edit":
            return None
        payer = state.value("first", draft_view.payer(found))
        return draft_view.edited(found, state, drafts.choices(self.world, grant, request_id(), payer))

    def _state(self, grant: Grant) -> State | None:
        """The form that the address asks for, with what was typed into it before a session was over."""
        act, draft = request.args.get("act"), request.args.get("draft")
        if request.method != "GET" or not act:
            return None
        typed = kept.fetch(self.world, grant, draft) if draft else {}
        chosen = {name: request.args[name][:200] for name in ("row", "task", "of") if request.args.get(name)}
        if not typed and chosen:
            return State(act, chosen)
        return State(act, typed, notice=say(RETURNED) if typed else "")

    def _done(self, grant: Grant) -> acts_view.Undo | None:
        act = request.args.get("done")
        if not act:
            return None
        with looking(self.world, grant, request_id()) as turn:
            done = acts_act.find(turn, act)
        if done is None:
            return None
        told = acts_view.undo(done, Times(self.world.clock(), self.zone))
        return replace(told, back=agreement_acts.back(done.act.verb))

    def _counted(
        self, grant: Grant, id: str, state: State | None, status: int
    ) -> tuple[State | None, int, tuple[date, Lapse] | None]:
        """What hangs on an agreement that is to end with the day that was written, counted now; the state and the
        status with what is wrong with that day."""
        if state is None or state.verb != "end" or state.fault("day") or not state.value("day").strip():
            return state, status, None
        try:
            last = days.read_any(state.value("day"), local(self.world.clock(), self.zone)).day
        except ValueError:
            return state, status, None
        try:
            return state, status, (last, acts.hanging(self.world, grant, request_id(), id, last))
        except (Unprocessable, Conflict) as refused:
            fault = Fault("day" if isinstance(refused, Unprocessable) else "", refused.text)
            return replace(state, faults=(*state.faults, fault)), max(status, refused.status), None
