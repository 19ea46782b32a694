"""What is between the EHRs and us on one case: what is in dispute, and what became of telling them what was changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from auth import store
from carecoord.domain.referrals.case import CLINICAL, Case
from carecoord.domain.resource.elements import key
from carecoord.store.ehrs import conflicts, deliveries
from carecoord.store.ehrs.conflicts import Conflict
from carecoord.store.ehrs.deliveries import Delivery


@dataclass(frozen=True)
class Between:
    """`names`: of the people who changed what is in dispute, by who they are to the trail. `may_settle`: the asker."""

    conflicts: Sequence[Conflict] = ()
    deliveries: Sequence[Delivery] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    may_settle: bool = False


def between(conn: Connection, case: Case, patient: str, may_settle: bool) -> Between:
    """What concerns this case of what concerns its patient."""
    disputed = {(each.type, each.id, each.element) for each in case.disputes}
    found = conflicts.of_patient(conn, patient) if disputed else []
    open = [one for one in found if (one.type, one.id, one.element) in disputed]
    held = {key(case.order), *(key(each) for name in CLINICAL.values() for each in getattr(case, name))}
    told = [one for one in deliveries.of_patient(conn, patient) if f"{one.type}/{one.id}" in held]
    people = {one.ours_by for one in open if one.ours_by}
    names = {user.id: user.name for each in people if (user := store.find_user(conn, each))}
    return Between(open, told, names, may_settle)
