"""Questionnaire/$questionnaire-package: a payer's forms for the papers that its rules want with an order; and what a
partner's server could not do with one of them, written down.

Which form is for which paper the rule says, else the form: it carries the paper's code, and says whose it is. Clause:
Da Vinci DTR 2.2.0."""

import hashlib
from typing import Final

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.clearance import rule_lines
from carecoord.actions.prior_auth.pas.explode import partner
from carecoord.domain.prior_auth.crd import coverage_information, services
from carecoord.domain.prior_auth.dtr import package
from carecoord.domain.prior_auth.dtr.package import Asked
from carecoord.domain.prior_auth.question import Known, Question
from carecoord.domain.prior_auth.requirements import requirement
from carecoord.domain.questionnaires.form import canonical
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import Json, item, items, pairs, target, text
from carecoord.domain.resource.parties import Party, directory, is_payer
from carecoord.errors import Invalid, Unprocessable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import writing
from carecoord.store.prior_auth import exchanges
from carecoord.store.prior_auth.exchanges import Exchange
from carecoord.store.worklist import registry
from carecoord.world import World

OPERATION: Final = "forms"
ERRORS: Final = "form-errors"
VERSION: Final = "dtr-2.2.0"
_BACK: Final = 200  # calls of CRD that are looked through for a context, the newest first


def packaged(world: World, grant: Grant, parameters: Json, *, request: str = "") -> bytes:
    """The forms. Raises Invalid, Unprocessable where the payer is none of this server's or the context is unknown."""
    asked = package.read(parameters)
    with looking(world, grant, request) as turn, noted(turn, "questionnaire-package", "Questionnaire"):
        turn.demand("Questionnaire", "r")
        payer = _payer(turn, asked)
        stored = [json.loads(row.body) for row in registry.every(turn.conn, "Questionnaire") if row.body]
        kept = package.of_payer(stored, frozenset(payer.keys))
        known = {name: each for each in kept for name in (canonical(each), text(each, "url"))}
        named = [known[each] for each in asked.forms if each in known]
        if adaptive := [text(each, "title") or canonical(each) for each in named if package.is_adaptive(each)]:
            raise Unprocessable(f"{adaptive[0]} is adaptive; this server hands over static forms.", "questionnaire")
        orders = [*asked.orders, *_of_context(turn, asked)]
        found = {canonical(each): each for each in (*named, *forms_for(turn, payer, orders, kept))}
        forms = [each for each in found.values() if text(item(each, "meta"), "lastUpdated") >= asked.since]
        listed = [json.loads(row.body) for row in registry.every(turn.conn, "ValueSet") if row.body]
        sets = {text(each, "url"): each for each in reversed(package.of_payer(listed, frozenset(payer.keys)))}
        missing = [each for each in asked.forms if each not in known]
        body = json.dumps(package.packages(forms, sets, asked, missing, turn.now))
        row = _row(turn, OPERATION, json.dumps(parameters), body)
    with writing(world.engine) as conn:
        exchanges.keep(conn, row)
    return body


def log(world: World, grant: Grant, parameters: Json, *, request: str = "") -> None:
    """Write down what a partner's server could not do with a form. Raises Invalid."""
    names = {str(each.get("name")) for each in items(parameters, "parameter")}
    if parameters.get("resourceType") != "Parameters" or not names >= {"questionnaire", "outcome"}:
        raise Invalid("$log-questionnaire-errors takes Parameters with questionnaire and outcome.", "Parameters")
    with looking(world, grant, request) as turn, noted(turn, "log-questionnaire-errors", "Questionnaire"):
        turn.demand("Questionnaire", "r")
        row = _row(turn, ERRORS, json.dumps(parameters), b"{}")
    with writing(world.engine) as conn:
        exchanges.keep(conn, row)


def forms_for(turn: Turn, payer: Party, orders: list[Json], kept: list[Json]) -> list[Json]:
    """The forms for the papers that a payer's rules want with these orders."""
    papers: list[Json] = []
    for each in orders:
        wanted = services.codings(each)
        keys = [one for one in payer.keys if "|" in one]
        rules = rule_lines.find(turn.conn, keys, None, [code for _, code in wanted], [])
        day = local(turn.now, turn.world.base.zone)
        question = Question(known=Known(codes=wanted), payer=payer, plan="", network="unknown", day=day)
        papers += requirement(question, rules).papers
    return package.for_papers(kept, papers, frozenset(payer.keys))


def _payer(turn: Turn, asked: Asked) -> Party:
    keys = package.payer_keys(asked.coverage)
    named = [target(each) for each in items(asked.coverage, "payor")]
    rows = registry.identified(turn.conn, "Organization", pairs(sorted(keys))) if keys else []
    found = [each for row in rows if not row.deleted and is_payer(each := json.loads(row.body))]
    if not found:
        words = f"The payer of this Coverage ({', '.join(named)[:80]}) is none of this server's: send it contained."
        raise Unprocessable(words, "Parameters.parameter.where(name='coverage').resource.payor")
    return next(iter(directory(found).values()))


def _of_context(turn: Turn, asked: Asked) -> list[Json]:
    """The order of which a coverage assertion speaks that this server gave the asker."""
    if not asked.context:
        return []
    for answer in exchanges.answers_to(turn.conn, partner(turn), tuple(services.SERVICES), _BACK):
        for action in items(json.loads(answer), "systemActions"):
            order = item(action, "resource")
            if asked.context in coverage_information.assertions(order):
                return [order]
    where = "Parameters.parameter.where(name='context')"
    raise Unprocessable("No coverage assertion of this server has this id.", where)


def _row(turn: Turn, operation: str, sent: bytes, answer: bytes) -> Exchange:
    now, ended = micros(turn.now), micros(turn.world.clock())
    digest = hashlib.sha256(sent).digest()
    return Exchange(turn.world.new_id(), now, ended - now, True, operation, VERSION, partner(turn), None, digest, 200,
                    None, {}, sent, answer, {})  # fmt: skip
