"""What the forms of a patient's page are sent to, at the desk and in an EHR's frame alike: an act on their care plan,
or a call, a message or a word about one of their cases, which the form names."""

from collections.abc import Callable, Mapping
from typing import Final

from flask import request

from auth.grant import Grant
from carecoord.actions.acts.act import Done
from carecoord.actions.care_plans import acts
from carecoord.actions.patients import talks
from carecoord.actions.prior_auth import eligibility
from carecoord.errors import NotFound
from carecoord.web.acts import changes, submissions
from carecoord.web.acts.commands import COMMANDS as CASE_COMMANDS
from carecoord.web.acts.commands import Command
from carecoord.web.acts.submissions import Again, Sender, signed_in
from carecoord.web.patients import acts_view
from carecoord.web.patients.commands import COMMANDS as PLAN_COMMANDS
from carecoord.web.server.exchange import request_id
from carecoord.words.sentence import sentence
from carecoord.world import World

ON_CASES: Final[Mapping[str, Command]] = {
    **{verb: CASE_COMMANDS[verb] for verb in ("contact", "message", "tell")},
    "check-eligibility": Command(lambda _: None, eligibility.check_for_case),
}
COMMANDS: Final[Mapping[str, Command]] = {**PLAN_COMMANDS, **ON_CASES}


def send(world: World, grant: Grant, id: str, verb: str, who: Callable[[], Sender] = signed_in) -> Done | Again:
    """Do what the form of a patient's page asks for. id: the patient; who: as of `submissions.send`. Raises NotFound
    for an act that there is not, and for a case that is not the patient's."""
    command = COMMANDS.get(verb)
    if command is None:
        raise NotFound(sentence("acts.there-no-such-act"))
    if verb not in ON_CASES:
        return submissions.send(world, command, acts.about(id), verb, acts_view.changed, who=who)
    case = request.form.get("about", "")[:200]
    talks.demand_case(world, grant, request_id(), id, case)
    return submissions.send(world, command, case, verb, changes.changed, who=who)
