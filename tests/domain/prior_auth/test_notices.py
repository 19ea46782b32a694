"""What a payer's notice says: whatever a payer sends is read as far as it goes."""

from carecoord.domain.prior_auth.pas.heard import status


def test_a_part_of_a_notice_that_has_no_name_is_passed_over() -> None:
    part = [{"valueReference": {"reference": "urn:x"}}, {"name": "event-number", "valueString": "3"}]
    rows = [{"name": "type", "valueCode": "event-notification"}, {"name": "notification-event", "part": part}, {}]
    told = {"resourceType": "Parameters", "parameter": rows}
    found = status({"resourceType": "Bundle", "entry": [{"resource": told}, {}]})
    assert found is not None
    assert (found.kind, found.numbers, found.focus) == ("event-notification", (3,), ())
