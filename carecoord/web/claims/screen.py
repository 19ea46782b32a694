"""The pages of claims, put together: the list with a panel, one claim, the files that payers sent."""

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from flask import make_response, redirect, render_template, request
from jinja2_fragments.flask import render_block
from werkzeug.wrappers import Response

from auth.grant import Grant
from carecoord.actions.claims import acts, desk, files, outgoing
from carecoord.actions.claims.acts import Deed
from carecoord.actions.claims.outgoing import Written
from carecoord.domain.access import verbs
from carecoord.domain.claims.work import LIMIT, VERBS, ClaimVerb
from carecoord.errors import Invalid, NotFound, Problem, TooLarge, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.web.acts.forms import Fault, State
from carecoord.web.claims import address as addresses
from carecoord.web.claims import labels, view
from carecoord.web.claims.address import ClaimsAddress
from carecoord.web.page import downloads
from carecoord.web.page.columns import headings
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import in_words, spoken
from carecoord.world import World

_LONGEST = 16  # characters of an amount
_FIGURES = frozenset("-.0123456789")  # not 9e999999, which is longer than it looks
_X12 = "application/edi-x12"  # RFC 1767


class Screen:
    """Puts the pages together."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.settings.timezone)

    def listed(self) -> Response:
        """The list, with the panel of the claim that is open."""
        grant, address = sign_in.session().grant(), addresses.parse(request.args)
        found = desk.listed(self.world, grant, request_id(), address.asked(micros(self.world.clock())))
        times = Times(found.now, self.zone)
        panel = self._panel(grant, address, times) if address.shown else None
        address = address if panel else replace(address, shown="")
        told = {
            "listing": view.listing(found, address, times), "address": address, "panel": panel,
            "as_of": times.stamp(), "file": replace(address, shown="", after=None).href("")[1:],
        }  # fmt: skip
        if request.headers.get("HX-Request-Type") == "partial":
            return make_response(render_block("claims.html", "desk", partial=True, **told))
        return make_response(render_template("claims.html", **told))

    def file(self, form: downloads.Form) -> Response:
        """The list as a file: every claim of its tab, under the same words and choices."""
        address = replace(addresses.parse(request.args), after=None)
        asked = address.asked(micros(self.world.clock()))
        rows, adjusted = desk.download(self.world, sign_in.session().grant(), request_id(), asked)
        cells = view.CELLS if self._sees_rates() else tuple(each for each in view.CELLS if each != "short")
        at = [view.CELLS.index(each) for each in cells]
        lines = ([line[n] for n in at] for line in view.lines(rows, adjusted, Times(self.world.clock(), self.zone)))
        return downloads.table("claims", headings([f"claim_{each}" for each in cells]), lines, form)

    def _sees_rates(self) -> bool:
        return verbs.may(sign_in.session().grant().roles, "see-rates")

    def _panel(self, grant: Grant, address: ClaimsAddress, times: Times) -> view.Sheet | None:
        try:
            return view.sheet(desk.one(self.world, grant, request_id(), address.shown), times, address)
        except NotFound:
            return None

    def one(self, id: str, state: State | None = None, status: int = 200) -> Response:
        """One claim on a page, with the form of an act where one is asked for."""
        found = desk.one(self.world, sign_in.session().grant(), request_id(), id)
        times = Times(found.now, self.zone)
        page = view.sheet(found, times, ClaimsAddress())
        verb = request.args.get("act", "")
        if state is None and verb in found.verbs:
            state = State(verb, {"amount": f"{found.row.denied / 100:.2f}"} if verb == "write-off" else {})
        return make_response(render_template(
            "claim.html", page=page, state=state, labels=labels.DO, limit=labels.money(LIMIT), as_of=times.stamp(),
        ), status)  # fmt: skip

    def act(self, id: str, verb: str) -> Response:
        """An act as its form was sent; what was typed is kept where it is refused."""
        named: ClaimVerb | None = next((each for each in VERBS if each == verb), None)
        if named is None:
            raise NotFound(spoken("acts.there-no-such-act"))
        values = dict(request.form.items())
        faults: list[Fault] = []
        note = values.get("note", "").strip()[:1000]
        if not note and named != "agree-write-off":
            faults.append(Fault("note", spoken("claims.fault.note")))
        amount = _cents(values.get("amount", ""), faults) if named == "write-off" else None
        if faults:
            return self.one(id, State(verb, values, tuple(faults)), 422)
        seen = values.get("seen", "")
        deed = Deed(named, values.get("once", "")[:64], int(seen) if seen.isdecimal() else 0, note, amount,
                    values.get("reference", "").strip()[:100])  # fmt: skip
        try:
            acts.do(self.world, sign_in.session().grant(), request_id(), id, deed)
        except Problem as refused:
            if refused.status not in (403, 409, 412, 422):
                raise
            field = "amount" if refused.where == "amount" else ""
            return self.one(id, State(verb, values, (Fault(field, refused.text),)), refused.status)
        return redirect(f"/claims/{id}", 303)

    def match(self, id: str) -> Response:
        """A claim matched anew."""
        files.match_again(self.world, sign_in.session().grant(), request_id(), id)
        return redirect(f"/claims/{id}", 303)

    def files(self, problem: str = "", status: int = 200) -> Response:
        """The files that payers sent, and where one is brought."""
        rows = files.recent(self.world, sign_in.session().grant(), request_id())
        times = Times(self.world.clock(), self.zone)
        shown = [(row, labels.FILES[row.state], times.exact(row.at)) for row in rows]
        most = self.world.settings.max_document // (1024 * 1024)
        return make_response(
            render_template("claims_files.html", files=shown, problem=problem, most=most, as_of=times.stamp()), status
        )

    def bring(self) -> Response:
        """A file as it was sent."""
        sent = request.files.get("file")
        if sent is None or not sent.filename:
            return self.files(spoken("claims.choose-file"), 422)
        try:
            id = files.upload(self.world, sign_in.session().grant(), request_id(), sent.filename, sent.read())
        except (Invalid, TooLarge, Unprocessable) as refused:
            return self.files(refused.text, refused.status)
        return redirect(f"/claims/files/{id}", 303)

    def one_file(self, id: str) -> Response:
        """What became of a file, transaction by transaction."""
        found = files.one(self.world, sign_in.session().grant(), request_id(), id)
        shown = [
            {"kind": labels.KINDS.get(each.kind) or each.kind, "n": each.n, "control": each.control,
             "chip": labels.TAKEN[each.state], "faults": _faults(each.faults), "about": _about(each.about)}
            for each in found.transactions
        ]  # fmt: skip
        times = Times(self.world.clock(), self.zone)
        return make_response(render_template(
            "claims_file.html", file=found.file, transactions=shown, faults=_faults(found.file.faults),
            at=times.exact(found.file.at), state=labels.FILES[found.file.state], as_of=times.stamp(),
        ))  # fmt: skip

    def original(self, id: str) -> Response:
        """A file as it came."""
        name, body = files.original(self.world, sign_in.session().grant(), request_id(), id)
        plain = "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "-" for each in name)
        return _download(Written(plain or "file.x12", body))

    def outgoing(self, id: str, kind: str) -> Response:
        """A request, or a question about its card, as a file to be sent; why there is none, on its page."""
        grant = sign_in.session().grant()
        make = outgoing.authorization if kind == "278" else outgoing.eligibility
        try:
            return _download(make(self.world, grant, request_id(), id))
        except Unprocessable as refused:
            told = [each.text for each in refused.all_issues()]
            return make_response(render_template("claims_unsent.html", id=id, faults=told, kind=kind), 422)


    def kept(self, id: str, number: int) -> Response:
        """A file of a request as it was written."""
        return _download(outgoing.kept(self.world, sign_in.session().grant(), request_id(), id, number))


def _download(file: Written) -> Response:
    named = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
    return Response(file.body, mimetype=_X12, headers=named)


def _faults(kept: str) -> list[tuple[int, str, str]]:
    found: list[tuple[int, str, str]] = json.values(kept.encode())
    return [(place, where, in_words(why)) for place, where, why in found]


def _about(name: str | None) -> str:
    """The link to what a transaction changed."""
    kind, _, id = (name or "").partition("/")
    return f"/authorizations/{id}" if kind == "Claim" else ""


def _cents(said: str, faults: list[Fault]) -> int | None:
    """An amount as somebody types it, in cents."""
    plain = said.strip().replace(",", "").removeprefix("$").strip()
    try:
        cents = Decimal(plain if len(plain) < _LONGEST and set(plain) <= _FIGURES else "nan") * 100
        if cents.is_finite() and cents == cents.to_integral_value():
            return int(cents)
    except InvalidOperation:
        pass
    faults.append(Fault("amount", spoken("claims.fault.amount")))
    return None
