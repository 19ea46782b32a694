"""A person's own account: the password, second factors, passkeys and sessions. Each verb its own transaction.

How somebody signs in is changed only by somebody who proved within the last five minutes who they are: a browser left
open must not be enough to lock its owner out.
"""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from auth import store
from auth.errors import BadSignIn, Refused
from auth.people import factors, memberships, passkeys, totp
from auth.people import sessions as people_sessions
from auth.people.passkeys import Passkey
from auth.people.sessions import Session
from auth.store import User
from carecoord.actions.people import sign_in
from carecoord.actions.people.sign_in import record_event, site
from carecoord.domain.resource import parties
from carecoord.errors import Conflict, Forbidden, Invalid, NotFound
from carecoord.fhir import text
from carecoord.store.database.engine import reading, writing
from carecoord.store.resources import read
from carecoord.words.catalogue import languages
from carecoord.words.sentence import sentence
from carecoord.world import World

CHANGE = "account-change"
AMR = {"otp": "pwd otp", "hwk": "pwd hwk"}


class ReauthenticationNeeded(Forbidden):
    """The person has to prove first who they are."""

    def __init__(self) -> None:
        super().__init__("Prove first that it is you.")


@dataclass(frozen=True)
class Account:
    """What a person's own page shows. authenticator: since when. recovery: unused codes. due: when they must have a
    second factor, and have none. offices: (id, name) of those for which they may work, where they are several."""

    has_password: bool
    authenticator: int | None
    passkeys: list[Passkey]
    recovery: int
    sessions: list[Session]
    due: int | None
    advised: bool
    can_use_passkeys: bool
    offices: list[tuple[str, str]] = field(default_factory=list)

    @property
    def has_factor(self) -> bool:
        return self.authenticator is not None or bool(self.passkeys)


@dataclass(frozen=True)
class AuthenticatorSecret:
    """A secret to be taken into an authenticator app: as text, and as the address that a QR code carries."""

    secret: str
    address: str


def overview(world: World, mine: Session) -> Account:
    """The person's account."""
    who, now = mine.user, world.seconds()
    with reading(world.engine) as conn:
        app = totp.find(conn, who.id)
        keys = passkeys.of_user(conn, who.id)
        made = app.made if app and app.confirmed else None
        has_password = people_sessions.has_password(conn, who.id)
        bare = made is None and not keys and has_password
        return Account(
            has_password=has_password,
            authenticator=made,
            passkeys=keys,
            recovery=factors.recovery_codes_left(conn, who.id),
            sessions=people_sessions.of_user(conn, who.id, now),
            due=sign_in.second_factor_due(world, conn, who) if bare else None,
            advised=bare and bool(who.roles & sign_in.ADVISED),
            can_use_passkeys=passkeys.site(world.settings.url) is not None,
            offices=_offices(conn, who),
        )


def work_for(world: World, mine: Session, organization: str, request: str) -> None:
    """Let the person work for another of their organizations from now on, in every session. Raises NotFound for one
    that no admin gave them."""
    who = mine.user
    with writing(world.engine) as conn:
        if not memberships.switch(conn, who.id, organization):
            raise NotFound(sentence("refusals.you-do-not-work-for"))
    record_event(world, request, CHANGE, 200, who, f"works for {organization} now")


def read_in(world: World, mine: Session, language: str, request: str) -> None:
    """Let the person read in this language from now on, on every device. Raises Invalid for one that has no words."""
    if language not in languages():
        raise Invalid(sentence("refusals.there-no-words-in", language=repr(language[:20])), "language")
    with writing(world.engine) as conn:
        store.choose_language(conn, mine.user.id, language)
    record_event(world, request, CHANGE, 200, mine.user, f"reads {language}")


def _offices(conn: Connection, who: User) -> list[tuple[str, str]]:
    further = memberships.of(conn, who.id)
    found = []
    for id in {who.organization or "", *further} - {""} if further else ():
        row = read.get(conn, "Organization", id)
        found.append((id, (parties.name(text.loads(row.body)) if row and not row.deleted else "") or id))
    return sorted(found, key=lambda one: one[1])


def reauthenticate(world: World, mine: Session, request: str, *, password: str = "", code: str = "") -> None:
    """Prove again who is there, by the password or by a code. Raises BadSignIn, and Locked as at sign-in."""
    now = world.seconds()
    with writing(world.engine) as conn:
        attempt = people_sessions.begin_attempt(conn, mine.user.login, now)
        right = bool(code) and sign_in.is_code(conn, mine.user, code, now)
    right = right or (bool(password) and people_sessions.verify_password(attempt, password))
    if not right:
        record_event(world, request, CHANGE, 401, mine.user, "proof")
        raise BadSignIn("That is not right. Try again.", "not-right")
    with writing(world.engine) as conn:
        people_sessions.reset_failures(conn, mine.user.login)
        people_sessions.mark_reauthenticated(conn, mine, now)


def reauthentication_options(world: World, mine: Session) -> dict[str, Any]:
    """What the browser needs to prove by a passkey who is there."""
    with writing(world.engine) as conn:
        return passkeys.authentication_options(conn, site(world), mine.csrf, world.seconds(), mine.user.id)


def reauthenticate_by_passkey(world: World, mine: Session, credential: str, request: str) -> None:
    """Prove again who is there, by a passkey of theirs. Raises BadPasskey."""
    refused: Refused | None = None
    with writing(world.engine) as conn:  # kept also when refused, for the challenge is spent
        try:
            passkeys.authenticate(conn, site(world), credential, mine.csrf, world.seconds(), mine.user.id)
            people_sessions.mark_reauthenticated(conn, mine, world.seconds())
        except Refused as error:
            refused = error
    if refused:
        record_event(world, request, CHANGE, 401, mine.user, "proof")
        raise refused


def change_password(world: World, mine: Session, current: str, new: str, request: str) -> None:
    """Change the password by the one that was good until now; every other session of the person ends.

    Raises BadSignIn, Locked, auth.errors.BadRegistration.
    """
    who, now = mine.user, world.seconds()
    with writing(world.engine) as conn:
        attempt = people_sessions.begin_attempt(conn, who.login, now)
    if not people_sessions.verify_password(attempt, current):
        record_event(world, request, CHANGE, 401, who, "password")
        raise BadSignIn("The current password is not right.", "current-password")
    hashed = people_sessions.hash_password(new, who.login)
    with writing(world.engine) as conn:
        people_sessions.set_password(conn, who.id, hashed, but=mine.hash)
        people_sessions.reset_failures(conn, who.login)
        people_sessions.mark_reauthenticated(conn, mine, now)
    record_event(world, request, CHANGE, 200, who, "password")


def offer_authenticator(world: World, mine: Session) -> None:
    """Make a secret to be scanned. Raises Unproved, Conflict where there is an authenticator already."""
    with writing(world.engine) as conn:
        _require_recent_proof(world, mine)
        app = totp.find(conn, mine.user.id)
        if app and app.confirmed:
            raise Conflict(sentence("refusals.there-authenticator-app-already-turn"))
        totp.offer_secret(conn, mine.user.id, world.seconds())


def offered_secret(world: World, mine: Session) -> AuthenticatorSecret | None:
    """The secret that waits to be confirmed, if one does. Raises Unproved."""
    _require_recent_proof(world, mine)
    with reading(world.engine) as conn:
        app = totp.find(conn, mine.user.id)
    if app is None or app.confirmed:
        return None
    return AuthenticatorSecret(app.secret, totp.address(app.secret, mine.user.login, "carecoord"))


def confirm_authenticator(world: World, mine: Session, code: str, request: str) -> list[str]:
    """Put the offered secret into use, by a code of it; returns recovery codes, if the person had none.

    Raises Unproved, BadSignIn.
    """
    with writing(world.engine) as conn:
        _require_recent_proof(world, mine)
        done = totp.confirm(conn, mine.user.id, code, world.seconds())
        codes = _after_new_factor(world, conn, mine, "otp") if done else []
    if not done:
        raise BadSignIn(
            "That is not the code of this moment. Check that the telephone's clock is right; try the next one.",
            "code-of-moment",
        )
    record_event(world, request, CHANGE, 200, mine.user, "authenticator added")
    return codes


def remove_authenticator(world: World, mine: Session, request: str) -> None:
    """Turn the authenticator app off. Raises Unproved, NotFound."""
    with writing(world.engine) as conn:
        _require_recent_proof(world, mine)
        if not totp.remove(conn, mine.user.id):
            raise NotFound(sentence("refusals.there-no-authenticator-app-turn"))
        factors.adjust_recovery_codes(conn, mine.user.id)
    record_event(world, request, CHANGE, 200, mine.user, "authenticator removed")


def renew_codes(world: World, mine: Session, request: str) -> list[str]:
    """New recovery codes in place of the old. Raises Unproved, Conflict without a second factor to recover."""
    with writing(world.engine) as conn:
        _require_recent_proof(world, mine)
        if not factors.kinds(conn, mine.user.id):
            raise Conflict(sentence("refusals.recovery-codes-stand-in-for"))
        codes = factors.new_recovery_codes(conn, mine.user.id)
    record_event(world, request, CHANGE, 200, mine.user, "recovery codes renewed")
    return codes


def offer_passkey(world: World, mine: Session) -> dict[str, Any]:
    """What the browser needs to make a passkey. Raises Unproved, Conflict."""
    with writing(world.engine) as conn:
        _require_recent_proof(world, mine)
        return passkeys.registration_options(conn, site(world), mine.user, mine.csrf, world.seconds())


def add_passkey(world: World, mine: Session, credential: str, name: str, request: str) -> list[str]:
    """Register the passkey that the browser made; returns recovery codes, if the person had none.

    Raises Unproved, BadPasskey.
    """
    refused: Refused | None = None
    codes: list[str] = []
    with writing(world.engine) as conn:  # kept also when refused, for the challenge is spent
        _require_recent_proof(world, mine)
        try:
            passkeys.register(conn, site(world), mine.user, credential, name, mine.csrf, world.seconds())
            codes = _after_new_factor(world, conn, mine, "hwk")
        except Refused as error:
            refused = error
    if refused:
        raise refused
    record_event(world, request, CHANGE, 200, mine.user, "passkey added")
    return codes


def remove_passkey(world: World, mine: Session, id: bytes, request: str) -> None:
    """Forget a passkey. Raises Unproved, NotFound."""
    with writing(world.engine) as conn:
        _require_recent_proof(world, mine)
        if passkeys.remove(conn, mine.user.id, id) is None:
            raise NotFound(sentence("refusals.there-no-such-passkey-yours"))
        factors.adjust_recovery_codes(conn, mine.user.id)
    record_event(world, request, CHANGE, 200, mine.user, "passkey removed")


def end_session(world: World, mine: Session, hash: bytes, request: str) -> None:
    """End one of the person's sessions. Raises NotFound for what is not theirs."""
    with writing(world.engine) as conn:
        if not people_sessions.end_one(conn, mine.user.id, hash):
            raise NotFound(sentence("refusals.that-session-has-ended-already"))
    record_event(world, request, "sign-out", 200, mine.user, "another session")


def _require_recent_proof(world: World, mine: Session) -> None:
    if not mine.fresh(world.seconds()):
        raise ReauthenticationNeeded


def _after_new_factor(world: World, conn: Connection, mine: Session, kind: str) -> list[str]:
    """What follows from a new factor: recovery codes with the first one, and a session that was good for setting it up
    alone becomes a full one."""
    if mine.kind != "desk":
        people_sessions.promote(conn, mine, AMR[kind], world.seconds())
    return factors.adjust_recovery_codes(conn, mine.user.id)
