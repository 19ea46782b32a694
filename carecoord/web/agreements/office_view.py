"""What an office does around an agreement, in words: who approves the draft, which certificates are held, how the money
stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from carecoord.actions.agreements.dossier import Dossier
from carecoord.domain.access.verbs import Verb
from carecoord.domain.agreements.desk.approvals import Step
from carecoord.domain.agreements.desk.certificates import Standing
from carecoord.domain.agreements.desk.invoices import Invoice
from carecoord.domain.agreements.desk.invoices import Money as Spent
from carecoord.domain.agreements.parties import CUSTODIAN
from carecoord.web.page.times import Times
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence

BUTTONS: Final[Mapping[Verb, str]] = {  # verb -> its icon
    "approve": "circle-check",
    "give-back": "arrow-left",
    "submit": "send",
    "certify": "shield-check",
    "bill": "file-text",
    "pay": "check",
}
TITLES: Final[Mapping[str, tuple[Sentence, Sentence]]] = {  # verb -> the title of its form, what its button does
    "approve": (sentence("contract.approve"), sentence("contract.approve.does")),
    "give-back": (sentence("contract.give-back"), sentence("contract.give-back.does")),
    "submit": (sentence("contract.submit"), sentence("contract.submit.does")),
    "certify": (sentence("contract.certify"), sentence("contract.certify.does")),
    "bill": (sentence("contract.bill"), sentence("contract.bill.does")),
    "pay": (sentence("contract.pay"), sentence("contract.pay.does")),
    "cite": (sentence("clause.cite"), sentence("clause.cite.does")),
    "accept-clause": (sentence("redline.accept"), sentence("redline.accept.does")),
    "counter-clause": (sentence("redline.counter"), sentence("redline.counter.does")),
}
UNDONE: Final[Mapping[str, Sentence]] = {  # verb -> what taking it back does
    "submit": sentence("contract.submit.back"),
    "certify": sentence("contract.certify.back"),
    "bill": sentence("contract.bill.back"),
    "pay": sentence("contract.pay.back"),
    "cite": sentence("clause.cite.back"),
    "accept-clause": sentence("redline.accept.back"),
    "counter-clause": sentence("redline.counter.back"),
}
KINDS: Final[Mapping[str, Sentence]] = {  # of certificates
    "general-liability": sentence("certificate.general-liability"),
    "professional-liability": sentence("certificate.professional-liability"),
    "workers-compensation": sentence("certificate.workers-compensation"),
    "cyber-liability": sentence("certificate.cyber-liability"),
    "licence": sentence("certificate.licence"),
    "accreditation": sentence("certificate.accreditation"),
}
SENDS: Final = ("certify",)  # the verbs whose forms take a file
_STATES: Final = {"held": "good", "expiring": "soon", "lapsed": "late", "later": "soon", "missing": "late"}
_WIDTH: Final = 1000  # of the bar


@dataclass(frozen=True)
class Line:
    """A line: `tone` is good, soon, late or empty; `paper`: the id of a document that shows it."""

    name: str
    value: str
    more: str = ""
    tone: str = ""
    paper: str = ""


@dataclass(frozen=True)
class Bar:
    """An amount as a bar of 1000: how much of it is paid, billed and over. `words`: what it shows."""

    paid: int
    open: int
    over: bool
    words: str


@dataclass(frozen=True)
class Office:
    """What stands on the page. `round`: what is going on with the draft, empty for nothing."""

    steps: Sequence[Line]
    round: str
    certificates: Sequence[Line]
    money: Sequence[Line]
    bar: Bar | None
    bills: Sequence[Line]


def office(found: Dossier, times: Times) -> Office:
    """The parts of the page of one agreement."""
    money = found.money
    bills = [_bill(each, found, times) for each in found.invoices]
    return Office(
        [_step(each, found, times) for each in found.approvals.steps], _round(found),
        [_certificate(each, found, times) for each in found.standings],
        list(_sums(money, times)) if money.limit is not None or bills else [], _bar(money), bills,
    )  # fmt: skip


def title(verb: str) -> tuple[str, str]:
    """The title of the form of an act, and what its button says that it does."""
    called, does = TITLES[verb]
    return say(called), say(does)


def holders(found: Dossier) -> dict[str, str]:
    """Who may hold a certificate or send a bill, by key."""
    return {side.key: side.name for side in found.line.sides if side.role != CUSTODIAN}


def kinds() -> dict[str, str]:
    """What the kinds of certificate are called."""
    return {code: say(called) for code, called in KINDS.items()}


def open_bills(found: Dossier, times: Times) -> dict[str, str]:
    """The bills that are not paid, by key."""
    return {
        each.invoice: say(sentence("contract.bill.line", number=each.number, amount=dollars(each.amount), day=each.day))
        for each in found.invoices
        if each.paid is None
    }


def dollars(amount: Decimal) -> str:
    """`$1,250` or `$1,250.50`."""
    return f"${amount:,.0f}" if amount == amount.to_integral_value() else f"${amount:,.2f}"


def _step(step: Step, found: Dossier, times: Times) -> Line:
    if step.state == "done":
        told = sentence("contract.step.done", who=step.by, day=step.on) if step.on else sentence("contract.step.later")
        return Line(step.name, say(told), "", "good")
    if step.state == "later" or step.asked is None or step.due is None:
        return Line(step.name, say(sentence("contract.step.later")))
    late = step.due < found.day
    if late:
        return Line(step.name, say(sentence("contract.step.late", asked=step.asked, due=step.due)), "", "late")
    return Line(step.name, say(sentence("contract.step.open", asked=step.asked, due=step.due)), "", "soon")


def _round(found: Dossier) -> str:
    steps = found.approvals.steps
    if not steps:
        return ""
    done = sum(each.state == "done" for each in steps)
    if done == len(steps):
        return say(sentence("contract.round.done"))
    if found.approvals.barred and any(each.state == "open" for each in steps):
        return say(sentence("contract.round.barred", n=done, of=len(steps)))
    return say(sentence("contract.round", n=done, of=len(steps)))


def _certificate(standing: Standing, found: Dossier, times: Times) -> Line:
    name, who = say(KINDS[standing.kind]), found.names.get(standing.holder, "")
    held = standing.certificate
    if held is None:
        return Line(name, say(sentence("contract.certificate.missing")), who, "late")
    states = {
        "held": sentence("contract.certificate.held", last=held.last),
        "expiring": sentence("contract.certificate.expiring", last=held.last),
        "lapsed": sentence("contract.certificate.lapsed", last=held.last),
    }
    told = say(states.get(standing.state) or sentence("contract.certificate.later", start=held.start))
    more = [who, held.number, *_limits(held.each, held.total)]
    if standing.state in ("held", "expiring") and (lost := found.lapsing.get(held.document, 0)):
        more.append(say(sentence("contract.certificate.lapses", visits=lost)))
    return Line(name, told, "\n".join(filter(None, more)), _STATES[standing.state], held.document)


def _limits(each: Decimal | None, total: Decimal | None) -> Iterator[str]:
    if each is not None:
        yield say(sentence("contract.certificate.each", amount=dollars(each)))
    if total is not None:
        yield say(sentence("contract.certificate.total", amount=dollars(total)))


def _sums(money: Spent, times: Times) -> Iterator[Line]:
    if money.limit is not None:
        yield Line(say(sentence("contract.money.limit")), dollars(money.limit))
    yield Line(say(sentence("contract.money.paid")), dollars(money.paid))
    yield Line(say(sentence("contract.money.open")), dollars(money.open))
    if money.limit is not None and money.left is not None:
        total = f"{dollars(money.limit)} \u2212 {dollars(money.paid)} \u2212 {dollars(money.open)}"
        over = money.left < 0
        name = say(sentence("contract.money.over")) if over else say(sentence("contract.money.left"))
        more = say(sentence("contract.money.used-up", day=money.used_up)) if money.used_up else ""
        yield Line(name, dollars(abs(money.left)), "\n".join(filter(None, (total, more))), "late" if over else "")


def _bar(money: Spent) -> Bar | None:
    if not money.limit or money.left is None:
        return None
    whole = max(money.limit, money.paid + money.open)
    paid, still = (int(each * _WIDTH / whole) for each in (money.paid, money.open))
    left = dollars(max(money.left, Decimal()))
    told = sentence(
        "contract.money.bar", limit=dollars(money.limit), paid=dollars(money.paid), open=dollars(money.open), left=left
    )
    return Bar(paid, still, money.left < 0, say(told))


def _bill(bill: Invoice, found: Dossier, times: Times) -> Line:
    told = sentence("contract.bill.paid", day=bill.paid) if bill.paid else sentence("contract.bill.open")
    name = say(sentence("contract.bill.line", number=bill.number, amount=dollars(bill.amount), day=bill.day))
    return Line(name, say(told), found.names.get(bill.issuer, ""), "good" if bill.paid else "")
