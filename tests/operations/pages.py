"""The pages of docs/, and the commands in them: run as they stand, but for the names of machines and folders."""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def commands(page: str) -> dict[str, str]:
    """Of each heading of a page its commands, those of all its blocks of shell in a row."""
    found: dict[str, str] = {}
    for part in re.split(r"^## ", (DOCS / page).read_text(), flags=re.M)[1:]:
        heading, _, rest = part.partition("\n")
        shell = "\n".join(re.findall(r"^```sh\n(.*?)^```$", rest, re.S | re.M))
        if shell:
            found[heading] = shell
    return found


def placed(text: str, names: Mapping[str, str]) -> str:
    """The text with other names of machines and folders; of two that begin alike the longer."""
    any_name = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(any_name, lambda found: names[found[0]], text) if names else text
