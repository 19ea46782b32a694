"""What no reader of a test may meet by chance: no template and no script holds words of its own."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from jinja2 import Environment, nodes

from tests.desk.language.pseudo import TERMS, Heard

WEB: Final = Path(__file__).resolve().parents[3] / "carecoord" / "web"
_COMMAND: Final = "carecoord ehr add NAME URL"  # typed as it stands
_MARK: Final = "\u2022"  # where an expression stands
_WORD: Final = re.compile(r"[A-Za-z]{2,}")
_ATTRIBUTE: Final = re.compile(r"""[\w:-]+=(?:"[^"]*"|'[^']*'|\S+)|^/\S*|^hx-.*""")  # what a macro puts into a tag
_NAMES: Final = frozenset({"skip", "body_class", "main_class"})  # blocks that fill an attribute


def shown(node: nodes.Node) -> Iterator[str]:
    """The texts that an expression may put out by itself."""
    if isinstance(node, nodes.Const):
        yield str(node.value)
    elif isinstance(node, nodes.CondExpr):
        yield from (said for each in (node.expr1, node.expr2) if each for said in shown(each))
    elif isinstance(node, nodes.Concat):
        yield from (said for each in node.nodes for said in shown(each))
    elif isinstance(node, nodes.Or | nodes.And | nodes.Add):
        yield from (said for each in (node.left, node.right) for said in shown(each))
    elif isinstance(node, nodes.Filter) and node.node is not None:
        yield from shown(node.node)


def drawn(source: str) -> str:
    """A template as a page: its own text, and of each expression what it may put out by itself."""
    page, tree = "", Environment(autoescape=True).parse(source)
    blocks = [each for each in tree.find_all(nodes.Block) if each.name in _NAMES]
    names = {id(output) for each in blocks for output in each.find_all(nodes.Output)}
    for output in tree.find_all(nodes.Output):
        for node in output.nodes if id(output) not in names else ():
            page += node.data if isinstance(node, nodes.TemplateData) else _MARK.join(["", *shown(node), ""])
    return page


@pytest.mark.parametrize("path", sorted((WEB / "templates").glob("*.html")), ids=lambda path: path.name)
def test_no_template_has_words_of_its_own(path: Path) -> None:
    said = [words for _, words in Heard(drawn(path.read_text())).said if words != _COMMAND]
    assert [words for words in said if set(_WORD.findall(_ATTRIBUTE.sub("", words))) - TERMS] == []


_TEXT: Final = re.compile(r"""\"([^"\n]*)\"|'([^'\n]*)'|`([^`]*)`""")
_CODE: Final = re.compile(r".*[.#\[\]=>].*|use strict|textarea, select|px px|alert unsent")  # a selector, a mode


@pytest.mark.parametrize("path", sorted((WEB / "static").glob("*.js")), ids=lambda path: path.name)
def test_no_script_has_words_of_its_own(path: Path) -> None:
    """What a script says it reads from the page, which had it from the catalogue."""
    code = "\n".join(line.partition("//")[0] for line in path.read_text().splitlines())
    said = [re.sub(r"\$\{[^}]*\}", "", "".join(found)) for found in _TEXT.findall(code)]
    assert [each for each in said if re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", each) and not _CODE.fullmatch(each)] == []
