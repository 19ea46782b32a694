"""The words of the page Policies: what each term of `shipped.TERMS` is called, how its value is written, and values as
they are read and written in the language of whoever looks: what is kept is the same in every language."""

import re
from collections.abc import Mapping
from typing import Final

from carecoord.domain.policies.shipped import CHOICES, PRIORITIES, TERMS
from carecoord.domain.policies.spans import span
from carecoord.words.catalogue import count, in_every_language, say, words
from carecoord.words.glossary import Glossary
from carecoord.words.reader import reads
from carecoord.words.sentence import Sentence, sentence

BUSINESSES: Final[Mapping[str, str]] = Glossary({
    "": sentence("policies.business.all"),
    "commercial": sentence("policies.business.commercial"),
    "exchange": sentence("policies.business.exchange"),
    "self-funded": sentence("policies.business.self-funded"),
    "medicare": sentence("policies.business.medicare"),
    "medicare-advantage": sentence("policies.business.medicare-advantage"),
    "medicaid": sentence("policies.business.medicaid"),
    "chip": sentence("policies.business.chip"),
    "workers-compensation": sentence("policies.business.workers-compensation"),
})  # fmt: skip
_URGENCIES: Final = {
    "stat": sentence("policies.urgency.stat"),
    "asap": sentence("policies.urgency.asap"),
    "urgent": sentence("policies.urgency.urgent"),
    "routine": sentence("policies.urgency.routine"),
}  # fmt: skip
_STEPS: Final = {
    "send": sentence("policies.step.send"),
    "acknowledge": sentence("policies.step.acknowledge"),
    "triage": sentence("policies.step.triage"),
    "submit": sentence("policies.step.submit"),
    "settle": sentence("policies.step.settle"),
    "book": sentence("policies.step.book"),
    "reroute": sentence("policies.step.reroute"),
    "window": sentence("policies.step.window"),
}  # fmt: skip
NAMES: Final[Mapping[str, str]] = Glossary({
    "decision.expedited": sentence("policies.name.decision-expedited"),
    "decision.standard": sentence("policies.name.decision-standard"),
    "extension.standard": sentence("policies.name.extension-standard"),
    "extension.expedited": sentence("policies.name.extension-expedited"),
    "extension.by": sentence("policies.name.extension-by"),
    "extension.ground": sentence("policies.name.extension-ground"),
    "appeal": sentence("policies.name.appeal"),
    "appeal.second": sentence("policies.name.appeal-second"),
    "appeal.third": sentence("policies.name.appeal-third"),
    "peer-to-peer": sentence("policies.name.peer-to-peer"),
    "eligibility-age": sentence("policies.name.eligibility-age"),
    "eligibility-reply": sentence("policies.name.eligibility-reply"),
    "information-lead": sentence("policies.name.information-lead"),
    "channel": sentence("policies.name.channel"),
    "letter.channel": sentence("policies.name.letter-channel"),
    "metrics-published": sentence("policies.name.metrics-published"),
    "metrics-items": sentence("policies.name.metrics-items"),
    "visit-lead": sentence("policies.name.visit-lead"),
    "expiring": sentence("policies.name.expiring"),
    "confirm": sentence("policies.name.confirm"),
    "report": sentence("policies.name.report"),
    "acknowledge-report": sentence("policies.name.acknowledge-report"),
    "tell-patient": sentence("policies.name.tell-patient"),
    **{
        f"{step}.{each}": sentence("policies.name.of-urgency", what=_STEPS[step], urgency=_URGENCIES[each])
        for step in _STEPS for each in PRIORITIES
    },
    "hold": sentence("policies.name.hold"),
    "patient-cancels": sentence("policies.name.patient-cancels"),
    "approval-steps": sentence("policies.name.approval-steps"),
    "approval-step": sentence("policies.name.approval-step"),
    "calendar.week": sentence("policies.name.calendar-week"),
    "calendar.hours": sentence("policies.name.calendar-hours"),
    "calendar.holidays": sentence("policies.name.calendar-holidays"),
    "calendar.closed": sentence("policies.name.calendar-closed"),
    "calendar.zone": sentence("policies.name.calendar-zone"),
})  # fmt: skip
HOW: Final[Mapping[str, str]] = Glossary({  # by the kind of the term
    "clock": sentence("policies.how.clock"),
    "lead": sentence("policies.how.lead"),
    "words": sentence("policies.how.words"),
    "week": sentence("policies.how.week"),
    "hours": sentence("policies.how.hours"),
    "place": sentence("policies.how.place"),
    "days": sentence("policies.how.days"),
    "choice": sentence("policies.how.choice"),
    "zone": sentence("policies.how.zone"),
})  # fmt: skip
_CHOICES: Final[Mapping[str, Sentence]] = {
    "at-once": sentence("policies.choice.at-once"),
    "ask-first": sentence("policies.choice.ask-first"),
    "either": sentence("policies.choice.either"),
    "patient": sentence("policies.choice.patient"),
    "payer": sentence("policies.choice.payer"),
    "nobody": sentence("policies.choice.nobody"),
    "no": sentence("policies.choice.no"),
    "yes": sentence("policies.choice.yes"),
    "print": sentence("policies.choice.print"),
    "mail": sentence("policies.choice.mail"),
    "portal": sentence("policies.choice.portal"),
}  # fmt: skip
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # as a policy keeps them
_BARE: Final = str.maketrans("áéíóúñ", "aeioun")
_SPANISH: Final = re.compile(r"(\d+) (hora|dia)s?( habil(?:es)?)?")


def shown(name: str, value: str) -> str:
    """A kept value of a term as its reader reads it: `2 business days`, `lun-vie`."""
    kind = TERMS[name].kind
    if not value:
        return say(sentence("policies.nothing"))
    if kind in ("clock", "lead"):
        length = span(value)
        return count(length.amount, length.unit)
    if kind == "choice":
        return say(_CHOICES[value])
    if kind == "week":
        table = words(reads())
        named = {day: table[f"weekday.{n}"][:3] for n, day in enumerate(_WEEKDAYS, 1)}
        return re.sub(r"[A-Z][a-z]{2}", lambda day: named.get(day[0], day[0]), value)
    return value


def meant(name: str, typed: str) -> str:
    """What somebody wrote, in whichever language, as a policy keeps it; what is not understood stays as it is."""
    kind, said = TERMS[name].kind, " ".join(typed.split())
    plain = said.casefold().translate(_BARE)
    if kind in ("clock", "lead") and (found := _SPANISH.fullmatch(plain)):
        return f"{found[1]} {'business ' if found[3] else ''}{'hour' if found[2] == 'hora' else 'day'}s"
    if kind == "choice":
        known = {each.casefold(): code for code in CHOICES[name] for each in in_every_language(_CHOICES[code])}
        return known.get(said.casefold(), said)
    if kind == "week":
        return re.sub(r"[a-z]{3,}", lambda day: _SHORT.get(day[0][:3], day[0]).capitalize(), plain)
    return said


_SHORT: Final = {"lun": "mon", "mar": "tue", "mie": "wed", "jue": "thu", "vie": "fri", "sab": "sat", "dom": "sun"}
