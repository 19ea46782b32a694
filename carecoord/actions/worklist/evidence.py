"""What the cases of a patient are judged by, as it is asked of PostgreSQL in one way there and back."""

from collections.abc import Sequence

from carecoord.actions.clearance.assemble import TYPES
from carecoord.store.database.driver import Asked
from carecoord.store.ehrs import conflicts, ehrs
from carecoord.store.prior_auth import authorizations
from carecoord.store.resources import read, registry_mark
from carecoord.store.worklist import marks, rows


def asked_of(patients: Sequence[str]) -> list[Asked]:
    """What is read of one patient, with whom the transaction is alone (`rows.hold`), in the order in which it has to
    be read: first the marks, then that of the registry. Of several, who are read by lists, nothing."""
    if len(patients) != 1:
        return []
    return [
        marks.asked_of(patients), registry_mark.ASKED, read.asked_of(patients[0], TYPES), conflicts.ASKED, ehrs.ASKED,
        rows.asked_of(patients), authorizations.asked_of(patients),
    ]  # fmt: skip
