"""A document with tracked changes opens, whatever stands in the words that it tracks (XML 1.0 section 2.2)."""

import io
import zipfile
from datetime import UTC, datetime
from xml.etree import ElementTree

from carecoord.domain.agreements.desk.redline import Piece
from carecoord.web.page import docx

STRANGE = "a\x00b\x0bc\x1fd\ufffee\ufffff\ud800g\th <&\"'> \u0085\U0001f600"


def test_letters_that_xml_does_not_have_are_left_out_of_words_and_names() -> None:
    pieces = (Piece("same", STRANGE), Piece("new", STRANGE), Piece("gone", STRANGE))
    made = docx.document([docx.Paragraph(pieces)], STRANGE, datetime(2026, 11, 30, tzinfo=UTC), "en-US")
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        root = ElementTree.fromstring(packed.read("word/document.xml"))
    w = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
    said = [each.text for each in root.iter() if each.tag in (f"{w}t", f"{w}delText")]
    assert said == ["abcdefg\th <&\"'> \u0085\U0001f600"] * 3
    assert {each.get(f"{w}author") for each in root.iter(f"{w}ins")} == {"abcdefg\th <&\"'> \u0085\U0001f600"}
