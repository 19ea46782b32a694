"""`/load/rules`: to whom an office's new work goes, by rules in an order, each tried on the referrals of the last days
before it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from carecoord.actions.assignment import rules
from carecoord.actions.assignment.rules import DAYS, MOST, RuleBook
from carecoord.domain.assignment.rules import TRAITS, AssignmentRule, Trait, read_letters
from carecoord.errors import Conflict, NotFound, Unprocessable
from carecoord.web.acts.forms import Fault
from carecoord.web.page import labels
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

RULES: Final = "/load/rules"
ABOUT: Final[Mapping[Trait, Sentence]] = {
    "specialty": sentence("assignment.trait.specialty"),
    "payer": sentence("assignment.trait.payer"),
    "performer": sentence("assignment.trait.performer"),
    "priority": sentence("assignment.trait.priority"),
    "language": sentence("assignment.trait.language"),
}
FAULTS: Final[Mapping[str, Sentence]] = {
    "name": sentence("assignment.fault.name"),
    "to": sentence("assignment.fault.to"),
    "letters": sentence("assignment.fault.letters"),
    "seen": sentence("assignment.fault.seen"),
}
DONE: Final[Mapping[str, Sentence]] = {
    "kept": sentence("assignment.done.kept"),
    "gone": sentence("assignment.done.gone"),
    "order": sentence("assignment.done.order"),
    "swept": sentence("assignment.done.swept"),
}


@dataclass(frozen=True)
class Line:
    """A rule in words. `asks`: what must hold, a line each; `lost`: the one it names is no longer there."""

    rule: AssignmentRule
    to: str
    asks: Sequence[str]
    n: int
    lost: bool


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("assignment", __name__)
    sign_in.guard(pages, world)

    @pages.get(RULES)
    def show() -> Response:
        return _page(world, id=request.args.get("rule", ""), done=request.args.get("done", ""))

    @pages.post(RULES)
    def put() -> Response:
        sign_in.demand_own_request(sign_in.session())
        form = request.form
        rule, faults = _read(world, form)
        if faults:
            return _page(world, faults=faults, typed=form, status=422)
        if form.get("do") != "save":
            return _page(world, typed=form, tried=rule)
        try:
            rules.save(world, sign_in.session().grant(), request_id(), rule)
        except Unprocessable as refused:
            return _page(world, faults=[_fault(refused.where or "name")], typed=form, status=422)
        except Conflict:
            return _page(world, faults=[_fault("seen")], typed=form, status=412)
        return redirect(f"{RULES}?done=kept", 303)

    @pages.post(f"{RULES}/<act>")
    def change(act: str) -> Response:
        sign_in.demand_own_request(sign_in.session())
        grant, id = sign_in.session().grant(), request.form.get("rule", "")
        if act == "remove":
            rules.remove(world, grant, request_id(), id)
            return redirect(f"{RULES}?done=gone", 303)
        if act == "advance":
            rules.advance(world, grant, request_id(), id)
            return redirect(f"{RULES}?done=order", 303)
        if act == "sweep":
            rules.sweep(world, grant, request_id())
            return redirect(f"{RULES}?done=swept", 303)
        raise NotFound(sentence("refusals.rules.no-act"), "http.url")

    return pages


def _fault(field: str) -> Fault:
    return Fault(field, say(FAULTS[field if field in FAULTS else "name"]))


def _read(world: World, form: MultiDict[str, str]) -> tuple[AssignmentRule, list[Fault]]:
    """The rule as it was typed, and what is wrong with it."""
    faults = []
    letters = None
    try:
        letters = read_letters(form.get("letters", "")[:40])
    except ValueError:
        faults.append(_fault("letters"))
    seen, name = form.get("seen", ""), form.get("name", "").strip()
    if not name:
        faults.insert(0, _fault("name"))
    if not form.get("to"):
        faults.append(_fault("to"))
    wanted = {trait: frozenset(form.getlist(trait)) for trait in TRAITS if form.getlist(trait)}
    made = AssignmentRule(
        form.get("rule", "") or world.new_id(), name, form.get("to", ""), bool(form.get("spread")),
        bool(form.get("active")), wanted, letters, int(seen) if seen.isascii() and seen.isdigit() else 0,
    )  # fmt: skip
    return made, faults


def _page(
    world: World, *, id: str = "", done: str = "", faults: Sequence[Fault] = (),
    typed: MultiDict[str, str] | None = None, tried: AssignmentRule | None = None, status: int = 200,
) -> Response:  # fmt: skip
    book = rules.look(world, sign_in.session().grant(), request_id(), tried)
    names = {each.id: each.name for each in book.crew}
    kept = next((rule for rule in book.rules if rule.id == id), None)
    page = render_template(
        "assignment.html", lines=[_line(book, names, rule) for rule in book.rules], crew=book.crew,
        traits=[(trait, say(ABOUT[trait]), _offered(book, trait)) for trait in TRAITS if book.offered[trait]],
        form=_form(typed, kept), editing=bool(kept or (typed and typed.get("seen"))), faults=faults,
        wrong={each.field: each.text for each in faults}, trial=book.trial, days=DAYS, most=MOST,
        tried=_line(book, names, tried) if tried else None, nobodys=book.nobodys,
        done=say(DONE[done]) if done in DONE else "",
    )  # fmt: skip
    return make_response(page, status)


def _form(typed: MultiDict[str, str] | None, kept: AssignmentRule | None) -> dict[str, Any]:
    """What stands in the form: what was typed, else the rule that is changed, else an empty one."""
    if typed is not None:
        said: dict[str, Any] = typed.to_dict()
        return said | {trait: typed.getlist(trait) for trait in TRAITS}
    if kept is None:
        return {"active": "1"}
    return {
        "rule": kept.id, "seen": str(kept.seen), "name": kept.name, "to": kept.to, "spread": kept.spread,
        "active": kept.active, "letters": _letters(kept),
        **{str(trait): values for trait, values in kept.wanted.items()},
    }  # fmt: skip


def _line(book: RuleBook, names: Mapping[str, str], rule: AssignmentRule) -> Line:
    asks = []
    for trait in TRAITS:
        if values := rule.wanted.get(trait):
            offered = dict(_offered(book, trait))
            asks.append(f"{say(ABOUT[trait])}: {', '.join(sorted(offered.get(each, each) for each in values))}")
    if rule.letters:
        asks.append(say(sentence("assignment.asks.letters", letters=_letters(rule))))
    to = names.get(rule.to, say(sentence("assignment.lost")))
    return Line(rule, to, asks, book.trial.decided.get(rule.id, 0), rule.to not in names)


def _letters(rule: AssignmentRule) -> str:
    return "-".join(dict.fromkeys(each.capitalize() for each in rule.letters)) if rule.letters else ""


def _offered(book: RuleBook, trait: Trait) -> list[tuple[str, str]]:
    offered = book.offered[trait]
    if trait == "priority":
        return [(code, say(labels.chip(labels.PRIORITY, code).label)) for code in offered]
    return list(offered.items())
