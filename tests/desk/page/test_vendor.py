"""What we ship of others is what we say it is, with its licence; and every icon that is asked for is there."""

import hashlib
import re
from pathlib import Path

from carecoord.web.page import assets

STATIC = assets.STATIC
VENDOR = STATIC / "vendor"
LICENCES = {
    "htmx-4.0.1": "Zero-Clause BSD",
    "inter-5.3.0": "SIL OPEN FONT LICENSE",
    "lucide-1.62.0": "ISC License",
}


def test_each_vendored_file_has_the_sum_that_is_written_down() -> None:
    lines = (VENDOR / "SHA256SUMS.txt").read_text().splitlines()
    written = dict(reversed(line.split("  ")) for line in lines)
    found = {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS.txt"
    }
    assert found == written


def test_each_vendored_package_carries_its_licence() -> None:
    assert {path.name for path in VENDOR.iterdir() if path.is_dir()} == set(LICENCES)
    for package, words in LICENCES.items():
        assert words.casefold() in (VENDOR / package / "LICENSE.txt").read_text().casefold()


def test_the_sprite_holds_every_icon_that_is_asked_for() -> None:
    web = Path(assets.__file__).parents[1]
    source = "".join(path.read_text() for path in [*web.rglob("*.html"), *web.rglob("*.py")])
    asked = set(re.findall(r"""icon(?:\(|=)["']([a-z0-9-]+)["']""", source))
    held = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / assets.SPRITE).read_text()))
    assert asked == held


def test_the_stylesheet_asks_for_no_file_that_is_not_there() -> None:
    for path in re.findall(r'url\("([^"]+)"\)', (STATIC / "app.css").read_text()):
        assert (STATIC / path).is_file()
