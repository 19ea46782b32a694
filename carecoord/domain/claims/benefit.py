"""An ExplanationOfBenefit of a claim that was paid or denied, for reading: what was charged, paid and not, and why.

Clauses: FHIR R4 explanationofbenefit.html (use, outcome, item.adjudication, total, payment); the adjudication of an
adjustment carries its group (X12 1033) and its reason (CARC), raw."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from carecoord.domain.claims.claim import CARC, RARC, Status
from carecoord.domain.prior_auth.x12.remittance import Adjustment, Paid, Remittance, Service
from carecoord.domain.resource.codes import HL7, IDENTIFIER
from carecoord.domain.resource.elements import Json

GROUP: Final = "https://codesystem.x12.org/005010/1033"
_CPT: Final = "http://www.ama-assn.org/go/cpt"
_HCPCS: Final = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
_SYSTEMS: Final = {"AD": "http://www.ada.org/cdt", "NU": "https://www.nubc.org/CodeSystem/RevenueCodes"}


def benefit(
    id: str, paid: Paid, remittance: Remittance, *, status: Status, patient: str, coverage: str, payer: str,
    office: str, now: datetime,
) -> Json:  # fmt: skip
    """The resource. patient, coverage, payer, office: ids; now: by the office's clock."""
    day = (remittance.at or now.date()).isoformat()
    return {
        "resourceType": "ExplanationOfBenefit", "id": id,
        "identifier": [{"system": f"{IDENTIFIER}/claim", "value": paid.number},
                       *([{"system": f"{IDENTIFIER}/payer-claim", "value": paid.payer_number}]
                         if paid.payer_number else [])],
        "status": "cancelled" if status == "reversed" else "active",
        "type": {"coding": [{"system": f"{HL7}/claim-type", "code": "professional"}]}, "use": "claim",
        "patient": {"reference": f"Patient/{patient}"}, "created": day,
        "insurer": {"reference": f"Organization/{payer}"}, "provider": {"reference": f"Organization/{office}"},
        "outcome": "partial" if status == "partly" else "complete",
        **({"preAuthRef": [paid.authorization]} if paid.authorization else {}),
        "insurance": [{"focal": True, "coverage": {"reference": f"Coverage/{coverage}"}}],
        **({"billablePeriod": {"start": paid.since.isoformat(), "end": (paid.until or paid.since).isoformat()}}
           if paid.since else {}),
        **({"adjudication": list(_adjusted(paid.adjustments))} if paid.adjustments else {}),
        **({"item": [_item(n, each) for n, each in enumerate(paid.services, 1)]} if paid.services else {}),
        "total": [_amount("submitted", paid.charge), _amount("benefit", paid.paid)],
        "payment": {"identifier": {"value": remittance.check}, "date": day, "amount": _usd(paid.paid)},
    }  # fmt: skip


def _item(n: int, line: Service) -> Json:
    first, last = line.first, line.last or line.first
    served = {"servicedPeriod": {"start": first.isoformat(), "end": last.isoformat()}} if first and last else {}
    remarks: list[Json] = [{"category": _category("eligible"), "reason": _coded(RARC, each)} for each in line.remarks]
    allowed = [_amount("eligible", line.allowed)] if line.allowed is not None else []
    return {
        "sequence": n,
        "productOrService": _coded(_system(line), line.code),
        **({"modifier": [{"coding": [{"code": each}]} for each in line.modifiers]} if line.modifiers else {}),
        **served,
        **({"quantity": {"value": line.units}} if line.units is not None else {}),
        "adjudication": [
            _amount("submitted", line.charge), _amount("benefit", line.paid), *allowed, *_adjusted(line.adjustments),
            *remarks,
        ],
    }  # fmt: skip


def _system(line: Service) -> str:
    """HC of X12 is both CPT and HCPCS: a code of five figures, or of four and a letter behind, is CPT's."""
    return _SYSTEMS.get(line.qualifier) or (_CPT if line.code[:1].isdecimal() else _HCPCS)


def _adjusted(adjustments: Iterable[Adjustment]) -> Iterator[Json]:
    for each in adjustments:
        yield {
            "category": {"coding": [{"system": GROUP, "code": each.group}]},
            "reason": _coded(CARC, each.reason),
            "amount": _usd(each.amount),
        }


def _category(code: str) -> Json:
    return {"coding": [{"system": f"{HL7}/adjudication", "code": code}]}


def _amount(code: str, amount: Decimal) -> Json:
    return {"category": _category(code), "amount": _usd(amount)}


def _coded(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]} if code else {"text": "-"}


def _usd(amount: Decimal) -> dict[str, Any]:
    return {"value": amount, "currency": "USD"}


