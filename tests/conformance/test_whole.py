"""That the suite is whole: every box of the checklist has a test, and every test a box."""

import ast
import re
from pathlib import Path

from .boxes import BOXES, LATER

NAME = re.compile(r"test_smart_(1)_(\d+)_(\d+)_")


def shown() -> dict[str, str]:
    """For each box, the names and docstrings of the tests that show it."""
    found: dict[str, str] = {}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and (name := NAME.match(node.name)):
                box = ".".join(name.groups())
                found[box] = f"{found.get(box, '')} {node.name} {ast.get_docstring(node) or ''}"
    return found


def test_every_box_of_the_checklist_has_a_test_and_every_test_a_box() -> None:
    assert set(shown()) == set(BOXES) - set(LATER)


def test_every_numbered_requirement_is_named_by_a_test_of_its_box() -> None:
    tests = shown()
    for box, (_, numbers) in BOXES.items():
        named = set(re.findall(r"\d+", tests.get(box, "")))
        assert {str(number) for number in numbers} <= named or box in LATER, box
