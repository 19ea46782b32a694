"""What is done for each kind of later work; what else holds for a kind stands in `store/database/kinds.py`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from carecoord.actions.agreements.papers import pages as paper_pages
from carecoord.actions.assignment import arrivals, placement
from carecoord.actions.claims import files as x12_files
from carecoord.actions.coverage import projection as coverage_projection
from carecoord.actions.documents.drops import intake
from carecoord.actions.ehrs import deliver as ehrs_deliver
from carecoord.actions.ehrs import sync as ehrs_sync
from carecoord.actions.ehrs import sync_health, write_back
from carecoord.actions.imports import uploads
from carecoord.actions.inbox import digest
from carecoord.actions.measures import count
from carecoord.actions.messages import notices
from carecoord.actions.prior_auth import automatic, eligibility, packet, sent
from carecoord.actions.prior_auth import holds as holds_of_decisions
from carecoord.actions.prior_auth.dtr import fetch as forms_fetch
from carecoord.actions.prior_auth.letters import letter as letters
from carecoord.actions.prior_auth.metrics import count as metrics_count
from carecoord.actions.prior_auth.pas import notices as pas_notices
from carecoord.actions.prior_auth.pas_client import due as pas_due
from carecoord.actions.prior_auth.pas_client import inquire as pas_inquire
from carecoord.actions.prior_auth.pas_client import payers as pas_payers
from carecoord.actions.prior_auth.pas_client import send as pas_send
from carecoord.actions.prior_auth.pas_client import subscribe as pas_subscribe
from carecoord.actions.referrals import holds
from carecoord.actions.scheduling import lapses
from carecoord.actions.terms import shipped
from carecoord.actions.worklist import foresee, project
from carecoord.errors import Unavailable
from carecoord.store.database.outbox import Job
from carecoord.world import World

Handler = Callable[[World, Job], None]
"""Does a job; whatever it raises, the job failed. It may be begun again after it was done but not yet settled."""


def sync(world: World, job: Job) -> None:
    """Sync the EHR that the key names. Raises Unavailable when something went wrong."""
    summary = ehrs_sync.run(world, job.key)
    if summary.error:
        raise Unavailable(summary.error)


def sync_patient(world: World, job: Job) -> None:
    """Read one patient from an EHR. Raises Unavailable while it is being read otherwise, or gives no answer."""
    ehr, patient = job.key.split("/", 1)
    ehrs_sync.run_patient(world, ehr, patient)


def deliver(world: World, job: Job) -> None:
    """Tell an EHR what we have changed. Raises Unavailable when it gave no answer."""
    ehr, type, id = job.key.split("/", 2)
    ehrs_deliver.deliver(world, ehr, type, id, job.attempts)


def bring_in(world: World, job: Job) -> None:
    """Bring in the file that the key names, or try it."""
    uploads.run(world, job.key)


def give_file_up(world: World, job: Job) -> None:
    """Say on the page of the file that the key names that nobody could read it to its end."""
    uploads.give_up(world, job.key)


def read_x12(world: World, job: Job) -> None:
    """Take in the transactions of the X12 file that the key names."""
    x12_files.run(world, job.key)


def read_paper(world: World, job: Job) -> None:
    """Read the pages of a document that is about an agreement."""
    paper_pages.read(world, job.key)


def put_codes_in(world: World, job: Job) -> None:
    """Put in the codes that are shipped."""
    shipped.load(world)


def tell_what_waits(world: World, job: Job) -> None:
    """Send the mail of the morning to those whose morning it is. Raises Unavailable when the mail server is away."""
    digest.send(world)


def tell_of_message(world: World, job: Job) -> None:
    """Tell by mail that a message is there. Raises Unavailable when the mail server is away."""
    notices.send(world, job.key)


def tell_subscriber(world: World, job: Job) -> None:
    """Tell a partner's subscription its next event. Raises Unavailable where it is not taken."""
    pas_notices.deliver(world, job.key, job.payload, job.attempts)


def send_request(world: World, job: Job) -> None:
    """Send a payer what waits for it by PAS. Raises Unavailable where it gives no answer."""
    pas_send.send(world, job.payload.decode())


def inquire(world: World, job: Job) -> None:
    """Ask a payer how a request stands. Raises Unavailable where it gives no answer."""
    pas_inquire.inquire(world, job.key)


def fetch_forms(world: World, job: Job) -> None:
    """Fetch a payer's forms for a request. Raises Unavailable where it gives no answer."""
    forms_fetch.fetch(world, job.key)


def subscribe(world: World, job: Job) -> None:
    """See to it that a payer tells us of its answers. Raises Unavailable where it gives no answer."""
    pas_subscribe.see_to(world, job.key)


def take_in(world: World, job: Job) -> None:
    """Take in what lies in the folder or mailbox that the key names. Raises Unavailable when it can not be reached."""
    intake.take_in(world, job.key)


def give_away(world: World, job: Job) -> None:
    """Give a referral that nobody has to whom the rules of its office say."""
    placement.place(world, job.key)


def approve_by_rule(world: World, job: Job) -> None:
    """Answer a request by the rules of its payer, where they approve it."""
    automatic.approve(world, job.key)


def write_letter(world: World, job: Job) -> None:
    """Write the letter about a payer's answer."""
    letters.write(world, job.key)


def make_packet(world: World, job: Job) -> None:
    """Make the packet of a request that somebody asked for."""
    packet.make(world, job.key)


def let_packet_go(world: World, job: Job) -> None:
    """Let go of the packet that the key names, whose day is over."""
    packet.let_go(world, job.key)


def give_packet_up(world: World, job: Job) -> None:
    """Say to who asked for it that the packet that the key names can not be made."""
    packet.give_up(world, job.key)


def look_at_card_questions(world: World, job: Job) -> None:
    """Look again at which questions about cards stand at which payer's desk."""
    coverage_projection.look_again(world.engine, world.base.zone)


def let_decision_leave(world: World, job: Job) -> None:
    """Let a payer's decision leave that was held for a while."""
    holds_of_decisions.release(world, job.key)


def ask_eligibility(world: World, job: Job) -> None:
    """Ask the payers of the visits whose day it is whether their cards are good."""
    eligibility.ask_planned(world)


def release(world: World, job: Job) -> None:
    """Give back the time that the key names, if it is held still and nobody has answered for it."""
    holds.release(world, job.key)


def refresh(world: World, job: Job) -> None:
    """Judge anew the cases whose time has come, and those that a change of the registry has marked."""
    while project.refresh_due(world, project.TOGETHER):
        pass
    project.shorten_log(world)


def look_ahead(world: World, job: Job) -> None:
    """Judge ahead the cases whose time is coming, as long as none is there whose time has come."""
    rules = project.policy(world.settings)
    while not project.is_behind(world) and foresee.foresee(world.engine, world.clock(), rules):
        pass


def follow_for_measures(world: World, job: Job) -> None:
    """Count for the measures, and for payers' metrics, what has come into the log."""
    count.follow(world)
    metrics_count.follow(world)


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        sync_health.JOB: sync, sync_health.PATIENT_JOB: sync_patient, write_back.JOB: deliver, project.JOB: refresh,
        foresee.JOB: look_ahead,
        uploads.JOB: bring_in, paper_pages.JOB: read_paper, shipped.JOB: put_codes_in, digest.JOB: tell_what_waits,
        notices.JOB: tell_of_message, arrivals.JOB: give_away, count.JOB: follow_for_measures,
        sent.JOB: approve_by_rule, sent.LETTER_JOB: write_letter, sent.LEAVE_JOB: let_decision_leave,
        intake.JOB: take_in, lapses.JOB: release,
        eligibility.JOB: ask_eligibility, packet.JOB: make_packet,
        packet.ENDS_JOB: let_packet_go, coverage_projection.JOB: look_at_card_questions,
        pas_notices.JOB: tell_subscriber, pas_due.JOB: send_request, pas_due.INQUIRE_JOB: inquire,
        pas_payers.SUBSCRIBE_JOB: subscribe, x12_files.JOB: read_x12, forms_fetch.JOB: fetch_forms,
    }
)

GIVE_UP: Mapping[str, Handler] = MappingProxyType({uploads.JOB: give_file_up, packet.JOB: give_packet_up})
"""What is done before a job of a kind is parked, so that nobody waits for it."""
