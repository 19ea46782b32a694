"""A row of the list is drawn once for all who are shown the same of it, and anew when it says anything else (7.6)."""

from dataclasses import replace

from carecoord.web.page.labels import Chip
from carecoord.web.worklist.rows import drawn
from carecoord.web.worklist.view import Line
from tests.desk.conftest import House

CHIP = Chip("Approved", "good", "circle-check")
LINE = Line(
    id="x1", href="/?show=x1", open=False, spoken="Sen, Mina, R-1", name="Sen, <b>Mina</b>", about="F 40", clock=None,
    due_label="", priority=None, specialty="Cardiology", reason="", performer="Hart Group", referral=CHIP, gate="",
    urging=False, headline="", authorization=CHIP, authorization_note="", contract=CHIP, contract_note="", owner="",
    next="", mover="",
)  # fmt: skip


def test_a_row_is_drawn_once_and_anew_when_it_says_anything_else(house: House) -> None:
    with house.enter("coordinator").application.test_request_context("/"):
        row = drawn(LINE, True)
        assert drawn(replace(LINE), True) is row
        assert "Sen, &lt;b&gt;Mina&lt;/b&gt;" in row
        assert "Next: Send it" in drawn(replace(LINE, next="Send it"), True)
        assert 'class="c-next"' in row
        assert 'class="c-next"' not in drawn(LINE, False)
