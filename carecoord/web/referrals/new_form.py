"""What the form of a new referral says, as the fields of a draft; and the fields of a draft as its form shows them."""

from collections.abc import Mapping
from typing import Final

from carecoord.actions.terms.choices import Coded
from carecoord.domain.referrals import drafts
from carecoord.domain.terms.vocabularies import VOCABULARIES, Vocabulary
from carecoord.web.acts.forms import Reader
from carecoord.web.page.times import Times, stored_day
from carecoord.words.catalogue import spoken
from carecoord.words.glossary import Glossary
from carecoord.words.sentence import sentence

CODED: Final[dict[str, Vocabulary]] = {"specialty": "specialty", "service": "service", "reason": "diagnosis"}
URGENCIES: Final[Mapping[str, str]] = Glossary(
    {
        "routine": sentence("case.urgencies.routine"),
        "urgent": sentence("case.urgencies.urgent"),
        "asap": sentence("case.urgencies.asap"),
        "stat": sentence("case.urgencies.stat"),
    }
)
_PAPER: Final = "paper-"
_TOLD: Final = "tell-"
_LONGEST: Final = 300


def read(reader: Reader) -> dict[str, str]:
    """The fields as the form says them. A day that can not be read is a fault, and is left as it was; so is a text that
    is written as a code and is none. Days and papers that follow from other fields are told only where somebody changed
    what was shown (`to-shown`): the next change may be sent before what follows from the last one is here."""
    values = reader.values
    fields = {name: reader.text(name, most=_LONGEST) for name in ("clinician", "card", "follows")}
    fields["question"] = reader.text("question")
    for name, vocabulary in CODED.items():
        fields |= _coded(reader, name, vocabulary)
    urgency = values.get("urgency", "")
    fields["urgency"] = urgency if urgency in drafts.URGENCIES else "routine"
    for name in ("from", "to"):
        if values.get(name) == values.get(f"{name}-shown"):
            continue
        day = reader.any_day(name)
        if not any(fault.field == name for fault in reader.faults):
            fields[name] = day.isoformat() if day else ""
    for name in drafts.NEEDS:
        fields[name] = "1" if values.get(name) else ""
    papers = " ".join(sorted(value for name, value in values.items() if name.startswith(_PAPER) and value))
    if papers != values.get("papers-shown"):
        fields["papers"] = papers
    if "told-shown" in values:
        chosen = {value for name, value in values.items() if name.startswith(_TOLD) and value}
        fields["told"] = " ".join(sorted(chosen | {*values["told-shown"].split()}))
    fields["choice"] = (values.get("both") or values.get("choice", ""))[:_LONGEST]
    return fields


def _coded(reader: Reader, name: str, vocabulary: Vocabulary) -> dict[str, str]:
    """A code with its words or, where no code stands there, words alone."""
    said = reader.text(name, most=_LONGEST)
    if said and said == reader.values.get(f"{name}-asked"):
        said = reader.values.get(f"{name}-hit") or said
    found = reader.look_up(vocabulary, said) if said else None
    if isinstance(found, Coded):
        rest = said.partition(" ")[2].strip()
        return {name: found.words or rest or said, f"{name}-code": f"{found.system}|{found.code}"}
    first, _, rest = said.partition(" ")
    for part in VOCABULARIES[vocabulary]:
        code = part.written(first) if any(letter.isdigit() for letter in first) else ""
        if code and part.whole and found and not found.waiting:
            reader.fault(name, spoken("case.no-code-write-its-words", first_=first, name=part.name))
        elif code:  # one of a system of which not all is here can not be looked up, and is kept as it is written
            return {name: rest.strip() or code, f"{name}-code": f"{part.system}|{code}"}
    return {name: said, f"{name}-code": ""}


def values(fields: Mapping[str, str], times: Times) -> dict[str, str]:
    """The fields as they stand in the form."""
    listed = ("papers", "told")
    shown = {name: value for name, value in fields.items() if not name.endswith("-code") and name not in listed}
    for name in CODED:
        code = fields.get(f"{name}-code", "").rpartition("|")[2]
        words = fields.get(name, "")
        shown[name] = words if not code or words == code else f"{code} {words}".strip()
        shown[name] = code if words == code else shown[name]
    for name in ("from", "to"):
        day = stored_day(fields.get(name, ""))
        shown[name] = times.date(day) if day else ""
    return shown | {f"{_PAPER}{n}": to for n, to in enumerate(fields.get("papers", "").split())}
