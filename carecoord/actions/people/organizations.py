"""The organizations that people can belong to, each once however many systems told of it, and who has to belong to
one: what a coordinator, a payer's clerk, a clinician or the contract desk sees hangs on it."""

from dataclasses import replace

from carecoord.actions.people.accounts import NewUser
from carecoord.domain.access import verbs
from carecoord.domain.resource.elements import item, text
from carecoord.domain.resource.parties import distinct, is_payer
from carecoord.errors import Invalid
from carecoord.fhir import text as json
from carecoord.fhir.search.query import EVERYTHING, parse
from carecoord.store.database.engine import reading
from carecoord.store.search.search import find
from carecoord.words.sentence import sentence
from carecoord.world import World

BELONG = verbs.holders("see-whole", "see-as-payer", "see-agreements")
WORK_ON_CASES = verbs.holders("see-whole", "see-as-payer")
MOST = 1000  # organizations looked at
_NAMED = 10  # of them, told in a refusal


def what_is_seen(roles: frozenset[str]) -> str:
    """What somebody with these roles sees of an organization."""
    return "cases" if roles & {*WORK_ON_CASES} else "agreements"


def needs_one(new: NewUser) -> bool:
    """Whether this person would see nothing for want of an organization."""
    alone = frozenset() if not new.practitioner else frozenset(verbs.holders("see-own-patients"))
    return not new.organization and bool((new.roles & {*BELONG}) - alone)


def placed(world: World, new: NewUser) -> tuple[NewUser, str]:
    """The person with an organization where the role needs one, and a sentence on what was decided, or empty.

    The only one that fits is taken; where there is none at all yet, the sentence warns. Raises Invalid that names those
    to choose from."""
    if not needs_one(new):
        return new, ""
    role, seen = min(new.roles & {*BELONG}, key=BELONG.index), what_is_seen(new.roles)
    fitting = _fitting(world, new.roles)
    if not fitting:
        return new, (
            f"There is no organization here yet to which somebody with the role {role} could belong, and without one "
            f"{new.login} sees no {seen}. Load or sync one, then: carecoord user change {new.login} --organization ID"
        )
    if len(fitting) == 1:
        id, name = fitting[0]
        return replace(new, organization=id), f"{new.login} belongs to {name} ({id}), the only organization that fits."
    listed = "; ".join(f"{id} ({name})" for id, name in fitting[:_NAMED])
    more = f"; and {len(fitting) - _NAMED} more" if len(fitting) > _NAMED else ""
    which = f"With the role {role} one sees the {seen} of an organization: say which by its id."
    raise Invalid(sentence("refusals.here", which=which, listed=listed, more=more))


def _fitting(world: World, roles: frozenset[str]) -> list[tuple[str, str]]:
    """(id, name) of the payers, or of all others, by name; our own where there are any. Agreements have two parties:
    who sees these alone may be of either."""
    payer, either = verbs.may(roles, "see-as-payer"), not roles & {*WORK_ON_CASES}
    with reading(world.engine) as conn:
        asked = parse("Organization", [("_sort", "name")], world.base, strict=True)
        found = [json.loads(row.body) for row in find(conn, asked, lambda _: EVERYTHING, page_size=MOST).rows]
    kind = [each for each in found if (either or is_payer(each) == payer) and each.get("active") is not False]
    own = [each for each in kind if not text(item(each, "meta"), "source")]
    order = {id(each): n for n, each in enumerate(kind)}
    chosen = sorted(distinct(own or kind), key=lambda each: order[id(each)])
    return [(text(each, "id"), text(each, "name") or text(each, "id")) for each in chosen]
