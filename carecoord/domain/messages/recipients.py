"""To whom somebody who takes part in a referral may write about it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from carecoord.domain.access.verbs import Side
from carecoord.domain.clearance.clearance import Clearance
from carecoord.domain.referrals import offers
from carecoord.domain.resource.elements import Json, item, items, key, words
from carecoord.domain.resource.parties import Party
from carecoord.domain.resource.patient import spoken_name

Kind = Literal["office", "clinic", "payer", "patient", "relative"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """`reference`: `Type/id`; `bond`: of a relative, what they are to the patient."""

    kind: Kind
    reference: str
    name: str
    bond: str = ""

    @property
    def named(self) -> Json:
        """As a Reference."""
        return {"reference": self.reference, "display": self.name}


def recipients(
    judged: Clearance, sides: Iterable[Side], patient: Json | None, relatives: Iterable[Json]
) -> list[Recipient]:
    """Those to whom somebody on these sides may write. relatives: RelatedPersons whom the patient lets know. The office
    that refers writes to everybody; the clinic to the office and the patient; payer, patient and relatives to the
    office."""
    here, facts = frozenset(sides), judged.facts
    office = _of("office", facts.referral.placer)
    if not here & {"requester", "performer"}:
        return office
    family = [_person("patient", patient)] if patient else []
    if "requester" not in here:
        return [*office, *family]
    other = offers.other_side(here, judged)
    clinic = [Recipient("clinic", f"Organization/{other[0]}", other[1])] if other else []
    payer = _of("payer", judged.card.payer if judged.card else None)
    return [*clinic, *payer, *family, *(_person("relative", each) for each in relatives)]


def _of(kind: Kind, party: Party | None) -> list[Recipient]:
    known = party is not None and party.reference.startswith("Organization/")
    return [Recipient(kind, party.reference, party.name)] if party and known else []


def _person(kind: Kind, who: Json) -> Recipient:
    bond = next((words(each) for each in items(who, "relationship")), "") or words(item(who, "relationship"))
    return Recipient(kind, key(who), spoken_name(who), bond if kind == "relative" else "")
