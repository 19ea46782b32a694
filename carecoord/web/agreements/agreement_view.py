"""One agreement in words: its days with their sums, its versions side by side, who takes part, what stands on it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from carecoord.actions.agreements.dossier import Dossier
from carecoord.domain.agreements import kinds
from carecoord.domain.agreements.clauses import PARTICIPATION, Clause
from carecoord.domain.agreements.comparison import said
from carecoord.domain.agreements.desk.obligations import Obligation
from carecoord.domain.agreements.overview import limit_of
from carecoord.domain.agreements.parties import CUSTODIAN
from carecoord.domain.agreements.rates import RateLine
from carecoord.domain.agreements.records import Listing, named
from carecoord.domain.resource.days import Days
from carecoord.domain.resource.elements import Json, code_of, item, items, text, words
from carecoord.web.agreements.register_view import KINDS, STATES, iso, role
from carecoord.web.agreements.term_axis import Life, life
from carecoord.web.agreements.vocabulary import AMENDMENTS, STATUS, label
from carecoord.web.documents.kinds import KINDS as PAPERS
from carecoord.web.page.codes import coded
from carecoord.web.page.labels import Chip, chip
from carecoord.web.page.times import MINUS, Times, month
from carecoord.words.catalogue import count, spoken


@dataclass(frozen=True)
class Row:
    """A line of two or three cells. `of`: what it is, for the clause on which it stands (`Clause.of`)."""

    name: str
    value: str
    more: str = ""
    of: str = ""


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
    """The page in words. `sums`: dates with how they come about; `blocks`: what stands on the page, (anchor, name, how
    many of it)."""

    id: str
    title: str
    number: str
    kind: str
    state: Chip
    draft: str
    sums: Sequence[Row]
    versions: Sequence[Row]
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


def page(found: Dossier, times: Times) -> Page:
    """The agreement."""
    line, contracts = found.line, {each.key: contract for each, contract in found.versions}
    shown = contracts.get(line.contract) or found.versions[-1][1]
    drafts = [each for each, _ in found.versions if each.status in ("policy", "negotiable", "offered", "executable")]
    return Page(
        line.contract.partition("/")[2], line.title or line.number, line.number,
        KINDS.get(line.kind, line.kind), chip(STATES, line.state),
        _version_is(str(drafts[-1].n), drafts[-1].status) if drafts and line.stage == "current" else "",
        list(_sums(found, times)), list(_versions(found, times)),
        [Row(each.name, role(each.role),
             "" if each.binds or each.role == CUSTODIAN else spoken("agreements.named-in-offer"),
             "" if each.role == CUSTODIAN else f"party:{each.key}")
         for each in line.sides],
        [taking(each, found.names, times) for each in found.listings], list(_terms(shown, found.clauses)),
        [(held.schedule.name or spoken("agreements.rates"), held.size, [_rate(each, found.meanings) for each in lines])
         for held, lines in found.rates],
        [_paper(each, times) for each in found.documents], _hangs(found), _lapsing(found, times),
        [Row(f"{month(date(year, n_of, 1))} {year}", str(n)) for (year, n_of), n in found.lapse.months],
        found.lapse.lost, life(found, times), [_due(each, found, times) for each in found.duties],
        list(_blocks(found)), bool(iso(found.row.ends - 1) or iso(found.row.notice_by)),
    )  # fmt: skip


def _due(each: Obligation, found: Dossier, times: Times) -> Due:
    who, proof = found.names.get(each.owner, ""), [to.partition("/")[2] for to in each.proof]
    again = spoken("agreements.every", n=count(each.months, "month")) if each.months else ""
    if each.done:
        said = f"{who}{again}; " + spoken("agreements.done-on", day=times.date(each.done))
        said += f": {each.words}" if each.words else ""
        return Due(times.date(each.due), False, each.what, said, "", proof)
    return Due(times.date(each.due), each.due < found.day, each.what, f"{who}{again}", each.task, proof)


def _blocks(found: Dossier) -> Iterator[tuple[str, str, int]]:
    """What stands on the page below its redline, in its order."""
    yield "sides", spoken("agreements.versions"), len(found.versions)
    if has_networks(found):
        yield "part", spoken("agreements.who-takes-part"), len(found.listings)
    yield "parties", spoken("agreements.parties"), len(found.line.sides)
    yield "duties", spoken("agreements.obligations"), sum(each.done is None for each in found.duties)
    yield "terms", spoken("agreements.terms"), 0
    yield "money", spoken("agreements.money-and-rates"), sum(held.size for held, _ in found.rates)
    yield "papers", spoken("agreements.documents"), len(found.documents)
    yield "dates", spoken("agreements.dates"), 0
    yield "lapse", spoken("agreements.what-stands-on-it"), found.lapse.referrals


def has_networks(found: Dossier) -> bool:
    """Whether anybody takes part in a network under it, or is to."""
    return bool(found.listings) or found.line.kind in ("payer-provider", "")


def _sums(found: Dossier, times: Times) -> Iterator[Row]:
    """Its dates, each with its sum in the open."""
    line, shown = found.line, next((each for each, _ in found.versions if each.key == found.line.contract), None)
    if line.start:
        yield Row(spoken("agreements.starts"), times.date(line.start))
    if shown and shown.notice:
        yield Row(spoken("agreements.notice-given"), times.date(shown.notice))
    if line.notice_by and shown:
        over = date.fromordinal(line.notice_by.toordinal() + shown.notice_days)
        yield Row(
            spoken("agreements.notice-by"),
            times.date(line.notice_by),
            f"{times.date(over)} {MINUS} {shown.notice_days} d",
        )
    if line.end:
        yield Row(spoken("agreements.last-day"), times.date(_last(line.end)))
    elif line.term_end:
        months = shown.renewal_months if shown else 12
        yield Row(
            spoken("agreements.rolls-on-after"),
            times.date(_last(line.term_end)),
            spoken("agreements.for-months-if-nobody-gives", months=months),
        )
    else:
        yield Row(spoken("agreements.last-day"), spoken("agreements.none-was-agreed"))


def _last(day: date) -> date:
    return date.fromordinal(day.toordinal() - 1)


def _versions(found: Dossier, times: Times) -> Iterator[Row]:
    for each, contract in reversed(found.versions):
        kind = AMENDMENTS.get(each.amendment, each.amendment)
        yield Row(
            spoken("agreements.version-number", n=each.n) if each.n else each.key.partition("/")[2],
            f"{STATUS.get(each.status, each.status)}{f', {kind.lower()}' if kind else ''}",
            "\n".join([_run(each.days, times), *_signed(contract, found.names, times)]),
        )


def _signed(contract: Json, names: Mapping[str, str], times: Times) -> Iterator[str]:
    """Who signed a version, for whom and when; of one that was brought in without signatures, when."""
    for signer in items(contract, "signer"):
        party = item(signer, "party")
        whose = names.get(named(party)) or text(party, "display")
        for each in items(signer, "signature"):
            who, when = (
                text(item(each, "who"), "display") or spoken("agreements.somebody"),
                _day_of(text(each, "when"), times),
            )
            yield (
                spoken("agreements.signed-by-for", who=who, whose=whose, when=when)
                if whose
                else spoken("agreements.signed-by", who=who, when=when)
            )
    if not items(contract, "signer") and (issued := text(contract, "issued")):
        yield spoken("agreements.signed", issued=_day_of(issued, times))


def _day_of(instant: str, times: Times) -> str:
    return times.stored(instant).partition(",")[0]


def _run(days: Days, times: Times) -> str:
    start = times.date(days.start) if days.start else spoken("agreements.open")
    end = times.date(_last(days.end)) if days.end else ""
    return spoken("agreements.from-to", start=start, end=end) if end else spoken("agreements.since", start=start)


def taking(each: Listing, names: Mapping[str, str], times: Times) -> Part:
    """A row of who takes part."""
    who = named(each.practitioner) or named(each.organization)
    where = [names.get(named(site), text(site, "display") or named(site)) for site in each.sites]
    networks = [names.get(named(network), text(network, "display") or named(network)) for network in each.networks]
    scope = ", ".join(where) or spoken("agreements.all-sites")
    if each.credentialed:
        scope += spoken("agreements.credentialed-from", credentialed=times.date(each.credentialed))
    end = times.date(_last(each.days.end)) if each.days.end else ""
    if end:
        scope += spoken("agreements.until", end=end)
    nets = ", ".join(networks) or spoken("agreements.all-networks")
    told = nets if each.include else spoken("agreements.left-out", nets=nets)
    row = each.evidence.reference if each.include and not each.practitioner else ""
    return Part(names.get(who, who), told, scope, row)


def _terms(contract: Json, named: Mapping[str, Clause]) -> Iterator[Row]:
    """Its terms but for what is paid, and those that its kind demands and nobody has written, nor named as a clause."""
    for element, value in said(contract).items():
        if element.startswith("term:") and element != "term:rate-schedule":
            yield Row(label(element), value, of=element if element != PARTICIPATION else "")
    for code in kinds.KINDS.get(code_of(item(contract, "type")), ()):
        held = limit_of(contract) if code == kinds.MONEY else said(contract).get(f"term:{code}")
        if not held and f"term:{code}" not in named:
            yield Row(
                label(f"term:{code}"),
                spoken("agreements.not-written"),
                spoken("agreements.demanded-this-kind-agreement"),
            )


def rated(line: RateLine, meanings: Mapping[tuple[str, str], str]) -> str:
    """What a line of a schedule is about."""
    said = [coded(line.system, each, meanings) for each in (line.code, line.code_end) if each]
    return " - ".join(said) or line.category or spoken("agreements.all-services")


def _rate(line: RateLine, meanings: Mapping[tuple[str, str], str]) -> Row:
    amount = f"${line.amount}" if line.amount is not None else f"{line.percent}%" if line.percent is not None else ""
    factor = f"x {line.factor}" if line.factor is not None else ""
    return Row(rated(line, meanings), line.method.replace("_", " "), amount or factor)


def _paper(document: Json, times: Times) -> tuple[str, str, str, str]:
    """(id, what it is, day, hash)."""
    held = item(next(iter(items(document, "content")), {}), "attachment")
    kind = item(document, "type")
    called = text(document, "description") or text(held, "title") or PAPERS.get(code_of(kind), "") or words(kind)
    return (
        text(document, "id"),
        called or spoken("agreements.document"),
        times.stored(text(document, "date")),
        text(held, "hash"),
    )


def _hangs(found: Dossier) -> str:
    lapse = found.lapse
    if not lapse.referrals:
        return spoken("agreements.no-open-referral-stands-on")
    referrals, visits = count(lapse.referrals, "open-referral"), count(lapse.visits, "booked-visit")
    return spoken("agreements.come-without-visit", referrals=referrals, visits=visits, unbooked=lapse.unbooked)


def _lapsing(found: Dossier, times: Times) -> str:
    lapse = found.lapse
    if lapse.end is None:
        nothing = spoken("agreements.nothing-ends-it-no-last")
        return nothing if found.line.stage == "current" else spoken("agreements.it-not-in-force")
    if not lapse.lost:
        return spoken("agreements.no-booked-visit-lies-after")
    visits = spoken("agreements.booked-visit") if lapse.lost == 1 else spoken("agreements.booked-visits")
    end = times.date(lapse.first or lapse.end)
    return spoken("agreements.would-lose-network-first-on", visits=visits, end=end)


def _version_is(version: str, status: str) -> str:
    """How a version stands."""
    return spoken("agreements.version-is", version=version, status=STATUS.get(status, status).lower())
