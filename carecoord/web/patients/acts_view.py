"""The acts of a patient's page: the buttons, the open form, what there is to choose from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from carecoord.actions.acts.act import Overtaken
from carecoord.actions.care_plans.offers import Offers
from carecoord.actions.patients.page import PatientPage
from carecoord.domain.access import verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.care_plans.measures import MEASURES
from carecoord.domain.resource.elements import Json, item, key, text
from carecoord.web.acts import changes
from carecoord.web.acts.forms import Changed, State
from carecoord.web.page.times import Times
from carecoord.web.patients import units
from carecoord.web.patients.commands import ENDS
from carecoord.words.catalogue import say, spoken
from carecoord.words.sentence import Sentence, sentence

BUTTONS: Final[dict[Verb, tuple[Sentence, str]]] = {  # verb -> words, icon
    "start-plan": (sentence("patient.do.start-plan"), "list-checks"),
    "set-goal": (sentence("patient.do.set-goal"), "badge-check"),
    "add-activity": (sentence("patient.do.add-activity"), "calendar-check"),
    "observe": (sentence("patient.do.observe"), "pencil"),
    "join-team": (sentence("patient.do.join-team"), "user-round-plus"),
}
TITLES: Final[dict[Verb, tuple[Sentence, Sentence]]] = {  # verb -> the title of its form, and what its button says
    "start-plan": (sentence("patient.do.start-plan"), sentence("patient.does.start-plan")),
    "set-goal": (sentence("patient.do.set-goal"), sentence("patient.does.set-goal")),
    "add-activity": (sentence("patient.do.add-activity"), sentence("patient.does.add-activity")),
    "observe": (sentence("patient.do.observe"), sentence("patient.does.observe")),
    "finish": (sentence("patient.do.finish"), sentence("patient.does.finish")),
    "join-team": (sentence("patient.do.join-team"), sentence("patient.does.join-team")),
    "end-plan": (sentence("patient.do.end-plan"), sentence("patient.does.end-plan")),
}
_ENDS: Final = {"completed": sentence("patient.end.completed"), "revoked": sentence("patient.end.revoked")}


@dataclass(frozen=True, slots=True)
class Form:
    """The open form, with what there is to choose from, each by its key."""

    state: State
    title: str
    does: str
    red: bool = False
    warning: str = ""
    counted: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)
    plans: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Acts:
    """What the asker may do. `action`: where forms go, before the verb; `seen`: the versions that are shown; `back`:
    the page to come back to."""

    action: str
    row: Sequence[tuple[Verb, str, str, str]]  # verb, words, icon, address of its form
    form: Form | None
    seen: str
    back: str
    verbs: frozenset[str]


def offered(page: PatientPage) -> tuple[Verb, ...]:
    """The acts that the asker has on the patient as they stand."""
    return tuple(verb for verb in verbs.CARE if verbs.may(page.roles, verb) and "plan" not in page.closed)


def acts(page: PatientPage, offers: Offers | None, state: State | None, back: str) -> Acts:
    """The acts. offers: what there is to choose from, where a form is open; back: the address of the page."""
    mine = offered(page)
    possible = [verb for verb in BUTTONS if verb in mine and (verb != "add-activity" or page.plans.standing)]
    row = [(verb, say(BUTTONS[verb][0]), BUTTONS[verb][1], f"{back}?act={verb}#act-form") for verb in possible]
    form = _form(page, offers, state) if state and offers and state.verb in mine else None
    held = [*(each.plan for each in page.plans.standing), *page.plans.teams]
    held += [g.goal for each in page.plans.standing for g in each.goals] + [g.goal for g in page.plans.loose]
    seen = " ".join(f"{key(each)}:{text(item(each, 'meta'), 'versionId')}" for each in held)
    return Acts(back, row, form, seen, back, frozenset(mine))


def _form(page: PatientPage, offers: Offers, state: State) -> Form | None:
    verb = next((each for each in TITLES if each == state.verb), None)
    if verb is None:
        return None
    title, does = (say(each) for each in TITLES[verb])
    ending = next((each for each in offers.endings if each.plan == state.value("plan")), None)
    warning = ""
    if verb == "end-plan":
        warning = spoken("patient.end.hangs", goals=ending.goals, tasks=ending.tasks) if ending else ""
    measured = dict.fromkeys(unit for each in MEASURES.values() for unit in each.units)
    return Form(
        state, title, does, verb == "end-plan", warning, ending.counted if ending else "", offers.templates,
        {text(each.plan, "id"): text(each.plan, "title") or text(each.plan, "id") for each in page.plans.standing},
        {code: say(each.name) for code, each in MEASURES.items()}, {each: units.called(each) for each in measured},
        offers.references, offers.owners, offers.members, {each: say(_ENDS[each]) for each in ENDS},
    )  # fmt: skip


def changed(verb: str, values: Mapping[str, str], stale: Overtaken, times: Times) -> Changed:
    """Who was first, when, what it was and is."""
    who, when = changes.first(stale, times, spoken("patient.changed.somebody"), changes.updated(stale))
    return Changed(who, when, _stands(stale.before), _stands(stale.now), "")


def _stands(resource: Json | None) -> str:
    """What stood there, and in which version."""
    if not resource:
        return spoken("patient.changed.nothing")
    name = text(resource, "title") or text(item(resource, "description"), "text") or key(resource)
    return spoken("patient.changed.version", what=name, n=text(item(resource, "meta"), "versionId"))
