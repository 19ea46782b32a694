"""The page of a new referral as it is shown: its steps with what stands in them, and the finder beside them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from carecoord.actions.referrals.announcements import Announcement, Way
from carecoord.actions.referrals.desk import Desk, Looked
from carecoord.domain.documents.acts import called
from carecoord.domain.gates.policy import Policy, by_priority
from carecoord.domain.referrals import drafts, packages
from carecoord.domain.referrals.packages import Paper
from carecoord.domain.resource.elements import Json, item, items, key, text, words
from carecoord.web.acts.forms import State
from carecoord.web.messages import view as message_view
from carecoord.web.page import labels
from carecoord.web.page.times import Times, stored_day
from carecoord.web.referrals import finder_view, new_form, patient_view
from carecoord.web.referrals.finder_view import Offers
from carecoord.words.catalogue import say, spoken
from carecoord.words.sentence import Sentence, sentence


@dataclass(frozen=True)
class Line:
    """A paper of the package. `to`: what goes along, `Type/id`, empty where the chart has none; `told`: how it is."""

    label: str
    to: str
    told: str
    checked: bool
    lacks: bool


@dataclass(frozen=True)
class Hears:
    """Who is told when it is sent. `token`: chosen by it, empty for who hears in any case or can not be told here;
    `how`: by which way; `words`: what is written to them, in their language (`tongue`); `meaning`: in the reader's."""

    who: str
    how: str
    icon: str
    token: str
    checked: bool
    tongue: str
    words: str
    meaning: str


@dataclass(frozen=True)
class Earlier:
    """A referral of the same specialty that the patient had or has."""

    to: str
    told: str
    checked: bool


@dataclass(frozen=True)
class Page:
    """The page. `seen`: the version that is shown, for the lock; `number`: by which people call it; `sum`: what the
    urgency comes to; `told_kept`: the tokens of who is to be told and is not offered just now."""

    id: str
    number: str
    draft: bool
    state: State
    seen: str
    back: str
    patient: patient_view.Card
    orderers: Sequence[tuple[str, str]]
    cards: Sequence[tuple[str, str]]
    specialties: Sequence[str]
    coded: bool
    urgencies: Sequence[tuple[str, str]]
    papers: Sequence[Line]
    in_chart: int
    earlier: Sequence[Earlier]
    finder: Offers
    saved: str
    sum: str
    kept_from: str
    kept_to: str
    taken: str
    told: Sequence[Hears]
    told_kept: str
    not_told: Sequence[str]


def page(found: Desk, looked: Looked, state: State, policy: Policy, times: Times, saved: str = "") -> Page:
    """The page of what was found. state: of its form; what was typed there counts before what is kept."""
    order = found.order
    fields = drafts.said(order)
    kept = new_form.values(fields, times)
    shown = {**kept, **state.values}
    state = replace(state, values=shown)
    id, version = text(order, "id"), text(item(order, "meta"), "versionId")
    taken = set(fields["papers"].split())
    papers = [_line(each, found.chart, taken, times) for each in found.papers]
    return Page(
        id, next((text(each, "value") for each in items(order, "identifier")), ""), found.draft, state,
        f"{key(order)}:{version}", f"/referrals/new?order={id}", patient_view.card(found.hit, (), times),
        found.orderers, found.cards, found.specialties, found.coded, _urgencies(policy, times), papers,
        sum(not each.lacks for each in papers), [_earlier(each, fields) for each in found.earlier],
        finder_view.offers(found.finder, looked.by, looked.far, looked.another, fields["choice"], times), saved,
        _sum(fields, times), kept["from"], kept["to"],
        " ".join(sorted(each.to for each in papers if each.checked and each.to)),
        [_hears(each, set(fields["told"].split())) for each in found.told.told],
        " ".join(sorted({*fields["told"].split()} - {each.token for each in found.told.told})), found.told.kept_from,
    )  # fmt: skip


def _hears(each: Announcement, chosen: set[str]) -> Hears:
    words, icon = _WAYS[each.way]
    how = say(words(_LANGUAGES.get(each.language, each.language)))
    who = f"{message_view.label(each.who)}: {each.who.name}" if each.way != "note" else each.who.name
    return Hears(who, how, icon, each.token, each.token in chosen, each.language, each.words, each.meaning)


_LANGUAGES: Final = message_view.LANGUAGES
_WAYS: Final[Mapping[Way, tuple[Callable[[str], Sentence], str]]] = {  # how -> words (of a language), icon
    "desk": (lambda language: sentence("case.told.desk"), "check"),
    "link": (lambda language: sentence("case.told.link"), "send"),
    "request": (lambda language: sentence("case.told.request"), "shield-check"),
    "mail": (lambda language: sentence("case.told.mail", language=language), "message-square"),
    "message": (lambda language: sentence("case.told.message", language=language), "message-square"),
    "note": (lambda language: sentence("case.told.note"), "users"),
    "silent": (lambda language: sentence("case.told.silent"), "ban"),
    "later": (lambda language: sentence("case.told.later"), "circle-dashed"),
}


def _urgencies(policy: Policy, times: Times) -> list[tuple[str, str]]:
    """Each urgency with its number of days, as the office has it."""
    found = []
    for code in drafts.URGENCIES:
        hours = policy.length(by_priority("window", code), times.now).total_seconds() / 3600
        days = f"{hours / 24:.0f} d" if hours >= 48 else "today" if hours <= 24 else f"{hours:.0f} h"
        found.append((code, f"{new_form.URGENCIES[code]}, {days}"))
    return found


def _sum(fields: Mapping[str, str], times: Times) -> str:
    """The days that are wanted, counted."""
    first, last = stored_day(fields["from"]), stored_day(fields["to"])
    if not first or not last:
        return ""
    days = (last - first).days
    return f"{times.date(first)} + {days} d = {times.date(last)}"


def _line(paper: Paper, chart: Mapping[str, Json], taken: set[str], times: Times) -> Line:
    label = packages.called(paper.name)
    if not paper.found:
        return Line(label, "", spoken("case.none-in-chart"), False, True)
    resource = chart.get(paper.found, {})
    day = times.stored(paper.day) if paper.day else spoken("case.no-date")
    if resource.get("resourceType") in packages.WHOLE:
        return Line(label, "", spoken("case.in-chart-newest-clinic-sees", count=paper.count, day=day), True, False)
    named = called(resource) if resource.get("resourceType") == "DocumentReference" else _named(resource)
    told = f"{named}, {day}" + (spoken("case.older-than-they-want") if paper.old else "")
    return Line(label, paper.found, told, paper.found in taken, paper.old)


def _named(resource: Json) -> str:
    concept = item(resource, "code") or item(resource, "medicationCodeableConcept")
    return words(concept) or spoken("case.in-chart")


def _earlier(row: Mapping[str, str], fields: Mapping[str, str]) -> Earlier:
    stage = labels.chip(labels.REFERRAL, row["stage"]).label
    where = f", {row['performer_name']}" if row["performer_name"] else ""
    to = f"ServiceRequest/{row['id']}"
    return Earlier(to, f"{row['number']}{where}: {row['reason']} ({stage})", fields["follows"] == to)
