"""What somebody permits on each of their telephones: whether a text may be sent, whether a message may be left,
when it is best to call. Nobody says: nothing is permitted, and nothing refused.

FHIR R4 has no element for it: the extension `contact-permission` of ContactPoint has a code, `contact-hours` words."""

from typing import Final, Literal

from carecoord.domain.resource.codes import EXTENSION
from carecoord.domain.resource.elements import Json, extension, extensions, text

Permission = Literal["text", "no-text", "voice-mail", "no-voice-mail"]
PERMISSIONS: Final[tuple[Permission, ...]] = ("text", "no-text", "voice-mail", "no-voice-mail")
_PERMISSION: Final = f"{EXTENSION}/contact-permission"
_HOURS: Final = f"{EXTENSION}/contact-hours"


def permissions(telephone: Json) -> list[Permission]:
    """What is said of a ContactPoint; of yes and no, the no."""
    said = {text(each, "valueCode") for each in extensions(telephone, _PERMISSION)}
    return [each for each in PERMISSIONS if each in said and f"no-{each}" not in said]


def hours(telephone: Json) -> str:
    """When it is best to call, in the words of whoever wrote it down."""
    return text(extension(telephone, _HOURS), "valueString")
