"""A code chosen in a form: what somebody types is read as the code that it is, or answered with those that it may mean.
One look-up for every form, for the list under a field (`/codes`) and for a form that is sent without any script."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection

from carecoord.actions.terms import shipped
from carecoord.actions.terms.expand import asked, fitting
from carecoord.domain.prior_auth.question import PLACE_OF_SERVICE
from carecoord.domain.resource.days import local
from carecoord.domain.terms import everyday
from carecoord.domain.terms.places_of_service import PLACES
from carecoord.domain.terms.vocabularies import ICD_10_CM, VOCABULARIES, Part, Vocabulary
from carecoord.store.database.engine import reading
from carecoord.store.terms import codes
from carecoord.world import World

MOST: Final = 12  # codes that are offered at once


@dataclass(frozen=True)
class Coded:
    """A code. `name`: what people call its system. `words`: what it means, empty where nobody told us."""

    system: str
    name: str
    code: str
    words: str = ""

    @property
    def said(self) -> str:
        """As it stands in a field, and is read again: `M54.50 Low back pain, unspecified`."""
        return f"{self.code} {self.words}".strip()


@dataclass(frozen=True)
class Offer:
    """What somebody may have meant. `more`: there are more than these. `lacking`: systems of which no codes are here.
    `waiting`: codes are being put in, and it can be asked again in a moment."""

    codes: tuple[Coded, ...] = ()
    more: bool = False
    lacking: tuple[str, ...] = ()
    waiting: bool = False


def search(world: World, vocabulary: Vocabulary, said: str, most: int = MOST) -> Offer:
    """The codes that may be used today and have a word, or are a code, that begins with each of these words: those
    whose code begins so, then those with the fewest words. Of specialties, where there are none, those of the words
    that people use for it (`everyday`)."""
    parts, wanted = VOCABULARIES[vocabulary], asked(said)
    today = local(world.clock(), world.base.zone)
    with reading(world.engine) as conn:
        found = _found(conn, parts, wanted, today, most + 1) if wanted else []
        if not found and vocabulary == "specialty" and (meant := everyday.meant(wanted)) != wanted:
            found = _found(conn, parts, meant, today, most + 1)
        here = codes.held(conn, (part.system for part in parts)) | {PLACE_OF_SERVICE}
        waiting = any(part.system == ICD_10_CM for part in parts) and not shipped.are_here(conn)
    if waiting:  # whoever looks for a code first has them put in
        shipped.order(world)
    lacking = tuple(p.name for p in parts if p.system not in here and not (waiting and p.system == ICD_10_CM))
    return Offer(tuple(found[:most]), len(found) > most, lacking, waiting)


def read(world: World, vocabulary: Vocabulary, said: str) -> Coded | Offer:
    """The code that a text begins with; else what it may mean. One that is not here counts where it is written as its
    system writes codes, nothing stands beside it, and not all of the system is here: then it has no words."""
    first = said.split()[0] if said.split() else ""
    today = local(world.clock(), world.base.zone).isoformat()
    written = [(part, code) for part in VOCABULARIES[vocabulary] if (code := part.written(first))]
    with reading(world.engine) as conn:
        for part, code in written:
            entry = _entry(conn, part, code)
            if entry and not (entry[2] and entry[2] < today):
                return Coded(part.system, part.name, entry[0], entry[1])
        all_here = shipped.are_here(conn)
    for part, code in written if first == said.strip() else ():
        if not part.whole or (part.system == ICD_10_CM and not all_here):
            return Coded(part.system, part.name, code)
    return search(world, vocabulary, said)


def _entry(conn: Connection, part: Part, code: str) -> codes.Entry | None:
    if part.system == PLACE_OF_SERVICE:
        return (code, PLACES[code], "") if code in PLACES else None
    return codes.one(conn, part.system, code)


def _found(conn: Connection, parts: tuple[Part, ...], wanted: list[str], today: date, most: int) -> list[Coded]:
    if any(part.system == PLACE_OF_SERVICE for part in parts):
        return [Coded(part.system, part.name, code, words)
                for part in parts for code, words in fitting(PLACES, wanted)][:most]  # fmt: skip
    names = {part.system: part.name for part in parts}
    within = [codes.Within(part.system, part.least, part.most) for part in parts]
    entries = codes.among(conn, within, wanted, today.isoformat(), most)
    return [Coded(system, names[system], code, words) for system, code, words in entries]
