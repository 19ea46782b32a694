"""What came back by fax under a cover sheet of ours files itself: the bar code on one of its pages names the link and
its referral. Only the number is read off the pages; who files it must be one who may record the report there."""

from typing import Final

from auth.grant import Grant
from carecoord.actions.acts import documents, reports
from carecoord.actions.acts.act import Done, Submission
from carecoord.actions.acts.documents import Attached, Upload
from carecoord.actions.acts.reports import Reported
from carecoord.actions.documents import pdf_reader
from carecoord.domain.guests.links import COVER, LETTERS, read_code
from carecoord.domain.resource.codes import CONSULT_NOTE
from carecoord.errors import Conflict, NotFound, Unprocessable
from carecoord.store.database.engine import reading
from carecoord.store.guests import links as kept
from carecoord.words.sentence import sentence
from carecoord.world import World

_PAGES: Final = 10  # a cover lies on top; behind so many pages nobody looks for one


def number(file: Upload) -> str:
    """The number in the bar code of a cover sheet among the first pages; empty where there is none to be read."""
    return pdf_reader.code(file.data, _PAGES, f"[{LETTERS}]{{{COVER}}}") if file.type == "application/pdf" else ""


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
        raise Unprocessable(sentence("refusals.type-number-that-stands-under", said=said), "number")
    about = Submission(link.case, submission.form)
    words = f"By fax, cover {read}"
    try:
        return reports.report(world, grant, request, about, Reported(words, file))
    except Conflict:  # the report is here already, or nothing is recorded of it: then it is a paper beside it
        beside = Submission(link.case, f"{submission.form}-beside")
        return documents.attach(world, grant, request, beside, Attached(file, CONSULT_NOTE[1], note=words))
    except NotFound as unseen:
        raise Unprocessable(sentence("refusals.no-cover-ours-has-this"), "number") from unseen
