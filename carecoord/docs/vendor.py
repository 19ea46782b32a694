"""Lay the vendored files of the desk: htmx, the Inter font and a sprite of the Lucide icons that the desk uses.

Run it from the repository on a folder where the three packages lie unpacked (`npm pack NAME@VERSION`, `tar xzf`),
each in a folder named as below:

    python carecoord/docs/vendor.py FOLDER

It writes carecoord/web/static/vendor/<name>-<version>/ with the licence texts, and SHA256SUMS.txt over all of it.
"""

import hashlib
import re
import shutil
import sys
from pathlib import Path

WEB = Path(__file__).parent.parent / "web"
VENDOR = WEB / "static" / "vendor"
HTMX, INTER, LUCIDE = "htmx-4.0.1", "inter-5.3.0", "lucide-1.62.0"
ICON = re.compile(r"""icon(?:\(|=)["']([a-z0-9-]+)["']""")


def used_icons() -> list[str]:
    """The icons that a template, icon("name"), or a table of the desk, icon="name", asks for."""
    source = "".join(path.read_text() for path in sorted([*WEB.rglob("*.html"), *WEB.rglob("*.py")]))
    return sorted(set(ICON.findall(source)))


def sprite(icons: Path, names: list[str]) -> str:
    """One SVG file with a <symbol> for each icon; stroke and colour are left to the page."""
    symbols = []
    for name in names:
        drawing = re.sub(r"<!--.*?-->|<svg[^>]*>|</svg>|\n", "", (icons / f"{name}.svg").read_text(), flags=re.S)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{re.sub(r"  +", " ", drawing).strip()}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def lay(source: Path) -> None:
    """Copy what is used of each package, with its licence."""
    files = {
        HTMX: ["dist/htmx.min.js", "LICENSE"],
        INTER: ["files/inter-latin-wght-normal.woff2", "LICENSE"],
        LUCIDE: ["LICENSE"],
    }
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, paths in files.items():
        (VENDOR / package).mkdir(parents=True)
        for path in paths:
            name = "LICENSE.txt" if path == "LICENSE" else Path(path).name
            shutil.copyfile(source / package / path, VENDOR / package / name)
    (VENDOR / LUCIDE / "sprite.svg").write_text(sprite(source / LUCIDE / "icons", used_icons()))
    sums = [
        f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.relative_to(VENDOR)}"
        for f in sorted(VENDOR.rglob("*.*"))
        if f.is_file()
    ]
    (VENDOR / "SHA256SUMS.txt").write_text("\n".join(sums) + "\n")


if __name__ == "__main__":
    lay(Path(sys.argv[1]))
