"""The acts of an agreement as its page offers them: the buttons, the open form, and what an act would come to, said
before it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from carecoord.actions.acts.act import Overtaken
from carecoord.actions.agreements.acts import token
from carecoord.actions.agreements.dossier import Dossier, Lapse
from carecoord.domain.access.verbs import Verb
from carecoord.domain.agreements.desk.acts import ends_by, open_ended, waiting
from carecoord.domain.agreements.desk.drafts import bound, lacking
from carecoord.domain.agreements.records import named
from carecoord.domain.resource.days import shifted
from carecoord.domain.resource.elements import Json, item, text
from carecoord.web.acts import changes
from carecoord.web.acts.forms import Changed, State
from carecoord.web.agreements import office_view
from carecoord.web.agreements.agreement_view import Row
from carecoord.web.agreements.clause_view import Citing
from carecoord.web.agreements.commands import HOW
from carecoord.web.agreements.draft_view import Place, Sheet
from carecoord.web.agreements.redline_view import Countering
from carecoord.web.agreements.vocabulary import AMENDMENTS, STATUS, TERMS, label
from carecoord.web.documents.kinds import OF_AGREEMENTS
from carecoord.web.page.times import MINUS, Times, month
from carecoord.words.catalogue import count, say, spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

BUTTONS: Final[Mapping[Verb, tuple[str, str]]] = Glossary(
    {  # verb -> its words and icon
        "give-notice": (sentence("agreements.buttons.give-notice"), "message-square"),
        "edit": (sentence("agreements.buttons.edit"), "pencil"),
        "sign": (sentence("agreements.buttons.sign"), "file-check"),
        "amend": (sentence("agreements.buttons.amend"), "file-pen-line"),
        "affiliate": (sentence("agreements.buttons.affiliate"), "users"),
        "oblige": (sentence("agreements.buttons.oblige"), "calendar-days"),
        "file": (sentence("agreements.buttons.file"), "paperclip"),
        "drop": (sentence("agreements.buttons.drop"), "circle-x"),
        "end": (sentence("agreements.buttons.end"), "calendar-x"),
    }
)
BACK: Final[Mapping[str, str]] = Glossary(
    {  # verb -> what taking it back does
        "give-notice": sentence("agreements.back.give-notice"),
        "draft": sentence("agreements.back.draft"),
        "amend": sentence("agreements.back.amend"),
        "edit": sentence("agreements.back.edit"),
        "affiliate": sentence("agreements.back.affiliate"),
        "oblige": sentence("agreements.back.oblige"),
        "file": sentence("agreements.back.file"),
    }
)
TITLES: Final[Mapping[str, tuple[str, str]]] = Glossary(
    {  # verb -> the title of its form, and what its button says that it does
        "give-notice": (sentence("agreements.titles.give-notice"), sentence("agreements.titles.give-notice.does")),
        "file": (sentence("agreements.titles.file"), sentence("agreements.titles.file.does")),
        "edit": (sentence("agreements.titles.edit"), sentence("agreements.titles.edit.does")),
        "sign": (sentence("agreements.titles.sign"), sentence("agreements.titles.sign.does")),
        "amend": (sentence("agreements.titles.amend"), sentence("agreements.titles.amend.does")),
        "affiliate": (sentence("agreements.titles.affiliate"), sentence("agreements.titles.affiliate.does")),
        "oblige": (sentence("agreements.titles.oblige"), sentence("agreements.titles.oblige.does")),
        "fulfil": (sentence("agreements.titles.fulfil"), sentence("agreements.titles.fulfil.does")),
        "drop": (sentence("agreements.titles.drop"), sentence("agreements.titles.drop.does")),
        "end": (sentence("agreements.titles.end"), sentence("agreements.titles.end.does")),
    }
)


@dataclass(frozen=True)
class Form:
    """The open form. `about`: what it would come to, row by row; `counted`: the mark of what is confirmed, empty where
    nothing was shown yet; `signers`: the parties whose signatures are written down; `owners`: who may owe
    something, by key; `duties`: what is open, by key; `sheet`: the fields of a draft."""

    state: State
    title: str
    does: str
    red: bool = False
    warning: str = ""
    about: Sequence[Row] = ()
    counted: str = ""
    most: int = 0
    kinds: Mapping[str, str] = field(default_factory=lambda: OF_AGREEMENTS)
    how: Mapping[str, str] = field(default_factory=lambda: HOW)
    amendments: Mapping[str, str] = field(default_factory=lambda: AMENDMENTS)
    topics: Mapping[str, str] = field(default_factory=lambda: TERMS)
    signers: Sequence[str] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    duties: Mapping[str, str] = field(default_factory=dict)
    sheet: Sheet | Place | Citing | Countering | None = None


@dataclass(frozen=True)
class Acts:
    """What the asker may do. `seen`: the versions that are shown, for the lock; `back`: the page to come back to."""

    id: str
    row: Sequence[tuple[str, str, str, str]]  # verb, words, icon, address of its form
    form: Form | None
    trouble: State | None
    seen: str
    back: str
    verbs: Sequence[Verb]


def back(verb: str) -> str:
    """What taking an act back does; empty of one that is not taken back."""
    return say(office_view.UNDONE[verb]) if verb in office_view.UNDONE else BACK.get(verb, "")


def acts(
    found: Dossier, verbs: Sequence[Verb], state: State | None, lapse: tuple[date, Lapse] | None, most: int,
    times: Times, sheet: Sheet | Place | Citing | Countering | None = None,
) -> Acts:  # fmt: skip
    """The acts on an agreement. state: of the form that is open; lapse: the last day that was written into the form of
    an end, and what would hang on it; sheet: the fields of the draft, where that form is the open one."""
    id = found.line.contract.partition("/")[2]
    back = f"/contracts/{id}"
    seen = " ".join(f"{each.key}:{text(item(contract, 'meta'), 'versionId')}" for each, contract in found.versions)
    seen += "".join(f" {each.task}:{each.version}" for each in found.duties)
    seen += "".join(f" DocumentReference/{each['id']}:{each['meta']['versionId']}" for each in found.documents)
    seen += "".join(f" {row.evidence.reference}:{row.evidence.version}" for row in found.listings)
    office = {verb: (office_view.title(verb)[0], icon) for verb, icon in office_view.BUTTONS.items()}
    named = {**office, **BUTTONS}
    row = [(verb, *named[verb], f"{back}?act={verb}#act-form") for verb in named if verb in verbs]
    possible = state is not None and state.verb in verbs
    form = _form(found, state, lapse, most, times) if state and possible else None
    form = replace(form, sheet=sheet, state=sheet.state) if form and sheet else form
    trouble = state if state and not possible and (state.faults or state.changed or state.notice) else None
    return Acts(id, row, form, trouble, seen, back, verbs)


def changed(verb: str, values: Mapping[str, str], stale: Overtaken, times: Times) -> Changed:
    """Who was first, when, what it was and is."""
    who, when = changes.first(stale, times, spoken("agreements.somebody-over-api-or-by"), changes.updated(stale))
    before, now = (_stands(each) for each in (stale.before, stale.now))
    return Changed(who, when, before, now if now != before else spoken("agreements.noted-anew", now=now), "")


def _stands(contract: Json | None) -> str:
    """How a version stands."""
    if not contract:
        return spoken("acts.nothing")
    status = text(contract, "status")
    return spoken(
        "agreements.a-version-is", version=text(contract, "version"), status=STATUS.get(status, status).lower()
    )


def _form(found: Dossier, state: State, lapse: tuple[date, Lapse] | None, most: int, times: Times) -> Form:
    title, does = TITLES.get(state.verb) or office_view.title(state.verb)
    if state.verb == "give-notice":
        return Form(state, title, does, about=list(_notice_comes_to(found, times)))
    if state.verb == "end" and lapse:
        last, hangs = lapse
        warning = spoken("agreements.it-ends-for-good-with", last_=times.date(last))
        about = _hangs(hangs, times)
        return Form(
            state,
            title,
            spoken("agreements.end-it-with", last_=times.date(last)),
            True,
            warning,
            about,
            token(last, hangs),
        )
    if state.verb == "end":
        return Form(state, title, does, True, spoken("agreements.what-hangs-on-it-counted"))
    if state.verb == "sign":
        return Form(state, title, does, warning=_signing(found, times), signers=_signers(found))
    if state.verb == "drop":
        return Form(state, title, does, True, spoken("agreements.draft-given-up-for-good"))
    owners = office_view.holders(found)
    if state.verb in office_view.BUTTONS:
        most = most if state.verb in office_view.SENDS else 0
        bills, red = office_view.open_bills(found, times), state.verb == "give-back"
        return Form(state, title, does, red, most=most, owners=owners, duties=bills, kinds=office_view.kinds())
    still = {each.task: f"{each.what}, {times.date(each.due)}" for each in found.duties if each.done is None}
    sends = state.verb in ("file", "fulfil")
    return Form(state, title, does, most=most if sends else 0, owners=owners, duties=still)


def _signing(found: Dossier, times: Times) -> str:
    """What the signature comes to, said before: it can not be taken back."""
    version, contract = waiting(found.versions)[-1]
    said = spoken("agreements.what-was-signed-stands-as")
    if lacks := lacking(contract):
        told = ", ".join(label(f"term:{each}") for each in lacks)
        return spoken("agreements.not-written-yet-and-demanded", told=told, said=said)
    if version.amends and version.days.start and version.days.start < found.day:
        days = (found.day - version.days.start).days
        return spoken("agreements.it-takes-effect-on-days", start=times.date(version.days.start), days=days, said=said)
    return said


def _signers(found: Dossier) -> list[str]:
    """The parties of the draft that waits, by name."""
    sides = bound(waiting(found.versions)[-1][1])
    return [found.names.get(named(each)) or text(each, "display") or named(each) for each in sides] or [
        spoken("agreements.both-parties")
    ]


def _notice_comes_to(found: Dossier, times: Times) -> list[Row]:
    """What notice given today would come to, and until which day that holds."""
    version = open_ended(found.versions)[-1][0]
    rows = []
    if ends := ends_by(version, found.day):
        last = times.date(shifted(ends, -1))
        rows.append(Row(spoken("agreements.given-today"), spoken("agreements.ends-with", last_=last)))
        by = shifted(ends, -version.notice_days)
        words = f"{times.date(ends)} {MINUS} {version.notice_days} d"
        rows.append(Row(spoken("agreements.last-day-for-that"), times.date(by), words))
        if later := ends_by(version, shifted(by, 1)):
            until = times.date(shifted(later, -1))
            rows.append(Row(spoken("agreements.given-later"), spoken("agreements.it-goes-on", until=until)))
    return rows


def _hangs(lapse: Lapse, times: Times) -> list[Row]:
    """What would be lost, counted: no contract desk is shown a patient."""
    rows = [
        Row(
            spoken("agreements.open-referrals"),
            str(lapse.referrals),
            spoken("agreements.them-without-visit", unbooked=lapse.unbooked),
        ),
        Row(
            spoken("agreements.booked-visits-after-that-day"),
            str(lapse.lost),
            spoken("agreements.come", visits=lapse.visits),
        ),
    ]
    if lapse.first:
        rows.append(Row(spoken("agreements.first-them"), times.date(lapse.first)))
    return rows + [Row(f"{month(date(year, n_of, 1))} {year}", count(n, "visit")) for (year, n_of), n in lapse.months]
