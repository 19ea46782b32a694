"""`/codes`, for whoever is signed in: codes by their words. As a page, and as the list under a field of a form
(htmx's header `HX-Request`), which `codes.js` fetches while somebody types."""

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from carecoord.actions.terms import choices
from carecoord.actions.terms.choices import Offer
from carecoord.domain.terms.vocabularies import VOCABULARIES
from carecoord.errors import NotFound
from carecoord.web.people import sign_in
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence
from carecoord.world import World

CODES: Final = "/codes"
NAMES: Final[Mapping[str, str]] = Glossary(
    {
        "diagnosis": sentence("case.names.diagnosis"),
        "service": sentence("case.names.service"),
        "modifier": sentence("case.names.modifier"),
        "place": sentence("case.names.place"),
        "specialty": sentence("case.names.specialty"),
    }
)
_LONGEST: Final = 300
_ON_PAGE: Final = 50


def blueprint(world: World) -> Blueprint:
    """The page and the list."""
    pages = Blueprint("codes_page", __name__)
    sign_in.guard(pages, world)

    @pages.get(CODES)
    def show() -> Response:
        said = request.args.get("said", "").strip()[:_LONGEST]
        vocabulary = next((name for name in VOCABULARIES if name == request.args.get("of", "diagnosis")), None)
        if vocabulary is None:
            raise NotFound(spoken("case.there-no-such-codes"))
        listed = "HX-Request" in request.headers
        most = choices.MOST if listed else _ON_PAGE
        offer = choices.search(world, vocabulary, said, most) if said else Offer()
        systems = " or ".join(part.name for part in VOCABULARIES[vocabulary])
        page = render_template(
            "codes_found.html" if listed else "codes.html", offer=offer, said=said, of=vocabulary, names=NAMES,
            systems=systems, several=len(VOCABULARIES[vocabulary]) > 1,
        )  # fmt: skip
        return Response(page, content_type="text/html; charset=utf-8")

    return pages
