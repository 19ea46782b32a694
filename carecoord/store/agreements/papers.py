"""The papers of agreements: which file of a document was read, who may find it, and the words of its pages."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    select,
    text,
    update,
)

from carecoord.store.agreements.register import NEVER
from carecoord.store.agreements.tables import agreement_version, paper, paper_page, paper_reader
from carecoord.store.database import bulk

_RUN: Final = 200  # rows of pages in one statement
_pages = select(paper_page.c.said).where(paper_page.c.document == bindparam("document")).order_by(paper_page.c.page)
_lettered = exists().where(paper_page.c.document == paper.c.document, paper_page.c.words != "")
_papers = select(paper, _lettered.label("lettered")).where(
    paper.c.document.in_(bindparam("documents", expanding=True))
)


def put(conn: Connection, document: str, file: str, readers: Iterable[tuple[str, str]]) -> bool:
    """Let a document have this file and be found by these, (id of the Contract, id of the Organization); whether it is
    another file than before, whose words are then to be read."""
    held = conn.execute(_papers, {"documents": [document]}).first()
    conn.execute(delete(paper_reader).where(paper_reader.c.document == document))
    bulk.insert(conn, paper_reader, [(document, *each) for each in sorted(set(readers))])
    if held is not None and held.file == file:
        return False
    _forget(conn, document)
    bulk.insert(conn, paper, [(document, file, None)])
    return True


def remove(conn: Connection, document: str) -> None:
    """Forget a document."""
    conn.execute(delete(paper_reader).where(paper_reader.c.document == document))
    _forget(conn, document)


def _forget(conn: Connection, document: str) -> None:
    conn.execute(delete(paper_page).where(paper_page.c.document == document))
    conn.execute(delete(paper).where(paper.c.document == document))


def fill(conn: Connection, document: str, file: str, pages: Sequence[tuple[str, str]]) -> None:
    """Keep the pages of a file, (as they stand, words in base letters); nothing where the document has another by
    now."""
    held = conn.execute(_papers, {"documents": [document]}).first()
    if held is None or held.file != file:
        return
    conn.execute(delete(paper_page).where(paper_page.c.document == document))
    rows = [(document, n, said, words) for n, (said, words) in enumerate(pages, 1)]
    for run in bulk.runs(rows, _RUN):
        bulk.add(conn, paper_page, run)
    conn.execute(update(paper).where(paper.c.document == document).values(pages=len(pages)))


def pages(conn: Connection, document: str) -> list[str]:
    """The words of each page as they stand, the first first; none of a file that was not read."""
    return list(conn.scalars(_pages, {"document": document}))


def papers(conn: Connection, documents: Iterable[str]) -> Mapping[str, Row[Any]]:
    """What is known of these documents, by their ids: `file`, how many `pages` were read, and whether any shows
    letters (`lettered`): a scan has none."""
    wanted = sorted(set(documents))
    return {row.document: row for row in conn.execute(_papers, {"documents": wanted})} if wanted else {}


def say(conn: Connection, words: Sequence[str], offices: Iterable[str]) -> bool:
    """Whether a page of a paper says all of these words (each the beginning of one), of the papers that contract staff
    of these organizations (ids) see."""
    return bool(words) and conn.execute(agreements(conn, words, offices).limit(1)).first() is not None


def agreements(conn: Connection, words: Sequence[str], offices: Iterable[str]) -> Select[Any]:
    """What selects the agreements of which a page says them."""
    return select(agreement_version.c.agreement).where(_said(conn, words, offices))


def places(
    conn: Connection, wanted: Iterable[str], words: Sequence[str], offices: Iterable[str]
) -> dict[str, tuple[str, int]]:
    """By agreement the first page that says the words: (id of the document, page)."""
    where = _said(conn, words, offices)
    found = select(agreement_version.c.agreement, paper_page.c.document, paper_page.c.page).where(
        agreement_version.c.agreement.in_(sorted(set(wanted))), where
    )
    first: dict[str, tuple[str, int]] = {}
    for agreement, document, page in conn.execute(found.order_by(paper_page.c.document, paper_page.c.page)):
        first.setdefault(agreement, (document, page))
    return first


def _said(conn: Connection, words: Sequence[str], offices: Iterable[str]) -> ColumnElement[bool]:
    """That a page says the words, in a document that is about a present version and is seen by one of the offices."""
    return and_(
        _match(conn, words),
        paper_reader.c.document == paper_page.c.document,
        paper_reader.c.office.in_(sorted(set(offices))),
        agreement_version.c.id == paper_reader.c.contract,
        agreement_version.c.superseded_at == NEVER,
    )


def _match(conn: Connection, words: Sequence[str]) -> ColumnElement[bool]:
    if conn.dialect.name == "sqlite":
        match = text("paper_words MATCH :paper_said").bindparams(paper_said=" ".join(f'"{word}"*' for word in words))
        hits: Select[Any] = select(literal_column("rowid")).select_from(text("paper_words")).where(match)
        return paper_page.c.n.in_(hits)
    simple: ColumnElement[Any] = literal_column("'simple'::regconfig")
    asked = func.to_tsquery(simple, " & ".join(f"'{word}':*" for word in words))
    return func.to_tsvector(simple, paper_page.c.words).bool_op("@@")(asked)
