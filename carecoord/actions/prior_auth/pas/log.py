"""A Bundle as it came, and the row of what was asked and answered."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from carecoord.actions.access.turn import Turn
from carecoord.actions.fhir.bundle_entries import placed
from carecoord.actions.prior_auth.pas.explode import partner
from carecoord.domain.prior_auth.pas import metric, request
from carecoord.domain.prior_auth.pas.guide import Guide
from carecoord.domain.prior_auth.pas.request import Sent
from carecoord.domain.resource.elements import Json, item
from carecoord.errors import Problem
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.fhir.types import TYPES
from carecoord.fhir.validation import validate
from carecoord.store.prior_auth.exchanges import Exchange


@dataclass(frozen=True)
class Came:
    """A Bundle as it came: the partner's guide, the Bundle, its bytes with their sha256."""

    guide: Guide
    sent: Sent
    body: bytes
    digest: bytes


def came(guide: Guide, bundle: Json, for_what: str) -> Came:
    """A Bundle, judged by itself. Raises Invalid (400), Unprocessable (422) with every issue."""
    sent = request.read(bundle, for_what)
    for n, each in enumerate(sent.resources.values()):
        if each["resourceType"] in TYPES:
            try:
                validate.judge(each)
            except Problem as problem:
                raise placed(problem, f"Bundle.entry[{n}]") from problem
    body = json.dumps(bundle)
    return Came(guide, sent, body, hashlib.sha256(body).digest())


def exchange(
    turn: Turn, given: Came, operation: str, answer: Json, body: bytes, claim: str | None, names: Mapping[str, str]
) -> Exchange:
    """The row of a Bundle that was answered now. answer: its ClaimResponse; claim: `Claim/id`, of a request that was
    taken in; names: `Type/id` here -> fullUrl."""
    sent, ended = given.sent, turn.world.clock()
    provider, payer = (sent.named(item(sent.claim, name)) for name in ("provider", "insurer"))
    row = metric.measured(operation, given.guide, turn.now, ended, 200, provider, payer, answer)
    once = sent.identifier or None if operation == "submit" else None
    return Exchange(
        turn.world.new_id(), micros(turn.now), micros(ended) - micros(turn.now), True, operation, given.guide.version,
        partner(turn), once, given.digest, 200, claim, names, given.body, body, row,
    )  # fmt: skip
