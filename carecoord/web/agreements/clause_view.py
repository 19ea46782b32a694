"""Clauses in words: on which passage of the paper something of an agreement stands, what is known of its papers, and
the fields of the form that names one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from carecoord.actions.agreements.dossier import Dossier
from carecoord.actions.agreements.papers.citations import citable
from carecoord.domain.agreements.clauses import RATES, Clause
from carecoord.domain.documents.acts import called
from carecoord.domain.resource.elements import text
from carecoord.web.acts.forms import State
from carecoord.web.agreements.vocabulary import TERMS
from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence


@dataclass(frozen=True)
class Quote:
    """A clause: where it stands, its words, and the address at which its document opens at that page."""

    at: str
    words: str
    href: str


@dataclass(frozen=True)
class Citing:
    """The fields of the form: what can stand on a clause and the documents, each by its key."""

    state: State
    choices: Mapping[str, str]
    documents: Mapping[str, str]


def quotes(found: Dossier) -> dict[str, Quote]:
    """The clauses that count, by what stands on them."""
    return {of: Quote(at(each), each.words, address(each)) for of, each in found.clauses.items()}


def at(clause: Clause) -> str:
    """Where a clause stands."""
    if clause.heading and not clause.heading[:1].isdigit():  # `Exhibit B`
        return say(sentence("clause.at.titled", heading=clause.heading, page=clause.page))
    if clause.heading:
        return say(sentence("clause.at", heading=clause.heading, page=clause.page))
    return say(sentence("clause.at.page", page=clause.page))


def address(clause: Clause) -> str:
    """The address at which the document opens at the page of the clause (RFC 8118, `page`)."""
    return f"/documents/{clause.document.partition('/')[2]}/1#page={clause.page}"


def readings(found: Dossier) -> dict[str, str]:
    """What is known of the words of each document, by its id."""
    return {id: say(_reading(paper.pages, paper.lettered)) for id, paper in found.papers.items()}


def _reading(pages: int | None, lettered: bool) -> Sentence:
    if pages is None:
        return sentence("paper.unread")
    if not pages:
        return sentence("paper.closed")
    return sentence("paper.pages", pages=pages) if lettered else sentence("paper.scan", pages=pages)


def citing(found: Dossier, state: State) -> Citing:
    """The fields, with the clause that stands there now where nothing was typed yet."""
    choices = {each: _named(found, each) for each in citable(found)}
    documents = {text(each, "id"): called(each) for each in found.documents}
    held = found.clauses.get(state.value("of"))
    if not state.values.keys() - {"of"}:
        values = {"document": next(iter(documents))} if len(documents) == 1 else {}
        if held:
            page, document = str(held.page), held.document.partition("/")[2]
            values = {"document": document, "page": page, "heading": held.heading, "words": held.words}
        state = replace(state, values={**values, **state.values})
    return Citing(state, choices, documents)


def _named(found: Dossier, of: str) -> str:
    kind, _, name = of.partition(":")
    if kind == "party":
        return say(sentence("clause.party", name=found.names.get(name, name)))
    if of.startswith(RATES):
        return say(sentence("clause.rates", name=name))
    return TERMS.get(name, name.replace("-", " ").capitalize())

