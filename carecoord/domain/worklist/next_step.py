"""The next step of a receiving clinic. A row's own next step is the referring office's, who coordinates: to appeal a
denial, or to ask the clinic for its report, is nothing that the clinic itself does."""

from collections.abc import Mapping
from typing import Any, Final

from carecoord.words.sentence import Sentence, dumps, sentence

_NOTHING: Final = ("", sentence("step.nothing"))
_BOOK: Final = ("book", sentence("step.book"))
_AGAIN: Final = ("rebook", sentence("step.book-again"))
_STEPS: Final[Mapping[str, tuple[str, Sentence]]] = {  # stage -> (code, words) of its performer's step; else none
    "sent": ("", sentence("step.answer")),
    "in-triage": ("", sentence("step.answer")),
    "awaiting-information": ("", sentence("step.await-information")),
    "awaiting-authorization": ("", sentence("step.await-authorization")),
    "accepted": _BOOK,
    "contacting-patient": _BOOK,
    "waitlisted": _BOOK,
    "in-progress": _BOOK,
    "no-show": _AGAIN,
    "appointment-cancelled": _AGAIN,
    "visit-done": ("await-report", sentence("step.report")),
    "cancel-requested": ("", sentence("step.answer-cancel")),
}
_OTHERS: Final[Mapping[str, Sentence]] = {
    "payer": sentence("step.for-payer"),
    "patient": sentence("step.for-patient"),
}


def of_performer(stage: str, appointment_at: int | None, now: int) -> tuple[str, Sentence]:
    """What the clinic that is to see the patient does next: the code by which the desk knows the act that takes the
    step, or nothing, and the words. Times in microseconds."""
    if stage == "scheduled":
        seen = appointment_at is not None and appointment_at <= now
        return ("confirm-visit", sentence("step.attendance")) if seen else ("", sentence("step.see"))
    return _STEPS.get(stage, _NOTHING)


def performers_columns(row: Mapping[str, Any], now: int) -> dict[str, Any]:
    """The columns of an open row that read otherwise for its performer: its own next step, and of a clock that is not
    its own whose it is."""
    code, words = of_performer(row["stage"], row["appointment_at"], now)
    columns = {"action": code or None, "action_label": dumps(words)}
    if row["role"] in ("performer", None):
        return columns
    others = _OTHERS.get(row["role"], sentence("step.for-office"))
    label = dumps(others) if row["due_at"] is not None else None
    return columns | {"role": row["role"] if row["role"] in _OTHERS else None, "due_label": label}
