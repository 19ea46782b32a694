"""The demo's EHR and its desk meet: also when the EHR listens on another port than last time."""

from dataclasses import replace

from carecoord.actions.ehrs.sync_health import list_ehrs
from carecoord.cli.demo import meet
from carecoord.world import World


def test_the_demo_ehr_on_another_port_is_the_same_ehr(world: World) -> None:
    for port in (18601, 18602):
        meet(world, replace(world, settings=replace(world.settings, port=port)))
    [one] = [each.ehr for each in list_ehrs(world)]
    assert one.base_url.endswith(":18602/fhir")
    assert [url.rpartition(":")[2] for url in one.bases] == ["18602/fhir", "18601/fhir"]
    meet(world, replace(world, settings=replace(world.settings, port=18601)))
    [one] = [each.ehr for each in list_ehrs(world)]
    assert [url.rpartition(":")[2] for url in one.bases] == ["18601/fhir", "18602/fhir"]
