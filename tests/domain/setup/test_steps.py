"""What is ready to work with, step by step, from what the data holds."""

from dataclasses import replace

from carecoord.domain.setup.steps import Office, Payer, Source, Stock, Worker, steps

OFFICE = Office("Fairmont Medical Group", numbered=True, sites=2)
GRANITE = Payer("Granite Mutual", numbered=True, plans=2, without_network=(), rules=True, agreed=True)
READY = Stock(
    offices=(OFFICE,), workers=(Worker("Reyes, Maria", signed_in=True, invited=False),), payers=(GRANITE,),
    sources=(Source("fairmont", "good"),), calendar=True, letters=True,
)  # fmt: skip


def states(stock: Stock) -> dict[str, str]:
    return {each.name: each.state for each in steps(stock)}


def test_a_fresh_database_has_every_step_open() -> None:
    assert states(Stock()) == {
        "organization": "open", "sites": "open", "people": "open", "payers": "open", "plans": "open", "rules": "open",
        "agreements": "open", "sources": "open", "calendar": "open", "letters": "open",
    }  # fmt: skip


def test_what_is_all_there_is_done() -> None:
    assert set(states(READY).values()) == {"done"}


def test_an_office_without_a_good_npi_or_without_a_site_is_named() -> None:
    bare = replace(OFFICE, numbered=False, sites=0)
    found = {each.name: each for each in steps(replace(READY, offices=(bare,)))}
    assert (found["organization"].state, found["organization"].lacking) == ("part", ("Fairmont Medical Group",))
    assert (found["sites"].state, found["sites"].lacking) == ("open", ("Fairmont Medical Group",))
    two = (OFFICE, replace(bare, name="Elm Clinic"))
    assert states(replace(READY, offices=two))["sites"] == "part"


def test_people_are_there_when_one_has_signed_in_and_no_invitation_waits() -> None:
    invited = Worker("Quill, Otto", signed_in=False, invited=True)
    found = {each.name: each for each in steps(replace(READY, workers=(*READY.workers, invited)))}
    assert (found["people"].state, found["people"].lacking) == ("part", ("Quill, Otto",))
    lost = Worker("Quill, Otto", signed_in=False, invited=False)
    assert states(replace(READY, workers=(lost,)))["people"] == "part", "their invitation has run out"


def test_each_payer_that_lacks_something_is_named_at_that_step() -> None:
    bare = Payer("Pinnacle", numbered=False, plans=0, without_network=(), rules=False, agreed=False)
    found = {each.name: each for each in steps(replace(READY, payers=(GRANITE, bare)))}
    for step in ("payers", "plans", "rules", "agreements"):
        assert (found[step].state, found[step].lacking) == ("part", ("Pinnacle",)), step
    alone = states(replace(READY, payers=(bare,)))
    assert [alone[step] for step in ("payers", "plans", "rules", "agreements")] == ["part", "open", "open", "open"]


def test_a_plan_without_a_network_is_named() -> None:
    saver = replace(GRANITE, without_network=("Granite Saver",))
    (plans,) = (each for each in steps(replace(READY, payers=(saver,))) if each.name == "plans")
    assert (plans.state, plans.lacking) == ("part", ("Granite Saver",))


def test_an_ehr_counts_once_it_was_read_and_an_app_once_it_has_sent_a_referral() -> None:
    for state, wanted in (("never", "part"), ("failed", "part"), ("late", "part"), ("good", "done"), ("sent", "done"),
                          ("admitted", "part")):  # fmt: skip
        assert states(replace(READY, sources=(Source("it", state),)))["sources"] == wanted, state
    both = (Source("fairmont", "good"), Source("elm", "failed"))
    (found,) = (each for each in steps(replace(READY, sources=both)) if each.name == "sources")
    assert (found.state, found.lacking) == ("part", ("elm",)), "what fails is not covered up by what works"
    waiting = (Source("fairmont", "good"), Source("an app", "admitted"))
    assert states(replace(READY, sources=waiting))["sources"] == "done", "an app that has nothing to send is no fault"
