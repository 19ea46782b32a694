"""The stylesheets' cascade layers: what a later layer says wins, however particular the earlier rule was. So a rule for
one place (`.rail-menu .menu-list`) stands in a later layer than the rule for all of its kind (`.menu-list`)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from carecoord.web.page import assets

_PARTICULAR = re.compile(r"[.#\[]|:(?!:)(?!is\b|where\b)")


class Rule(NamedTuple):
    file: str
    layer: str
    selector: str
    properties: frozenset[str]


def blocks(css: str) -> Iterator[tuple[str, str]]:
    """The head and the body of each block of the outermost level."""
    depth, start, head = 0, 0, ""
    for at, letter in enumerate(css):
        if letter == "{":
            if depth == 0:
                head, start = css[start:at].rsplit(";", 1)[-1].strip(), at + 1
            depth += 1
        elif letter == "}":
            depth -= 1
            if depth == 0:
                yield head, css[start:at]
                start = at + 1


def rules() -> list[Rule]:
    """Every rule that holds at every width and in every mode."""
    found = []
    for path in sorted(assets.STATIC.glob("*.css")):
        css = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
        for layer, content in blocks(css):
            if not layer.startswith("@layer"):
                continue
            for head, body in blocks(content):
                properties = frozenset(re.findall(r"(?:^|[;{])\s*([a-z-]+)\s*:", body))
                found += [
                    Rule(path.name, layer.removeprefix("@layer").strip(), selector.strip(), properties)
                    for selector in re.split(r",(?![^()]*\))", head)
                    if not head.startswith("@")
                ]
    return found


def elements(selector: str) -> list[frozenset[str]]:
    """For each element that a selector names, outermost first, the simple selectors about it."""
    parts = re.split(r"[\s>+~]+(?![^()]*\))", selector)
    return [frozenset(re.findall(r"::?[\w-]+(?:\([^)]*\))?|[.#]?[\w-]+|\[[^\]]*\]", part)) for part in parts]


def holds_wherever(wide: str, narrow: str) -> bool:
    """Whether `wide` is about every element that `narrow` is about."""
    *around, it = elements(wide)
    *surely, that = elements(narrow)
    return it <= that and all(any(each <= one for one in surely) for each in around)


def particular(selector: str) -> int:
    return len(_PARTICULAR.findall(selector))


def the_same(one: str, other: str) -> bool:
    """Whether one of two properties sets the other as well: padding and padding-block."""
    return one == other or one.startswith(f"{other}-") or other.startswith(f"{one}-")


def test_a_rule_for_one_place_is_never_lost_to_a_rule_for_all_of_its_kind() -> None:
    order = re.search(r"@layer ([\w, -]+);", (assets.STATIC / "app.css").read_text())
    assert order
    layers = [name.strip() for name in order[1].split(",")]
    known = rules()
    assert len(known) > 300
    lost = [
        f"{one.file}: {one.selector} ({one.layer}) to {kind.selector} ({kind.layer}): {name}"
        for one in known
        for kind in known
        if layers.index(kind.layer) > layers.index(one.layer)
        and particular(kind.selector) < particular(one.selector)
        and holds_wherever(kind.selector, one.selector)
        for name in one.properties
        if any(the_same(name, other) for other in kind.properties)
    ]
    assert not lost, "\n".join(lost)
