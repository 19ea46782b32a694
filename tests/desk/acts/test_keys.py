"""Every key that is printed beside an act is one that the script listens to."""

import re
from pathlib import Path

from carecoord.web.acts.buttons import BUTTONS

SCRIPT = Path(__file__).parents[3] / "carecoord" / "web" / "static" / "acts.js"


def test_every_key_that_is_printed_beside_an_act_chooses_it() -> None:
    taken = re.search(r"if \(/(.*?)/\.test\(event\.key\)\) choose\(event\)", SCRIPT.read_text())
    assert taken
    listened = re.compile(taken[1].replace("[a-z[", r"[a-z\["))  # where JavaScript needs no backslash
    assert {key for _, _, key in BUTTONS.values() if not listened.fullmatch(key)} == set()
