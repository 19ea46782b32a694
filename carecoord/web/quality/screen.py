"""The page of data quality, put together: what wants a person, each row with what leads to settling it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import make_response, render_template, request
from sqlalchemy import Row
from werkzeug.wrappers import Response

from carecoord.actions.quality import quality
from carecoord.actions.quality.quality import Doubted, Merged, Pair, Quality, Unowned
from carecoord.domain.ehrs import doubts
from carecoord.domain.referrals.twins import Settles
from carecoord.domain.resource.elements import Json, item, key, text
from carecoord.domain.resource.patient import name, record_number
from carecoord.store.worklist.quality import MOST
from carecoord.store.worklist.query import MANY
from carecoord.web.acts.forms import State
from carecoord.web.page import labels
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import in_words, say
from carecoord.words.sentence import joined, spoken
from carecoord.world import World


@dataclass(frozen=True)
class Form:
    """What settles it by pressing: the act, the record that is kept, the other one, the versions that are shown;
    `hint`: what comes of it."""

    verb: str
    record: str
    other: str
    seen: str
    words: str
    once: str
    hint: str = ""


@dataclass(frozen=True)
class Line:
    """A row: what it is about, what is to be known, and what settles it: links as (words, address), forms."""

    what: str
    about: str
    ways: Sequence[tuple[str, str]]
    forms: Sequence[Form] = ()


@dataclass(frozen=True)
class Part:
    """A list with how many there are. `more`: the whole of it, empty where all is here; `clear`: said of none."""

    name: str
    title: str
    count: str
    lines: Sequence[Line]
    clear: str
    more: str = ""


@dataclass(frozen=True)
class Screen:
    """Makes the page."""

    world: World

    def shown(self, trouble: str = "", status: int = 200) -> Response:
        """The page. trouble: why an act was not done."""
        grant = sign_in.session().grant()
        found = quality.look(self.world, grant, request_id())
        times = Times(self.world.clock(), ZoneInfo(self.world.settings.timezone))
        act = quality.done(self.world, grant, request_id(), request.args["done"]) if request.args.get("done") else None
        page = render_template(
            "quality.html", parts=parts(found), as_of=times.stamp(), trouble=trouble, done=say(act.said) if act else ""
        )
        return make_response(page, status)


def parts(found: Quality) -> list[Part]:
    """The lists as far as the asker has them."""
    shown = []
    if found.doubted is not None:
        lines = [_doubted(each) for each in found.doubted]
        shown.append(
            Part(
                "doubts",
                spoken("quality.doubts"),
                _count(lines),
                lines,
                spoken("quality.doubts.none"),
            )
        )
    if found.conflicts is not None:
        shown.append(_listed("conflicts", spoken("quality.conflicts"), found.conflicts, "conflict"))
    if found.pairs is not None:
        pairs = [_pair(each) for each in found.pairs]
        title = spoken("quality.pairs")
        shown.append(Part("pairs", title, _count(pairs), pairs, spoken("quality.pairs.none")))
    if found.merged:
        merged = [_merged(each) for each in found.merged]
        shown.append(Part("merged", spoken("quality.merged"), _count(merged), merged, ""))
    if found.nobodys is not None:
        shown.append(_listed("nobodys", spoken("quality.nobodys"), found.nobodys, "nobody"))
    if found.unowned is not None:
        unowned = [_unowned(each) for each in found.unowned]
        clear = spoken("quality.unowned.none")
        shown.append(Part("unowned", spoken("quality.unowned"), _count(unowned), unowned, clear))
    return shown


def _count(lines: Sequence[Line]) -> str:
    return f"{MOST}+" if len(lines) >= MOST else str(len(lines))


def _called(case: Row[Any]) -> str:
    return f"{case.patient_name}, {case.number}"


def _doubted(each: Doubted) -> Line:
    name = key(each.resource)
    kind = name.partition("/")[0]
    told = doubts.told(each.doubts, [each.resource], {name: each.ehr} if each.ehr else {})
    ways = [
        (spoken("quality.open-referral"), f"/referrals/{quote(each.case.id)}"),
        (spoken("quality.as-it-came"), f"/record/{quote(name)}"),
    ]
    what = f"{labels.RESOURCES.get(kind, kind)}: {_called(each.case)}"
    return Line(what, " ".join(say(one) for one in told), ways)


def _pair(each: Pair) -> Line:
    question = _question(each.twin.settles, each.twin.mine, each.twin.theirs)
    ways = [(_called(row), f"/referrals/{quote(row.id)}") for row in (each.one, each.other)]
    one, other = each.records
    seen, names = _versions(one, other), (_record(one), _record(other))
    forms = [
        Form("merge-patients", text(one, "id"), text(other, "id"), seen, spoken("quality.same-keep", record=names[0]),
             State("").id, spoken("quality.same.hint")),
        Form("merge-patients", text(other, "id"), text(one, "id"), seen, spoken("quality.same-keep", record=names[1]),
             State("").id),
        Form("keep-patients-apart", text(one, "id"), text(other, "id"), seen, spoken("quality.not-same"), State("").id),
    ]  # fmt: skip
    return Line(say(joined((each.one.patient_name, each.other.patient_name))), question, ways, forms)


def _merged(each: Merged) -> Line:
    """A record that stands for another: both by their numbers, and the way back."""
    kept, replaced = each.kept, each.replaced
    ways = [(_record(one), f"/patients/{quote(text(one, 'id'))}") for one in (kept, replaced)]
    about = spoken("quality.merged.why", kept=_record(kept), replaced=_record(replaced))
    if each.half:
        about = f"{about} {spoken('quality.merged.half')}"
    undo = Form("unmerge-patients", text(kept, "id"), text(replaced, "id"), _versions(kept, replaced),
                spoken("quality.unmerge"), State("").id)  # fmt: skip
    return Line(name(kept), about, ways, [undo])


def _record(patient: Json) -> str:
    """A record by its number, else by its name."""
    number = record_number(patient)
    return spoken("quality.record", number=number) if number else name(patient) or text(patient, "id")


def _versions(*records: Json) -> str:
    return " ".join(f"{key(each)}:{text(item(each, 'meta'), 'versionId')}" for each in records)


def _question(settles: Settles, one: str, other: str) -> str:
    """What settles whether two are one."""
    if settles == "name":
        return spoken("quality.settles.name", one=one, other=other)
    if settles == "telephone":
        return spoken("quality.settles.telephone", one=one, other=other)
    if settles == "number":
        return spoken("quality.settles.number", one=one, other=other)
    return spoken("quality.settles.address")


def _listed(name: str, title: str, found: tuple[Sequence[Row[Any]], int], tab: str) -> Part:
    """A list of the worklist: its first rows, and the list itself."""
    rows, count = found
    act = "&act=assign" if tab == "nobody" else ""
    words = spoken("quality.give") if tab == "nobody" else spoken("quality.settle")
    lines = [
        Line(_called(row), in_words(row.headline), [(words, f"/?tab={tab}&show={quote(row.id)}{act}")]) for row in rows
    ]
    clear = spoken("quality.nobodys.none") if tab == "nobody" else spoken("quality.conflicts.none")
    said = f"{MANY - 1}+" if count >= MANY else str(count)
    return Part(name, title, said, lines, clear, f"/?tab={tab}" if count > len(rows) else "")


def _unowned(each: Unowned) -> Line:
    came = spoken("quality.from-ehr", ehr=each.ehr) if each.ehr else spoken("quality.written-here")
    asked = (
        spoken("quality.asked-for-by", requester=each.requester) if each.requester else spoken("quality.nobody-named")
    )
    about = spoken("quality.unowned.why", asked=asked)
    ways = [(spoken("quality.say-for-whom"), "/import"), (spoken("quality.see-ehr"), "/ehrs")]
    return Line(f"{each.order}, {came}", about, ways)
