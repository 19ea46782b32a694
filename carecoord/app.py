"""The parts of the web put together over a world: the one place that knows every room."""

import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Final

from flask import Flask
from sqlalchemy import Connection

from auth.keys.fetched import KeySets
from auth.server import registration_routes, routes
from auth.server.events import AuthEvent
from auth.server.issuer import Issuer
from auth.server.routes import Effects
from carecoord import configuration, logs, traces
from carecoord.actions.access import audited
from carecoord.actions.apps import brands as brand
from carecoord.actions.apps import registration as apps_registration
from carecoord.actions.server.readiness import await_ready
from carecoord.actions.terms import shipped
from carecoord.domain.access import roles
from carecoord.domain.prior_auth.pas.guide import GUIDES
from carecoord.effects import session, world
from carecoord.fhir import definitions
from carecoord.fhir.search import params
from carecoord.fhir.types import TYPES
from carecoord.store.audit.events import keep_handing_over
from carecoord.store.database.engine import reading, writing
from carecoord.store.worklist.bitmaps import copies
from carecoord.web.access import break_glass
from carecoord.web.acts import batch_pages
from carecoord.web.acts import pages as acts_pages
from carecoord.web.agreements import act_pages as agreement_act_pages
from carecoord.web.agreements import pages as agreements_pages
from carecoord.web.apps import apps, brands, client_keys, consent_pages
from carecoord.web.assignment import pages as assignment_pages
from carecoord.web.audit import pages as audit_pages
from carecoord.web.authorizations import act_pages as decision_act_pages
from carecoord.web.authorizations import alike_pages as decisions_alike_pages
from carecoord.web.authorizations import letter_pages as decision_letter_pages
from carecoord.web.authorizations import metrics_pages, published_pages
from carecoord.web.authorizations import packet_pages as decision_packet_pages
from carecoord.web.authorizations import pages as decision_pages
from carecoord.web.claims import pages as claim_pages
from carecoord.web.coverage import pages as coverage_pages
from carecoord.web.documents import pages as documents_pages
from carecoord.web.ehrs import conflict_pages, ehr_pages, frame_pages
from carecoord.web.fhir import cds_services, fast_path, pas_notices
from carecoord.web.fhir import routes as fhir_routes
from carecoord.web.guests import filing_pages, link_pages
from carecoord.web.guests import pages as guest_pages
from carecoord.web.imports import pages as import_pages
from carecoord.web.imports import published_pages as published_import_pages
from carecoord.web.inbox import away_pages
from carecoord.web.inbox import pages as inbox_pages
from carecoord.web.measures import pages as measures_pages
from carecoord.web.messages import pages as message_pages
from carecoord.web.messages import template_pages
from carecoord.web.page import assets
from carecoord.web.patients import pages as patient_pages
from carecoord.web.people import account, openid_sign_in, people, second_step, sign_in
from carecoord.web.policies import pages as policies_pages
from carecoord.web.prior_auth import act_pages as authorization_act_pages
from carecoord.web.prior_auth import new_pages as authorization_new_pages
from carecoord.web.prior_auth import pages as authorization_pages
from carecoord.web.quality import pages as quality_pages
from carecoord.web.questionnaires import pages as form_pages
from carecoord.web.referrals import new_pages as referral_new_pages
from carecoord.web.rules import pages as rule_pages
from carecoord.web.server import (
    errors,
    exchange,
    headers,
    health,
    jobs,
    limits,
    metrics,
    slow_bodies,
    traced_requests,
    well_known,
)  # fmt: skip
from carecoord.web.setup import copy_pages, payer_pages
from carecoord.web.setup import pages as setup_pages
from carecoord.web.supervision import pages as load_pages
from carecoord.web.terms import pages as terms_pages
from carecoord.web.worklist import asked_pages, saved_view_pages
from carecoord.web.worklist import pages as worklist_pages
from carecoord.words.catalogue import languages, words
from carecoord.world import World

__all__ = ["create", "drain", "preload", "wired", "world"]

ROOMS: Final = (  # of the web, whose pages need the world and nothing else
    people, import_pages, published_import_pages, policies_pages, setup_pages, copy_pages, payer_pages, template_pages,
    terms_pages,
    openid_sign_in,
    worklist_pages, asked_pages, saved_view_pages, referral_new_pages, inbox_pages, away_pages, load_pages,
    patient_pages, measures_pages,
    agreements_pages, agreement_act_pages, assignment_pages,
    acts_pages, batch_pages, link_pages, guest_pages, filing_pages, message_pages, form_pages, documents_pages,
    audit_pages,
    break_glass, decisions_alike_pages, decision_letter_pages, coverage_pages, metrics_pages, published_pages,
    decision_pages, decision_packet_pages, decision_act_pages,
    authorization_new_pages, authorization_pages, authorization_act_pages, claim_pages,
    conflict_pages, ehr_pages, quality_pages, rule_pages,
)  # fmt: skip
LAST_DRAIN = 5.0  # seconds that an ending process gives the journal; what is left, another process drains


def preload() -> None:
    """Read what every process of a server would read for itself while its first request waits: the words, HL7's
    definitions and what is made of them. To be called before the processes are forked, which then share it."""
    for language in languages():
        words(language)
    for name in ("search", "structures", "rules"):
        definitions.read(name)
    for type in TYPES:
        params.params(type)
    params.single_dates()


def create(environ: Mapping[str, str] = os.environ) -> Flask:
    """The application as a server process runs it: the database brought up to date, the audit journal handed over
    and the copy of the cases kept by threads, the codes ordered that are not here yet. Raises BadSetting for a setting
    that is wrong."""
    settings = configuration.read(environ).settings
    os.umask(0o077)  # what a process writes is for its own user
    logs.take_over(settings.log_level)
    traces.begin(settings.otlp_url, "web")
    made = world(settings)
    await_ready(made)
    shipped.order(made, shipped.START)
    drain(made)
    beside("case-rows-kept", partial(copies.keep, made.engine, made.clock))
    return wired(made, Path(settings.var) / "metrics")


def wired(world: World, metrics_folder: Path | None = None) -> Flask:
    """The Flask application over a world: FHIR API, authorization server, sign-in and desk. metrics_folder: where the
    processes that serve it keep their counts together; without, this one counts alone."""
    settings = world.settings
    app = Flask("carecoord", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body
    app.url_map.strict_slashes = False
    quick = fast_path.Lane(app, world)
    slow_bodies.install(app, settings.threads)
    headers.install(app, https=settings.secure_cookies)
    counts = metrics.Counts(metrics.share(metrics_folder) if metrics_folder else None)
    exchange.install(app, counts.observe, lines=settings.log_level.upper() in ("DEBUG", "INFO"))
    errors.install(app)
    named, further = partial(brand.identifier, world), tuple(f"/{each.base}" for each in GUIDES.values() if each.base)
    issuer = Issuer(settings.url, settings.fhir_url, roles.understands, settings.registration, named, further)
    effects = _effects(world)
    app.register_blueprint(routes.blueprint(issuer, effects))
    if settings.registration:
        noted = apps_registration.registration_recorder(world)
        app.register_blueprint(registration_routes.blueprint(issuer, effects, world.new_id, noted))
    app.register_blueprint(brands.blueprint(world))
    app.register_blueprint(apps.blueprint(world, by_themselves=settings.registration))
    app.register_blueprint(client_keys.blueprint(world))
    app.register_blueprint(fhir_routes.blueprint(world, issuer.oauth_uris))
    app.register_blueprint(cds_services.blueprint(world, KeySets(world.http)))
    app.register_blueprint(pas_notices.blueprint(world))
    app.register_blueprint(assets.blueprint())
    app.register_blueprint(sign_in.blueprint(world))
    app.register_blueprint(second_step.blueprint(world))
    app.register_blueprint(account.blueprint(world))
    app.register_blueprint(consent_pages.blueprint(world, issuer))
    for pages in ROOMS:
        app.register_blueprint(pages.blueprint(world))
    app.register_blueprint(frame_pages.blueprint(world, KeySets(world.http)))
    app.register_blueprint(health.blueprint(world))
    app.register_blueprint(well_known.blueprint(world))
    app.register_blueprint(jobs.blueprint(world))
    app.register_blueprint(metrics.blueprint(world, counts))
    quick.hold = limits.install(app, world)  # after all routes: it looks at every one
    if settings.otlp_url:
        traced_requests.install(app)
    return app


def drain(world: World) -> None:
    """Hand the journal over to the worker from now on, and move it into the audit table when the process ends."""
    beside("audit", partial(keep_handing_over, world.journal, world.engine, world.clock))


def beside(name: str, work: Callable[[threading.Event], None]) -> None:
    """Do this in a thread of this name until the process ends; then it gets LAST_DRAIN to end what it is doing."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), name=name, daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(LAST_DRAIN)

    # The processes of a server that forks or spawns end without atexit; these finalizers run in both kinds.
    Finalize(None, end, exitpriority=0)


def _effects(world: World) -> Effects:
    keys = KeySets(partial(session, world.settings))

    def note(conn: Connection, happened: AuthEvent) -> None:
        audited.token_noted(world, conn, happened, exchange.request_id())

    return Effects(partial(reading, world.engine), partial(writing, world.engine), world.clock, keys, note)
