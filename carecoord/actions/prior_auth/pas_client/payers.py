"""The payers that take our requests by PAS: told of, asked what they answer, called. A payer that does not answer is
left alone for a while, as an EHR is."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from auth.client.backend import BadKey, Key, load_keys
from carecoord.actions.server import keys as server_keys
from carecoord.actions.server import outgoing
from carecoord.domain.prior_auth.pas.guide import GUIDES
from carecoord.domain.resource.elements import Json, items, text
from carecoord.domain.resource.parties import is_payer
from carecoord.errors import Invalid, NotFound, Unavailable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database import outbox
from carecoord.store.database.engine import reading, writing
from carecoord.store.prior_auth import payer_endpoints, sendings
from carecoord.store.prior_auth.payer_endpoints import Endpoint, Standing
from carecoord.store.resources import read
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters import operations
from fhir_adapters.ehr import BackendServices, Ehr
from fhir_adapters.errors import EhrError, Misconfigured, NotAllowedIn, Refused, Unreachable
from fhir_adapters.http import Http

SUBSCRIBE_JOB: Final = "pas-subscribe"  # in the outbox; its key: the id of the payer
EVERY: Final = 86_400  # seconds from one look at our subscription to the next
SCOPE: Final = (  # what PAS, its notices, papers and forms need; a payer grants of it what it knows
    "system/Claim.crus system/ClaimResponse.rs system/Subscription.crus system/Task.rus system/Patient.rs "
    "system/Coverage.rs system/Organization.rs system/DocumentReference.crs system/QuestionnaireResponse.crs "
    "system/Questionnaire.rs"
)
LIMITS: Final = {"connect_seconds": 5.0, "read_seconds": 20.0, "answer_seconds": 60.0, "body_bytes": 10_000_000.0}
OPERATIONS: Final = ("submit", "inquire", "submit-attachment", "questionnaire-package")


def add(world: World, one: Endpoint) -> None:
    """Remember where a payer takes requests. Raises Invalid for what can not be, NotFound where there is no such payer
    or office here."""
    if one.version not in GUIDES:
        raise Invalid(sentence("refusals.pas-version", versions=", ".join(GUIDES)), "version")
    try:
        _server(one)
    except Misconfigured as wrong:
        raise Invalid(wrong.text, "address") from wrong
    outgoing.demand(world.settings, one.url)
    with writing(world.engine) as conn:
        payer, office = (_organization(conn, id) for id in (one.payer, one.office))
        if payer is None or not is_payer(payer):
            raise NotFound(sentence("refusals.no-such-payer"), "payer")
        if office is None:
            raise NotFound(sentence("refusals.no-such-office"), "office")
        payer_endpoints.put(conn, one)
        outbox.add(conn, SUBSCRIBE_JOB, one.payer, json.dumps({"seconds": EVERY}), world.clock())


def remove(world: World, payer: str) -> None:
    """Send a payer nothing more by PAS. Raises NotFound."""
    with writing(world.engine) as conn:
        outbox.remove(conn, SUBSCRIBE_JOB, payer)
        if not payer_endpoints.remove(conn, payer):
            raise NotFound(sentence("refusals.no-such-endpoint"), "payer")


def every(world: World) -> list[tuple[str, Standing, int]]:
    """(name of the payer, how it stands with it, how many sendings wait for it) of each."""
    with reading(world.engine) as conn:
        found = payer_endpoints.every(conn)
        names = [text(_organization(conn, each.endpoint.payer) or {}, "name") for each in found]
        return [(name or each.endpoint.payer, each, sendings.waiting(conn, each.endpoint.payer))
                for name, each in zip(names, found, strict=True)]  # fmt: skip


def examine(world: World, payer: str) -> Mapping[str, Any]:
    """Ask a payer what it answers, by its metadata; what it said is kept. Raises NotFound, and Unavailable with what
    went wrong."""
    standing = demand(world, payer)
    try:
        with calling(world, standing) as http:
            told = _told(operations.metadata(http))
    except EhrError as trouble:
        raise Unavailable(trouble.text) from trouble
    with writing(world.engine) as conn:
        payer_endpoints.examined(conn, payer, told)
        payer_endpoints.answered(conn, payer)
    return told


def demand(world: World, payer: str) -> Standing:
    """How it stands with a payer. Raises NotFound."""
    with reading(world.engine) as conn:
        found = payer_endpoints.one(conn, payer)
    if found is None:
        raise NotFound(sentence("refusals.no-such-endpoint"), "payer")
    return found


@contextmanager
def calling(world: World, standing: Standing) -> Iterator[Http]:
    """The way to a payer. Raises an EhrError."""
    one = standing.endpoint
    with world.http() as session:
        yield operations.opened(_server(one), session, _keys(world, one), clock=world.clock, new_id=world.new_id)


def demand_awake(world: World, standing: Standing) -> None:
    """Raise Unavailable while a payer that did not answer several times is left alone."""
    if standing.rests is not None and micros(world.clock()) < standing.rests:
        raise Unavailable(f"{standing.endpoint.payer} did not answer {standing.failures} times; it is left alone.")


def trouble(error: EhrError) -> str:
    """What a person would do something different about: the code of an error."""
    if isinstance(error, NotAllowedIn):
        return "not-let-in"
    if isinstance(error, Refused):
        return "not-there" if error.status in (404, 405, 501) else "refused"
    if isinstance(error, Unreachable) or error.tried_again or error.stops_run:
        return "set-up" if isinstance(error, Misconfigured) else "away"
    return "odd"


def _server(one: Endpoint) -> Ehr:
    auth = BackendServices(one.client_id, one.key_file, one.scope or SCOPE, one.token_url) if one.client_id else None
    return Ehr("payer", one.url, auth=auth, limits=LIMITS, hosts=())


def _keys(world: World, one: Endpoint) -> tuple[Key, ...]:
    if not one.client_id:
        return ()
    if not one.key_file:
        return server_keys.signing(world)
    try:
        return load_keys(Path(one.key_file).read_bytes())
    except (OSError, BadKey) as e:
        raise Misconfigured(f"The key file of payer {one.payer} can not be used: {e}") from e


def _organization(conn: Any, id: str) -> Json | None:
    row = read.get(conn, "Organization", id) if id else None
    return json.loads(row.body) if row and not row.deleted else None


def _told(statement: Json) -> dict[str, Any]:
    """What a CapabilityStatement says of what we use."""
    software = statement.get("software") or {}
    rest = next(iter(items(statement, "rest")), {})
    named = [*items(rest, "operation"), *(one for each in items(rest, "resource") for one in items(each, "operation"))]
    offered = {text(each, "name").removeprefix("$") for each in named}
    types = {text(each, "type"): {text(one, "code") for one in items(each, "interaction")}
             for each in items(rest, "resource")}  # fmt: skip
    guides = statement.get("implementationGuide")
    return {
        "software": " ".join(str(software[part]) for part in ("name", "version") if software.get(part)),
        "fhir": text(statement, "fhirVersion"),
        "operations": [each for each in OPERATIONS if each in offered],
        "subscribes": "create" in types.get("Subscription", set()),
        "guides": [str(each) for each in guides if "davinci" in str(each)] if isinstance(guides, list) else [],
    }
