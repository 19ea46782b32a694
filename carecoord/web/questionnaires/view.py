"""A form as a page shows it, with what was written into it and where that came from; one that was filled in; and
what a patient was asked for in a referral, with the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from carecoord.domain.prior_auth.dtr import prefill
from carecoord.domain.prior_auth.dtr.prefill import Origin
from carecoord.domain.questionnaires import tasks
from carecoord.domain.questionnaires.answers import OTHER, Reading, instances, name, written
from carecoord.domain.questionnaires.form import Form, Item, label, translated
from carecoord.domain.referrals.case import Case
from carecoord.domain.resource.days import moment
from carecoord.domain.resource.elements import Json, items, text
from carecoord.fhir.instants import micros
from carecoord.web.page.labels import Chip
from carecoord.web.page.times import Times, stored_day
from carecoord.words.catalogue import say, spoken
from carecoord.words.reader import reads
from carecoord.words.sentence import sentence

FEW = 7  # answers to choose from that stand on the page; more are a menu
EMPTY = 1  # fields that stand below those that are filled, where a question may have several answers
WAITS = Chip(sentence("case.form.waits"), "amber", icon="hourglass")
CAME = Chip(sentence("case.form.filled"), "green", icon="circle-check")
READ = Chip(sentence("case.form.read"), "green", icon="circle-check")
ORIGINS: Final[Mapping[Origin, Chip]] = {
    "auto": Chip(sentence("form.origin.auto"), "quiet", icon="file-text"),
    "override": Chip(sentence("form.origin.override"), "amber", icon="pencil"),
    "manual": Chip(sentence("form.origin.manual"), "quiet", icon="message-square"),
}


@dataclass(frozen=True)
class Box:
    """One place to write or tick: its name, what it says beside it, what stands in it."""

    name: str
    label: str
    value: str


@dataclass(frozen=True)
class Field:
    """An item of the form that is asked. `control`: how it is answered; `boxes`: where, each an answer to choose or to
    write; `other`: where an answer of one's own is written; `units`: of a quantity; `inside`: what is asked within it,
    of a repeating group once for each; `more`: what its button sends that asks for one more, empty where there is
    none. `origin`: of what was filled in from the chart that it was, or what the chart says instead."""

    id: str
    text: str
    control: str
    required: bool
    fault: str
    boxes: Sequence[Box] = ()
    other: Box | None = None
    units: Sequence[Box] = ()
    inside: Sequence[Sequence["Field"]] = ()
    more: str = ""
    count: int = 1
    value: str = ""
    origin: str = ""


@dataclass(frozen=True)
class _Beside:
    """What is said beside fields: `wrong`, by field; `chart`: what was filled in from the chart, by field; `values`:
    the same as people read it, by linkId."""

    wrong: Mapping[str, str]
    chart: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


def fields(
    form: Form, said: Mapping[str, str], read: Reading, *, told: bool, chart: Json | None = None
) -> list[Field]:  # fmt: skip
    """The fields that are asked as things stand. told: what is wrong with them is said; chart: the response as it was
    filled in from the chart, None where nothing was."""
    wrong = {at: say(each) for at, each in read.faults.items()} if told else {}
    if chart is None:
        return _fields(form.items, (), said, read, _Beside(wrong))
    values = {each.link: each.said for each in answers(chart)}
    return _fields(form.items, (), said, read, _Beside(wrong, written(form, chart), values))


def faults(found: Sequence[Field]) -> list[tuple[str, str, str]]:
    """What is wrong, in the order of the page: the field, its question, why."""
    told = []
    for each in found:
        told += [(each.id, each.text, each.fault)] if each.fault else []
        for inside in each.inside:
            told += faults(inside)
    return told


def _fields(
    found: Sequence[Item], where: tuple[int, ...], said: Mapping[str, str], read: Reading, beside: _Beside
) -> list[Field]:
    made = []
    for each in found:
        at, text = name(each, where), " ".join(filter(None, (each.prefix, each.shown)))
        if each.hidden:
            continue
        if each.kind == "group" and each.repeats and at in read.asked:
            n = instances(each, where, said)
            inside = [_fields(each.items, (*where, m), said, read, beside) for m in range(n)]
            made.append(Field(at, text, "groups", each.required, "", inside=inside, count=n,
                              more=at if n < each.limits.most else ""))  # fmt: skip
        elif each.kind == "group":
            if within := _fields(each.items, where, said, read, beside):
                made.append(Field(at, text, "group", each.required, "", inside=[within]))
        elif each.kind == "display":
            made.append(Field(at, text, "display", False, ""))
        elif at in read.asked:
            question = _question(each, at, text, said, beside.wrong.get(at, ""))
            made.append(replace(question, origin=_origin(each, at, said, beside)))
            if within := _fields(each.items, where, said, read, beside):
                made.append(Field(f"{at}-in", "", "group", False, "", inside=[within]))
    return made


def _origin(each: Item, at: str, said: Mapping[str, str], beside: _Beside) -> str:
    names = [one for one in beside.chart if one == at or one.startswith(f"{at}-")]
    if not names:
        return ""
    if all(said.get(one, "") == beside.chart[one] for one in names):
        return ORIGINS["auto"].label
    return spoken("form.chart-says", value=beside.values.get(each.link_id, ""))


def _question(each: Item, at: str, text: str, said: Mapping[str, str], fault: str) -> Field:
    if each.fixed:
        return Field(at, text, "fixed", False, "", value=", ".join(map(label, each.initial)))
    if each.options:
        return _choice(each, at, text, said, fault)
    if each.kind == "boolean":
        boxes = [Box(at, spoken("form.yes"), "true"), Box(at, spoken("form.no"), "false")]
        return Field(at, text, "radio", each.required, fault, boxes, value=said.get(at, ""))
    names = [at]
    if each.repeats:
        filled = [n for n in range(each.limits.most) if said.get(f"{at}-{n}", "").strip()]
        shown = min(each.limits.most, max((max(filled) + 1 if filled else 0) + EMPTY, each.limits.fewest))
        names = [f"{at}-{n}" for n in range(shown)]
    units = [Box(f"{at}-unit", _unit(unit), str(n)) for n, unit in enumerate(each.units)]
    kinds = {"text": "area", "date": "date", "dateTime": "datetime-local", "time": "time",
             "integer": "number", "decimal": "number", "quantity": "number", "url": "url"}  # fmt: skip
    boxes = [Box(one, "", said.get(one, "")) for one in names]
    return Field(at, text, kinds.get(each.kind, "text"), each.required, fault, boxes, units=units,
                 value=said.get(f"{at}-unit", "0"))  # fmt: skip


def _choice(each: Item, at: str, text: str, said: Mapping[str, str], fault: str) -> Field:
    other = Box(f"{at}-{OTHER}", spoken("form.other"), said.get(f"{at}-{OTHER}", ""))
    open = other if each.kind == "open-choice" else None
    if each.repeats:
        boxes = [Box(f"{at}-{n}", one.label, said.get(f"{at}-{n}", "")) for n, one in enumerate(each.options)]
        return Field(at, text, "checkbox", each.required, fault, boxes, open)
    control = "radio" if len(each.options) <= FEW else "select"
    boxes = [Box(at, one.label, str(n)) for n, one in enumerate(each.options)]
    return Field(at, text, control, each.required, fault, boxes, open, value=said.get(at, ""))


def _unit(unit: Json) -> str:
    return text(unit, "display") or text(unit, "code")


@dataclass(frozen=True)
class Answer:
    """An answer as it was given. `depth`: of its question in the form; `origin`: where it came from, None where nobody
    says."""

    link: str
    depth: int
    question: str
    said: str
    origin: Chip | None


@dataclass(frozen=True)
class Asked:
    """What the office asked of the patient. `day`: when it was asked or came back; `answers`: once they are there;
    `words`: of instructions; `href`: where the office fills it in for them, empty where it can not."""

    id: str
    title: str
    state: Chip
    day: str
    answers: Sequence[Answer] = ()
    words: str = ""
    href: str = ""


def asked(case: Case, times: Times, href: str) -> list[Asked]:
    """What a patient was asked for in a case, the latest first. href: what comes before the id of a Task in the address
    where its form is filled in; empty where it is not."""
    found = []
    for task in tasks.forms(case):
        response = tasks.response(case, task)
        open = text(task, "status") in tasks.OPEN
        given = answers(response) if response else []
        found.append(Asked(text(task, "id"), text(task, "description"), WAITS if open else CAME, _day(task, times),
                           given, href=f"{href}{text(task, 'id')}" if open and href else ""))  # fmt: skip
    for task in tasks.instructions(case):
        open = text(task, "status") in tasks.OPEN
        title, state = spoken("case.form.instructions"), WAITS if open else READ
        found.append(Asked(text(task, "id"), title, state, _day(task, times), words=tasks.says(task)))
    return found


def of_patient(case: Case) -> list[Asked]:
    """The same for the patient, who is told what is still to be done, and of instructions what they say."""
    open = [each for each in tasks.forms(case) if text(each, "status") in tasks.OPEN]
    found = [Asked(text(each, "id"), translated(each, "description", reads()), WAITS, "") for each in open]
    for each in tasks.instructions(case):
        state = WAITS if text(each, "status") in tasks.OPEN else READ
        found.append(Asked(text(each, "id"), "", state, "", words=tasks.says(each)))
    return found


def answers(response: Json) -> list[Answer]:
    """The answers of a response, in the order of its form."""
    return _answers(items(response, "item"), 0)


def _answers(found: Sequence[Json], depth: int) -> list[Answer]:
    told = []
    for each in found:
        given, link = items(each, "answer"), text(each, "linkId")
        kind = prefill.origin(given)
        told.append(Answer(link, depth, text(each, "text") or link, ", ".join(map(_said, given)),
                           ORIGINS[kind] if kind else None))  # fmt: skip
        told += _answers(items(each, "item"), depth + 1)
        for one in items(each, "answer"):
            told += _answers(items(one, "item"), depth + 1)
    return told


def _said(answer: Json) -> str:
    if "valueBoolean" in answer:
        return spoken("form.yes") if answer["valueBoolean"] else spoken("form.no")
    if day := stored_day(text(answer, "valueDate")):
        return spoken("form.day", day=day)
    return label({name: value for name, value in answer.items() if name.startswith("value")})


def _day(task: Json, times: Times) -> str:
    at = moment(text(task, "lastModified"), times.zone)
    return times.exact(micros(at)) if at else ""
