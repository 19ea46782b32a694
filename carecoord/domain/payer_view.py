"""What a payer's clerk sees of a case: one table for every road on which a payer looks at cases.

A payer knows what was sent to it and what it said: the requests for authorization, its answers, the papers with them,
and how the agreement between it and the clinic stands. It was told nothing of the visit, of why the patient is
referred, of other payers, or of who works on the referral."""

from typing import Final

GATES: Final = frozenset({  # rules by which a gate may speak to the payer; a bad standing is told as much as a good one
    "authorization.submitted",
    "authorization.pended",
    "authorization.contact",
    "authorization.error",
    "authorization.denied",
    "authorization.unclear",
    "authorization.payer-says-none",
    "authorization.approved",
    "authorization.part-unclear",
    "authorization.unit-kind",
    "authorization.closed",
    "agreement.plan",
    "agreement.silent",
    "agreement.network",
    "agreement.excluded",
    "agreement.excluded-in-part",
    "agreement.site",
    "agreement.specialty",
    "agreement.ended",
    "agreement.later",
    "agreement.contract",
    "agreement.suspended",
    "agreement.awaited",
    "agreement.unknown",
    "agreement.not-credentialed",
    "agreement.in-network",
})  # fmt: skip
