"""The forms that went to a payer with a request for authorization, as far as their payer reads them. Pure.

A form is a payer's to read where two things hold: the server marked it as disclosed to this payer when it came
(`disclosed-to`), and a request that the payer has names it, or the payer's own wish that it fulfilled does."""

from collections.abc import Sequence
from typing import Final

from carecoord.domain.access.roles import DISCLOSED
from carecoord.domain.resource.elements import Json, item, items, key, target, targets, text

READ: Final = ("resourceType", "id", "meta", "questionnaire", "status", "authored", "item")  # of a form, by its payer


def forms(held: Sequence[Json], claims: Sequence[Json], wishes: Sequence[Json]) -> tuple[Json, ...]:
    """Of forms that are held those that went with these requests. claims: that the payer has; wishes: its Tasks about
    them."""
    payers = {target(item(each, "insurer")).removeprefix("Organization/") for each in claims}
    info = (each for claim in claims for each in items(claim, "supportingInfo"))
    named = {to for each in info for to in targets(each, "valueReference")}
    named |= {target(item(each, "valueReference")) for task in wishes for each in items(task, "output")}
    return tuple(
        {name: value for name, value in each.items() if name in READ}
        for each in held
        if key(each) in named and _payers(each) & payers
    )


def _payers(form: Json) -> set[str]:
    tags = items(item(form, "meta"), "tag")
    return {text(each, "code") for each in tags if text(each, "system") == DISCLOSED} - {""}
