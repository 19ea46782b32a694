"""Reads the FHIRPath of an invariant into a tree of nodes.

Clause: FHIRPath 2.0 grammar, as much of it as the invariants of R4 are written in: no arithmetic but `+` and `&`, no
dates, quantities, `$index` or `$total`.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

# The binding of the operators, the loosest first; those of one row are read from left to right.
_LEVELS: Final = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "!="),
    ("<=", ">=", "<", ">"),
    ("|",),
    ("is", "as"),
    ("+", "&"),
)
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>\d+)|(?P<word>[%$]?[A-Za-z_]\w*)|(?P<sign><=|>=|!=|[=<>|+&.(),]))"
)
_ESCAPES: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


@dataclass(frozen=True)
class Node:
    """A part of an expression. kind: "name" (a child of the context), "step" (a child of `left`), "call" (of the
    function `name` on `left`, or on the context where there is none), "operator", "literal" or "variable"."""

    kind: str
    name: str = ""
    left: "Node | None" = None
    arguments: "tuple[Node, ...]" = ()
    value: Any = None

    def operands(self) -> "tuple[Node, Node]":
        """The two sides of an operator."""
        first, second = self.arguments
        return first, second


def parse(source: str) -> Node:
    """The tree of an expression. Raises ValueError for what is none, or is written in more than we read."""
    reader = _Reader(source)
    tree = reader.expression(0)
    if reader.kind != "end":
        raise ValueError(f"{reader.now!r} is left over of {source!r}")
    return tree


class _Reader:
    def __init__(self, source: str) -> None:
        self.source, self.place = source, 0
        self.kind, self.now = "end", ""
        self.step()

    def step(self) -> str:
        """Go on to the next token; returns the one that was."""
        before = self.now
        match = _TOKEN.match(self.source, self.place)
        if match:
            self.kind, self.now, self.place = str(match.lastgroup), match[str(match.lastgroup)], match.end()
        elif self.source[self.place :].strip():
            raise ValueError(f"what is {self.source[self.place :]!r}?")
        else:
            self.kind, self.now = "end", ""
        return before

    def take(self, wanted: str) -> None:
        if self.now != wanted:
            raise ValueError(f"{wanted!r} is wanted before {self.source[self.place :]!r}")
        self.step()

    def expression(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self.term()
        left = self.expression(level + 1)
        while self.kind in ("word", "sign") and self.now in _LEVELS[level]:
            operator = self.step()
            left = Node("operator", operator, arguments=(left, self.expression(level + 1)))
        return left

    def term(self) -> Node:
        found = self.first()
        while self.now == "." and self.kind == "sign":
            self.step()
            found = self.invocation(found)
        return found

    def first(self) -> Node:
        if self.kind == "text":
            return Node("literal", value=_unescaped(self.step()[1:-1]))
        if self.kind == "number":
            return Node("literal", value=int(self.step()))
        if self.now == "(":
            self.step()
            inner = self.expression(0)
            self.take(")")
            return inner
        if self.now in ("true", "false"):
            return Node("literal", value=self.step() == "true")
        if self.now[:1] in ("%", "$"):
            return Node("variable", self.step())
        return self.invocation(None)

    def invocation(self, left: Node | None) -> Node:
        if self.kind != "word":
            raise ValueError(f"a name is wanted before {self.source[self.place :]!r}")
        name = self.step()
        if self.now != "(":
            return Node("name" if left is None else "step", name, left)
        self.step()
        arguments: list[Node] = []
        while self.now != ")":
            arguments.append(self.expression(0))
            if self.now != ")":
                self.take(",")
        self.step()
        return Node("call", name, left, tuple(arguments))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)
