"""What a telephone or a fax server reads off a sheet: the address of a link as a QR code, the number of its cover as a
bar code (Code 128). Drawn into the page, black on white in both themes."""

import barcode
import segno
from markupsafe import Markup

from carecoord.words.catalogue import spoken

_HEIGHT = 40  # modules


def square(address: str) -> Markup:
    """A QR code (ISO/IEC 18004) of an address."""
    drawn = segno.make(address, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", svgclass="qr")
    return Markup(drawn)  # noqa: S704 (made by segno of nothing but squares)


def bars(number: str) -> Markup:
    """A bar code (Code 128, ISO/IEC 15417) of a number, with the rest of ten modules that it wants on each side."""
    modules = barcode.get("code128", number).build()[0]
    strokes = "".join(f"M{n + 10} 0h1v{_HEIGHT}h-1z" for n, module in enumerate(modules) if module == "1")
    width = len(modules) + 20
    return Markup(
        '<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{}"><path fill="#fff" d="M0 0h{}v{}H0z"/>'
        '<path fill="#000" d="{}"/></svg>'
    ).format(width, _HEIGHT, spoken("guest.bar-code", number=number), width, _HEIGHT, strokes)
