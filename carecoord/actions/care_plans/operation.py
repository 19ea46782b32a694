"""PlanDefinition/[id]/$apply: what a template of care plans comes to for a patient, as a CarePlan with its goals and
tasks inside. Nothing is written: whoever asks sees it, and may send it as a transaction; the desk's own act writes.

Clause: FHIR R4 plandefinition-operation-apply.html."""

from typing import Final

from carecoord.actions.access.audited import noted
from carecoord.actions.access.turn import Asker, looking
from carecoord.actions.care_plans import library
from carecoord.actions.fhir.read import present
from carecoord.domain.care_plans.templates import Applied
from carecoord.domain.resource.elements import Json, key
from carecoord.errors import Invalid
from carecoord.fhir import text as json
from carecoord.words.sentence import sentence
from carecoord.world import World

ASKED: Final = ("subject", "practitioner", "organization")


def apply(world: World, asker: Asker, id: str, given: dict[str, str], *, request: str = "") -> Json:
    """The CarePlan of a template (its id) for `subject`, `Patient/id`; `practitioner` and `organization`: References
    in whose name. Raises Invalid naming the argument, NotFound, Gone, Forbidden, Unprocessable for a definition that is
    no template in force, or that needs something decided first."""
    with looking(world, asker, request) as turn, noted(turn, "apply", "PlanDefinition", id) as shown:
        kind, _, patient = given.get("subject", "").partition("/")
        if kind != "Patient" or not patient:
            raise Invalid(sentence("refusals.subject-patient-id-template-applied"), "http.subject")
        present(turn, "PlanDefinition", id)
        present(turn, "Patient", patient)
        shown.append(patient)
        at = turn.now.astimezone(world.base.zone)
        named = {name: {"reference": given[name]} for name in ASKED[1:] if name in given}
        definition = library.template(turn, id, at.date())
        made = library.applied(
            turn, definition, f"Patient/{patient}", at, named.get("practitioner"), named.get("organization")
        )
        return _whole(made)


def _whole(made: Applied) -> Json:
    """One resource with all of it inside, which nobody has taken on yet."""
    names = {key(each): f"#goal-{n}" for n, each in enumerate(made.goals, 1)}
    names |= {key(each): f"#task-{n}" for n, each in enumerate(made.tasks, 1)} | {key(made.plan): "#"}
    inside = [each | {"id": names[key(each)][1:]} for each in (*made.goals, *made.tasks)]
    for each in inside:
        if each["resourceType"] == "Task":
            each |= {"status": "draft", "intent": "plan"}
        else:
            each |= {"lifecycleStatus": "proposed"}
    whole: Json = {name: value for name, value in made.plan.items() if name != "id"}
    whole |= {"status": "draft"} | ({"contained": inside} if inside else {})
    said = json.dumps(whole).decode()
    for stored, local in names.items():
        said = said.replace(f'"reference":"{stored}"', f'"reference":"{local}"')
    found: Json = json.loads(said.encode())
    return found
