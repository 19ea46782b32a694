"""What a letter may say, read by a program: suggestions, the surest first."""

from carecoord.domain.documents.suggestions import Suggestions, suggestions

LETTER = """Fairmont Family Practice
Re: Delgado, Marisol
DOB: 07/10/1979   Phone: (215) 555-0203
MRN: 4402-556
Referral to: Endocrinology
Please see this patient, urgent. Service C8928. Diagnosis E04.1
"""


def test_a_letter_says_whom_it_may_be_about_and_what_may_be_wanted() -> None:
    assert suggestions(LETTER) == Suggestions(
        searches=("4402-556", "Delgado Marisol 07/10/1979", "(215) 555-0203", "07/10/1979"),
        specialty="Endocrinology",
        urgency="urgent",
        services=("C8928",),
        diagnoses=("E04.1",),
    )


def test_a_text_that_says_nothing_of_it_suggests_nothing() -> None:
    assert suggestions("") == Suggestions()
    assert suggestions("Thank you for lunch. Identity is a matter of taste.") == Suggestions()
