"""`/people`, for admins: who can sign in and how, inviting, a link for a new password, disabling and enabling."""

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from auth.errors import BadRegistration
from carecoord import errors
from carecoord.actions.people import people
from carecoord.actions.people.accounts import NewUser
from carecoord.actions.people.organizations import needs_one
from carecoord.actions.people.refusals import why
from carecoord.domain.access import verbs
from carecoord.web.page.labels import roles_called
from carecoord.web.people import sign_in
from carecoord.web.server.exchange import request_id
from carecoord.words.catalogue import spoken
from carecoord.world import World

PEOPLE = "/people"


def blueprint(world: World) -> Blueprint:
    """The page and what its forms do."""
    pages = Blueprint("people_page", __name__)
    sign_in.guard(pages, world)

    @pages.before_request
    def demand_admin() -> None:
        if not verbs.may(sign_in.session().user.roles, "manage-people"):
            raise errors.Forbidden(spoken("people.people-looked-after-by-admins"))

    @pages.get(PEOPLE)
    def show() -> Response:
        return _page(world)

    @pages.post(f"{PEOPLE}/invite")
    def invite() -> Response:
        form = request.form
        new = NewUser(
            form.get("login", ""), form.get("name", ""), frozenset(form.getlist("role")),
            form.get("organization") or None, form.get("practitioner") or None,
        )  # fmt: skip
        try:
            _demand_office(new)
            link = people.invite(world, new, request_id(), sign_in.session().user)
        except errors.Invalid as refused:
            return _page(world, 422, problem=refused.text)
        except BadRegistration as refused:
            return _page(world, 422, problem=why(refused))
        return _page(world, link=link, whose=new.name)

    @pages.post(f"{PEOPLE}/reset")
    def reset() -> Response:
        too = "factors" in request.form
        found, by = _whose(), sign_in.session().user
        link = people.invite_to_new_password(world, found, request_id(), by, factors_too=too)
        return _page(world, link=link, whose=found)

    _change(pages, world)
    return pages


def _change(pages: Blueprint, world: World) -> None:
    """Another organization, practitioner or roles for somebody; disabling and enabling them."""

    @pages.post(f"{PEOPLE}/disable")
    def disable() -> Response:
        if "sure" not in request.form:
            return _page(world, asking=_whose())
        changed = people.set_disabled(world, _whose(), True, request_id(), sign_in.session().user)
        return _page(world, done=spoken("people.signed-out-and-can-not", name=changed.name))

    @pages.post(f"{PEOPLE}/enable")
    def enable() -> Response:
        changed = people.set_disabled(world, _whose(), False, request_id(), sign_in.session().user)
        return _page(world, done=spoken("people.can-sign-in-again", name=changed.name))

    @pages.post(f"{PEOPLE}/change")
    def change() -> Response:
        form = request.form
        roles, organization = frozenset(form.getlist("role")), form.get("organization") or None
        also = frozenset(filter(None, (*form.getlist("also"), form.get("also_new", ""))))
        practitioner = form.get("practitioner", "").strip().removeprefix("Practitioner/") or None
        try:
            if not roles:
                raise errors.Invalid(spoken("people.choose-role-at-least-somebody"))
            _demand_office(NewUser(_whose(), "", roles, organization, practitioner))
            found = people.change(
                world, _whose(), request_id(), sign_in.session().user,
                organization=organization, practitioner=practitioner, roles=roles, also=also,
            )  # fmt: skip
        except errors.Invalid as refused:
            return _page(world, 422, unchanged=spoken("people.stays-as-before", whose=_whose(), refused=refused.text))
        return _page(world, done=spoken("people.changed", name=found.name, roles=roles_called(found.roles)))


def _demand_office(new: NewUser) -> None:
    if needs_one(new):
        raise errors.Invalid(spoken("people.choose-organization-coordinator-or-payer"))


def _whose() -> str:
    return request.form.get("login", "")


def _page(world: World, status: int = 200, **about: str) -> Response:
    found = people.people(world)
    offices = people.organizations(world, sign_in.session().grant(), request_id())
    page = render_template(
        "people.html", people=found, offices=offices, names=dict(offices), roles=verbs.ROLES, form=request.form,
        **about,
    )  # fmt: skip
    return make_response(page, status)
