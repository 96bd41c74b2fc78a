"""For admins: who may sign in, with which role. Every change is in the audit log; a password stands nowhere."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from cxsentiment.errors import CxError, UsageError
from cxsentiment.reviews.accounts import ROLES, User
from cxsentiment.reviews.passwords import LEAST, MOST
from cxsentiment.web.access import Person
from cxsentiment.web.desk import Desk
from cxsentiment.web.listing import choices
from cxsentiment.web.posting import Form
from cxsentiment.web.refusals import Refusal, not_here
from cxsentiment.web.rendering import page

router = APIRouter()
_EMPTY: Mapping[str, str] = {"name": "", "role": "qa", "agent": ""}


@router.get("/users", name="users")
def users(request: Request) -> Response:
    """Who may sign in, and the form that adds somebody."""
    return _list(request)


@router.post("/users/add", name="add_user")
def add_user(request: Request) -> Response:
    """Add somebody; without a password where a proxy checks people."""
    desk, person, form = _parts(request)
    name, role, agent_id = form.text("name").strip().lower(), form.text("role"), form.text("agent")
    password = form.text("password")
    try:
        if not password and desk.way.proxy_header is None:
            raise UsageError("the password", "is missing", allowed=f"{LEAST} to {MOST} characters")
        desk.accounts.add(name, role, agent_id=agent_id, password=password or None, who=person.name)
    except UsageError as error:
        return _list(request, problem=_told(error), entered={"name": name, "role": role, "agent": agent_id})
    return RedirectResponse("/users?said=added", 303)


@router.get("/user", name="user")
def user(request: Request, name: str = Query(max_length=64)) -> Response:
    """One user, with what can be changed."""
    return _one(request, _known(request.app.state.desk, name))


@router.post("/users", name="set_user")
def set_user(request: Request) -> Response:
    """Let a user in no more, or again."""
    desk, person, form = _parts(request)
    found = _other(desk, person, form, "You cannot shut yourself out.")
    return _changed(
        request, found, lambda: desk.accounts.set_disabled(found.name, form.text("disabled") == "yes", person.name)
    )


@router.post("/user/role", name="set_role")
def set_role(request: Request) -> Response:
    """Another role, or another agent id."""
    desk, person, form = _parts(request)
    found = _other(desk, person, form, "You cannot change your own role.")
    return _changed(
        request, found, lambda: desk.accounts.set_role(found.name, form.text("role"), form.text("agent"), person.name)
    )


@router.post("/user/password", name="set_password")
def set_password(request: Request) -> Response:
    """A new password; the user's sessions end."""
    desk, person, form = _parts(request)
    found = _known(desk, form.text("name"))
    return _changed(request, found, lambda: desk.accounts.set_password(found.name, form.text("password"), person.name))


def _changed(request: Request, found: User, change: Callable[[], None]) -> Response:
    try:
        change()
    except UsageError as error:
        return _one(request, found, problem=_told(error))
    return RedirectResponse("/users?said=user", 303)


def _parts(request: Request) -> tuple[Desk, Person, Form]:
    return request.app.state.desk, request.state.person, request.state.form


def _known(desk: Desk, name: str) -> User:
    found = desk.accounts.find(name)
    if found is None:
        raise not_here("There is no user of this name.", "Choose one in the list of users.")
    return found


def _other(desk: Desk, person: Person, form: Form, what: str) -> User:
    """The user of a form, who must be somebody else: who shuts themselves out cannot undo it."""
    found = _known(desk, form.text("name"))
    if found.name == person.name:
        raise Refusal(400, "Yourself", what, "Ask another admin.")
    return found


def _told(error: UsageError) -> str:
    allowed = f" Allowed: {error.allowed}." if error.allowed else ""
    said = f"{error.where} {error.what}.{allowed}{f' {error.do}.' if error.do else ''}"
    return said[:1].upper() + said[1:]


def _list(request: Request, *, problem: str = "", entered: Mapping[str, str] = _EMPTY) -> Response:
    desk: Desk = request.app.state.desk
    return page(
        request,
        "users.html.j2",
        status=400 if problem else 200,
        here="users",
        users=desk.accounts.users(),
        unknown=_unknown(desk),
        problem=problem,
        entered=entered,
        roles=ROLES,
        least=LEAST,
        most=MOST,
        proxy=desk.way.proxy_header is not None,
    )


def _unknown(desk: Desk) -> set[str]:
    """Agent ids of users that no contact of the runs served here names: a slip shows such a user nothing."""
    known: set[str] = set()
    for name in desk.shelf.names:
        try:
            known |= set(choices(desk.shelf.facts(name), "agent_id"))
        except CxError:  # a run that cannot be read may have them all
            return set()
    return {user.agent_id for user in desk.accounts.users() if user.agent_id} - known


def _one(request: Request, found: User, *, problem: str = "") -> Response:
    return page(
        request,
        "user.html.j2",
        status=400 if problem else 200,
        here="users",
        one=found,
        problem=problem,
        roles=ROLES,
        least=LEAST,
        most=MOST,
    )
