"""A payer asked how our requests stand: by the clock, seldom where it tells us by itself, and by a button."""

from typing import Final

from carecoord.actions.prior_auth.pas_client import answers, due, payers, send
from carecoord.domain.prior_auth.pas import heard
from carecoord.domain.resource.elements import text
from carecoord.errors import Unavailable
from carecoord.fhir import text as json
from carecoord.fhir.instants import micros
from carecoord.store.database.engine import alone, reading, writing
from carecoord.store.prior_auth import payer_endpoints, sendings
from carecoord.world import World
from fhir_adapters.errors import EhrError

_WITH_PAYER: Final = ("sending", "answered")  # or may be: nobody saw the end of the try
_UNASKED: Final = ("refused", "not-there")  # the payer answers no inquiry: asking again would change nothing


def inquire(world: World, id: str) -> None:
    """Ask how the request of a Claim (its id) stands. Raises Unavailable where there is no answer."""
    with reading(world.engine) as conn:
        sending = sendings.submitted(conn, f"Claim/{id}")
        standing = payer_endpoints.one(conn, sending.payer) if sending else None
        claim = answers.stored(conn, f"Claim/{id}")
    if sending is None or standing is None or not sending.body or text(claim, "status") != "active":
        return
    if sending.state not in _WITH_PAYER:  # it has it not: what it does not say of it means nothing
        return
    payers.demand_awake(world, standing)
    try:
        with payers.calling(world, standing) as http:
            told = send.inquired(world, http, json.loads(sending.body))
    except EhrError as error:
        code = payers.trouble(error)
        with writing(world.engine) as conn:
            sendings.trouble(conn, sending.id, code, error.text)
            if code not in _UNASKED:
                payer_endpoints.failed(conn, sending.payer, code, error.text, micros(world.clock()))
        if code in _UNASKED:
            return
        raise Unavailable(error.text) from error
    said = heard.of_request(heard.bundles(told.document), json.loads(sending.body))
    now = world.clock()
    with writing(world.engine) as conn:
        alone(conn, f"pas sending {sending.id}")
        sending = sendings.submitted(conn, f"Claim/{id}") or sending
        claim = answers.locked(conn, f"Claim/{id}")
        if claim and (sending.state == "answered" or (said and sending.state == "sending")):
            answers.take(world, conn, claim, said, now)
        if said and sending.state == "sending":
            sendings.settle(conn, sending.id, "answered", micros(now))
        sendings.trouble(conn, sending.id, "", "")
        sendings.asked(conn, sending.id, micros(now))
        payer_endpoints.answered(conn, sending.payer)
        send.keep(conn, world, standing, told, said, sending.claim)


def ask_all(world: World, payer: str) -> int:
    """Have a payer asked about all that it has of ours and has not decided, because notices of it may be lost; returns
    of how many."""
    with writing(world.engine) as conn:
        open_ = [each for each in sendings.with_payer(conn, payer)
                 if answers.is_open(world, conn, answers.stored(conn, each))]  # fmt: skip
        for each in open_:
            due.ask(conn, each, world.clock())
    return len(open_)
