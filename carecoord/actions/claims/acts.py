"""What is done about a claim at the desk: corrected and sent again, appealed, written off, by one person or two, taken
up again; each once however often its form comes, none on a claim that has changed meanwhile. Each leaves its
Provenance, whose target is what the payer said of the claim: its ExplanationOfBenefit, else its number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from auth.grant import Grant
from carecoord.actions.access.audit_entry import event
from carecoord.actions.access.turn import Turn, changing
from carecoord.actions.acts import provenance
from carecoord.actions.acts.provenance import Act, Version
from carecoord.actions.claims import desk
from carecoord.domain.access import verbs
from carecoord.domain.claims import work
from carecoord.domain.claims.work import ClaimVerb
from carecoord.domain.resource.codes import IDENTIFIER
from carecoord.errors import Forbidden, NotFound, Stale, Unprocessable
from carecoord.fhir.instants import micros
from carecoord.store.claims import claims
from carecoord.store.database.engine import alone
from carecoord.store.resources import read
from carecoord.store.resources.write import Change, put_all
from carecoord.words.sentence import Sentence, sentence
from carecoord.world import World

_TYPE: Final = "ExplanationOfBenefit"
_SAID: Final[Mapping[ClaimVerb, Sentence]] = {
    "correct-claim": sentence("act.claim-corrected"),
    "appeal-claim": sentence("act.claim-appealed"),
    "close-claim": sentence("act.claim-closed"),
    "refuse-write-off": sentence("act.claim-write-off-refused"),
    "reopen-claim": sentence("act.claim-reopened"),
}


@dataclass(frozen=True, slots=True)
class Deed:
    """An act as a form says it. form: its own id; version: of the claim that it was shown with; amount: in cents, of a
    write-off, None: all that is denied; reference: what the payer calls it."""

    verb: ClaimVerb
    form: str
    version: int
    note: str
    amount: int | None = None
    reference: str = ""


def do(world: World, grant: Grant, request: str, id: str, deed: Deed) -> None:
    """Do it. Raises NotFound, Forbidden, Conflict where the claim is not in a state for it, Stale, Unprocessable."""
    with changing(world, grant, request) as turn:
        mine = desk.whose(turn)
        if not verbs.may(grant.roles, deed.verb):
            raise Forbidden(sentence("refusals.this-not-yours-do-on"), "http.act")
        act = f"{grant.subject} {deed.form}"
        alone(turn.conn, f"claim act {act}")
        if claims.act(turn.conn, act):
            return
        row = claims.one(turn.conn, mine, id)
        if row is None:
            raise NotFound(sentence("refusals.no-such-claim"), "http.id")
        if row.version != deed.version:
            raise Stale(sentence("refusals.claim-changed"), "http.seen")
        amount = _amount(deed, int(row.off), int(row.charge - row.paid), int(row.denied))
        to = work.moved(
            work.named(row.work), deed.verb, amount=amount, by=grant.subject, asked_by=row.off_by
        )
        off = amount if to in ("asked", "written-off") else 0
        by = grant.subject if to == "asked" else row.off_by if to == "written-off" else None
        values = {"work": to, "off": off, "off_by": by, "updated": micros(turn.now)}
        if not claims.change(turn.conn, id, deed.version, values):
            raise Stale(sentence("refusals.claim-changed"), "http.seen")
        said = f"{deed.reference}: {deed.note}" if deed.reference else deed.note
        claims.note(turn.conn, {
            "id": act, "claim": id, "at": micros(turn.now), "verb": deed.verb, "subject": grant.subject,
            "name": grant.name, "amount": off or None, "note": said,
        })  # fmt: skip
        _tell(turn, row, deed, _said(deed.verb, to, off), said)
        about = {"type": _TYPE, "resource": id, "patient": row.patient}
        turn.world.journal.append(event(turn.now, request, "update", by=grant, **about))


def _said(verb: ClaimVerb, to: str, off: int) -> Sentence:
    amount = f"{off / 100:.2f}"
    if to == "asked":
        return sentence("act.claim-write-off-asked", amount=amount)
    return _SAID.get(verb) or sentence("act.claim-written-off", amount=amount)


def _tell(turn: Turn, row: Row[Any], deed: Deed, said: Sentence, why: str) -> None:
    """Write who did what about a claim, and why. A claim is no resource: nothing that its payer said has changed."""
    id, grant = str(row.id), turn.grant
    kept = read.get(turn.conn, _TYPE, id)
    made = (Version(_TYPE, id, kept.version),) if kept and not kept.deleted else ()
    act = Act(provenance.act_id(grant, f"claim {deed.form}"), deed.verb, grant.subject, grant.name, turn.now,
              f"{_TYPE}~{id}", said, made, ())  # fmt: skip
    told = provenance.resource(act, grant, {"reference": f"Organization/{grant.organization}"}, why)
    if not made:
        number = {"system": f"{IDENTIFIER}/claim", "value": str(row.number)}
        told = {name: value for name, value in told.items() if name != "entity"}
        told |= {"target": [{"type": _TYPE, "identifier": number}]}
    put_all(
        turn.conn, [Change("Provenance", act.id, told)], now=turn.now, actor=turn.actor(), base=turn.world.base,
        project=turn.world.project,
    )  # fmt: skip


def _amount(deed: Deed, asked: int, left: int, denied: int) -> int:
    """How much is written off: as was said, else what is denied; what was asked for where that is agreed to."""
    if deed.verb != "write-off":
        return asked
    amount = denied if deed.amount is None else deed.amount
    if not 0 < amount <= left:
        raise Unprocessable(sentence("refusals.claim-amount", most=f"{left / 100:.2f}"), "amount")
    return amount
