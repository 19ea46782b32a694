"""The list of a payer's rules and the page of one, in words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from carecoord.actions.rules.register import Asked, Found, Line, Listed, Past, Source
from carecoord.domain.prior_auth.rule_book import Rule
from carecoord.store.prior_auth.rule_list import MANY
from carecoord.web.page.times import Times
from carecoord.web.rules import vocabulary
from carecoord.web.rules.vocabulary import ANSWERS, HOLDS, SOURCES, TONES, Meanings
from carecoord.words.catalogue import spoken

RULES: Final = "/rules"
_LONGEST: Final = 200
_SAID: Final = ("payer", "code", "plan", "answer", "kind", "holds")


@dataclass(frozen=True)
class Shown:
    """A rule in the list. `key`: what narrows it, as one line."""

    href: str
    service: str
    title: str
    answer: str
    tone: str
    key: str
    held: str
    source: str


@dataclass(frozen=True)
class Known:
    """What was known of a rule for a while, as one line."""

    when: str
    answer: str
    tone: str
    key: str


@dataclass(frozen=True)
class Page:
    """A rule, whole. `key`, `wants`: (what it is called, what the rule says); `after`: whether it stands no more."""

    href: str
    title: str
    service: str
    answer: str
    tone: str
    payer: str
    key: list[tuple[str, str]]
    wants: list[tuple[str, str]]
    held: str
    origin: str
    source: str
    about: str
    past: list[Known]
    ties: list[Shown]
    after: bool


def asked(args: Mapping[str, str]) -> Asked:
    """What an address asks for; what is none counts as not said."""
    said = {name: args.get(name, "").strip()[:_LONGEST] for name in _SAID}
    code, _, n = args.get("after", "").rpartition("~")
    after = (code[:_LONGEST], int(n)) if n.isascii() and n.isdigit() and len(n) < 19 else None
    answer = said["answer"] if said["answer"] in ANSWERS else ""
    kind = said["kind"] if said["kind"] in ("hand", "exempt") else ""
    holds = said["holds"] if said["holds"] in HOLDS else "now"
    return Asked(said["payer"], said["code"], said["plan"], answer, kind, holds, after)


def href(asked: Asked, **other: Any) -> str:
    """The address of a list with something else in it."""
    it = replace(asked, **({"after": None} | other))
    pairs = {
        "payer": it.payer, "code": it.code, "plan": it.plan, "answer": it.answer, "kind": it.kind,
        "holds": it.holds if it.holds != "now" else "", "after": "{}~{}".format(*it.after) if it.after else "",
    }  # fmt: skip
    query = urlencode({name: value for name, value in pairs.items() if value})
    return f"{RULES}?{query}" if query else RULES


def following(found: Listed, asked: Asked) -> str:
    """The address of the next page, empty where there is none."""
    if not found.more or not found.lines:
        return ""
    last = found.lines[-1]
    return href(asked, after=(last.rule.code, last.n))


def total(found: Listed) -> str:
    """How many there are, in words."""
    return spoken("rules.many", n=f"{MANY - 1:,}") if found.count >= MANY else spoken("rules.count", n=found.count)


def shown(line: Line, meanings: Meanings) -> Shown:
    """A rule in the list."""
    rule = line.rule
    return Shown(
        f"{RULES}/{line.n}", vocabulary.service(rule, meanings), rule.title, ANSWERS[rule.answer], TONES[rule.answer],
        _narrow(rule, meanings), vocabulary.held(rule), _source(line.source),
    )  # fmt: skip


def _narrow(rule: Rule, meanings: Meanings, plans: tuple[str, ...] = ()) -> str:
    return " · ".join(f"{name}: {said}" for name, said in vocabulary.narrowed(rule, meanings, plans))


def _source(source: Source) -> str:
    return SOURCES[source.kind] if source.kind == "hand" else f"{SOURCES[source.kind]}: {source.title}"


def page(found: Found, times: Times) -> Page:
    """A rule, whole."""
    rule, plans = found.rule, tuple(each.plan for each in found.rules)
    return Page(
        f"{RULES}/{found.n}", rule.title, vocabulary.service(rule, found.words), ANSWERS[rule.answer],
        TONES[rule.answer], found.payer.name, vocabulary.narrowed(rule, found.words, plans), vocabulary.wants(rule),
        vocabulary.held(rule), vocabulary.came_from(rule), _source(found.source), _about(found),
        [_known(each, found.words, times) for each in found.past],
        [shown(each, found.words) for each in found.ties], not found.stands,
    )  # fmt: skip


def _about(found: Found) -> str:
    """What a change of it would mean, by where it came from."""
    if found.source.kind == "import":
        return spoken("rules.about.import")
    if found.source.kind == "hand":
        return spoken("rules.about.hand")
    return spoken("rules.about.book") if found.one else spoken("rules.several")


def _known(past: Past, meanings: Meanings, times: Times) -> Known:
    rule = past.rules[0]
    since, until = times.exact(past.since), times.exact(past.until) if not past.stands else ""
    when = spoken("rules.known-until", since=since, until=until) if until else spoken("rules.known", since=since)
    key = " · ".join(filter(None, (
        vocabulary.service(rule, meanings), _narrow(rule, meanings, tuple(each.plan for each in past.rules)),
        vocabulary.held(rule), *(f"{name}: {said}" for name, said in vocabulary.wants(rule)),
    )))  # fmt: skip
    return Known(when, ANSWERS[rule.answer], TONES[rule.answer], key)
