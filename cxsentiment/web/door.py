"""Coming in and going out: the printed link, signing in, signing out; and the files every page needs."""

import json
import re
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from cxsentiment.reviews.accounts import LONGEST_S, TooManyTriesError
from cxsentiment.web.desk import Desk, require_own, require_token
from cxsentiment.web.posting import Form
from cxsentiment.web.refusals import Refusal, not_here
from cxsentiment.web.rendering import page, static_files

router = APIRouter()
_BEFORE = "cxsentiment-before"  # a cookie that ties the form of signing in to the browser that asked for it
_NOT_KEPT = ("csrf", "password")  # a new password stands in no page
_MOST_KEPT = 256 * 1024
_OURS = re.compile(r"/(?!/)[A-Za-z0-9._~%/-]*(\?[^\s#\\]*)?")


@router.get("/static/{name}", name="static")
def static(name: str) -> Response:
    """The style, the script, the icon."""
    found = static_files().get(name)
    if found is None:
        raise not_here("There is no such file.", "Start from the first page.")
    return Response(found[1], media_type=found[0], headers={"Cache-Control": "public, max-age=300"})


@router.get("/health", name="health")
def health(request: Request) -> Response:
    """Whether the store answers, for a supervisor; it tells nothing else."""
    desk: Desk = request.app.state.desk
    with desk.store.reading():
        pass
    return Response("ok\n", media_type="text/plain")


@router.get("/enter", name="enter")
def enter(request: Request, token: str = "") -> Response:  # nosec B107  # none given; no link has it
    """The printed link, once."""
    desk: Desk = request.app.state.desk
    if not desk.spend(token):
        raise Refusal(
            403,
            "This link was used",
            "The link that serve prints lets one browser in, once.",
            "Use the browser that opened it first, or restart cxsentiment serve for a new link.",
        )
    return _welcome(desk, desk.accounts.start(desk.local_user, local=True), "/", None)


@router.get("/sign-in", name="sign_in")
def sign_in(request: Request, next: str = "/") -> Response:
    """The form of signing in."""
    return _form_page(request, target=_safe(next))


@router.post("/sign-in", name="try_sign_in")
def try_sign_in(request: Request) -> Response:
    """Check name and password."""
    desk: Desk = request.app.state.desk
    form: Form = request.state.form
    require_token(request.cookies.get(_BEFORE, ""), form)
    if desk.way.token is not None or desk.way.proxy_header is not None:
        raise not_here("Nobody signs in with a password here.", "Open the link that serve printed.")
    address = desk.address(request)
    kept = form.text("kept")[:_MOST_KEPT]
    name = form.text("name").strip().lower()
    try:
        user = desk.accounts.sign_in(name, form.text("password"), address)
    except TooManyTriesError as error:
        minutes = -(-error.wait_s // 60)
        answer = _form_page(
            request,
            status=429,
            problem=f"Too many wrong passwords. Wait {minutes} minutes and try again, or ask an admin.",
            target=_safe(form.text("next")),
            kept=kept,
        )
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer
    if user is None:
        problem = "Name or password is wrong."
        return _form_page(request, status=401, problem=problem, target=_safe(form.text("next")), kept=kept)
    token = desk.accounts.start(user.name)
    if kept:
        return _offer(request, desk, token, kept)
    return _welcome(desk, token, _safe(form.text("next")))


@router.post("/sign-out", name="sign_out")
def sign_out(request: Request) -> Response:
    """End the session."""
    desk: Desk = request.app.state.desk
    desk.accounts.end(request.cookies.get(desk.way.cookie, ""))
    answer = RedirectResponse("/sign-in?said=out", 303)
    answer.delete_cookie(desk.way.cookie, path="/", secure=desk.way.tls, httponly=True, samesite="lax")
    return answer


def ask_to_sign_in(request: Request, _: Exception) -> Response:
    """What somebody sees who is not signed in; what a form sent is kept in the page, and offered again after it."""
    desk: Desk = request.app.state.desk
    if request.url.path == "/sign-out":  # they are out already: there is nothing to keep, or to send again
        return _form_page(request, status=401)
    if request.method != "POST":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return _form_page(request, status=401, target=_safe(target))
    require_own(desk.way, request.headers)
    form: Form = request.state.form
    fields = [pair for pair in form.fields if pair[0] not in _NOT_KEPT]
    kept = json.dumps({"path": request.url.path, "fields": fields}) if _OURS.fullmatch(request.url.path) else ""
    problem = "Your session is over. What you entered is kept in this page, and can be sent again."
    return _form_page(
        request, status=401, problem=problem, kept=kept if len(kept) <= _MOST_KEPT else "", entered=fields
    )


def offer_again(request: Request, _: Exception) -> Response:
    """What somebody sees who sends a page of an earlier session: nothing is saved until they send it again."""
    form: Form = request.state.form
    fields = [pair for pair in form.fields if pair[0] not in _NOT_KEPT]
    token = request.state.person.csrf
    return page(request, "kept.html.j2", status=403, path=request.url.path, fields=fields, token=token)


def _form_page(
    request: Request,
    *,
    status: int = 200,
    problem: str = "",
    target: str = "/",
    kept: str = "",
    entered: Sequence[tuple[str, str]] = (),
) -> Response:
    desk: Desk = request.app.state.desk
    before = request.cookies.get(_BEFORE) or secrets.token_urlsafe(32)
    way = "link" if desk.way.token is not None else "proxy" if desk.way.proxy_header is not None else "password"
    answer = page(
        request,
        "sign_in.html.j2",
        status=status,
        before=before,
        problem=problem,
        target=target,
        kept=kept,
        way=way,
        entered=entered if way != "password" else (),
    )
    _set(answer, desk, _BEFORE, before, 3600)
    return answer


def _welcome(desk: Desk, token: str, target: str, seconds: int | None = LONGEST_S) -> Response:
    answer = RedirectResponse(target, 303)
    _set(answer, desk, desk.way.cookie, token, seconds)
    return answer


def _offer(request: Request, desk: Desk, token: str, kept: str) -> Response:
    """A page that shows what was entered before the session ended; nothing is saved until it is sent."""
    try:
        found: dict[str, Any] = json.loads(kept)
        path = str(found["path"])
        fields = [(str(name), str(value)) for name, value in found["fields"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return _welcome(desk, token, "/")
    session = desk.accounts.session(token)
    if session is None or not _OURS.fullmatch(path):
        return _welcome(desk, token, "/")
    answer = page(request, "kept.html.j2", path=path, fields=fields, token=session.csrf)
    _set(answer, desk, desk.way.cookie, token, LONGEST_S)
    return answer


def _set(answer: Response, desk: Desk, name: str, value: str, seconds: int | None) -> None:
    answer.set_cookie(name, value, max_age=seconds, path="/", secure=desk.way.tls, httponly=True, samesite="lax")


def _safe(target: str) -> str:
    """A path of ours, or the first page: a link must not lead to another site after signing in."""
    parts = urlsplit(target) if _OURS.fullmatch(target) else None
    return target if parts is not None and not parts.netloc and not parts.scheme else "/"
