"""What the kinds of documents (domain/documents/kinds.py) are called on a page: a resource keeps the English name."""

from collections.abc import Mapping
from typing import Final

from carecoord.domain.resource.codes import CONSULT_NOTE
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

KINDS: Final[Mapping[str, str]] = Glossary(
    {
        "57133-1": sentence("document.kind.referral-note"),
        CONSULT_NOTE[1]: sentence("document.kind.consult-note"),
        "34117-2": sentence("document.kind.history-and-physical"),
        "11506-3": sentence("document.kind.progress-note"),
        "18842-5": sentence("document.kind.discharge-summary"),
        "18748-4": sentence("document.kind.imaging-report"),
        "11502-2": sentence("document.kind.laboratory-report"),
        "64290-0": sentence("document.kind.insurance-card"),
        "52034-6": sentence("document.kind.authorization-letter"),
        "51851-4": sentence("document.kind.administrative-note"),
        "other": sentence("document.kind.other"),
    }
)
OF_AGREEMENTS: Final[Mapping[str, str]] = Glossary(
    {
        "signed-agreement": sentence("document.kind.signed-agreement"),
        "amendment": sentence("document.kind.amendment"),
        "rate-exhibit": sentence("document.kind.rate-exhibit"),
        "notice-letter": sentence("document.kind.notice-letter"),
        "insurance-certificate": sentence("document.kind.insurance-certificate"),
        "correspondence": sentence("document.kind.correspondence"),
    }
)
