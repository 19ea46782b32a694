"""The files that others publish in a layout of their own and of any length, as data: what they are kept as, who may
bring them in, and what has to be said beside."""

from dataclasses import dataclass
from typing import Final

from carecoord.domain.access import roles, verbs
from carecoord.domain.access.verbs import Verb
from carecoord.domain.imports.published import nppes, plan_net


@dataclass(frozen=True)
class Published:
    """makes: the types that it is kept as. verb: who may bring it in. asks: what is said beside the file."""

    makes: tuple[str, ...]
    verb: Verb
    asks: tuple[str, ...]


PUBLISHED: Final = {
    "nppes": Published(nppes.TYPES, "import", ("states", "taxonomies")),
    "in-network": Published(("Contract",), "see-rates", ("agreement", "version")),
    "plan-net": Published(plan_net.TYPES, "import", ("directory", "whole")),
}


def kinds(held: frozenset[str]) -> tuple[str, ...]:
    """The kinds that somebody with these roles may bring in."""

    def may(type: str) -> bool:
        return any({"c", "u"} <= set(roles.letters(role, type)) for role in held)

    return tuple(name for name, each in PUBLISHED.items() if verbs.may(held, each.verb) and all(map(may, each.makes)))
