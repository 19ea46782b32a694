"""What the acts, the ways, the moves and the checks of a request for authorization are called."""

from collections.abc import Mapping
from typing import Final

from carecoord.web.page.labels import Chip
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

ACTS: Final[Mapping[str, str]] = Glossary({
    "send-request": sentence("requests.do.send-request"),
    "put-in": sentence("requests.do.put-in"),
    "answer-payer": sentence("requests.do.answer-payer"),
    "extend-request": sentence("requests.do.extend-request"),
    "renew-request": sentence("requests.do.renew-request"),
    "appeal": sentence("requests.do.appeal"),
    "withdraw-request": sentence("requests.do.withdraw-request"),
    "void-request": sentence("requests.do.void-request"),
    "peer-to-peer": sentence("requests.do.peer-to-peer"),
    "tell-peer": sentence("requests.do.tell-peer"),
    "call-payer": sentence("requests.do.call-payer"),
    "check-eligibility": sentence("requests.do.check-eligibility"),
})  # fmt: skip
ICONS: Final = {
    "send-request": "send", "put-in": "paperclip", "answer-payer": "file-check", "extend-request": "repeat",
    "renew-request": "repeat", "appeal": "file-pen-line", "withdraw-request": "ban", "void-request": "circle-x",
    "peer-to-peer": "stethoscope", "tell-peer": "stethoscope", "call-payer": "phone", "check-eligibility": "id-card",
}  # fmt: skip
KEYS: Final = {
    "send-request": "s", "put-in": "p", "answer-payer": "r", "extend-request": "e", "renew-request": "w", "appeal": "f",
    "peer-to-peer": "d", "tell-peer": "d", "call-payer": "c", "check-eligibility": "g",
}  # fmt: skip
CHANNELS: Final[Mapping[str, str]] = Glossary({
    "pas": sentence("requests.channel.pas"),
    "portal": sentence("requests.channel.portal"),
    "telephone": sentence("requests.channel.telephone"),
    "fax": sentence("requests.channel.fax"),
    "278": sentence("requests.channel.278"),
})  # fmt: skip
RESULTS: Final[Mapping[str, str]] = Glossary({
    "will-overturn": sentence("requests.result.will-overturn"),
    "will-change": sentence("requests.result.will-change"),
    "upheld": sentence("requests.result.upheld"),
    "not-held": sentence("requests.result.not-held"),
})  # fmt: skip
SPEEDS: Final[Mapping[str, str]] = Glossary({
    "standard": sentence("decide.standard"),
    "expedited": sentence("decide.expedited"),
})  # fmt: skip
MOVES: Final[Mapping[str, str]] = Glossary({
    "submit": sentence("requests.move.submit"),
    "retro": sentence("requests.move.retro"),
    "update": sentence("requests.move.update"),
    "extend": sentence("requests.move.extend"),
    "appeal": sentence("requests.move.appeal"),
    "withdraw": sentence("requests.move.withdraw"),
    "draft": sentence("requests.move.draft"),
    "approve": sentence("decide.answered.approve"),
    "modify": sentence("decide.answered.modify"),
    "approve-in-part": sentence("decide.answered.part"),
    "deny": sentence("decide.answered.deny"),
    "pend": sentence("decide.answered.pend"),
})  # fmt: skip
MARKS: Final = {
    "good": Chip(sentence("requests.mark.good"), "green", icon="circle-check"),
    "look": Chip(sentence("requests.mark.look"), "amber", icon="triangle-alert"),
    "wrong": Chip(sentence("requests.mark.wrong"), "red", icon="circle-x"),
}
