"""Bills under an agreement: written down as they come, and that they were paid."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Planned, Submission, performed
from carecoord.actions.agreements.acts import Agreeing, opened
from carecoord.domain.agreements.desk import invoices
from carecoord.domain.resource.elements import Json
from carecoord.errors import Conflict, Unprocessable
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True, slots=True)
class Billed:
    """A bill as somebody writes it down. `issuer`: the key of the party that sent it; `amount`: US dollars."""

    number: str
    issuer: str
    day: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Paid:
    """That a bill was paid. `invoice`: its key."""

    invoice: str
    day: date


def bill(world: World, grant: Grant, request: str, submission: Submission, given: Billed) -> Done:
    """Write a bill down. More than what is not to be exceeded is taken and told: it was billed all the same. Raises
    Unprocessable for who is no party, Conflict for a number that this party's bill here has already."""

    def plan(acting: Agreeing) -> Planned:
        sides = {side.key: side.name for side in acting.found.line.sides}
        payers = [key for key in sides if key != given.issuer]
        if given.issuer not in sides or not payers:
            raise Unprocessable(sentence("refusals.choose-who-sent-bill"), "issuer")
        if any((each.number, each.issuer) == (given.number, given.issuer) for each in acting.found.invoices):
            raise Conflict(sentence("refusals.bill-this-party-here-already", number=given.number), "http.act")
        from_, to = ({"reference": key, "display": sides[key]} for key in (given.issuer, payers[0]))
        made = invoices.billed(
            acting.id, acting.found.line.contract, (from_, to), given.number, given.day, given.amount
        )
        return Planned([made], sentence("act.billed", number=given.number, amount=f"${given.amount:,.2f}"))

    return performed(world, grant, request, submission, "bill", plan, opened)


def pay(world: World, grant: Grant, request: str, submission: Submission, given: Paid) -> Done:
    """Write down that a bill was paid. Raises Unprocessable for one that is not of this agreement, Conflict where it is
    paid already."""

    def plan(acting: Agreeing) -> Planned:
        held = next((each for each in acting.found.invoices if each.invoice == given.invoice), None)
        row = read.get(acting.turn.conn, "Invoice", given.invoice.partition("/")[2]) if held else None
        if held is None or row is None:
            raise Unprocessable(sentence("refusals.choose-which-bill-was-paid"), "invoice")
        if given.day < held.day:
            raise Unprocessable(sentence("refusals.it-was-paid-before-it"), "day")
        resource: Json = json.loads(row.body)
        return Planned([invoices.settled(resource, given.day)], sentence("act.paid", number=held.number))

    return performed(world, grant, request, submission, "pay", plan, opened)
