"""The way in by a link: its address, and what its holder knows besides. Asking for the page alone opens and changes
nothing, for mail scanners ask for every address that they see."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from auth.grant import Grant
from auth.people import one_time
from auth.store import fresh
from carecoord.actions.access.audited import event
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.acts.act import Deed, Planned, write
from carecoord.actions.clearance import assemble as clearance_assemble
from carecoord.actions.guests.access import grant_of
from carecoord.domain.guests import links
from carecoord.domain.guests.links import WRONG
from carecoord.domain.messages import acts
from carecoord.domain.messages.acts import Kind
from carecoord.domain.resource.patient import birth_date, spoken_name
from carecoord.errors import NotFound
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.audit.events import record
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.guests import links as kept
from carecoord.store.guests.links import Link
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World

_PURPOSE: Final = "guest"
_LIFE: Final = timedelta(hours=4)
_OVER: Final = "This link is no longer good."


@dataclass(frozen=True, slots=True)
class Guest:
    """Who has come in by a link. `csrf`: the token of their forms; `name`, `phone`: by which they signed before."""

    link: Link
    csrf: str
    name: str = ""
    phone: str = ""

    def grant(self, name: str = "") -> Grant:
        """What they act by; `name`: by which they sign this."""
        return grant_of(self.link, name)


def at(world: World, token: str) -> Link:
    """The link of this address. Raises NotFound for one that is not, or no longer, good: the same whatever is wrong."""
    with reading(world.engine) as conn:
        link = kept.at(conn, token)
    if link is None or links.state(link, micros(world.clock())) != "open":
        raise NotFound(_OVER, "http.link")
    return link


def enter(world: World, token: str, said: str, request: str) -> str | None:
    """Come in with the code (a patient: the date of birth). Returns what the browser keeps; None where it was wrong,
    which is counted. Raises NotFound as `at`; the answer that locks the link tells the office so."""
    with writing(world.engine) as conn:
        link, now = kept.at(conn, token), world.clock()
        if link is None or links.state(link, micros(now)) != "open":
            raise NotFound(_OVER, "http.link")
        alone(conn, f"link {link.id}")
        right = _knows(Turn(world, conn, grant_of(link), request, now), link, token, said)
        record(conn, [event(now, request, "link-open", 200 if right else 401, by=grant_of(link), patient=link.patient)])
        if right:
            kept.answered(conn, link.id, micros(now))
            return _keep(world, Turn(world, conn, grant_of(link), request, now), link, _name(conn, link), "")
        missed = kept.missed(conn, link.id, micros(now), WRONG)
        locks = missed is not None and missed.locked is not None
    if locks:
        _tell(world, link, request, "link-locked", f"A link was locked after {WRONG} wrong answers.")
    return None


def guest(world: World, token: str, cookie: str | None) -> Guest | None:
    """Who has come in by this link in this browser; None for nobody. Raises NotFound as `at`."""
    link, now = at(world, token), int(world.clock().timestamp())
    with reading(world.engine) as conn:
        found = one_time.peek(conn, _PURPOSE, cookie, now) if cookie else None
    if found is None or found.data.get("link") != link.id:
        return None
    return Guest(link, found.data["csrf"], found.data.get("name", ""), found.data.get("phone", ""))


def sign(world: World, who: Guest, name: str, phone: str, request: str) -> str:
    """Remember by which name somebody signs; returns what the browser keeps from now on."""
    with changing(world, who.grant(), request) as turn:
        return _keep(world, turn, who.link, name, phone, who.csrf)


def ask_anew(world: World, token: str, request: str) -> None:
    """Ask the office for a new link in the place of one that is good no longer. Done twice, the office is told once;
    of an address that never was one nobody is told, and the answer is the same."""
    with writing(world.engine) as conn:
        link, now = kept.at(conn, token), micros(world.clock())
        ended = link is not None and links.state(link, now) != "open" and kept.ask_anew(conn, link.id, now)
    if link is not None and ended:
        _tell(world, link, request, "link-wanted", "A new link is wanted in the place of one that is good no longer.")


def _knows(turn: Turn, link: Link, token: str, said: str) -> bool:
    if link.audience == "clinic":
        return kept.has_code(turn.conn, link, token, links.read_code(said))
    row = read.get(turn.conn, "Patient", link.patient)
    born = birth_date(json.loads(row.body)) if row and not row.deleted else ""
    given = links.read_birth_date(said, link.language)
    return len(born) == len("2000-01-01") and hmac.compare_digest(given.encode(), born.encode())


def _name(conn: Connection, link: Link) -> str:
    """The name under what a patient or a relative does; a clinic's people sign each time."""
    who = {"patient": ("Patient", link.patient), "relative": ("RelatedPerson", link.relative)}.get(link.audience)
    row = read.get(conn, *who) if who else None
    return spoken_name(json.loads(row.body)) if row and not row.deleted else ""


def _keep(world: World, turn: Turn, link: Link, name: str, phone: str, csrf: str = "") -> str:
    data = {"link": link.id, "csrf": csrf or fresh(), "name": name, "phone": phone}
    now = int(world.clock().timestamp())
    return one_time.keep(turn.conn, _PURPOSE, data, now, int(_LIFE.total_seconds()))


def _tell(world: World, link: Link, request: str, kind: Kind, words: str) -> None:
    """A message to the office in the name of the link, once for each kind."""
    with changing(world, grant_of(link, "A link"), request) as turn:
        id = f"{link.id[:40]}-{kind}"
        case = clearance_assemble.assemble(turn.conn, link.case)
        if case is None or read.get(turn.conn, "Communication", id):
            return
        deed = Deed(turn, id, link.case)
        to = {"reference": f"Organization/{link.office}"}
        talk = acts.message(case, id, deed.person, [to], words, turn.now, kind)
        write(deed, kind, Planned([talk], sentence("act.done")))
