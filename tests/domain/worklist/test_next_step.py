"""What a receiving clinic reads as its next step, by hand."""

import pytest

from carecoord.domain.worklist.next_step import performers_columns
from carecoord.words.catalogue import in_words

SAYS = {
    "draft": "Nothing to do now", "sent": "Answer the referral", "in-triage": "Answer the referral",
    "awaiting-information": "Wait for what you asked", "awaiting-authorization": "Wait for the authorization",
    "accepted": "Book a visit", "contacting-patient": "Book a visit", "waitlisted": "Book a visit",
    "in-progress": "Book a visit", "no-show": "Book again", "appointment-cancelled": "Book again",
    "visit-done": "Send the report", "cancel-requested": "Answer the wish to cancel", "scheduled": "See the patient",
    "advice-given": "Nothing to do now", "report-received": "Nothing to do now", "declined": "Nothing to do now",
    "cancelled": "Nothing to do now", "failed": "Nothing to do now", "error": "Nothing to do now",
}  # fmt: skip
ROW = {
    "stage": "sent", "appointment_at": None, "role": "coordinator", "due_at": 5, "due_label": "x", "action": "appeal",
}  # fmt: skip


@pytest.mark.parametrize("stage", SAYS)
def test_a_clinics_step_is_its_own_in_every_stage(stage: str) -> None:
    found = performers_columns(ROW | {"stage": stage, "appointment_at": 9}, now=3)
    assert (in_words(found["action_label"]), in_words(found["due_label"])) == (SAYS[stage], "For the referring office")
    assert (found["role"], found["action"] != "appeal") == (None, True)


def test_after_the_hour_of_the_visit_somebody_says_whether_the_patient_came() -> None:
    found = performers_columns(ROW | {"stage": "scheduled", "appointment_at": 2, "role": "payer"}, now=3)
    said = [in_words(found[name]) for name in ("action_label", "due_label")]
    assert (said, found["role"]) == (["Say whether the patient came", "For the payer"], "payer")


def test_a_clock_that_is_the_clinics_own_keeps_its_words() -> None:
    assert "due_label" not in performers_columns(ROW | {"role": "performer"}, now=3)
