"""A service that the plan does not pay for, though the card is good: by the newest of the payer's answers about the day
that says anything of it."""

from datetime import date

from carecoord.domain.coverage.gate import Card
from carecoord.domain.coverage.services import excluded
from carecoord.domain.gates.gate import Action, Gate
from carecoord.domain.gates.policy import Policy
from carecoord.domain.resource.days import local
from carecoord.words.sentence import sentence


def gate(card: Card, wanted: frozenset[tuple[str, str]], day: date, policy: Policy) -> Gate | None:
    """The gate that is shut for these services on a day; None where the payer did not say so."""
    answers = (each for each in card.answers if each.answered and each.served.holds(day))
    said = ((each, excluded(each.services, wanted)) for each in answers)
    newest, is_so = next(((each, so) for each, so in said if so is not None), (None, None))
    if newest is None or newest.at is None or not is_so:
        return None
    return Gate(
        rule="coverage.excluded",
        state="blocked",
        reason=sentence("coverage.excluded", payer=card.payer_named, day=local(newest.at, policy.zone)),
        evidence=(newest.evidence, card.evidence),
        action=Action("call-payer", sentence("do.call-payer")),
        who="coordinator",
        due_label=sentence("due.call-payer"),
        since=newest.at,
    )
