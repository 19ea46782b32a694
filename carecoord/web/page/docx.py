"""A document as DOCX, with insertions and deletions tracked, as word processors accept or reject them one by one.

Format: ECMA-376 part 1, WordprocessingML: w:p 17.3.1.22, w:ins 17.13.5.18, w:del 17.13.5.14, w:delText 17.3.3.7."""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from carecoord.domain.agreements.desk.redline import Piece

TYPE: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_OFFICE: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_STRANGE: Final = re.compile("[\\x00-\\x08\\x0a-\\x1f\\ud800-\\udfff\\ufffe\\uffff]")
_PARTS: Final = {
    "[Content_Types].xml": f"""{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/word/document.xml" ContentType="{_OFFICE}.document.main+xml"/>
<Override PartName="/word/styles.xml" ContentType="{_OFFICE}.styles+xml"/></Types>""",
    "_rels/.rels": f"""{_HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
 Target="word/document.xml"/></Relationships>""",
    "word/_rels/document.xml.rels": f"""{_HEAD}
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles"
 Target="styles.xml"/></Relationships>""".replace("\n<R", "<R", 1),
    "word/styles.xml": f"""{_HEAD}<w:styles xmlns:w="{_W}">
<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:cs="Calibri"/>
<w:sz w:val="22"/></w:rPr></w:rPrDefault>
<w:pPrDefault><w:pPr><w:spacing w:after="120"/></w:pPr></w:pPrDefault></w:docDefaults>
<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>
<w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/><w:basedOn w:val="Normal"/>
<w:rPr><w:b/><w:sz w:val="36"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:basedOn w:val="Normal"/>
<w:next w:val="Normal"/><w:pPr><w:keepNext/><w:spacing w:before="240" w:after="60"/><w:outlineLvl w:val="0"/></w:pPr>
<w:rPr><w:b/><w:sz w:val="26"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Note"><w:name w:val="Note"/><w:basedOn w:val="Normal"/>
<w:rPr><w:i/><w:color w:val="595959"/><w:sz w:val="18"/></w:rPr></w:style></w:styles>""",
}


@dataclass(frozen=True)
class Paragraph:
    """A paragraph. style: Title, Heading1, Note or Normal."""

    pieces: Sequence[Piece]
    style: str = "Normal"


def plain(text: str, style: str = "Normal") -> Paragraph:
    """A paragraph in which nothing is tracked."""
    return Paragraph((Piece("same", text),), style)


def document(paragraphs: Iterable[Paragraph], author: str, at: datetime, language: str) -> bytes:
    """The file. author, at: of what is tracked."""
    made = _Made(author, at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), language)
    body = "".join(made.paragraph(each) for each in paragraphs)
    text = f'{_HEAD}<w:document xmlns:w="{_W}"><w:body>{body}<w:sectPr/></w:body></w:document>'
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, part in _PARTS.items():
            packed.writestr(name, part)
        packed.writestr("word/document.xml", text)
    return out.getvalue()


@dataclass
class _Made:
    author: str
    at: str
    language: str
    n: int = 0

    def paragraph(self, paragraph: Paragraph) -> str:
        """Its properties, then its runs; a line break of a text is one of the paragraph."""
        style = f'<w:pPr><w:pStyle w:val="{paragraph.style}"/></w:pPr>'
        return f"<w:p>{style}{''.join(map(self.piece, paragraph.pieces))}</w:p>"

    def piece(self, piece: Piece) -> str:
        """A run as it is, or tracked."""
        if piece.how == "same":
            return self.run(piece.text, "t")
        self.n += 1
        tag, inside = ("ins", "t") if piece.how == "new" else ("del", "delText")
        who = f"w:author={quoteattr(_held(self.author))}"
        return f'<w:{tag} w:id="{self.n}" {who} w:date="{self.at}">{self.run(piece.text, inside)}</w:{tag}>'

    def run(self, text: str, tag: str) -> str:
        """A line break of the text is one of the paragraph."""
        lines = map(_held, text.split("\n"))
        parts = (f'<w:{tag} xml:space="preserve">{escape(line)}</w:{tag}>' for line in lines)
        return f'<w:r><w:rPr><w:lang w:val="{self.language}"/></w:rPr>{"<w:br/>".join(parts)}</w:r>'


def _held(text: str) -> str:
    """What XML 1.0 can hold of a text (section 2.2): no control character, no half of one, neither U+FFFE nor U+FFFF. A
    word processor opens no file that has one of them."""
    return _STRANGE.sub("", text)
