"""The form of one rule: its fields are the columns of an import, so that both mean the same and refuse the same; below
them the visit by which it is tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from carecoord.actions.rules import keep
from carecoord.actions.rules.keep import Draft
from carecoord.actions.rules.register import Found, Payer
from carecoord.domain.imports import rules
from carecoord.domain.prior_auth.requirements import Requirement
from carecoord.domain.rules.example import Example
from carecoord.fhir.code_systems import NPI
from carecoord.web.acts.forms import Fault, Reader, State
from carecoord.web.policies.vocabulary import BUSINESSES
from carecoord.web.rules import list_view
from carecoord.web.rules.list_view import Shown
from carecoord.web.rules.vocabulary import ANSWERS, FIELDS, NETWORKS, SETTINGS, SEXES, SYSTEMS, TONES
from carecoord.words.catalogue import say, spoken

_CODES: Final = ("code", "code_end", "diagnosis", "diagnosis_end")  # the code alone counts, its words stand beside it
_DAYS: Final = ("starts", "ends", "retrieved")
_CHOICES: Final[Mapping[str, Mapping[str, str]]] = {  # what is chosen, and among what
    "answer": ANSWERS, "system": SYSTEMS, "business": BUSINESSES, "network": NETWORKS, "setting": SETTINGS,
    "sex": SEXES,
}  # fmt: skip
_ASKED: Final = (
    "day", "code", "plan", "business", "network", "place", "age", "sex", "diagnosis", "modifier", "visit", "specialty",
    "provider",
)  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """An answer in words. `why`: the reason as a sentence."""

    answer: str
    tone: str
    why: str


@dataclass(frozen=True)
class Form:
    """The form as it is shown. `payer`: whose rule it is, where that is not to be written; `now`, `then`: what is
    answered without and with it; `told`: the mark of the ties that the writer sees; `auto`: the example as it was
    made, so that one that nobody touched follows the rule."""

    state: State
    action: str
    payer: str = ""
    seen: str = ""
    now: Answered | None = None
    then: Answered | None = None
    ties: tuple[Shown, ...] = ()
    told: str = ""
    auto: str = ""
    payers: tuple[Payer, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether there is a visit to be written."""
        typed = self.state.values.items()
        return self.then is not None or any(name.startswith("ask_") and said for name, said in typed)

    @property
    def opened(self) -> bool:
        """Whether it is shown at once: something is wrong with it."""
        return any(each.field.startswith("ask_") for each in self.state.faults)


def texts(form: Mapping[str, str], today: date, zone: ZoneInfo) -> tuple[dict[str, str], list[Fault]]:
    """What the fields hold, as an import's cells would, and what is wrong with days that can not be read."""
    reader = Reader(form, today, zone)
    found = {column.name: form.get(column.name, "").strip() for column in rules.COLUMNS}
    for name, offered in _CHOICES.items():
        if found[name] and found[name] not in offered:
            reader.fault(name, spoken("rules.choose"))
            found[name] = ""
    for name in _CODES:
        found[name] = found[name].split()[0] if found[name] else ""
    for name in _DAYS:
        day = reader.any_day(name)
        found[name] = day.isoformat() if day else ""
    return found, reader.faults


def example(form: Mapping[str, str], today: date, zone: ZoneInfo) -> tuple[Example | None, list[Fault]]:
    """The visit that was written; None where nobody has touched it since it was made."""
    said = {name: form.get(f"ask_{name}", "").strip() for name in _ASKED}
    if not any(said.values()) or urlencode(said) == form.get("auto"):
        return None, []
    reader = Reader(form, today, zone)
    day, age, visit = reader.any_day("ask_day"), reader.whole("ask_age", 0, 130), reader.whole("ask_visit", 1, 999)
    codes = {name: said[name].split()[0].upper() if said[name] else "" for name in ("code", "diagnosis", "place")}
    network = said["network"] if said["network"] in ("in", "out") else "unknown"
    return Example(
        day=day or today, code=codes["code"], system=keep.system_of(codes["code"]), plan=said["plan"],
        business=said["business"], network=network, place=codes["place"].zfill(2) if codes["place"] else "", age=age,
        sex=said["sex"], diagnosis=codes["diagnosis"], modifier=said["modifier"], visit=visit or 1,
        specialty=said["specialty"], provider=f"{NPI}|{said['provider']}" if said["provider"] else "",
    ), reader.faults  # fmt: skip


def _fields(said: Example) -> dict[str, str]:
    """An example as the fields of the form."""
    return {
        "day": said.day.isoformat(), "code": said.code, "plan": said.plan, "business": said.business,
        "network": said.network, "place": said.place, "age": "" if said.age is None else str(said.age),
        "sex": said.sex, "diagnosis": said.diagnosis, "modifier": said.modifier, "visit": str(said.visit),
        "specialty": said.specialty, "provider": said.provider.rpartition("|")[2],
    }  # fmt: skip


def begun(found: Found) -> dict[str, str]:
    """What the fields of a rule that is to be changed begin with."""
    rule = found.rule
    system = next((name.lower() for name, url in rules.SYSTEMS.items() if url == rule.system), "")
    return keep.cells(found) | {"answer": rule.answer, "system": system, "network": rule.network}


def form(
    values: Mapping[str, str], action: str, draft: Draft | None, faults: list[Fault], *,
    found: Found | None = None, seen: str = "", payers: tuple[Payer, ...] = (),
) -> Form:  # fmt: skip
    """The form with what was typed, what is wrong with it, and what it would do."""
    told = {each.field for each in faults}
    refused = [_fault(each.column, say(each.why)) for each in (draft.faults if draft else ())]
    wrong = [*faults, *(each for each in refused if each.field not in told)]
    payer = found.payer.name if found else ""
    if draft is None or draft.example is None or wrong:
        return Form(State("rule", values, tuple(wrong)), action, payer, seen, payers=payers)
    asked = _fields(draft.example)
    shown = {**values, **{f"ask_{name}": said for name, said in asked.items()}}
    auto = urlencode(asked) if _untouched(values) else ""
    return Form(
        State("rule", shown, ()), action, payer, seen, _answered(draft.now), _answered(draft.then),
        tuple(list_view.shown(each, {}) for each in draft.ties), draft.told, auto, payers,
    )  # fmt: skip


def _untouched(values: Mapping[str, str]) -> bool:
    said = {name: values.get(f"ask_{name}", "").strip() for name in _ASKED}
    return not any(said.values()) or urlencode(said) == values.get("auto")


def _fault(column: str, why: str) -> Fault:
    return Fault(column or "answer", why)


def _answered(need: Requirement | None) -> Answered | None:
    if need is None:
        return None
    if need.answer is None:
        return Answered(spoken("rules.nobody-can-tell"), "grey", say(need.reason))
    return Answered(ANSWERS[need.answer], TONES[need.answer], say(need.reason))


def labelled(faults: tuple[Fault, ...]) -> list[tuple[str, str, str]]:
    """(field, what it is called, what is wrong with it)."""
    return [(each.field, FIELDS.get(each.field, ""), each.text) for each in faults]


