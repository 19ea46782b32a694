"""What codes mean, for showing them with their words: one look-up for whatever a page shows."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from carecoord.domain.prior_auth.question import PLACE_OF_SERVICE
from carecoord.domain.resource.elements import Json, codes
from carecoord.domain.terms.places_of_service import PLACES
from carecoord.store.terms import codes as held

Coding = tuple[str, str]  # system, by its one name, and code


def meanings(conn: Connection, wanted: Iterable[Coding]) -> Mapping[Coding, str]:
    """The words of those of these codes that are here, also of one that may not be used any more."""
    asked = {each for each in wanted if all(each)}
    places = {each: PLACES[each[1]] for each in asked if each[0] == PLACE_OF_SERVICE and each[1] in PLACES}
    return held.words(conn, asked) | places


def of_concepts(conn: Connection, concepts: Iterable[Json]) -> Mapping[Coding, str]:
    """The same of the codes of these CodeableConcepts."""
    return meanings(conn, (coding for concept in concepts for coding in codes(concept)))
