"""`/rules`: the payers' rules about authorization, for contract and payer staff: found, read with all that was ever
known of them, and, by whoever keeps them, written, changed and ended one by one."""

from collections.abc import Mapping
from datetime import date
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.rules import keep, register
from carecoord.actions.rules.keep import Draft
from carecoord.actions.rules.register import Found
from carecoord.domain.resource.days import local
from carecoord.errors import Conflict
from carecoord.web.acts import days
from carecoord.web.acts.forms import Fault, State
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.policies.vocabulary import BUSINESSES
from carecoord.web.rules import form_view, list_view, vocabulary
from carecoord.web.rules.list_view import RULES
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say, spoken
from carecoord.world import World

_DONE = ("kept", "ended")


def blueprint(world: World) -> Blueprint:
    """The pages and what their forms do."""
    pages = Blueprint("rules_pages", __name__)
    sign_in.guard(pages, world)
    desk = _Desk(world)

    @pages.get(RULES)
    def show() -> str:
        return desk.list(sign_in.session().grant())

    @pages.get(f"{RULES}/new")
    def new() -> Response:
        begun = {"payer": request.args.get("payer", ""), "network": "any"}
        if request.args.get("kind") == "exempt":
            begun |= {"answer": "not-required"}
        return desk.form(sign_in.session().grant(), begun, None)

    @pages.post(f"{RULES}/new")
    def make() -> Response:
        return desk.take(sign_in.session().grant(), None)

    @pages.get(f"{RULES}/<int:n>")
    def one(n: int) -> Response:
        return desk.one(sign_in.session().grant(), n)

    @pages.get(f"{RULES}/<int:n>/change")
    def change(n: int) -> Response:
        found = register.one(world, sign_in.session().grant(), request_id(), n)
        return desk.form(sign_in.session().grant(), form_view.begun(found), found)

    @pages.post(f"{RULES}/<int:n>/change")
    def put(n: int) -> Response:
        return desk.take(sign_in.session().grant(), register.one(world, sign_in.session().grant(), request_id(), n))

    @pages.post(f"{RULES}/<int:n>/end")
    def end(n: int) -> Response:
        return desk.end(sign_in.session().grant(), n)

    return pages


class _Desk:
    """The pages, made of the world."""

    def __init__(self, world: World) -> None:
        self.world, self.zone = world, ZoneInfo(world.settings.timezone)

    def list(self, grant: Grant) -> str:
        asked = list_view.asked(request.args)
        found = register.listed(self.world, grant, request_id(), asked)
        return render_template(
            "rules.html", found=found, asked=asked, total=list_view.total(found), answers=vocabulary.ANSWERS,
            holds=vocabulary.HOLDS, lines=[list_view.shown(each, found.words) for each in found.lines],
            following=list_view.following(found, asked), first=list_view.href(asked),
            clear=list_view.href(list_view.asked({"payer": asked.payer})),
        )  # fmt: skip

    def one(self, grant: Grant, n: int, status: int = 200, end: State | None = None) -> Response:
        found = register.one(self.world, grant, request_id(), n)
        if found.n != n and status == 200:
            return redirect(f"{RULES}/{found.n}", 303)
        done = request.args.get("done", "")
        page = render_template(
            "rule.html", found=found, page=list_view.page(found, Times(self.world.clock(), self.zone)),
            done=done if done in _DONE else "", end=end or State("end"), changed=status == 412,
        )  # fmt: skip
        return make_response(page, status)

    def form(
        self, grant: Grant, values: Mapping[str, str], found: Found | None, draft: Draft | None = None, *,
        faults: tuple[Fault, ...] = (), status: int = 200, changed: bool = False,
    ) -> Response:  # fmt: skip
        payers = () if found else tuple(register.whose(self.world, grant, request_id()))
        action = f"{RULES}/{found.n}/change" if found else f"{RULES}/new"
        seen = values.get("seen") or (found.seen if found else "")
        made = form_view.form(values, action, draft, [*faults], found=found, seen=seen, payers=payers)
        page = render_template(
            "rule_form.html", form=made, state=made.state, found=found, faults=form_view.labelled(made.state.faults),
            fields=vocabulary.FIELDS, answers=vocabulary.ANSWERS, networks=vocabulary.NETWORKS, changed=changed,
            settings=vocabulary.SETTINGS, sexes=vocabulary.SEXES, systems=vocabulary.SYSTEMS,
            businesses={code: said for code, said in BUSINESSES.items() if code},
        )  # fmt: skip
        return make_response(page, 422 if made.state.faults else status)

    def take(self, grant: Grant, found: Found | None) -> Response:
        """Try what was written or, once it was tried, keep it."""
        typed, n = request.form, found.n if found else None
        texts, faults = form_view.texts(typed, self._today(), self.zone)
        asked, more = form_view.example(typed, self._today(), self.zone)
        try:
            if typed.get("do") == "save" and not faults and not more and typed.get("told"):
                kept = keep.keep(
                    self.world, grant, request_id(), texts, n, seen=typed.get("seen", ""), told=typed["told"]
                )
                if isinstance(kept, int):
                    return redirect(f"{RULES}/{kept}?done=kept", 303)
            draft = keep.tried(self.world, grant, request_id(), texts, n, asked)
        except Conflict:
            return self.form(grant, typed, found, status=412, changed=True)
        return self.form(grant, typed, found, draft, faults=(*faults, *more))

    def end(self, grant: Grant, n: int) -> Response:
        """Let a rule speak for the last time on a day."""
        found = register.one(self.world, grant, request_id(), n)
        said = request.form.get("last", "")
        try:
            last = days.read_any(said, self._today()).day
        except ValueError as unread:
            return self.one(grant, n, 422, State("end", {"last": said}, (Fault("last", str(unread)),)))
        texts = keep.ended(keep.cells(found), last)
        try:
            kept = keep.keep(self.world, grant, request_id(), texts, n, seen=request.form.get("seen", ""))
        except Conflict:
            return self.one(grant, n, 412)
        if isinstance(kept, Draft):
            why = say(kept.faults[0].why) if kept.faults else spoken("rules.changed")
            return self.one(grant, n, 422, State("end", {"last": said}, (Fault("last", why),)))
        return redirect(f"{RULES}/{kept}?done=ended", 303)

    def _today(self) -> date:
        return local(self.world.clock(), self.zone)
