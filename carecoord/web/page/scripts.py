"""What the desk's scripts say, as a page hands it to them: a script holds no words of its own (static/words.js)."""

from collections.abc import Mapping
from typing import Final

from carecoord.words.catalogue import say
from carecoord.words.sentence import Sentence, sentence

_TOLD: Final[Mapping[str, Sentence]] = {  # a name in braces is a place that the script fills
    "theme-dark": sentence("script.theme-dark"),
    "theme-light": sentence("script.theme-light"),
    "waiting": sentence("script.waiting", n="{n}"),
    "chosen": sentence("script.chosen", n="{n}"),
    "chosen-elsewhere": sentence("script.chosen-elsewhere", n="{n}", elsewhere="{elsewhere}"),
    "not-opened": sentence("script.not-opened", row="{row}"),
    "not-fetched": sentence("script.not-fetched"),
    "answered": sentence("script.answered", status="{status}"),
    "silent": sentence("script.silent", what="{what}"),
    "opened": sentence("script.opened", name="{name}"),
    "closed": sentence("script.closed"),
    "file-too-large": sentence("script.file-too-large", size="{size}", most="{most}"),
    "codes": sentence("script.codes"),
    "code-found": sentence("script.code-found"),
    "codes-found": sentence("script.codes-found", n="{n}"),
    "code-chosen": sentence("script.code-chosen", code="{code}"),
    "unsent-silent": sentence("script.unsent-silent"),
    "unsent-signed-out": sentence("script.unsent-signed-out"),
    "unsent-other": sentence("script.unsent-other", other="{other}", me="{me}"),
    "sign-in": sentence("script.sign-in"),
}


def script_words() -> dict[str, str]:
    """Name -> words in the reader's language, for `words.js`."""
    return {name: say(told) for name, told in _TOLD.items()}
