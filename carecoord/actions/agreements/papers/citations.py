"""Naming the clause on which something of an agreement stands. Its words are looked for in the paper itself: a clause
that does not stand there is not named."""

from dataclasses import dataclass

from auth.grant import Grant
from carecoord.actions.acts.act import Done, Planned, Submission, performed
from carecoord.actions.agreements.acts import Agreeing, opened
from carecoord.actions.agreements.dossier import Dossier
from carecoord.domain.agreements import clauses as rules
from carecoord.domain.agreements.clauses import Clause, Passage
from carecoord.domain.agreements.disclosure import RATES
from carecoord.domain.agreements.parties import CUSTODIAN
from carecoord.domain.documents.acts import called
from carecoord.domain.resource.elements import code_of, item, items
from carecoord.errors import Unprocessable
from carecoord.store.agreements import papers
from carecoord.words.catalogue import say
from carecoord.words.sentence import sentence
from carecoord.world import World


@dataclass(frozen=True, slots=True)
class Cited:
    """A clause as somebody names it. `of`: what stands on it (`Clause.of`); `document`: its id; `page`, `heading`:
    found by the words where they were left out; `gone`: it is named no more."""

    of: str
    document: str
    words: str
    page: int | None = None
    heading: str = ""
    gone: bool = False


def cite(world: World, grant: Grant, request: str, submission: Submission, given: Cited) -> Done:
    """Name a clause. Raises Unprocessable for what is not of the agreement, and for words that the paper does not
    say."""

    def plan(acting: Agreeing) -> Planned:
        document = next((each for each in acting.found.documents if each.get("id") == given.document), None)
        if document is None:
            raise Unprocessable(say(sentence("clause.asks.document")), "document")
        if given.of not in citable(acting.found):
            raise Unprocessable(say(sentence("clause.asks.of")), "of")
        if given.gone:
            return Planned([rules.unnamed(document, given.of)], sentence("act.clause-gone", paper=called(document)))
        where = _found(acting, given)
        clause = Clause(given.of, where.page, given.heading or where.heading, given.words)
        said = sentence("act.cited", paper=called(document), page=where.page)
        return Planned([rules.named(document, clause)], said)

    return performed(world, grant, request, submission, "cite", plan, opened)


def citable(found: Dossier) -> list[str]:
    """What can stand on a clause (`Clause.of`): that somebody takes part, the terms and parties and, for who may see
    rates, the schedules."""
    contracts = [contract for _, contract in found.versions]
    terms = [code_of(item(term, "type")) for each in contracts for term in items(each, "term")]
    schedules = [held.schedule.name for held, _ in found.rates] if found.sees_rates else []
    named = [rules.PARTICIPATION] if found.listings or found.line.kind in ("payer-provider", "") else []
    named += [f"term:{code}" for code in terms if code and code != RATES]
    named += [f"party:{side.key}" for side in found.line.sides if side.role != CUSTODIAN]
    return list(dict.fromkeys([*named, *(f"{rules.RATES}{name}" for name in schedules)]))


def _found(acting: Agreeing, given: Cited) -> Passage:
    """Where it stands in the paper; of one of which no words are known, what was written."""
    pages = papers.pages(acting.turn.conn, given.document)
    if not any(each.strip() for each in pages):  # not read yet, or a scan
        if given.page is None:
            raise Unprocessable(say(sentence("clause.asks.page")), "page")
        return Passage(given.page, "")
    where = rules.passage(pages, given.words, given.page)
    if not isinstance(where, Passage):
        raise Unprocessable(say(where), "page" if where.key != "clause.nowhere" else "words")
    return where
