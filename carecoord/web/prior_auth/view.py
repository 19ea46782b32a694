"""One request for authorization as its clinic sees it, in words: in the panel beside the list, and on a page of its
own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from carecoord.actions.prior_auth.requests import Dossier
from carecoord.domain.access import verbs
from carecoord.domain.documents.acts import called
from carecoord.domain.prior_auth import lifecycle
from carecoord.domain.prior_auth.clinic import channels, checks, offers, peer
from carecoord.domain.prior_auth.clinic.checks import Check
from carecoord.domain.prior_auth.units import amount
from carecoord.domain.resource.days import local, midnight, moment
from carecoord.domain.resource.elements import Json, item, items, key, target, text, words
from carecoord.fhir.instants import micros
from carecoord.web.acts.forms import State
from carecoord.web.page.codes import coded
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import Times, stored_day
from carecoord.web.prior_auth import delivery_view, rows
from carecoord.web.prior_auth.address import RequestsAddress
from carecoord.web.prior_auth.delivery_view import Delivery, PayerForm, SentFile
from carecoord.web.prior_auth.labels import ACTS, CHANNELS, ICONS, KEYS, MARKS, MOVES, RESULTS
from carecoord.web.prior_auth.rows import Line
from carecoord.words.catalogue import in_words, say, spoken
from carecoord.words.sentence import sentence


@dataclass(frozen=True)
class Button:
    """An act that is offered. key: that chooses it in the list and the panel."""

    verb: str
    label: str
    icon: str
    key: str
    href: str
    red: bool


@dataclass(frozen=True)
class LineSheet:
    """A line as it was asked for and as it was decided. differs: whether something else came back."""

    n: int
    service: str
    code: str
    asked: str
    got: str
    reason: str
    state: Chip | None
    differs: bool
    ledger: str


@dataclass(frozen=True)
class PaperSheet:
    """A document. id: of its DocumentReference; within: whether it went, or goes, with the request."""

    id: str
    name: str
    day: str
    href: str
    within: bool


@dataclass(frozen=True)
class Event:
    """Something that happened to a request: when and what, by whom; `detail` beside it."""

    at: str
    what: str
    detail: str = ""
    who: str = ""


@dataclass(frozen=True)
class RuleSheet:
    """A payer's rule as proof: in whose words, where it stands, the day on which that was read, how early to ask."""

    title: str
    origin: str
    link: bool
    retrieved: str
    lead: str


@dataclass(frozen=True)
class Sheet:
    """All of one request in words. state: of the open form; refused: of one that was not done and that the request, as
    it stands now, is not open to any more."""

    id: str
    line: Line
    order: str
    orders: Sequence[str]
    born: str
    member: str
    why: str
    rules: Sequence[RuleSheet]
    facts: Sequence[tuple[str, str]]
    lines: Sequence[LineSheet]
    diagnoses: Sequence[str]
    demands: Sequence[tuple[str, bool, str]]
    papers: Sequence[PaperSheet]
    same: Sequence[Line]
    checks: Sequence[tuple[Check, Chip, str]]
    channel: str
    prefers: str
    versions: Sequence[Event]
    calls: Sequence[Event]
    peer: Event | None
    odds: str
    windows: Sequence[tuple[str, str]]
    buttons: Sequence[Button]
    state: State | None
    refused: State | None
    seen: str
    number: str
    late: bool
    draft: bool
    ways: Mapping[str, str]
    delivery: Delivery | None
    forms: Sequence[PayerForm]
    gives_forms: bool
    files: Sequence[SentFile]
    by_file: bool

    def button(self, verb: str) -> Button | None:
        """The button of an act, where it is offered."""
        return next((each for each in self.buttons if each.verb == verb), None)


def sheet(found: Dossier, times: Times, state: State | None, href: str) -> Sheet:
    """All of it. state: of the open form; href: the address to which an act's name is added."""
    row, judged = found.row, found.judged
    head = rows.line(row, RequestsAddress(), times)
    talking = found.peer is not None and text(found.peer, "status") == "requested"
    possible = offers.offered(row, talking, found.now, found.is_undelivered, _rule(found))
    allowed = [each for each in possible if verbs.may(found.roles, each)]
    gates = {name: judged.gate(name) for name in ("coverage", "agreement")}
    same = _same(found, times)
    within = {target(item(each, "valueReference")) for one in found.claims for each in items(one, "supportingInfo")}
    payer = found.request.insurer if found.request else None
    prefers = judged.facts.policy.said("channel", local(found.now, times.zone), payer)
    return Sheet(
        head.id, head, _order(found), [str(each) for each in msgspec.json.decode(row.orders)],
        times.born(row.birth_date), row.member_id or "", _why(found), _rules(found, times),
        [(spoken("requests.fact.ordered"), row.placer_name or ""), (spoken("requests.fact.given"), row.provider or ""),
         (spoken("requests.fact.coverage"), say(gates["coverage"].reason)),
         (spoken("requests.fact.agreement"), say(gates["agreement"].reason))],
        _lines(found, times), _diagnoses(found), _demands(found, times),
        [PaperSheet(str(each["id"]), called(each), _day(text(each, "date"), times), f"/documents/{each['id']}/1",
                    key(each) in within) for each in found.papers],
        [rows.line(each, RequestsAddress(), times) for each in same],
        [(each, MARKS[each.result], say(each.said)) for each in checks.checks(found.claim, judged, same)],
        CHANNELS.get(channels.channel(found.claim)) or "", prefers, _versions(found, times),
        _calls(found.talks, times), _peer(found, times), _odds(found), _windows(found, times),
        [_button(each, href) for each in allowed],
        state if state and state.verb in allowed else None,
        state if state and state.verb not in allowed and (state.faults or state.changed) else None, _seen(found),
        row.number or next((text(each, "value") for each in items(found.claim, "identifier")), ""),
        row.due is not None and row.due <= micros(found.now), row.state == "draft",
        delivery_view.ways(found), delivery_view.delivery(found, times),
        delivery_view.forms(found), delivery_view.gives_forms(found),
        delivery_view.files(found, times, head.id), channels.is_file(found.claim),
    )  # fmt: skip


def _button(verb: str, href: str) -> Button:
    joint = "&" if "?" in href else "?"
    return Button(verb, ACTS[verb], ICONS[verb], KEYS.get(verb, ""), f"{href}{joint}act={verb}", verb in offers.ENDING)


def _order(found: Dossier) -> str:
    if found.order is None:
        return ""
    return next((text(each, "value") for each in items(found.order, "identifier")), str(found.order["id"]))


def _why(found: Dossier) -> str:
    need = found.judged.ruling.need
    return say(need.reason) if need else say(sentence("requirement.none"))


def _rules(found: Dossier, times: Times) -> list[RuleSheet]:
    need = found.judged.ruling.need
    proofs = set(need.evidence) if need else set()
    made = []
    for rule in found.case.rules:
        if rule.evidence in proofs:
            retrieved = stored_day(str(rule.retrieved or ""))
            lead = spoken("requests.lead", n=rule.lead_days) if rule.lead_days else ""
            link = rule.origin.startswith("https://")
            made.append(RuleSheet(rule.title, rule.origin, link, times.date(retrieved) if retrieved else "", lead))
    return made


def _lines(found: Dossier, times: Times) -> list[LineSheet]:
    decided = list(msgspec.json.decode(found.row.lines))
    wished = items(found.claim, "item")
    made = []
    for n, line in enumerate(wished):
        concept = item(line, "productOrService")
        codes = {text(each, "code") for each in items(concept, "coding")}
        got = decided[n] if len(decided) == len(wished) else next((d for d in decided if d["code"] in codes), None)
        made.append(_line(n + 1, line, got, found, times))
    return made


def _line(n: int, line: Json, got: dict[str, Any] | None, found: Dossier, times: Times) -> LineSheet:
    concept, counted = item(line, "productOrService"), amount(item(line, "quantity"))
    period = item(line, "servicedPeriod")
    first, last = text(period, "start") or text(line, "servicedDate"), text(period, "end") or text(line, "servicedDate")
    how_much = say(counted.words()) if counted else ""
    wish = ", ".join(filter(None, (how_much, _until(last, times))))
    if got is None:
        return LineSheet(n, words(concept), _coded(concept, found), wish, "", "", None, False, "")
    granted = got["authorized"]
    unit = rows.noun(got["unit"], granted)
    given = f"{granted} {unit}" if granted else ""
    received = ", ".join(filter(None, (given, _until(got["last"] or "", times))))
    less = bool(counted and granted and counted.number(counted.count) != granted) or bool(
        last and got["last"] and got["last"] < last[:10]
    )
    ledger = ""
    if got["left"] is not None:
        ledger = spoken("requests.units", used=got["used"] or "0", booked=got["booked"] or "0", left=got["left"],
                        unit=in_words(got["unit"]))  # fmt: skip
    state = chip(rows.STATES, got["state"]) if got["state"] in rows.STATES else None
    denied = got["state"] == "denied"
    return LineSheet(
        n, words(concept), _coded(concept, found), wish, "" if denied else received, got["reason"] or "", state,
        denied or less or (first > (got["starts"] or first) and bool(first)), ledger,
    )  # fmt: skip


def _until(day: str, times: Times) -> str:
    read = stored_day(day)
    return spoken("requests.until", day=times.date(read)) if read else ""


def _coded(concept: Json, found: Dossier) -> str:
    said = [coded(text(each, "system"), text(each, "code"), found.meanings, words(concept))
            for each in items(concept, "coding")]  # fmt: skip
    return ", ".join(filter(None, said))


def _diagnoses(found: Dossier) -> list[str]:
    named = [item(each, "diagnosisCodeableConcept") for each in items(found.claim, "diagnosis")]
    named = named or items(found.case.order, "reasonCode")
    said = (" ".join(filter(None, (words(each), _coded(each, found)))) for each in named)
    return list(dict.fromkeys(filter(None, said)))


def _demands(found: Dossier, times: Times) -> list[tuple[str, bool, str]]:
    """What the payer or its rule wants, whether it is there, and what is known of it."""
    made = []
    for ask in found.judged.papers:
        if ask.by == "payer":
            due = spoken("decide.by", due=times.exact(micros(ask.due))) if ask.due else ""
            ready = spoken("requests.in-chart") if ask.ready and ask.state != "attached" else ""
            made.append((say(ask.words), ask.state == "attached", ready or due))
    return made


def _rule(found: Dossier) -> str:
    """The rule by which the referral's gate speaks of this request; empty where it goes by another, or by none."""
    ruling = found.judged.ruling
    return ruling.gate.rule if ruling.request is None or ruling.request.root == found.row.root else ""


def _same(found: Dossier, times: Times) -> Sequence[Any]:
    first, end = checks.span(found.claim, times.zone)
    bounds = tuple(micros(midnight(day, times.zone)) if day else None for day in (first, end))
    return checks.alike(found.row, found.alike, (bounds[0], bounds[1]))


def _versions(found: Dossier, times: Times) -> list[Event]:
    made = []
    for claim in reversed(found.claims):
        for each in reversed(found.answers[key(claim)]):
            what = MOVES.get(lifecycle.tells(each)) or spoken("decide.answered.other")
            made.append(Event(times.stored(text(each, "created")), what, text(each, "disposition"),
                              found.row.payer_name or ""))  # fmt: skip
        came = moment(lifecycle.received(claim), times.zone) or found.now
        sent = text(claim, "status") != "draft"
        move = lifecycle.asks(claim, local(came, times.zone), times.zone) if sent else "draft"
        way = CHANNELS.get(channels.channel(claim)) or ""
        made.append(Event(times.stored(lifecycle.received(claim)), MOVES.get(move) or MOVES["update"], way))
    return made


def _calls(talks: Sequence[Json], times: Times) -> list[Event]:
    made = []
    for each in reversed(talks):
        said = next((text(part, "contentString") for part in items(each, "payload")), "")
        number = next((text(part, "value") for part in items(each, "identifier")), "")
        names = [name for part in items(each, "recipient") if (name := text(part, "display"))]
        ref = spoken("requests.reference", number=number) if number else ""
        made.append(Event(times.stored(text(each, "sent")), ", ".join(names), " · ".join(filter(None, (ref, said))),
                          text(item(each, "sender"), "display")))  # fmt: skip
    return made


def _peer(found: Dossier, times: Times) -> Event | None:
    if found.peer is None:
        return None
    result, said = peer.result(found.peer)
    at = text(item(found.peer, "executionPeriod"), "start")
    what = RESULTS[result] if result in RESULTS else spoken("requests.peer-waits")
    return Event(times.stored(at) if at else "", what, said if said != result else "", peer.clinician(found.peer))


def _odds(found: Dossier) -> str:
    """What our own record says of appeals to this payer: never a rate of few."""
    if found.row.state not in ("denied", "partly", "modified") or found.row.payer_key is None:
        return ""
    odds, payer = found.odds, found.row.payer_name or ""
    if odds.rate is None:
        return spoken("requests.odds-few", n=odds.n, payer=payer)
    rate, back, n, code = odds.rate, odds.back, odds.n, found.row.code
    if odds.by == "reason":
        return spoken("requests.odds.reason", rate=rate, back=back, n=n, payer=payer, code=code)
    if odds.by == "code":
        return spoken("requests.odds.code", rate=rate, back=back, n=n, payer=payer, code=code)
    return spoken("requests.odds.payer", rate=rate, back=back, n=n, payer=payer)


def _windows(found: Dossier, times: Times) -> list[tuple[str, str]]:
    """The last instants and days that run for this request, by name."""
    row = found.row
    instants = (
        (spoken("requests.window.decision"), row.due), (spoken("requests.window.papers"), row.info_due),
        (spoken("requests.window.peer"), row.peer_by),
    )  # fmt: skip
    days = (  # the last of them, kept as the instant at which it is over
        (spoken("requests.window.appeal"), row.appeal_by), (spoken("requests.window.ends"), row.ends),
    )  # fmt: skip
    said = [(name, times.exact(at)) for name, at in instants if at is not None]
    said += [(name, times.day(at - 1)) for name, at in days if at is not None]
    return said + ([(spoken("requests.window.touch"), times.day(row.touch))] if row.touch is not None else [])


def _seen(found: Dossier) -> str:
    """The versions that a form is shown with."""
    held = [found.claim, *(found.answers[key(found.claim)][-1:]), *found.wishes,
            *([found.peer] if found.peer else [])]  # fmt: skip
    return " ".join(f"{key(each)}:{text(item(each, 'meta'), 'versionId')}" for each in held)


def _day(said: str, times: Times) -> str:
    day = stored_day(said)
    return times.date(day) if day else ""
