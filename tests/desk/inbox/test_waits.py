"""What waits is the same list by the sets of rows that a process keeps and by walks: counted by parts, page by page."""

from random import Random

import pytest
from sqlalchemy import Engine

from carecoord.domain.inbox.kinds import KINDS, signs
from carecoord.store.database.engine import reading, writing
from carecoord.store.inbox.waits import Part, Wait, Waits, Watch
from carecoord.store.worklist import rows as worklist_rows
from carecoord.store.worklist.bitmaps import copies
from carecoord.store.worklist.tabs import of_kinds
from carecoord.store.worklist.walks import Span
from tests.desk import rows
from tests.desk.rows import DAY, NOW, OURS, PAYER

OPEN = ("open", (True,))
WATCHES = (
    Watch("placer", OURS, (OPEN, ("owner", ("reyes",)), ("role", ("coordinator", None)))),
    Watch("placer", OURS, (OPEN, ("owner", ("tran",)), ("role", ("coordinator",))), only=of_kinds(*signs(("visit",)))),
    Watch("placer", OURS, (OPEN, ("role", ("coordinator",))), late=True),
    Watch("performer", OURS, (OPEN, ("stage", ("accepted",)))),
    Watch("performer", OURS, (OPEN, ("stage", ("scheduled",))), seen=True),
    Watch("payer_key", PAYER, (("payer_open", (True,)), ("payer_moves", (True,)))),
)
PARTS: dict[str, Part] = {
    "all": ((),) * len(WATCHES),
    "placers": ((), (), (), None, None, None),
    "late": tuple((Span(watch.clock, None, NOW),) for watch in WATCHES),
    **{kind: (*((of_kinds(*signs((kind,))),),) * 3, None, (), None) for kind in KINDS},
}


@pytest.mark.parametrize("resting", [False, True])
def test_sets_and_walks_find_the_same(engine: Engine, resting: bool) -> None:
    chance = Random(5)
    with writing(engine) as conn:
        worklist_rows.save(conn, [
            row | {"owner": chance.choice(("reyes", "tran", None)), "wakes_at": chance.choice((0, 0, NOW + DAY)),
                   "appointment_at": chance.choice((None, NOW - DAY))}
            for row in rows.many(300)
        ])  # fmt: skip
    watches = list(WATCHES)
    if resting:
        watches = [Watch(each.scope, each.value, each.led, resting=True, only=each.only) for each in WATCHES[:3]]

    def told() -> tuple[dict[str, int], dict[str, list[Wait]], int | None]:
        parts = {name: part[: len(watches)] for name, part in PARTS.items()}
        with reading(engine) as conn:
            waits = Waits(conn, watches, NOW, 1000, besides=("patient-7", "patient-8"))
            pages = {name: list[Wait]() for name in parts}
            for name, part in parts.items():
                while more := waits.page(part, 7, (pages[name][-1].due, pages[name][-1].rid) if pages[name] else None):
                    pages[name] += more
            return waits.counts(parts), pages, waits.wakes() if resting else None

    counts, pages, wakes = by_sets = told()
    assert counts == {name: len(page) for name, page in pages.items()}
    assert counts["all"] > 10
    assert not {"patient-7", "patient-8"} & {each.patient for each in pages["all"]}
    assert wakes == (NOW + DAY if resting else None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "_CAN", False)
        assert told() == by_sets
