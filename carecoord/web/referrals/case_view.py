"""One referral at full width as its page shows it: the course in lanes, the paper that is read, the events by kind with
who did what, and beside them coverage, authorization, agreement and people."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from carecoord.actions.referrals.case_page import CasePage, Reading
from carecoord.actions.worklist.worklist import Panel
from carecoord.domain.access import verbs
from carecoord.domain.documents.acts import called
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, item, key, text
from carecoord.domain.timeline.events import Event
from carecoord.fhir.instants import micros
from carecoord.web.messages.view import HearerView, hearer
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, authorized, contracted
from carecoord.web.page.times import Times
from carecoord.web.questionnaires.view import Asked, asked
from carecoord.web.referrals.case_address import CaseAddress
from carecoord.web.referrals.contacts import Person, people
from carecoord.web.referrals.course_view import LaneView, lanes
from carecoord.web.referrals.proof import quoted
from carecoord.web.referrals.view import Moment, Sheet, moment_of, sheet
from carecoord.web.worklist import calendar
from carecoord.words.catalogue import in_words, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import Sentence, sentence

KINDS: Final[Mapping[str, tuple[str, frozenset[str]]]] = Glossary(
    {  # filter -> its word, and the kinds of events that it shows
        "calls": (sentence("case.kinds.calls"), frozenset({"talk"})),
        "payer": (sentence("case.kinds.payer"), frozenset({"authorization", "coverage", "agreement"})),
        "stages": (sentence("case.kinds.stages"), frozenset({"order", "stage", "conflict"})),
        "visits": (sentence("case.kinds.visits"), frozenset({"visit"})),
        "papers": (sentence("case.kinds.papers"), frozenset({"document"})),
    }
)
SHORT: Final = 14  # events shown before those that are older


@dataclass(frozen=True)
class Filter:
    label: str
    href: str
    current: bool


@dataclass(frozen=True)
class Tab:
    """A paper that can be read."""

    label: str
    day: str
    href: str
    current: bool
    asked: bool


@dataclass(frozen=True)
class Page:
    """The sheet that is read. `lines`: each as (words, whether they answer what was asked). `file`: its address, to be
    opened by itself. `before`, `after`: the sheets beside it. `sum`: how old it is, as a sum."""

    title: str
    kind: str
    lines: Sequence[Sequence[tuple[str, bool]]]
    file: str
    n: int
    of: int
    before: str
    after: str
    asked: str
    sum: str
    trouble: str | Sentence


@dataclass(frozen=True)
class Fact:
    """A card beside the course. `lines`: what it says; `share`: of its bar, None where it has none; `quote`: the clause
    that matters with where it stands; `href`: more of it."""

    title: str
    state: Chip
    lead: str
    lines: Sequence[str]
    share: int | None = None
    measured: str = ""
    quote: str = ""
    href: str = ""


@dataclass(frozen=True)
class CaseSheet:
    sheet: Sheet
    lanes: Sequence[LaneView]
    tabs: Sequence[Tab]
    page: Page | None
    filters: Sequence[Filter]
    events: Sequence[Moment]
    older: Sequence[Moment]
    version: str
    package: str
    facts: Sequence[Fact]
    people: Sequence[Person]
    before: str
    after: str
    back: str
    replaces: str  # address of the case whose order this one replaces, empty where there is none
    replaced_by: str
    hearers: Sequence[HearerView]  # who is told; nobody where it is not the asker's to know
    kept_from: str
    asked: Sequence[Asked]  # what the office asked of the patient
    dated: bool  # whether anything of it belongs into a calendar


def case_sheet(page: CasePage, address: CaseAddress, roles: frozenset[str], zone: ZoneInfo) -> CaseSheet:
    """Everything that the page shows."""
    panel, times = page.panel, Times(page.panel.now, zone)
    wanted = KINDS[address.kind][1] if address.kind in KINDS else None
    told = [_told(each, page, times) for each in panel.events if wanted is None or each.kind in wanted]
    filters = [Filter(spoken("case.all"), address.of_kind("").href(), wanted is None)]
    filters += [Filter(said, address.of_kind(name).href(), address.kind == name) for name, (said, _) in KINDS.items()]
    return CaseSheet(
        sheet(panel, zone), lanes(page, times), list(_tabs(page, address, times)), _page(page, address, times), filters,
        told[:SHORT], told[SHORT:], _version(panel, times), _package(panel),
        [_coverage(panel, times), _authorization(panel, times), _agreement(panel, roles, times)], people(panel, times),
        address.at(page.before).href() if page.before else "", address.at(page.after).href() if page.after else "",
        f"/?{address.list}" if address.list else f"/?show={address.id}",
        address.at(page.replaces).href() if page.replaces else "",
        address.at(page.replaced_by).href() if page.replaced_by else "",
        [hearer(each, times) for each in page.hearing.hearers] if page.hearing else (),
        ", ".join(page.hearing.kept_from) if page.hearing else "",
        asked(panel.case, times, f"/referrals/{quote(address.id)}/forms/" if "give-form" in panel.verbs else ""),
        any(calendar.entries(panel, zone)),
    )  # fmt: skip


def _told(event: Event, page: CasePage, times: Times) -> Moment:
    found, who = moment_of(event, times), page.authors.get(event.by, "")
    return replace(found, detail=" · ".join(part for part in (found.detail, who) if part))


def _tabs(page: CasePage, address: CaseAddress, times: Times) -> Iterator[Tab]:
    read = key(page.reading.document) if page.reading else ""
    for each in page.papers:
        at = moment(text(each, "date"), times.zone)
        yield Tab(
            called(each), times.day(micros(at)) if at else "", address.reading(text(each, "id")).href(),
            key(each) == read, key(each) in page.asked,
        )  # fmt: skip


def _page(page: CasePage, address: CaseAddress, times: Times) -> Page | None:
    found = page.reading
    if found is None:
        return None
    id, name = text(found.document, "id"), called(found.document)
    asked = ", ".join(_asked(page.panel, found)) if found.asked else ""
    shown = found.sheet
    n, of = (shown.n, shown.of) if shown else (1, 1)
    return Page(
        name, shown.kind if shown else "", [list(_marked(line, asked)) for line in shown.lines] if shown else [],
        f"/documents/{id}/1" if not found.trouble else "", n, of,
        address.reading(id, n - 1).href() if n > 1 else "", address.reading(id, n + 1).href() if n < of else "",
        asked, _sum(found.document, times), found.trouble,
    )  # fmt: skip


def _asked(panel: Panel, found: Reading) -> list[str]:
    """What of the wishes this paper answers, in their words."""
    mine = key(found.document)
    return [say(ask.words) for ask in panel.clearance.papers if any(each.reference == mine for each in ask.evidence)]


def _marked(line: str, asked: str) -> Iterator[tuple[str, bool]]:
    """A line in parts, those marked that say a word of what was asked."""
    wanted = [re.escape(word) for word in re.findall(r"[^\W\d_]{4,}", asked)]
    if not wanted:
        yield line, False
        return
    for n, part in enumerate(re.split(f"((?:{'|'.join(wanted)})\\w*)", line, flags=re.IGNORECASE)):
        if part:
            yield part, n % 2 == 1


def _sum(document: Json, times: Times) -> str:
    """How old it is: today less its own day."""
    at = moment(text(document, "date"), times.zone)
    if at is None:
        return ""
    today, day = times.now.astimezone(times.zone).date(), at.astimezone(times.zone).date()
    return f"{times.date(today)} {chr(0x2212)} {times.date(day)} = {(today - day).days} d" if day <= today else ""


def _version(panel: Panel, times: Times) -> str:
    """Which version of the order is shown, and of when."""
    order = panel.case.order
    at = moment(text(order, "authoredOn"), times.zone)
    version = text(item(order, "meta"), "versionId") or "1"
    said = spoken("case.version.2", version=version)
    return f"{said}{f', {times.day(micros(at))}' if at else ''}"


def _package(panel: Panel) -> str:
    asks = panel.clearance.papers
    held = sum(ask.state == "attached" for ask in asks)
    return spoken("case.papers-in", held=held, n=len(asks)) if asks else spoken("case.no-papers-asked-for")


def _coverage(panel: Panel, times: Times) -> Fact:
    card, gate = panel.clearance.card, panel.clearance.gate("coverage")
    state = labels.judged(labels.chip(labels.GATE, gate.state), gate.state)
    if card is None:
        return Fact(spoken("case.coverage"), state, spoken("case.no-card"), [say(gate.reason)])
    lead = " · ".join(part for part in (card.plan_name, card.payer.name if card.payer else "") if part)
    lines = [spoken("case.member", member_id=panel.row.member_id)] if panel.row.member_id else []
    answer = next((each for each in card.answers if each.at), None)
    if answer is None or answer.at is None:
        return Fact(spoken("case.coverage"), state, lead, [*lines, spoken("case.payer-has-not-been-asked")])
    allowed = panel.clearance.facts.policy.length("eligibility-age", answer.at, card.insurer).days
    days = (panel.now - answer.at).days
    share = min(100, round(100 * days / allowed)) if allowed else None
    return Fact(
        spoken("case.coverage"), state, lead, [*lines, say(gate.reason)], share,
        spoken("case.answered-d", at=times.day(micros(answer.at)), days=days, allowed=allowed) if allowed else "",
    )  # fmt: skip


def _authorization(panel: Panel, times: Times) -> Fact:
    ruling, (state, note) = panel.clearance.ruling, authorized(panel.row)
    line, request, tally = ruling.line, ruling.request, ruling.tally
    number = line.number if line else ""
    lines = [part for part in (note, say(ruling.gate.reason)) if part]
    if tally:
        used = tally.total - tally.left
        share = round(100 * float(used / tally.total)) if tally.total else 100
        return Fact(spoken("case.authorization"), state, number, lines, share, say(tally.words))
    if request and request.due and request.received and request.state == "submitted":
        whole, run = (request.due - request.received).total_seconds(), (panel.now - request.received).total_seconds()
        share = max(0, min(100, round(100 * run / whole))) if whole > 0 else 100
        said = spoken(
            "case.sent-decided-by", created=times.exact(micros(request.received)), due=times.exact(micros(request.due))
        )
        return Fact(spoken("case.authorization"), state, number, lines, share, said)
    return Fact(spoken("case.authorization"), state, number, lines)


def _agreement(panel: Panel, roles: frozenset[str], times: Times) -> Fact:
    part, state = panel.clearance.participation, contracted(panel.row)
    until = spoken("case.until.2", until=times.date(part.until)) if part.until else ""
    lead = " ".join(each for each in (part.number, until) if each)
    stands = [each for each in panel.case.records.versions if each.key in part.contracts]
    paged = next((each for each in stands if each.page), None)
    quote = spoken("case.page-its-paper-says-who", page=paged.page) if paged else ""
    quote = quoted(panel.clause) if panel.clause else quote
    may = bool(stands) and verbs.may(roles, "see-agreements")
    href = f"/contracts/{stands[0].key.partition('/')[2]}" if may else ""
    lines = [say(part.reason)]
    lines += [spoken("case.who-in-treatment-may-go", goes_on=times.date(part.goes_on))] if part.goes_on else []
    note = in_words(panel.row.agreement_note)
    lines += [note] if note else []
    tier = spoken("case.tier", tier=part.tier) if part.tier else ""
    return Fact(spoken("case.contract"), state, lead, lines, quote=f"{quote}{tier}".strip(), href=href)
