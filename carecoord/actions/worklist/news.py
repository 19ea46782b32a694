"""Whether anything has changed in what somebody looks at: asked every few seconds, so that it costs next to nothing. It
shows nobody, so no audit tells of it; of what is another's it says what it says of nothing."""

from auth.grant import Grant
from carecoord.actions.access.turn import looking
from carecoord.actions.patients import reads
from carecoord.actions.worklist.worklist import seen_cases
from carecoord.errors import NotFound
from carecoord.store.worklist import version as kept
from carecoord.world import World


def version(world: World, grant: Grant, case: str = "", patient: str = "") -> int:
    """When (microseconds) anything in the asker's list last changed; of one case (id) or patient (id), where one is
    named. 0: never, or it is not theirs to see."""
    with looking(world, grant, "") as turn:
        if case:
            row = seen_cases(turn).one(case)
            return row.updated if row else 0
        if not patient:
            return kept.version(turn.conn, turn.cases_seen())
        try:
            reads.seen(turn, patient)
        except NotFound:
            return 0
        return kept.of_patient(turn.conn, patient)
