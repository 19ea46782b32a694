"""What a frame shows, in words: the patient's bar, referrals as cards with their gates, and why there is nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from auth.people.frame_launches import FrameLaunch
from carecoord.actions.ehrs.launch_cases import Patient
from carecoord.actions.worklist.worklist import Found
from carecoord.domain.access.payer_view import PayerRow
from carecoord.store.ehrs.ehrs import Run
from carecoord.store.worklist.query import WorklistQuery
from carecoord.web.page import labels
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import Times, age
from carecoord.web.referrals.contacts import SEX
from carecoord.web.referrals.verdict import CLOSED, WELL, verdict
from carecoord.web.worklist import view as worklist_view
from carecoord.web.worklist.address import Address
from carecoord.web.worklist.view import Line, Listing
from carecoord.words.catalogue import in_words, say, spoken


@dataclass(frozen=True)
class Bar:
    """Who the page is about. `about`: sex, birth date with age, and record number, each said to be what it is."""

    name: str
    about: Sequence[tuple[str, str]]
    deceased: bool


@dataclass(frozen=True)
class Step:
    """A gate on a card. `state`: its chip, shown in words where it is not met."""

    name: str
    state: Chip
    met: bool


@dataclass(frozen=True)
class Card:
    """A referral: what the worklist's row says, the verdict, and the gates."""

    line: Line
    number: str
    href: str
    verdict: Chip
    why: str
    gates: Sequence[Step]


@dataclass(frozen=True)
class Tab:
    label: str
    count: str
    href: str
    current: bool


@dataclass(frozen=True)
class Cards:
    """The page. `none`: said where there is none."""

    title: str
    none: str
    tabs: Sequence[Tab]
    cards: Sequence[Card]
    listing: Listing


@dataclass(frozen=True)
class Unknown:
    """Why no patient is shown, and what to do."""

    title: str
    text: str
    todo: str


def bar(patient: Patient, now: datetime, zone: ZoneInfo) -> Bar:
    """The bar at the top of every page."""
    born = _spelt(patient.birth_date)
    years = age(patient.birth_date, now.astimezone(zone).date())
    about = (
        (spoken("embed.sex"), SEX.get(patient.gender, "")),
        (spoken("embed.born"), f"{born} ({years})" if born and years else born or spoken("embed.not-known")),
        *((("MRN", patient.mrn or spoken("embed.no-mrn")),) if patient.mrn is not None else ()),
    )
    return Bar(patient.name, [pair for pair in about if pair[1]], patient.deceased)


def listed(found: Found, home: str, tab: str, zone: ZoneInfo) -> Cards:
    """The referrals, in the order of their clocks."""
    address = Address(WorklistQuery(tab))
    shown = worklist_view.listing(found, address, zone)
    lines = {line.id: line for group in shown.groups for line in group.rows}
    cards = [_card(row, lines[row.id], home) for row in found.rows]
    tabs = [
        Tab(label, worklist_view.counted(found.tally[name]), f"{home}?tab={name}", name == tab)
        for name, label in (("open", spoken("embed.open-referrals")), ("closed", spoken("embed.closed")))
    ]
    if tab == "open":
        return Cards(spoken("embed.open-referrals"), spoken("embed.no-open-referrals"), tabs, cards, shown)
    return Cards(spoken("embed.closed-referrals"), spoken("embed.no-closed-referrals"), tabs, cards, shown)


def unknown(launched: FrameLaunch, run: Run | None, now: datetime, zone: ZoneInfo) -> Unknown:
    """Not here, not theirs, or nobody at all. The first two are not told apart."""
    if launched.patient is None:
        return Unknown(
            spoken("embed.no-patient-open"), spoken("embed.opened-carecoord-without-patient", ehr=launched.ehr),
            spoken("embed.open-patient-there-then-carecoord"),
        )  # fmt: skip
    ehr = launched.ehr
    read = (
        spoken("embed.was-read", ehr=ehr, ago=Times(now, zone).ago(run.finished or run.started))
        if run
        else spoken("embed.never-read", ehr=ehr)
    )
    return Unknown(
        spoken("embed.this-patient-not-here-for"),
        spoken("embed.not-received", ehr=ehr, read=read),
        spoken("embed.if-referral-new-try-again", ehr=launched.ehr),
    )


def _card(row: Any, line: Line, home: str) -> Card:
    href = f"{home}referrals/{row.id}"
    if isinstance(row, PayerRow):
        stands = Chip(spoken("embed.payer-status"), "quiet", icon="shield-check") if row.open else CLOSED
        tracks = ((spoken("embed.authorization"), line.authorization), (spoken("embed.contract"), line.contract))
        steps = [Step(name, state, state.tone in ("green", "quiet")) for name, state in tracks] if row.open else []
        return Card(line, row.number, href, stands, "", steps)
    gates = list(_gates(row)) if row.open else ()
    return Card(line, row.number, href, verdict(row._asdict()), in_words(row.headline) if row.open else "", gates)


def _gates(row: Row[Any]) -> Iterator[Step]:
    for name, gate in labels.GATES.items():
        state = row._mapping[f"{name}_gate"]
        yield Step(gate.label, chip(labels.GATE, state), state in WELL)


def _spelt(born: str) -> str:
    try:
        day = date.fromisoformat(born)
    except ValueError:
        return born
    return say(day)
