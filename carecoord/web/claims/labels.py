"""The words of claims: states, tabs, acts, the commonest reasons. The reasons' texts are X12's and are not shipped:
what stands here are words of our own for some codes; a table that a customer brings in goes before them."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.claims.claim import CARC
from carecoord.domain.claims.work import ClaimVerb
from carecoord.domain.prior_auth.x12.request import PROCEDURES
from carecoord.fhir.code_systems import canonical
from carecoord.web.page.labels import Chip
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

STATUS: Final[Mapping[str, Chip]] = {
    "accepted": Chip(sentence("claims.status.accepted"), "blue", icon="send"),
    "refused": Chip(sentence("claims.status.refused"), "red", icon="circle-x"),
    "paid": Chip(sentence("claims.status.paid"), "green", icon="circle-check"),
    "partly": Chip(sentence("claims.status.partly"), "amber", icon="circle-alert"),
    "denied": Chip(sentence("claims.status.denied"), "red", icon="circle-x"),
    "reversed": Chip(sentence("claims.status.reversed"), "amber", icon="repeat"),
    "unclear": Chip(sentence("claims.status.unclear"), "grey", icon="circle-question-mark"),
}
WORK: Final[Mapping[str, str]] = Glossary({
    "open": sentence("claims.work.open"),
    "corrected": sentence("claims.work.corrected"),
    "appealed": sentence("claims.work.appealed"),
    "asked": sentence("claims.work.asked"),
    "written-off": sentence("claims.work.written-off"),
    "closed": sentence("claims.work.closed"),
})  # fmt: skip
TABS: Final[Mapping[str, str]] = Glossary({
    "denied": sentence("claims.tab.denied"),
    "due": sentence("claims.tab.due"),
    "short": sentence("claims.tab.short"),
    "unmatched": sentence("claims.tab.unmatched"),
    "second": sentence("claims.tab.second"),
    "waiting": sentence("claims.tab.waiting"),
    "paid": sentence("claims.tab.paid"),
    "all": sentence("claims.tab.all"),
})  # fmt: skip
FACETS: Final[Mapping[str, str]] = Glossary({
    "reason": sentence("claims.facet.reason"),
    "payer": sentence("claims.facet.payer"),
    "code": sentence("claims.facet.code"),
    "agreement": sentence("claims.facet.agreement"),
    "status": sentence("claims.facet.status"),
})  # fmt: skip
DO: Final[Mapping[ClaimVerb, str]] = Glossary({
    "correct-claim": sentence("claims.do.correct"),
    "appeal-claim": sentence("claims.do.appeal"),
    "write-off": sentence("claims.do.write-off"),
    "close-claim": sentence("claims.do.close"),
    "agree-write-off": sentence("claims.do.agree"),
    "refuse-write-off": sentence("claims.do.refuse"),
    "reopen-claim": sentence("claims.do.reopen"),
})  # fmt: skip
ICONS: Final[Mapping[ClaimVerb, str]] = {
    "correct-claim": "pencil", "appeal-claim": "file-pen-line", "write-off": "ban", "close-claim": "check",
    "agree-write-off": "circle-check",
    "refuse-write-off": "circle-x", "reopen-claim": "repeat",
}  # fmt: skip
PROCESSED: Final[Mapping[str, str]] = Glossary({  # CLP02 of an 835
    "1": sentence("claims.processed.first"),
    "2": sentence("claims.processed.second"),
    "3": sentence("claims.processed.third"),
    "4": sentence("claims.processed.denied"),
    "19": sentence("claims.processed.first"),
    "20": sentence("claims.processed.second"),
    "21": sentence("claims.processed.third"),
    "22": sentence("claims.processed.reversed"),
})  # fmt: skip
GROUPS: Final[Mapping[str, str]] = Glossary({
    "CO": sentence("claims.group.contract"),
    "PR": sentence("claims.group.patient"),
    "OA": sentence("claims.group.other"),
    "PI": sentence("claims.group.payer"),
})  # fmt: skip
REASONS: Final[Mapping[str, str]] = Glossary({
    "1": sentence("claims.reason.deductible"),
    "2": sentence("claims.reason.coinsurance"),
    "3": sentence("claims.reason.copayment"),
    "4": sentence("claims.reason.modifier"),
    "11": sentence("claims.reason.diagnosis"),
    "16": sentence("claims.reason.incomplete"),
    "18": sentence("claims.reason.duplicate"),
    "22": sentence("claims.reason.other-payer"),
    "27": sentence("claims.reason.cover-ended"),
    "29": sentence("claims.reason.too-late"),
    "45": sentence("claims.reason.above-agreed"),
    "50": sentence("claims.reason.not-necessary"),
    "96": sentence("claims.reason.not-covered"),
    "97": sentence("claims.reason.included"),
    "109": sentence("claims.reason.wrong-payer"),
    "119": sentence("claims.reason.limit"),
    "151": sentence("claims.reason.too-many"),
    "197": sentence("claims.reason.no-authorization"),
    "198": sentence("claims.reason.beyond-authorization"),
    "204": sentence("claims.reason.not-in-plan"),
    "242": sentence("claims.reason.out-of-network"),
    "252": sentence("claims.reason.papers"),
    "253": sentence("claims.reason.sequestration"),
})  # fmt: skip
FILES: Final[Mapping[str, str]] = Glossary({
    "waiting": sentence("claims.file.waiting"),
    "done": sentence("claims.file.done"),
})  # fmt: skip
TAKEN: Final[Mapping[str, Chip]] = {
    "taken": Chip(sentence("claims.taken.taken"), "green", icon="circle-check"),
    "again": Chip(sentence("claims.taken.again"), "grey", icon="repeat"),
    "unmatched": Chip(sentence("claims.taken.unmatched"), "amber", icon="circle-question-mark"),
    "faulty": Chip(sentence("claims.taken.faulty"), "red", icon="circle-x"),
}
KINDS: Final[Mapping[str, str]] = Glossary({
    "278": sentence("claims.kind.decision"),
    "271": sentence("claims.kind.eligibility"),
    "277": sentence("claims.kind.status"),
    "835": sentence("claims.kind.payment"),
    "999": sentence("claims.kind.receipt"),
})  # fmt: skip


def reason(code: str, known: Mapping[tuple[str, str], str]) -> str:
    """A reason with its words: the customer's, else ours; the code alone where nobody has any."""
    words = known.get((canonical(CARC), code)) or REASONS.get(code)
    return spoken("claims.reason-said", code=code, words=words) if words else code


def service(code: str, known: Mapping[tuple[str, str], str]) -> str:
    """What the code of a service means; empty where nobody has told."""
    return next((words for system in PROCEDURES if (words := known.get((system, code)))), "")


def money(cents: int) -> str:
    """An amount as people read it: `1,234.50`, a minus sign before what is taken back."""
    whole, part = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{whole:,}.{part:02}"
