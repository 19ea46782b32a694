"""What a payer offers to take part in: its networks, and the plans that use them; and what was chosen of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from carecoord.actions.access.turn import Turn
from carecoord.domain.agreements.records import named
from carecoord.domain.imports.known import is_network
from carecoord.domain.resource.elements import Json, identifiers, items, key, target, text
from carecoord.domain.resource.parties import name
from carecoord.errors import Unprocessable
from carecoord.fhir import text as json
from carecoord.store.resources import read
from carecoord.store.worklist import registry
from carecoord.words.sentence import sentence


@dataclass(frozen=True)
class Product:
    """What a payer offers: its networks and plans, by their keys."""

    networks: Mapping[str, Json] = field(default_factory=dict)
    plans: Mapping[str, Json] = field(default_factory=dict)

    def used(self, plan: Json) -> list[str]:
        """The keys of the payer's networks that a plan uses."""
        parts = [plan, *items(plan, "coverage"), *items(plan, "plan")]
        return [to for to in dict.fromkeys(target(each) for part in parts for each in items(part, "network"))
                if to in self.networks]  # fmt: skip

    def called(self, plan: Json) -> list[str]:
        """Their names."""
        return [name(self.networks[each]) for each in self.used(plan)]


def product(turn: Turn, payer: Json) -> Product:
    """The networks and plans of a payer, each by name: what is part of it or owned by it, or by a copy of it."""
    pairs = [tuple(each.split("|", 1)) for each in identifiers(payer)]
    copies = registry.identified(turn.conn, "Organization", pairs)  # type: ignore[arg-type]
    ids = sorted({str(payer["id"]), *(row.id for row in copies)})
    parts = registry.pointing(turn.conn, [("Organization", "partof")], "Organization", ids)
    owned = registry.pointing(turn.conn, [("InsurancePlan", "owned-by")], "Organization", ids)
    networks = [each for row in parts if not row.deleted and is_network(each := json.loads(row.body))]
    plans = [each for row in owned if not row.deleted and text(each := json.loads(row.body), "status") != "retired"]
    return Product({key(each): each for each in sorted(networks, key=name)},
                   {key(each): each for each in sorted(plans, key=name)})  # fmt: skip


def chosen(turn: Turn, payer: Json, networks: Iterable[str], plans: Iterable[str]) -> list[Json]:
    """The networks that were chosen, themselves or by their plans: References, by name. payer: the Organization, or a
    Reference to it. Raises Unprocessable for another payer's, and for a plan that uses none."""
    wanted, by_plan = list(networks), list(plans)
    if not (wanted or by_plan):
        return []
    row = read.get(turn.conn, "Organization", named(payer).partition("/")[2]) if "reference" in payer else None
    offered = product(turn, json.loads(row.body) if row and not row.deleted else payer)
    if any(each not in offered.networks for each in wanted) or any(each not in offered.plans for each in by_plan):
        raise Unprocessable(sentence("refusals.choose-networks-this-payer"), "networks")
    for plan in (offered.plans[each] for each in by_plan):
        if not offered.used(plan):
            told = f"{name(plan)} has no network yet: choose a network here, or say the plan's first under Set-up."
            raise Unprocessable(told, "networks")
        wanted += offered.used(plan)
    found = [offered.networks[each] for each in dict.fromkeys(wanted)]
    return [reference(each) for each in sorted(found, key=name)]


def reference(resource: Json) -> Json:
    """A Reference to an Organization or Location, with its name."""
    return {"reference": key(resource), "display": name(resource)}
