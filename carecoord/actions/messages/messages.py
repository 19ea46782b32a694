"""Messages about one referral: written by whoever takes part in it, to others who do."""

from auth.grant import Grant
from carecoord.actions.acts.act import Acting, Done, Planned, Submission, perform
from carecoord.domain.messages import acts
from carecoord.errors import Conflict
from carecoord.words.sentence import sentence
from carecoord.world import World


def ask_office(world: World, grant: Grant, request: str, submission: Submission, words: str) -> Done:
    """Write to the office that refers. Raises Conflict where nobody knows which it is."""

    def plan(acting: Acting) -> Planned:
        to = acts.office(acting.clearance)
        if not to:
            raise Conflict("Nobody knows which office refers.", "http.act")
        talk = acts.message(acting.case, acting.id, acting.person, to, words, acting.turn.now)
        return Planned([talk], sentence("act.message-sent", to=str(to[0]["display"])))

    return perform(world, grant, request, submission, "message", plan)
