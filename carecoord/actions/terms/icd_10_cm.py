"""ICD-10-CM as PyPI simple-icd-10-cm carries it (the tabular list of CMS and NCHS, a work of the United States
government). Reading it takes seconds and 200 MB, so it is done in a process of its own, which ends with it:
`python -m carecoord.actions.terms.icd_10_cm` writes every code as JSON."""

import subprocess
import sys
from functools import cache
from importlib.metadata import version
from typing import Final

import msgspec

PATIENCE: Final = 300  # seconds


class Diagnosis(msgspec.Struct, frozen=True, array_like=True):
    """A code: how it is written, what it means, and by what other words it is known."""

    code: str
    words: str
    others: str


@cache
def release() -> str:
    """Which codes are shipped: the version of the package."""
    return version("simple-icd-10-cm")


def read() -> list[Diagnosis]:
    """Every code, with its dot: categories too, for payers' rules speak of them. Raises CalledProcessError."""
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE)  # noqa: S603 (our own module)
    return msgspec.json.decode(done.stdout, type=list[Diagnosis])


def _write() -> None:
    import simple_icd_10_cm as tabular  # reads it all when it is imported

    found = [
        Diagnosis(code, tabular.get_description(code), " ".join(tabular.get_inclusion_term(code)))
        for code in tabular.get_all_codes(with_dots=True)
        if tabular.is_category_or_subcategory(code)
    ]
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    _write()
