"""Whatever auth refuses, it gives its reason a code, and every code has its words in each language."""

import ast
import inspect
from pathlib import Path

import pytest

from auth.errors import BadRegistration, Locked
from auth.people.sessions import hash_password
from carecoord.actions.people.refusals import REASONS, why
from carecoord.words.reader import reading_in

ROOT = Path(__file__).resolve().parents[3]
REFUSALS = {"BadRegistration", "BadSignIn", "BadPasskey"}


def raised() -> dict[str, set[str]]:
    """Every code that is raised with, and what it speaks of."""
    found: dict[str, set[str]] = {"locked": {"seconds"}}
    for path in [*(ROOT / "auth").rglob("*.py"), *(ROOT / "carecoord" / "actions").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                assert len(node.args) == 2, f"{path}:{node.lineno} has no code"
                assert isinstance(node.args[1], ast.Constant)
                found[str(node.args[1].value)] = {each.arg or "" for each in node.keywords}
    return found


def test_every_reason_has_its_words_of_just_what_it_speaks_of() -> None:
    assert {code: set(inspect.signature(said).parameters) for code, said in REASONS.items()} == raised()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "A password has between 12 and 1024 characters."),
        ("es", "Una contraseña tiene entre 12 y 1024 caracteres."),
    ],
)
def test_a_password_that_will_not_do_is_refused_in_the_readers_language(language: str, said: str) -> None:
    with pytest.raises(BadRegistration) as refused:
        hash_password("short")
    with reading_in(language):
        assert why(refused.value) == said


def test_who_tried_too_often_is_told_how_long_to_wait() -> None:
    with reading_in("es"):
        assert why(Locked(30)) == "Demasiadas contraseñas equivocadas. Inténtelo de nuevo en 30 segundos."


def test_a_reason_without_a_code_is_told_as_it_is() -> None:
    assert why(BadRegistration("Somebody else's library said this.")) == "Somebody else's library said this."
