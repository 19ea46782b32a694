"""`/quality`: what of the data wants a person, each row with what leads to settling it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template
from sqlalchemy import Row
from werkzeug.wrappers import Response

from carecoord.actions.quality import quality
from carecoord.actions.quality.quality import Doubted, Pair, Quality, Unowned
from carecoord.domain.ehrs import doubts
from carecoord.domain.referrals.twins import Settles
from carecoord.domain.resource.elements import key
from carecoord.store.worklist.quality import MOST
from carecoord.store.worklist.query import MANY
from carecoord.web.page import downloads, labels
from carecoord.web.page.times import Times
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import in_words, say
from carecoord.words.sentence import joined, spoken
from carecoord.world import World


@dataclass(frozen=True)
class Line:
    """A row: what it is about, what is to be known, and the links to what settles it as (words, address)."""

    what: str
    about: str
    ways: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """A list with how many there are. `more`: the whole of it, empty where all is here; `clear`: said of none."""

    name: str
    title: str
    count: str
    lines: Sequence[Line]
    clear: str
    more: str = ""


def blueprint(world: World) -> Blueprint:
    """The page, behind the sign-in."""
    pages = Blueprint("quality", __name__, template_folder="../templates")
    sign_in.guard(pages, world)

    @pages.get("/quality")
    def look() -> str:
        found = quality.look(world, sign_in.session().grant(), request_id())
        times = Times(world.clock(), ZoneInfo(world.settings.timezone))
        return render_template("quality.html", parts=_parts(found), as_of=times.stamp())

    @pages.get("/quality.<any(csv, xlsx):form>")
    def download(form: downloads.Form) -> Response:
        found = quality.look(world, sign_in.session().grant(), request_id())
        header = [spoken("downloads.list"), spoken("downloads.what"), spoken("downloads.about")]
        rows = ([part.title, line.what, line.about] for part in _parts(found) for line in part.lines)
        return downloads.table("quality", header, rows, form, marked=True)

    return pages


def _parts(found: Quality) -> list[Part]:
    parts = []
    if found.doubted is not None:
        lines = [_doubted(each) for each in found.doubted]
        parts.append(
            Part(
                "doubts",
                spoken("quality.doubts"),
                _count(lines),
                lines,
                spoken("quality.doubts.none"),
            )
        )
    if found.conflicts is not None:
        parts.append(_listed("conflicts", spoken("quality.conflicts"), found.conflicts, "conflict"))
    if found.pairs is not None:
        pairs = [_pair(each) for each in found.pairs]
        title = spoken("quality.pairs")
        parts.append(Part("pairs", title, _count(pairs), pairs, spoken("quality.pairs.none")))
    if found.nobodys is not None:
        parts.append(_listed("nobodys", spoken("quality.nobodys"), found.nobodys, "nobody"))
    if found.unowned is not None:
        unowned = [_unowned(each) for each in found.unowned]
        clear = spoken("quality.unowned.none")
        parts.append(Part("unowned", spoken("quality.unowned"), _count(unowned), unowned, clear))
    return parts


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
    return Line(say(joined((each.one.patient_name, each.other.patient_name))), question, ways)


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
