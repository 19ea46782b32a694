"""A payer's wish for a paper with a request: a Task of its own. Pure.

Clause: Da Vinci PAS 2.2.1, PAS Task (attachment-request-code, attachment-request-questionnaire; reasonReference: the
Claim)."""

from collections.abc import Collection, Iterable
from typing import Final

from carecoord.domain.resource.codes import FORM_WANTED, PAPER_WANTED, has
from carecoord.domain.resource.elements import Json, item, target, text

_STANDS: Final = ("requested", "received", "accepted", "in-progress", "completed")


def is_wish(task: Json) -> bool:
    """Whether a Task is one, and was not taken back."""
    code = item(task, "code")
    return text(task, "status") in _STANDS and (has(code, *PAPER_WANTED) or has(code, *FORM_WANTED))


def of(tasks: Iterable[Json], claims: Collection[str]) -> list[Json]:
    """Those with one of these requests, `Claim/id`."""
    return [each for each in tasks if is_wish(each) and target(item(each, "reasonReference")) in claims]
