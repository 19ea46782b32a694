"""An EHR that launches us, as the party that says who somebody is: where it lets people in, how we prove ourselves
there, and the exchange of its code."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import structlog

from auth.client import openid
from auth.client.backend import BadKey, Key, TokenError, load_keys
from auth.client.openid import OpenIDProvider, PendingSignIn
from carecoord.actions.server import keys as server_keys
from carecoord.errors import BadGateway, Forbidden, Problem
from carecoord.words.sentence import sentence
from carecoord.world import World
from fhir_adapters import launch as app_launch
from fhir_adapters.ehr import Ehr, Launch
from fhir_adapters.errors import EhrError
from fhir_adapters.http import Http

log = structlog.get_logger()


def discover(world: World, one: Ehr) -> OpenIDProvider:
    """Ask the EHR, without our proof in the answer. Raises BadGateway saying what is wrong with it."""
    launch = _launch(one)
    with world.http() as session:
        try:
            return app_launch.openid_provider(
                Http(one, app_launch.limits(one), session, clock=world.clock), one, launch
            )
        except EhrError as trouble:
            log.warning("launch_discovery", ehr=one.name, text=trouble.text)
            raise BadGateway(
                sentence("refusals.could-not-be-asked-where", name=one.name, text=trouble.text)
            ) from trouble


def to_json(provider: OpenIDProvider) -> dict[str, Any]:
    """A provider as JSON, without anything secret."""
    return asdict(replace(provider, keys=(), secret=None))


def from_json(one: Ehr, said: dict[str, Any]) -> OpenIDProvider:
    """The provider that `to_json` kept, under the client id that we have there now."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return OpenIDProvider(**values | {"client_id": _launch(one).client_id})


def exchange_code(
    world: World, one: Ehr, provider: OpenIDProvider, pending: PendingSignIn, code: str
) -> dict[str, Any]:
    """The token response. Raises BadGateway; what the EHR said of it stands in the log."""
    secret, keys = proof(world, one)
    try:
        with world.http() as session:
            proven = replace(provider, secret=secret, keys=keys)
            return openid.exchange_code(session, proven, pending, code, world.clock, world.new_id)
    except TokenError as trouble:
        log.warning("launch_exchange", ehr=one.name, text=trouble.text)
        raise BadGateway(sentence("refusals.did-not-confirm-who-you", name=one.name)) from trouble


def proof(world: World, one: Ehr) -> tuple[str | None, tuple[Key, ...]]:
    """Our secret at an EHR, or our keys; neither for a public client. Raises Problem when they can not be read."""
    launch = _launch(one)
    if launch.own_keys:
        return None, server_keys.signing(world)
    try:
        keys = load_keys(Path(launch.key_file).read_bytes()) if launch.key_file else ()
        return Path(launch.secret_file).read_text().strip() if launch.secret_file else None, keys
    except (OSError, BadKey) as e:
        log.error("launch_secret", ehr=one.name, error=type(e).__name__)
        raise Problem(sentence("refusals.our-own-secret-for-can", name=one.name)) from e


def _launch(one: Ehr) -> Launch:
    if one.launch is None:
        raise Forbidden(sentence("refusals.does-not-open-carecoord", name=one.name))
    return one.launch
