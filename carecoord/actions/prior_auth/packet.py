"""The packet of a request as one PDF: a cover that says what is asked, then the pages of the documents that go with it,
all numbered. A document goes in whole or not at all; what can not be made into pages is named on the cover."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pypdf import PdfReader

from auth.grant import Grant
from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Turn, looking
from carecoord.actions.documents import open, pdf_pages
from carecoord.actions.documents.open import File
from carecoord.actions.prior_auth import requests
from carecoord.actions.prior_auth.requests import Dossier
from carecoord.domain.resource.elements import Json, item, items, key, target
from carecoord.errors import NotFound
from carecoord.world import World

MOST: Final = 60_000_000  # bytes of all pages


@dataclass(frozen=True)
class Paper:
    """A document as pages. id: of its DocumentReference."""

    id: str
    pages: int
    data: Sequence[bytes]


def gathered(world: World, grant: Grant, request: str, claim: str) -> tuple[Dossier, Mapping[str, Paper]]:
    """A request, by the id of its first Claim, and the documents that go with it and can be made into pages, by their
    id, in the order of the chart. Raises NotFound."""
    found = requests.one(world, grant, request, claim)
    within = {target(item(each, "valueReference")) for one in found.claims for each in items(one, "supportingInfo")}
    wanted = [each for each in found.papers if key(each) in within and key(each) in found.openable]
    with looking(world, grant, request) as turn:
        files = {str(each["id"]): _files(turn, each, found.row.patient) for each in wanted}
    papers, size = dict[str, Paper](), 0
    for id, held in files.items():
        made = [pdf_pages.pages(each) for each in held]
        whole = [each for each in made if each is not None]
        size += sum(len(data) for _, data in whole)
        if held and len(whole) == len(held) and size <= MOST:
            papers[id] = Paper(id, sum(n for n, _ in whole), [data for _, data in whole])
    return found, papers


def _files(turn: Turn, document: Json, patient: str) -> list[File]:
    """The files of a document; none where one of them is not here."""
    with noted(turn, "read", "DocumentReference", str(document["id"])) as shown:
        shown.append(patient)
        try:
            return [open.of_document(turn, document, n) for n in range(1, len(items(document, "content")) + 1)]
        except NotFound:
            return []


def bound(cover: Callable[[Sequence[Paper], int], bytes], papers: Sequence[Paper]) -> bytes:
    """The whole as one PDF. cover: its sheets, given the papers behind it and the number of the first page of these.
    Where the papers do not go together after all, the cover goes alone, and says so."""
    for inside in (papers, ()):
        sheets = cover(inside, 2)
        if (n := len(PdfReader(io.BytesIO(sheets)).pages)) > 1:
            sheets = cover(inside, n + 1)
        made = pdf_pages.bound([sheets, *(part for each in inside for part in each.data)])
        if made is not None:
            return made
    return sheets
