"""What became of what was asked of a clinic."""

from carecoord.domain.referrals.track_record import DAY, TrackRecord, track_record


def test_answers_and_waits_are_counted_of_what_was_answered_and_seen() -> None:
    found = track_record(
        [
            [(0, "sent"), (1 * DAY, "accepted"), (4 * DAY, "scheduled"), (9 * DAY, "visit-done")],
            [(0, "sent"), (3 * DAY, "accepted"), (5 * DAY, "declined"), (21 * DAY, "report-received")],
            [(0, "sent"), (2 * DAY, "declined")],
            [(0, "sent")],  # nobody has said a word yet
            [(0, "accepted"), (8 * DAY, "visit-done")],  # when it was asked nobody knows
        ]
    )
    assert found == TrackRecord(answered=4, accepted=3, answer_days=2, seen=2, wait_days=15)
    assert found.acceptance == 75
    assert track_record([]) == TrackRecord()
    assert TrackRecord().acceptance is None
