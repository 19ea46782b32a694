"""Contract/$offers: who takes part in a plan's networks on a day, the nearest first, a page at a time, as Parameters.

Each is judged by the one decision (`domain/agreements/participation`): whoever is offered may be paid for what is known
here. Who may see only some rows of the directory is told of nobody by another."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, Turn, looking
from carecoord.actions.agreements import register
from carecoord.actions.agreements.participation import copies_of, named_resource, payer_of, plans_of
from carecoord.actions.agreements.register import Place
from carecoord.actions.clearance import asked
from carecoord.actions.clearance.library import COPIED, Library, shared
from carecoord.actions.fhir.read import address
from carecoord.domain.agreements.directory import Register
from carecoord.domain.agreements.directory import register as told
from carecoord.domain.agreements.fitness import fitness
from carecoord.domain.agreements.participation import Participation, Question, exactness, participation
from carecoord.domain.agreements.records import PlanListing, Records, every_network_of, named
from carecoord.domain.referrals.referral import Performer
from carecoord.domain.resource import places as points
from carecoord.domain.resource.codes import specialties
from carecoord.domain.resource.days import local
from carecoord.domain.resource.elements import evidence, identifiers, item, key, target
from carecoord.domain.resource.parties import directory
from carecoord.domain.resource.places import Point, kilometres
from carecoord.errors import Invalid
from carecoord.fhir.search.query import CURSOR
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence
from carecoord.world import World

Json = dict[str, Any]
_COUNT: Final = 25  # offers of a page, unless another number is asked for
_MOST: Final = 100
_LOOKS: Final = 4  # times as many are looked at for a page that does not fill
_decode = msgspec.json.Decoder(tuple[int, str, str]).decode


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked: whose plan, for which specialty, on which day, from where."""

    plan: str
    plans: Sequence[PlanListing]
    payer: Json | None
    specialties: frozenset[str]
    day: date
    near: Point | None


def offered(world: World, asker: Asker, given: Mapping[str, str], *, request: str = "") -> Json:
    """The Parameters. given: the arguments by name (`fhir.operations`).

    Raises Invalid naming the argument, NotFound for a payer or plan that is not here, Forbidden."""
    query = "&".join(f"{name}={value}" for name, value in given.items())
    with looking(world, asker, request) as turn, noted(turn, "offers", "Contract", None, query) as shown:
        for type in ("OrganizationAffiliation", "InsurancePlan"):
            turn.demand(type, "r")
        if "plan" not in given:
            raise Invalid("plan is needed.", "http.plan")
        most, place, library = _count(given), _place(given.get(CURSOR)), Library(turn.conn)
        payer = named_resource(library, "payer", given["payer"], ("Organization",)) if "payer" in given else None
        value, plans = plans_of(turn, library, given["plan"])
        day = asked.day(given.get("date")) or local(turn.now, world.base.zone)
        what = specialties({"text": given.get("specialty", "")})
        question = _Asked(value, plans, payer, what, day, _near(given.get("near")))
        found, behind = _page(turn, library, question, place, most)
        shown.append(None)
        parts = [{"name": "offer", "part": each} for each in found]
        parts.append({"name": "date", "valueDate": day.isoformat()})
        if behind:
            pairs = [*((name, said) for name, said in given.items() if name != CURSOR), (CURSOR, _word(behind))]
            parts.append({"name": "next", "valueUri": address(world.settings.fhir_url, "Contract/$offers", pairs)})
        return {"resourceType": "Parameters", "parameter": parts}


def _page(
    turn: Turn, library: Library, question: _Asked, place: Place, most: int
) -> tuple[list[list[Json]], Place | None]:
    """The next offers, and the place behind them; None where nobody stands behind."""
    used = [plan for plan in question.plans if plan.days.holds(question.day)]
    open_to = set(_keys(library, (each for plan in used for each in plan.networks)))
    open_to |= {every_network_of(each) for each in _keys(library, (plan.payer for plan in used if plan.payer))}
    found: list[list[Json]] = []
    for _ in range(_LOOKS):
        walked = register.walk(
            turn.conn, open_to, question.specialties, question.day, question.near, place, most + 1
        )
        taken = walked[:most]
        by = {parts[0]["valueReference"]["reference"]: parts for parts in _judged(turn, library, question, taken)}
        for member, at in taken:
            place = at
            if member in by:
                found.append(by[member])
            if len(found) == most:
                return found, place if len(walked) > len(taken) or at != taken[-1][1] else None
        if len(walked) <= most:
            return found, None
    return found, place


def _keys(library: Library, references: Iterable[Json]) -> set[str]:
    """All keys of those who are named, of their copies too."""
    copies = library.copies(named(each) for each in references)
    return {id for each in copies for id in (key(each), *identifiers(each))}


def _judged(
    turn: Turn, library: Library, question: _Asked, members: Iterable[tuple[str, Place]]
) -> Iterator[list[Json]]:
    """Those of the members who are in, as the parts of an offer, the organization first."""
    own = [each for each in library.fetch(member for member, _ in members) if each["resourceType"] == "Organization"]
    groups = [*own, *copies_of(library, "Organization", own)]
    above = library.fetch(to for each in groups if (to := target(item(each, "partOf"))))
    rows = library.listings({key(each) for each in (*groups, *above)} | shared([*groups, *above]))
    records = Records(
        tuple(rows), tuple(question.plans), tuple(library.versions(each.contract for each in rows if each.contract)),
        library.places(key(each) for each in groups),
    )  # fmt: skip
    around = [*groups, *above, *library.fetch(records.parties), *([question.payer] if question.payer else [])]
    around += [copy for kind in ("Organization", "Location") for copy in copies_of(library, kind, [question.payer])]
    near = {key(each): each for each in around if each["resourceType"] in COPIED}
    known = directory(near.values())
    parents = (each for each in near.values() if each["resourceType"] == "Organization")
    here = told(records, known, parents, fitness(near.values(), turn.world.base.zone))
    payer = known[key(question.payer)] if question.payer else payer_of(question.plans, known)
    for each in own:
        who = Performer(known[key(each)], None, evidence(each))
        sites = [row.sites[0] for row in here.rows if row.include and row.sites and exactness(row, who, here)]
        for site in (None, *sites):
            said = participation(Question(who, site, payer, question.plan, question.specialties), question.day, here)
            if said.result == "in" and _shown(turn, said):
                yield list(_parts(each, said, _away(question.near, here, who)))
                break


def _shown(turn: Turn, said: Participation) -> bool:
    """Whether the asker may see the rows on which it rests."""
    of_directory = ("OrganizationAffiliation/", "InsurancePlan/")
    rests = {each.reference for each in said.evidence if each.reference.startswith(of_directory)}
    return rests <= turn.readable(rests)


def _away(near: Point | None, here: Register, who: Performer) -> float | None:
    """How far the nearest place of the organization is."""
    keys = who.organization.keys if who.organization else frozenset[str]()
    at = [each.point for each in here.places if each.organization in keys or each.key in keys]
    return round(min(kilometres(near, point) for point in at), 1) if near and at else None


def _parts(organization: Json, said: Participation, away: float | None) -> Iterator[Json]:
    called = organization.get("name") or key(organization)
    yield {"name": "provider", "valueReference": {"reference": key(organization), "display": called}}
    network = say(said.network) if isinstance(said.network, Sentence) else str(said.network)
    texts = (("network", network), ("agreement", said.number), ("version", said.version), ("tier", said.tier))
    yield from ({"name": name, "valueString": text} for name, text in texts if text)
    if said.until:
        yield {"name": "until", "valueDate": said.until.isoformat()}
    if away is not None:
        quantity = {"value": away, "unit": "km", "system": "http://unitsofmeasure.org", "code": "km"}
        yield {"name": "distance", "valueQuantity": quantity}


def _near(said: str | None) -> Point | None:
    """A ZIP code, or degrees north and east. Raises Invalid."""
    if said is None:
        return None
    latitude, comma, longitude = said.partition(",")
    try:
        point = Point(float(latitude), float(longitude)) if comma else points.of({"address": [{"postalCode": said}]})
    except ValueError:
        point = None
    if point is None or not (abs(point.latitude) <= 90 and abs(point.longitude) <= 180):
        raise Invalid("near is a US ZIP code, or degrees north and east with a comma between.", "http.near")
    return point


def _count(given: Mapping[str, str]) -> int:
    said = given.get("_count", str(_COUNT))
    if not (said.isascii() and said.isdigit() and int(said[:9]) > 0):
        raise Invalid(f"_count is a whole number from 1, not {said[:80]!r}.", "http._count")
    return min(int(said[:9]), _MOST)


def _word(place: Place) -> str:
    said = msgspec.json.encode((place.nearest, place.sort, place.key))
    return base64.urlsafe_b64encode(said).decode().rstrip("=")


def _place(word: str | None) -> Place:
    if word is None:
        return Place()
    try:
        return Place(*_decode(base64.urlsafe_b64decode(word.encode() + b"=" * (-len(word) % 4))))
    except (ValueError, msgspec.MsgspecError):
        raise Invalid("This link to a page is not one of ours. Start again.", f"http.{CURSOR}") from None
