"""Two versions of an agreement against each other, in words: what is gone, what is new, what stays; and what is paid
otherwise, in numbers, for who may see rates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import takewhile
from typing import Final

from carecoord.actions.agreements.dossier import Dossier
from carecoord.actions.agreements.office.rate_changes import Changed, Rates
from carecoord.domain.agreements.comparison import Change, changes, said, standing, unchanged
from carecoord.domain.agreements.desk.acts import waiting
from carecoord.domain.agreements.desk.redline import Paid, Piece, among, pieces, whole
from carecoord.domain.agreements.desk.settlements import Settled, settled
from carecoord.domain.agreements.rates import RateLine
from carecoord.domain.agreements.versions import AWAITED, IN_FORCE, Version, amended_by
from carecoord.domain.resource.elements import Json, item, text
from carecoord.web.acts.forms import State
from carecoord.web.agreements.agreement_view import Row, rated, taking
from carecoord.web.agreements.register_view import KINDS, money
from carecoord.web.agreements.vocabulary import AMENDMENTS, STATUS, label
from carecoord.web.page.docx import Paragraph, plain
from carecoord.web.page.times import MINUS, Times
from carecoord.words.catalogue import count, spoken

Chain = Sequence[str]  # the key of a version, and of all that it amends and goes on with
_DAYS: Final = ("starts", "ends", "effective-from", "notice-given")
_PAID: Final = "term:rate-schedule"  # its words are about what is paid


@dataclass(frozen=True)
class Clause:
    """What differs. `of`: for the clause of the paper on which it stands; `listed`: its pieces are parties or places
    that stand below each other; `element`: by which it is accepted or countered, empty where it is not; `settled`: who
    did that, and when."""

    name: str
    pieces: Sequence[Piece]
    of: str = ""
    listed: bool = False
    element: str = ""
    settled: str = ""


@dataclass(frozen=True)
class Rate:
    """A line of a schedule. `by`: by how much it differs, empty where that is no number."""

    name: str
    pieces: Sequence[Piece]
    by: str


@dataclass(frozen=True)
class Schedule:
    """A schedule that differs. `about`: how much of it does; `of`: for its clause."""

    name: str
    about: str
    rates: Sequence[Rate]
    of: str


@dataclass(frozen=True)
class Redline:
    """`choices`: (id, what the version is called) of all versions, `before` and `after` those that are chosen; `what`:
    how the second stands; `size`: how many things differ; `kept`: what both say alike; `token`: the mark of the draft
    that the second is, empty where it is none and nothing of it is settled any more."""

    choices: Sequence[tuple[str, str]]
    before: str
    after: str
    what: str
    clauses: Sequence[Clause]
    schedules: Sequence[Schedule]
    size: int
    kept: Sequence[Row]
    token: str = ""


def pair(found: Dossier, before: str, after: str) -> tuple[Chain, Chain] | None:
    """The two versions, each with what it amends: those with these ids of Contracts, else the last one that came to
    anything and the one that it amends or follows. None where there is but one such, and no other is asked for."""
    known = {each.key: each for each, _ in found.versions}
    alive = [each.key for each in known.values() if each.status in IN_FORCE or each.status in AWAITED]
    asked = [f"Contract/{id}" for id in (before, after)]
    if len(alive) < 2 and not any(each in known for each in asked):
        return None
    last = asked[1] if asked[1] in known else (alive or list(known))[-1]
    earlier = [each for each in takewhile(lambda key: key != last, known) if each in alive]
    amends = known[last].amends
    usual = amends if amends in known else (earlier or [last])[-1]
    first = asked[0] if asked[0] in known else usual
    return amended_by(first, known), amended_by(last, known)


def redline(found: Dossier, times: Times, pair: tuple[Chain, Chain], paid: Rates) -> Redline:
    """The two side by side."""
    contracts = {each.key: contract for each, contract in found.versions}
    before, after = ([contracts[key] for key in chain] for chain in pair)
    differing = [each for each in changes(before, after) if found.sees_rates or each.element != _PAID]
    draft = _draft(found, pair[1][0])
    done = settled(draft, said(draft)) if draft else {}
    clauses = [_settled(_clause(each, found, times), each, done, times) for each in differing]
    clauses += _taking_part(found, times, pair)
    schedules = [_schedule(each, paid) for each in paid.changed]
    kept = unchanged(before, after)
    shown = next(each for each, _ in found.versions if each.key == pair[1][0])
    return Redline(
        [(_id(each.key), spoken("agreements.version-n", version=text(contracts[each.key], "version") or n))
         for n, (each, _) in enumerate(found.versions, 1)],
        _id(pair[0][0]), _id(pair[1][0]), _what(shown), clauses, schedules,
        len(clauses) + sum(each.differing or 1 for each in paid.changed),
        [Row(label(each), _told(each, said, found.names, times)) for each, said in kept.items()
         if found.sees_rates or each != _PAID],
        f"{draft['id']}.{text(item(draft, 'meta'), 'versionId')}" if draft else "",
    )  # fmt: skip


def _draft(found: Dossier, shown: str) -> Json:
    """The Contract of the second version, where it is the draft that waits; else nothing."""
    drafts = waiting(found.versions)
    return drafts[-1][1] if drafts and drafts[-1][0].key == shown else {}


def _settled(clause: Clause, change: Change, done: Mapping[str, Settled], times: Times) -> Clause:
    """The clause with how it stands between the parties."""
    stands = done.get(change.element)
    if stands is None:
        return replace(clause, element=change.element)
    when, who = times.stored(stands.at), stands.who
    words = spoken("redline.accepted-by", who=who, when=when)
    if stands.how == "countered":
        words = spoken("redline.countered-by", who=who, when=when)
    return replace(clause, element=change.element, settled=words)


@dataclass(frozen=True)
class Countering:
    """The form of other words: the clause's name, what the draft says now, and what the version before said."""

    state: State
    name: str
    now: str
    before: str


def countering(found: Dossier, state: State) -> Countering:
    """The fields of the form of a clause, which begins with what the draft says."""
    of, drafts = state.value("of"), waiting(found.versions)
    contract = drafts[-1][1] if drafts else {}
    known = {each.key: one for each, one in found.versions}
    chain = amended_by(drafts[-1][0].amends, {each.key: each for each, _ in found.versions}) if drafts else ()
    signed = standing([known[key] for key in chain if key in known])
    shown = of != _PAID or found.sees_rates
    now, before = (text_.get(of, "") if shown else "" for text_ in (said(contract), signed))
    state = replace(state, values={"words": now, **state.values})
    return Countering(state, label(of), now, before if before != now else "")


def words_of(found: Dossier, shown: Redline) -> list[Paragraph]:
    """The redline as the paragraphs of a document: all that the second version says, what differs tracked."""
    named = dict(shown.choices)
    between = spoken("redline.between", before=named[shown.before], after=named[shown.after])
    made = [plain(f"{found.line.number} {found.line.title}".strip(), "Title"), plain(between, "Note")]
    for clause in shown.clauses:
        made.append(plain(clause.name, "Heading1"))
        made += [Paragraph([each]) for each in clause.pieces] if clause.listed else [Paragraph(clause.pieces)]
        made += [plain(clause.settled, "Note")] if clause.settled else []
    for schedule in shown.schedules:
        made += [plain(schedule.name, "Heading1"), plain(schedule.about, "Note")]
        for rate in schedule.rates:
            by = [Piece("same", f" ({rate.by})")] if rate.by else []
            made.append(Paragraph([Piece("same", f"{rate.name}: "), *rate.pieces, *by]))
    for row in shown.kept:
        made += [plain(row.name, "Heading1"), plain(row.value)]
    return made


def _id(key: str) -> str:
    return key.partition("/")[2]


def _what(version: Version) -> str:
    kind = AMENDMENTS.get(version.amendment, version.amendment)
    return ", ".join(filter(None, (STATUS.get(version.status, version.status), kind.lower())))


def _clause(change: Change, found: Dossier, times: Times) -> Clause:
    of = change.element if change.element.startswith("term:") else ""
    if change.element == "parties":
        was, now = ([found.names.get(key, key) for key in said.split()] for said in (change.before, change.after))
        return Clause(label(change.element), among(was, now), listed=True)
    before, after = (_told(change.element, said, found.names, times) for said in (change.before, change.after))
    shown = pieces(before, after) if of or change.element == "title" else whole(before, after)
    return Clause(label(change.element), shown, of)


def _told(element: str, value: str, names: Mapping[str, str], times: Times) -> str:
    if element in _DAYS and value:
        return times.stored(value)
    if element == "kind":
        return KINDS.get(value, value)
    if element == "parties":
        return ", ".join(names.get(key, key) for key in value.split())
    if element == "evergreen" and value:
        return spoken("agreements.redline.yes") if value == "yes" else spoken("agreements.redline.no")
    return money(value) if element == "limit" else value


def _taking_part(found: Dossier, times: Times, pair: tuple[Chain, Chain]) -> Iterator[Clause]:
    """Who takes part, where the directory lists anybody under the second version; it goes on with whom it listed
    before else."""
    was, now = (_listed(found, times, chain) for chain in pair)
    if now and set(was) != set(now):
        yield Clause(spoken("agreements.who-takes-part"), among(was, now), listed=True)


def _listed(found: Dossier, times: Times, chain: Chain) -> list[str]:
    parts = (taking(each, found.names, times) for each in found.listings if each.contract in chain)
    return list(dict.fromkeys(f"{each.name}: {each.networks}; {each.scope}" for each in parts))


def _schedule(each: Changed, paid: Rates) -> Schedule:
    name = each.name or spoken("agreements.rates")
    if not each.compared:
        about = spoken("agreements.redline.too-many", before=f"{each.before:,}", after=f"{each.after:,}")
    else:
        differing = count(each.differing, "differing-rate")
        about = spoken("agreements.redline.lines", differing=differing, same=f"{each.same:,}")
    if each.differing > len(each.paid):
        about = spoken("agreements.redline.first", about=about, shown=len(each.paid))
    return Schedule(name, about, [_rate(one, paid) for one in each.paid], f"rates:{each.name}")


def _rate(paid: Paid, known: Rates) -> Rate:
    line = next(each for each in (paid.after, paid.before) if each)
    return Rate(rated(line, known.meanings), whole(*(_pays(each) for each in (paid.before, paid.after))), _by(paid))


def _pays(line: RateLine | None) -> str:
    """What a line pays, empty for none: `$41.50`, `104% of Medicare`, `per diem $900.00`."""
    if line is None:
        return ""
    amount = f"${_places(line.amount)}" if line.amount is not None else ""
    share = f"{line.percent:f}%" if line.percent is not None else ""
    if share and line.reference:
        share = spoken("agreements.redline.of", share=share, reference=line.reference)
    factor = f"x {line.factor:f}" if line.factor is not None else ""
    how = "" if line.method in ("negotiated", "fee-schedule") else line.method.replace("-", " ")
    return " ".join(filter(None, (how, amount, share, factor)))


def _by(paid: Paid) -> str:
    if paid.more is None or paid.after is None or paid.before is None:
        return ""
    sign = MINUS if paid.more < 0 else "+"
    more = abs(paid.more)
    share = f"{sign}{abs(paid.share):f}%" if paid.share is not None else ""
    if paid.after.amount != paid.before.amount:
        return ", ".join(filter(None, (f"{sign}${_places(more)}", share)))
    if paid.after.percent != paid.before.percent:
        return spoken("agreements.redline.points", more=f"{sign}{more:f}")
    return ", ".join(filter(None, (f"{sign}{more:f}", share)))


def _places(amount: Decimal) -> str:
    """With cents, and with more places where it has them."""
    return f"{amount:,.2f}" if amount == amount.quantize(Decimal("0.01")) else f"{amount:,f}"
