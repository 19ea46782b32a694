"""Case rows as a projection writes them, for tests that are about reading them."""

import random
from typing import Any

from carecoord.fhir.search.collation import fold
from carecoord.words.sentence import dumps, sentence

NOW = 1_795_000_000_000_000  # 2026-11-18T11:06:40Z, microseconds
DAY = 86_400_000_000
NEVER = 2**62
OURS, THEIRS, ELSE = "org-ours", "org-theirs", "org-else"
PAYER, OTHER = "id|bh", "id|other"
STAGES = ("sent", "in-triage", "awaiting-authorization", "accepted", "scheduled", "visit-done", "declined")
AUTHORIZATIONS = ("approved", "pended", "not-required", "denied", "missing", "draft", "submitted")
CONTRACTS = ("in-network", "in-network", "expiring", "out-of-network")
ROLES = ("coordinator", "payer", "performer", None)
GATES = ("coverage", "authorization", "agreement", "information", "appointment", "loop")
ACTIONS = ("book", "await-decision", "tell-patient", None)
NAMES = ("Okafor, Ngozi", "Lindqvist, Tomas", "Núñez, José", "Abara, Samuel", "Delgado-Ruiz, Marisol")


def row(rid: int, **given: Any) -> dict[str, Any]:
    """One row; what is not given is the same quiet case."""
    due = given.get("due_at", NOW + DAY)
    made: dict[str, Any] = {
        "rid": rid, "id": f"case-{rid}", "number": f"R-{rid:05}", "open": True, "patient": f"patient-{rid}",
        "patient_name": "Okafor, Ngozi", "birth_date": "1965-03-01", "gender": "female", "mrn": f"4410-{rid:03}",
        "member_id": f"M{rid:05}",
        "specialty": "Cardiology", "reason": "New LBBB", "priority": "routine",
        "placer": OURS, "placer_name": "Elm Street", "performer": ELSE, "performer_name": "Riverside Heart Group",
        "payer": "payer-1", "payer_key": PAYER, "payer_name": "Blue Horizon", "plan_name": "Blue Horizon PPO",
        "agreement": "AGR-0112", "stage": "accepted",
        **{f"{gate}_gate": "met" for gate in GATES}, "authorization_state": "approved", "authorization_note": None,
        "authorization_until": None, "agreement_state": "in-network", "agreement_note": None, "agreement_until": None,
        "cleared": False, "conflict": False, "headline_gate": "appointment",
        "headline": dumps(sentence("appointment.none")),
        "action": "book", "action_label": dumps(sentence("do.book")), "role": "coordinator",
        "due_at": due, "due_label": dumps(sentence("due.book")),
        "clock_start": NOW - DAY, "appointment_at": None, "owner": "reyes", "owner_name": "Reyes, Marisol",
        "changes_at": None, "updated": NOW,
        "wakes_at": 0, "touch_at": None, "contacts": 0, "told_at": None,
        "sort_due": NEVER if due is None else due, **given,
    }  # fmt: skip
    was_told = made["authorization_state"] in ("submitted", "pended", "approved", "denied")
    own = {
        "payer_authorization": made["authorization_state"] if was_told else None, "payer_authorization_note": None,
        "payer_agreement": made["agreement_state"] if was_told else None, "payer_agreement_note": None,
    }  # fmt: skip
    made = {**own, **made}
    told = ("patient_name", "birth_date", "member_id", "number", "performer_name")
    own = made["role"] == "payer"
    made = {
        "payer_order": was_told, "payer_open": made["open"],
        "payer_moves": own, "payer_due": due if own else None,
        "payer_due_label": dumps(sentence("due.payer-decision")) if own else None,
        "payer_clock_start": NOW - DAY if own else None,
        "payer_sort": NEVER if due is None or not own else due, **made,
    }  # fmt: skip
    said = (*told, "mrn", "reason")
    found_by = {"payer_searched": " ".join(made[name] or "" for name in told)}
    found_by["searched"] = " ".join(made[name] or "" for name in said)
    sorted_by = {"patient_sort": fold(made["patient_name"]), "specialty_sort": fold(made["specialty"])}
    return {**found_by, **sorted_by, **made}


def many(n: int, seed: int = 1) -> list[dict[str, Any]]:
    """Rows of every kind, the same for the same seed."""
    chance = random.Random(seed)
    return [_any(rid, chance) for rid in range(1, n + 1)]


def _any(rid: int, chance: random.Random) -> dict[str, Any]:
    due = chance.choice((None, NOW + int(chance.uniform(-5, 12) * DAY)))
    return row(
        rid, open=chance.random() < 0.8, patient_name=chance.choice(NAMES), due_at=due, stage=chance.choice(STAGES),
        authorization_state=chance.choice(AUTHORIZATIONS), agreement_state=chance.choice(CONTRACTS),
        placer=chance.choice((OURS, THEIRS)), performer=chance.choice((OURS, THEIRS, ELSE, None)),
        payer_key=chance.choice((PAYER, OTHER, None)), role=chance.choice(ROLES), action=chance.choice(ACTIONS),
        headline_gate=chance.choice((*GATES, None)), cleared=chance.random() < 0.3,
        priority=chance.choice(("routine", "urgent", "stat")), owner=chance.choice(("reyes", "tran", None)),
        appointment_at=chance.choice((None, NOW + int(chance.uniform(-3, 20) * DAY))),
        conflict=chance.random() < 0.1, specialty=chance.choice(("Cardiology", "Oncology", "GI")),
        wakes_at=chance.choice((0, 0, 0, NOW - DAY, NOW, NOW + 1, NOW + 3 * DAY)),
    )  # fmt: skip
