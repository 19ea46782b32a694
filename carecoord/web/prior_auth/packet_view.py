"""What the cover of a packet says of the documents behind it: on which pages each stands, which can not be in it."""

from collections.abc import Sequence
from dataclasses import dataclass

from carecoord.actions.prior_auth.packet import Paper
from carecoord.web.prior_auth.view import PaperSheet
from carecoord.words.catalogue import spoken


@dataclass(frozen=True)
class Content:
    """A document that goes with a request. pages: where it stands; empty where it is not in the file."""

    name: str
    day: str
    pages: str


def contents(sheets: Sequence[PaperSheet], papers: Sequence[Paper], first: int) -> list[Content]:
    """The documents in the order in which they stand, those that are not in the file last. first: the number of the
    page behind the cover."""
    known, found, n = {each.id: each for each in sheets if each.within}, list[Content](), first
    for paper in papers:
        sheet, last = known.pop(paper.id), n + paper.pages - 1
        pages = spoken("requests.packet.pages", first=n, last=last) if last > n else spoken("requests.packet.page", n=n)
        found.append(Content(sheet.name, sheet.day, pages))
        n = last + 1
    return found + [Content(each.name, each.day, "") for each in known.values()]
