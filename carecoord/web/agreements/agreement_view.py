"""One agreement in words: its days with their sums, its versions side by side, who takes part, what stands on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from carecoord.actions.agreements.dossier import Dossier
from carecoord.domain.agreements import kinds
from carecoord.domain.agreements.comparison import changes, said
from carecoord.domain.agreements.desk.obligations import Obligation
from carecoord.domain.agreements.overview import limit_of
from carecoord.domain.agreements.parties import CUSTODIAN
from carecoord.domain.agreements.rates import RateLine
from carecoord.domain.agreements.records import Listing, named
from carecoord.domain.documents.kinds import KINDS as PAPERS
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.elements import Json, code_of, item, items, text, words
from carecoord.web.agreements.register_view import KINDS, STATES, iso, money, role
from carecoord.web.agreements.term_axis import Life, life
from carecoord.web.page.codes import coded
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import MINUS, Times

STATUS: Final = {
    "policy": "Draft", "negotiable": "In negotiation", "offered": "Offered", "executable": "Awaits signature",
    "executed": "Signed", "renewed": "Renewed", "amended": "Amended", "appended": "Appended", "disputed": "Suspended",
    "terminated": "Ended", "cancelled": "Withdrawn", "rejected": "Rejected", "revoked": "Revoked",
    "resolved": "Resolved", "entered-in-error": "Entered in error",
}  # fmt: skip
AMENDMENTS: Final = {
    "restate": "Whole agreement anew", "modify": "Changes of the text", "rate-only": "Rates only", "term": "Term only",
}  # fmt: skip
ELEMENTS: Final = {
    "status": "State", "title": "Title", "kind": "Kind", "starts": "Starts", "ends": "Last day",
    "amendment-type": "Kind of amendment", "evergreen": "Rolls on by itself", "effective-from": "Takes effect",
    "notice-given": "Notice given", "notice-days": "Notice period, days", "renewal-months": "Renews for, months",
    "limit": "Not to exceed", "parties": "Parties",
}  # fmt: skip
TERMS: Final = {
    "participation": "Participation", "product-line": "Product line", "rate-schedule": "Rates",
    "obligation": "Obligation", "notice": "Notice", "renewal": "Renewal", "termination": "Termination",
    "insurance": "Insurance", "confidentiality-baa": "Confidentiality", "credentialing": "Credentialing",
    "indemnity": "Indemnity", "liability-cap": "Cap on liability", "audit": "Audit", "assignment": "Assignment",
    "exclusivity": "Exclusivity", "delegation": "Delegation", "participation-goal": "Participation goal",
    "scope-of-work": "Scope of work", "budget": "Budget",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A line of two or three cells."""

    name: str
    value: str
    more: str = ""


@dataclass(frozen=True)
class Part:
    """Who takes part: the networks, where and until when. `row`: the key of the row of the directory, empty where no
    form here writes it."""

    name: str
    networks: str
    scope: str
    row: str


@dataclass(frozen=True)
class Due:
    """What a party owes. `late`: its day is over; `task`: its key while it is open; `proof`: ids of documents."""

    when: str
    late: bool
    what: str
    more: str
    task: str
    proof: Sequence[str]


@dataclass(frozen=True)
class Page:
    """The page in words. `sums`: dates with how they come about; `choices`: (n, what the version is called); `blocks`:
    what stands on the page, (anchor, name, how many of it)."""

    id: str
    title: str
    number: str
    kind: str
    state: Chip
    draft: str
    sums: Sequence[Row]
    versions: Sequence[Row]
    choices: Sequence[tuple[str, str]]
    before: str
    after: str
    changed: Sequence[Row]
    parties: Sequence[Row]
    taking_part: Sequence[Part]
    terms: Sequence[Row]
    rates: Sequence[tuple[str, int, Sequence[Row]]]
    documents: Sequence[tuple[str, str, str, str]]
    hangs: str
    lapse: str
    months: Sequence[Row]
    harm: int
    life: Life | None
    duties: Sequence[Due]
    blocks: Sequence[tuple[str, str, int]]
    dated: bool  # whether a day of it belongs into a calendar


def page(found: Dossier, times: Times, before: str, after: str) -> Page:
    """The agreement. before, after: the `Contract` ids of the versions to stand side by side; the last two else."""
    line, contracts = found.line, {each.key.partition("/")[2]: contract for each, contract in found.versions}
    ids = list(contracts)
    after = after if after in contracts else ids[-1]
    previous = ids[max(0, ids.index(after) - 1)]
    before = before if before in contracts else previous
    shown = contracts.get(line.contract.partition("/")[2]) or contracts[ids[-1]]
    drafts = [each for each, _ in found.versions if each.status in ("policy", "negotiable", "offered", "executable")]
    return Page(
        line.contract.partition("/")[2], line.title or line.number, line.number,
        KINDS.get(line.kind, line.kind), chip(STATES, line.state),
        f"Version {drafts[-1].n}: {STATUS[drafts[-1].status].lower()}" if drafts and line.stage == "current" else "",
        list(_sums(found, times)), list(_versions(found, times)),
        [(id, f"Version {text(contracts[id], 'version') or n}") for n, id in enumerate(ids, 1)], before, after,
        _changed(contracts[before], contracts[after], found.names, times) if before != after else [],
        [Row(each.name, role(each.role), "" if each.binds or each.role == CUSTODIAN else "named in the offer")
         for each in line.sides],
        [_taking(each, found.names, times) for each in found.listings], list(_terms(shown)),
        [(held.schedule.name or "Rates", held.size, [_rate(each, found.meanings) for each in lines])
         for held, lines in found.rates],
        [_paper(each, times) for each in found.documents], _hangs(found), _lapsing(found, times),
        [Row(f"{date(year, month, 1):%b %Y}", str(n)) for (year, month), n in found.lapse.months], found.lapse.lost,
        life(found, times), [_due(each, found, times) for each in found.duties], list(_blocks(found)),
        bool(iso(found.row.ends - 1) or iso(found.row.notice_by)),
    )  # fmt: skip


def _due(each: Obligation, found: Dossier, times: Times) -> Due:
    who, proof = found.names.get(each.owner, ""), [to.partition("/")[2] for to in each.proof]
    again = f", every {count(each.months, 'month')}" if each.months else ""
    if each.done:
        said = f"{who}{again}; done {times.date(each.done)}{f': {each.words}' if each.words else ''}"
        return Due(times.date(each.due), False, each.what, said, "", proof)
    return Due(times.date(each.due), each.due < found.day, each.what, f"{who}{again}", each.task, proof)


def _blocks(found: Dossier) -> Iterator[tuple[str, str, int]]:
    """What stands on the page, in its order."""
    yield "sides", "Versions", len(found.versions)
    yield "part", "Who takes part", len(found.listings)
    yield "parties", "Parties", len(found.line.sides)
    yield "duties", "Obligations", sum(each.done is None for each in found.duties)
    yield "terms", "Terms", 0
    yield "money", "Money and rates", sum(held.size for held, _ in found.rates)
    yield "papers", "Documents", len(found.documents)
    yield "dates", "Dates", 0
    yield "lapse", "What stands on it", found.lapse.referrals


def _sums(found: Dossier, times: Times) -> Iterator[Row]:
    """Its dates, each with its sum in the open."""
    line, shown = found.line, next((each for each, _ in found.versions if each.key == found.line.contract), None)
    if line.start:
        yield Row("Starts", times.date(line.start))
    if shown and shown.notice:
        yield Row("Notice given", times.date(shown.notice))
    if line.notice_by and shown:
        over = date.fromordinal(line.notice_by.toordinal() + shown.notice_days)
        yield Row("Notice by", times.date(line.notice_by), f"{times.date(over)} {MINUS} {shown.notice_days} d")
    if line.end:
        yield Row("Last day", times.date(_last(line.end)))
    elif line.term_end:
        months = shown.renewal_months if shown else 12
        yield Row("Rolls on after", times.date(_last(line.term_end)), f"for {months} months, if nobody gives notice")
    else:
        yield Row("Last day", "None was agreed")


def _last(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def _versions(found: Dossier, times: Times) -> Iterator[Row]:
    for each, contract in reversed(found.versions):
        kind = AMENDMENTS.get(each.amendment, each.amendment)
        yield Row(
            f"Version {each.n}" if each.n else each.key.partition("/")[2],
            f"{STATUS.get(each.status, each.status)}{f', {kind.lower()}' if kind else ''}",
            "\n".join([_run(each.days, times), *_signed(contract, found.names, times)]),
        )  # fmt: skip


def _signed(contract: Json, names: Mapping[str, str], times: Times) -> Iterator[str]:
    """Who signed a version, for whom and when; of one that was brought in without signatures, when."""
    for signer in items(contract, "signer"):
        party = item(signer, "party")
        whose = names.get(named(party)) or text(party, "display")
        for each in items(signer, "signature"):
            who, when = text(item(each, "who"), "display") or "Somebody", _day_of(text(each, "when"), times)
            yield f"Signed by {who}{f' for {whose}' if whose else ''}, {when}"
    if not items(contract, "signer") and (issued := text(contract, "issued")):
        yield f"Signed {_day_of(issued, times)}"


def _day_of(instant: str, times: Times) -> str:
    return times.stored(instant).partition(",")[0]


def _run(days: Days, times: Times) -> str:
    start = times.date(days.start) if days.start else "open"
    return f"{start} to {times.date(_last(days.end))}" if days.end else f"from {start}"


def _changed(before: Json, after: Json, names: Mapping[str, str], times: Times) -> list[Row]:
    def told(element: str, value: str) -> str:
        if element in ("starts", "ends", "effective-from", "notice-given") and value:
            return times.stored(value)
        if element == "status":
            return STATUS.get(value, value)
        if element == "amendment-type":
            return AMENDMENTS.get(value, value)
        if element == "kind":
            return KINDS.get(value, value)
        if element == "parties":
            return ", ".join(names.get(key, key) for key in value.split())
        return money(value) if element == "limit" else value

    return [
        Row(label(each.element), told(each.element, each.before), told(each.element, each.after))
        for each in changes(before, after)
    ]


def label(element: str) -> str:
    """What an element of a version is called."""
    kind, _, code = element.partition(":")
    return TERMS.get(code, code.replace("-", " ").capitalize()) if kind == "term" else ELEMENTS.get(element, element)


def _taking(each: Listing, names: Mapping[str, str], times: Times) -> Part:
    who = named(each.practitioner) or named(each.organization)
    where = [names.get(named(site), text(site, "display") or named(site)) for site in each.sites]
    networks = [names.get(named(network), text(network, "display") or named(network)) for network in each.networks]
    scope = ", ".join(where) or "All sites"
    if each.credentialed:
        scope += f"; credentialed from {times.date(each.credentialed)}"
    if each.days.end:
        scope += f"; until {times.date(_last(each.days.end))}"
    told = ("" if each.include else "Left out of ") + (", ".join(networks) or "all networks")
    row = each.evidence.reference if each.include and not each.practitioner else ""
    return Part(names.get(who, who), told, scope, row)


def _terms(contract: Json) -> Iterator[Row]:
    """Its terms but for what is paid, and those that its kind demands and nobody has written."""
    for element, value in said(contract).items():
        if element.startswith("term:") and element != "term:rate-schedule":
            yield Row(label(element), value)
    for code in kinds.KINDS.get(code_of(item(contract, "type")), ()):
        held = limit_of(contract) if code == kinds.MONEY else said(contract).get(f"term:{code}")
        if not held:
            yield Row(label(f"term:{code}"), "Not written", "Demanded of this kind of agreement")


def _rate(line: RateLine, meanings: Mapping[tuple[str, str], str]) -> Row:
    said = [coded(line.system, each, meanings) for each in (line.code, line.code_end) if each]
    code = " to ".join(said) or line.category or "All services"
    amount = f"${line.amount}" if line.amount is not None else f"{line.percent}%" if line.percent is not None else ""
    return Row(code, line.method.replace("_", " "), amount or (f"x {line.factor}" if line.factor is not None else ""))


def _paper(document: Json, times: Times) -> tuple[str, str, str, str]:
    """(id, what it is, day, hash)."""
    held = item(next(iter(items(document, "content")), {}), "attachment")
    kind = item(document, "type")
    called = text(document, "description") or text(held, "title") or PAPERS.get(code_of(kind), "") or words(kind)
    return text(document, "id"), called or "Document", times.stored(text(document, "date")), text(held, "hash")


def _hangs(found: Dossier) -> str:
    lapse = found.lapse
    if not lapse.referrals:
        return "No open referral stands on it."
    visits = f"{count(lapse.visits, 'booked visit')} to come, {lapse.unbooked} without a visit"
    return f"{count(lapse.referrals, 'open referral')}: {visits}."


def _lapsing(found: Dossier, times: Times) -> str:
    lapse = found.lapse
    if lapse.end is None:
        nothing = "Nothing ends it: no last day was agreed, and no notice was given."
        return nothing if found.line.stage == "current" else "It is not in force."
    if not lapse.lost:
        return "No booked visit lies after that day."
    visits = "booked visit" if lapse.lost == 1 else "booked visits"
    return f"{visits} would lose network, the first on {times.date(lapse.first or lapse.end)}."


def count(n: int, what: str) -> str:
    """`1 visit`, `2 visits`."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
