"""Two versions of one resource, from what the EHR said last."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from carecoord.domain.ehrs.merge import merge, parts, placed
from carecoord.domain.ehrs.ownership import owner

Json = dict[str, Any]


def task(**elements: Any) -> Json:
    return {"resourceType": "Task", "id": "t", "meta": {"source": "https://ehr.example/Task/9"}, **elements}


def merged(base: Json, ours: Json, theirs: Json, **overrides: str) -> Any:
    type = theirs["resourceType"]
    return merge(base, ours, theirs, lambda element: owner(type, element, overrides))


def test_what_only_we_changed_stands() -> None:
    found = merged(task(status="accepted"), task(status="on-hold"), task(status="accepted"))
    assert (found.resource["status"], found.disputes) == ("on-hold", ())


def test_what_only_the_ehr_changed_stands() -> None:
    found = merged(task(status="accepted"), task(status="accepted"), task(status="completed"))
    assert (found.resource["status"], found.disputes) == ("completed", ())


def test_two_changes_of_two_elements_both_stand() -> None:
    found = merged(
        task(status="accepted", priority="routine"),
        task(status="on-hold", priority="routine"),
        task(status="accepted", priority="urgent"),
    )
    assert (found.resource["status"], found.resource["priority"], found.disputes) == ("on-hold", "urgent", ())


def test_what_both_changed_alike_is_no_conflict() -> None:
    found = merged(task(status="accepted"), task(status="on-hold"), task(status="on-hold"))
    assert (found.resource["status"], found.disputes) == ("on-hold", ())


def test_what_both_changed_differently_is_in_dispute_and_ours_stands_where_either_may_say_it() -> None:
    found = merged(task(status="accepted"), task(status="on-hold"), task(status="completed"))
    assert found.resource["status"] == "on-hold"
    (dispute,) = found.disputes
    assert dispute.element == "status"
    assert (dispute.base, dispute.ours, dispute.theirs) == (
        {"status": "accepted"}, {"status": "on-hold"}, {"status": "completed"},
    )  # fmt: skip
    assert dispute.stands == "either"


def test_the_ehrs_word_stands_where_the_element_is_the_ehrs_and_ours_is_in_the_dispute() -> None:
    def visit(start: str, end: str) -> Json:
        return {"resourceType": "Appointment", "id": "a", "status": "booked", "start": start, "end": end}

    found = merged(
        visit("2026-12-05T09:00:00Z", "2026-12-05T09:30:00Z"),
        visit("2026-12-05T10:00:00Z", "2026-12-05T10:30:00Z"),
        visit("2026-12-05T09:00:00Z", "2026-12-05T09:45:00Z"),
    )
    assert (found.resource["start"], found.resource["end"]) == ("2026-12-05T09:00:00Z", "2026-12-05T09:45:00Z")
    (dispute,) = found.disputes
    assert dispute.ours == {"start": "2026-12-05T10:00:00Z", "end": "2026-12-05T10:30:00Z"}


def test_an_ehr_may_have_a_table_of_its_own() -> None:
    found = merged(
        task(status="accepted"), task(status="on-hold"), task(status="completed"), **{"Task.status": "theirs"}
    )
    assert found.resource["status"] == "completed"
    assert len(found.disputes) == 1


def test_notes_added_on_both_sides_are_both_kept() -> None:
    was, mine, yours = {"text": "called"}, {"text": "no answer"}, {"text": "fax came"}
    found = merged(task(note=[was]), task(note=[was, mine]), task(note=[was, yours]))
    assert (found.resource["note"], found.disputes) == ([was, yours, mine], ())


def test_a_note_that_one_side_took_away_is_not_brought_back_unasked() -> None:
    found = merged(task(note=[{"text": "called"}]), task(note=[]), task(note=[{"text": "called"}, {"text": "more"}]))
    assert [each.element for each in found.disputes] == ["note"]


def test_an_element_taken_away_here_stays_away_and_one_taken_away_there_goes() -> None:
    whole = task(status="accepted", description="a", owner={"reference": "Organization/1"})
    found = merged(
        whole,
        task(status="accepted", owner={"reference": "Organization/1"}),
        task(status="accepted", description="a"),
    )
    assert "description" not in found.resource
    assert "owner" not in found.resource
    assert found.disputes == ()


def test_a_put_that_dropped_where_it_came_from_loses_nothing() -> None:
    base = task(status="accepted")
    ours = {"resourceType": "Task", "id": "t", "status": "on-hold"}
    found = merged(base, ours, task(status="accepted", priority="urgent"))
    assert found.resource == task(status="on-hold", priority="urgent")


def test_without_a_base_what_differs_is_in_dispute_and_what_agrees_is_not() -> None:
    found = merged({}, task(status="on-hold", priority="stat"), task(status="accepted", priority="stat"))
    assert [each.element for each in found.disputes] == ["status"]


def test_a_value_and_its_extension_go_together() -> None:
    found = merged(
        task(description="a"),
        task(description="a", _description={"extension": [{"url": "u", "valueCode": "x"}]}),
        task(description="b"),
    )
    assert [each.element for each in found.disputes] == ["description"]


def test_a_part_is_put_in_place_whole() -> None:
    visit = {"resourceType": "Appointment", "id": "a", "status": "cancelled", "cancelationReason": {"text": "moved"}}
    assert placed(visit, "Appointment", "status", {"status": "booked"}) == {
        "resourceType": "Appointment", "id": "a", "status": "booked",
    }  # fmt: skip


NOTES = st.lists(st.sampled_from([{"text": "x"}, {"text": "y"}]), max_size=3)
VALUES = st.one_of(st.sampled_from(["a", "b", "c"]), NOTES)
TASKS = st.dictionaries(
    st.sampled_from(["status", "statusReason", "priority", "note", "description", "_description", "text", "for"]),
    VALUES,
    max_size=6,
).map(lambda elements: task(**elements))


@given(TASKS, TASKS, TASKS)
@settings(max_examples=150, deadline=None)
def test_no_change_of_either_side_is_ever_lost(base: Json, ours: Json, theirs: Json) -> None:
    """What one side changed is in what comes out or in a dispute; only narrative may follow the EHR's."""
    found = merged(base, ours, theirs)
    was, mine, yours = (parts("Task", side) for side in (base, ours, theirs))
    out = parts("Task", found.resource)
    disputed = {each.element: each for each in found.disputes}
    for side in (mine, yours):
        for name in {*side, *was} - {"text"}:
            if side.get(name, {}) == was.get(name, {}):
                continue
            if name in disputed:
                assert side.get(name, {}) in (disputed[name].ours, disputed[name].theirs)
            elif name == "note":
                assert all(each in out[name]["note"] for each in side.get(name, {}).get("note", [])) or out == yours
            else:
                assert out.get(name, {}) == side.get(name, {})


@given(TASKS, TASKS, TASKS)
@settings(max_examples=100, deadline=None)
def test_merging_again_with_what_the_ehr_said_as_the_base_changes_nothing(base: Json, ours: Json, theirs: Json) -> None:
    once = merged(base, ours, theirs).resource
    again = merged(theirs, once, theirs)
    assert parts("Task", again.resource) == parts("Task", once)
    assert again.disputes == ()


@given(TASKS, TASKS)
@settings(max_examples=100, deadline=None)
def test_where_one_side_is_as_it_was_the_other_wins(base: Json, changed: Json) -> None:
    assert parts("Task", merged(base, changed, base).resource) == parts("Task", changed)
    assert parts("Task", merged(base, base, changed).resource) == parts("Task", changed)
    assert parts("Task", merged(base, changed, changed).resource) == parts("Task", changed)
