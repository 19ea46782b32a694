"""What came back by fax under a cover sheet of ours files itself: the bar code on one of its pages names the link and
its referral. Only the number is read off the pages; who files it must be one who may record the report there."""

import io
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pypdfium2
import structlog
import zxingcpp

from auth.grant import Grant
from carecoord.actions.acts import documents, reports
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.acts.documents import Attached, Upload
from carecoord.actions.acts.reports import Reported
from carecoord.domain.guests.links import COVER, LETTERS, read_code
from carecoord.domain.resource.codes import CONSULT_NOTE
from carecoord.errors import Conflict, NotFound, Unprocessable
from carecoord.store.database.engine import reading
from carecoord.store.guests import links as kept
from carecoord.world import World

_PAGES: Final = 10  # a cover lies on top; behind so many pages nobody looks for one
_WIDTH: Final = 1700  # pixels of a page as it is looked at: letter paper at 200 dots an inch, as a fine fax has it
_BARS: Final = zxingcpp.barcode_formats_from_str("Code128")
_log = structlog.get_logger()


def number(file: Upload) -> str:
    """The number in the bar code of a cover sheet among the first pages; empty where there is none to be read."""
    if file.type != "application/pdf":
        return ""
    try:
        return next(filter(None, map(_on, _pages(file.data))), "")
    except pypdfium2.PdfiumError as unread:  # the file may still be filed by its number
        _log.info("cover_unread", error=type(unread).__name__)
        return ""


def file_it(world: World, grant: Grant, request: str, submission: Submission, sent: tuple[Upload, str]) -> Done:
    """File what came: by its bar code, else by the number that was typed. It is the report of the referral; a further
    one is attached to it. Raises Unprocessable where neither names a link of ours, or one of a referral that is not the
    asker's: the same words for both."""
    file, typed = sent
    read = number(file) or read_code(typed)
    with reading(world.engine) as conn:
        link = kept.covered(conn, read) if read else None
    if link is None:
        said = "No cover of ours has this number." if read else "No bar code could be read on its first pages."
        raise Unprocessable(f"{said} Type the number that stands under the bar code.", "number")
    about = Submission(link.case, submission.form)
    words = f"By fax, cover {read}"
    try:
        return reports.report(world, grant, request, about, Reported(words, file))
    except Conflict:  # the report is here already, or nothing is recorded of it: then it is a paper beside it
        beside = Submission(link.case, f"{submission.form}-beside")
        return documents.attach(world, grant, request, beside, Attached(file, CONSULT_NOTE[1], note=words))
    except NotFound as unseen:
        raise Unprocessable(
            "No cover of ours has this number. Type the number that stands under the bar code.", "number"
        ) from unseen


def _pages(data: bytes) -> Iterator[memoryview]:
    """Each page as grey pixels, in rows."""
    with closing(pypdfium2.PdfDocument(io.BytesIO(data))) as document:
        for n in range(min(len(document), _PAGES)):
            page = document[n]
            drawn = page.render(scale=_WIDTH / max(page.get_width(), page.get_height() * 0.77, 1.0), grayscale=True)
            yield memoryview(bytes(drawn.buffer)).cast("B", (drawn.height, drawn.stride))


def _on(page: memoryview) -> str:
    found = zxingcpp.read_barcodes(page, formats=_BARS)
    return next((each.text for each in found if len(each.text) == COVER and set(each.text) <= set(LETTERS)), "")
