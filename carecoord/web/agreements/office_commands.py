"""What the forms of an office around an agreement say: approvals, certificates, bills, clauses. One row an act."""

from collections.abc import Mapping
from typing import Final

from carecoord.actions.acts.documents import Upload
from carecoord.actions.agreements.office import approvals, certificates, invoices, settlements
from carecoord.actions.agreements.office.certificates import Certified
from carecoord.actions.agreements.office.invoices import Billed, Paid
from carecoord.actions.agreements.office.settlements import Accepted, Countered
from carecoord.actions.agreements.papers import citations
from carecoord.actions.agreements.papers.citations import Cited
from carecoord.domain.agreements.desk.certificates import NAMES
from carecoord.web.acts.commands import Command, upload
from carecoord.web.acts.forms import Reader
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence


def _note(reader: Reader) -> str:
    return reader.text("note", most=500)


def _reason(reader: Reader) -> str:
    return reader.text("reason", say(sentence("contract.asks.reason")), most=500)


def _certify(reader: Reader) -> Certified | None:
    file: Upload | None = upload(reader)
    kind = reader.choice("kind", NAMES, say(sentence("contract.asks.certificate")))
    holder = reader.text("holder", say(sentence("contract.asks.holder")), most=200)
    number = reader.text("number", most=100)
    start = reader.any_day("start", say(sentence("contract.asks.start")))
    last = reader.any_day("last", say(sentence("contract.asks.last")))
    each, total = reader.money("each"), reader.money("total")
    if file is None and not any(fault.field == "file" for fault in reader.faults):
        reader.fault("file", say(sentence("contract.asks.file")))
    if start is None or last is None or file is None:
        return None
    return Certified(kind, holder, number, start, last, each, total, file)


def _bill(reader: Reader) -> Billed | None:
    number = reader.text("number", say(sentence("contract.asks.number")), most=60)
    issuer = reader.text("issuer", say(sentence("contract.asks.issuer")), most=200)
    day, amount = reader.past_day("day", say(sentence("contract.asks.billed"))), reader.money("amount")
    if amount is None and not any(fault.field == "amount" for fault in reader.faults):
        reader.fault("amount", say(sentence("contract.asks.amount")))
    return Billed(number, issuer, day, amount) if day and amount is not None else None


def _pay(reader: Reader) -> Paid | None:
    bill = reader.text("invoice", say(sentence("contract.asks.bill")), most=200)
    day = reader.past_day("day", say(sentence("contract.asks.paid")))
    return Paid(bill, day) if day else None


def _cite(reader: Reader) -> Cited | None:
    of = reader.text("of", say(sentence("clause.asks.of")), most=300)
    document = reader.text("document", say(sentence("clause.asks.document")), most=100)
    gone = bool(reader.values.get("gone"))
    said = reader.text("words", "" if gone else say(sentence("clause.asks.words")), most=2_000)
    page, heading = reader.whole("page", 1, 9_999), reader.text("heading", most=200)
    return Cited(of, document, said, page, heading, gone)


def _accept(reader: Reader) -> Accepted:
    return Accepted(reader.text("of", say(sentence("clause.asks.of")), most=300))


def _counter(reader: Reader) -> Countered:
    of = reader.text("of", say(sentence("clause.asks.of")), most=300)
    return Countered(of, reader.text("words", say(sentence("redline.asks.words")), most=4000))


COMMANDS: Final[Mapping[str, Command]] = {
    "submit": Command(_note, approvals.submit),
    "approve": Command(_note, approvals.approve),
    "give-back": Command(_reason, approvals.give_back),
    "certify": Command(_certify, certificates.certify),
    "bill": Command(_bill, invoices.bill),
    "pay": Command(_pay, invoices.pay),
    "cite": Command(_cite, citations.cite),
    "accept-clause": Command(_accept, settlements.accept),
    "counter-clause": Command(_counter, settlements.counter),
}
