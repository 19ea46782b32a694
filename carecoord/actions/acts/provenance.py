"""Who did what at the desk, on behalf of whom, why, and from which version: the Provenance that every act writes, and
what is read back from it: that a form has been acted on already, what undo goes back to, who changed something.

Clause: FHIR R4 provenance.html: target is the version that came out, entity with role revision the one it came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import Connection

from auth.grant import Grant
from carecoord.domain.referrals.case import case_id, order_named
from carecoord.domain.resource.codes import CANONICAL, DROP, EXTENSION, GUEST_LINK, HOLD, PAYER_RULE, RULE, USER
from carecoord.domain.resource.elements import Json, code_of, extension, item, items, target, text
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.sentence import Sentence, dumps, loads, sentence

ACTS: Final = f"{CANONICAL}/CodeSystem/desk-act"
AUTHOR: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_SAID: Final = f"{EXTENSION}/act-said"
_ACCOUNT: Final = f"{EXTENSION}/act-account"
_FORMS: Final = UUID("0e6d2f0c-46c1-5b57-8d5e-3f4d6a0b9d21")


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a resource; number 0: it was not there."""

    type: str
    id: str
    number: int

    @property
    def reference(self) -> str:
        """`Type/id/_history/n`."""
        return f"{self.type}/{self.id}/_history/{self.number}"


@dataclass(frozen=True, slots=True)
class Act:
    """An act as its Provenance tells it. `subject`: the account of who did it. `made`: the versions that came out;
    `former`: those that they came from."""

    id: str
    verb: str
    subject: str
    name: str
    at: datetime
    case: str
    said: Sentence
    made: tuple[Version, ...]
    former: tuple[Version, ...]


def act_id(grant: Grant, form: str) -> str:
    """The id of the act that a form of this person's asks for: the same form asks for the same act."""
    return str(uuid5(_FORMS, f"{grant.subject}/{form}"))


def undo_id(act: str) -> str:
    """The id of the act that takes another back: there is one."""
    return str(uuid5(_FORMS, f"undo/{act}"))


def person(grant: Grant) -> Json:
    """Who acts, as a Reference: their Practitioner, or their account where they have none; without an account, the link
    by which they act; a rule of an office, its drop of documents and the end of a hold are devices."""
    if grant.only is not None:
        link = {"identifier": {"system": GUEST_LINK, "value": grant.launch}, "display": grant.name}
        return {"reference": grant.fhir_user, **link} if grant.fhir_user else link
    if grant.subject.startswith((RULE, PAYER_RULE, DROP)) or grant.subject == HOLD:
        return {"type": "Device", "identifier": {"system": USER, "value": grant.subject}, "display": grant.name}
    if grant.fhir_user:
        return {"reference": grant.fhir_user, "display": grant.name}
    return account(grant.subject, grant.name)


def account(subject: str, name: str) -> Json:
    """A person by their account here, as a logical Reference."""
    return {"type": "Practitioner", "identifier": {"system": USER, "value": subject}, "display": name}


def informant(who: str, of: Json) -> Json:
    """The agent by whose word an act was done: a person by name, for an organization."""
    return {"type": {"coding": [{"system": AUTHOR, "code": "informant"}]}, "who": {"display": who}, "onBehalfOf": of}


def resource(act: Act, grant: Grant, office: Json, why: str, told_by: Json | None = None) -> Json:
    """The Provenance of an act. office: for which organization, empty for none; `why`: in the words of who did it,
    empty where nothing was said; `told_by`: the agent (`informant`) by whose word it was done."""
    agent = {"type": {"coding": [{"system": AUTHOR, "code": "author"}]}, "who": person(grant)}
    agent |= {"onBehalfOf": office} if office else {}
    entities = [{"role": "revision", "what": {"reference": each.reference}} for each in act.former if each.number]
    entities.append({"role": "source", "what": {"reference": "/".join(order_named(act.case))}})
    return {
        "resourceType": "Provenance",
        "id": act.id,
        "extension": [
            {"url": _SAID, "valueString": dumps(act.said)},
            {"url": _ACCOUNT, "valueIdentifier": {"system": USER, "value": grant.subject}},
        ],
        "target": [{"reference": each.reference} for each in act.made],
        "recorded": act.at.isoformat(timespec="milliseconds"),
        "activity": {"coding": [{"system": ACTS, "code": act.verb}]},
        "agent": [agent, *([told_by] if told_by else [])],
        **({"reason": [{"text": why}]} if why else {}),
        "entity": entities,
    }


def find(conn: Connection, id: str) -> Act | None:
    """The act with this id, if it was done."""
    row = read.get(conn, "Provenance", id)
    return None if row is None or row.deleted else _read(json.loads(row.body))


def author_of(conn: Connection, made: Version) -> Act | None:
    """The act of the desk that made this version; None where something else did: an app, a script, an EHR."""
    found = registry.pointing(conn, [("Provenance", "target")], made.type, [made.id])
    acts = (_read(json.loads(row.body)) for row in found if not row.deleted)
    return next((act for act in acts if act and made in act.made), None)


def _read(resource: Json) -> Act | None:
    account = item(extension(resource, _ACCOUNT), "valueIdentifier")
    verb = code_of(item(resource, "activity"), ACTS)
    if not verb or not text(account, "value"):
        return None
    agent = next(iter(items(resource, "agent")), {})
    sources = [each for each in items(resource, "entity") if each.get("role") == "source"]
    revised = [each for each in items(resource, "entity") if each.get("role") == "revision"]
    return Act(
        text(resource, "id"), verb, text(account, "value"), text(item(agent, "who"), "display"),
        datetime.fromisoformat(text(resource, "recorded")),
        next((_case(target(item(each, "what"))) for each in sources), ""), _said(resource),
        tuple(_versions(items(resource, "target"))), tuple(_versions(item(each, "what") for each in revised)),
    )  # fmt: skip


def _case(order: str) -> str:
    """The id of the case of an order, `Type/id`."""
    kind, _, id = order.partition("/")
    return case_id({"resourceType": kind, "id": id})


def _said(resource: Json) -> Sentence:
    try:
        return loads(text(extension(resource, _SAID), "valueString"))
    except ValueError:
        return sentence("act.done")


def _versions(references: Iterable[Json]) -> Iterable[Version]:
    for each in references:
        kind, _, rest = text(each, "reference").partition("/")
        id, _, number = rest.partition("/_history/")
        if number.isdigit():
            yield Version(kind, id, int(number))
