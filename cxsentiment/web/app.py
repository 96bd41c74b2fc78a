"""The application: every request is let in by the table of roles before anything runs, every fault becomes a page."""

import logging

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from cxsentiment.errors import CxError, InputError, RunError, StoreError
from cxsentiment.web import contesting, door, grading, labelling, office, reading, users
from cxsentiment.web.access import ACCESS, OPEN
from cxsentiment.web.desk import Desk, require_host, require_own, require_token
from cxsentiment.web.headers import SafeHeaders
from cxsentiment.web.posting import Form, read_form
from cxsentiment.web.refusals import EarlierPageError, NotSignedInError, Refusal, not_allowed
from cxsentiment.web.rendering import page

_log = logging.getLogger("cxsentiment.web")


def make_app(desk: Desk) -> FastAPI:
    """The ASGI application of a desk."""
    app = FastAPI(title="cxsentiment", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(_admit)])
    app.state.desk = desk
    for part in (door, reading, grading, contesting, labelling, office, users):
        app.include_router(part.router)
    app.add_middleware(SafeHeaders, tls=desk.way.tls)
    app.add_exception_handler(NotSignedInError, door.ask_to_sign_in)
    app.add_exception_handler(EarlierPageError, door.offer_again)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(CxError, _told)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)
    return app


def _admit(request: Request, form: Form = Depends(read_form)) -> None:  # noqa: B008 - how FastAPI is told
    """Let a request through to its page, or raise. Sets `person` and `form` in the request's state."""
    desk: Desk = request.app.state.desk
    name = request.scope["route"].name
    request.state.form = form
    require_host(desk.way, request.headers)
    if request.method == "POST":
        require_own(desk.way, request.headers)
    if name in OPEN:
        return
    person = desk.visitor(request)
    if person is None:
        raise NotSignedInError
    request.state.person = person
    if name not in ACCESS or not person.may(name):
        raise not_allowed(person.role)
    if request.method == "POST":
        try:
            require_token(person.csrf, form)
        except Refusal:
            if request.headers.get("sec-fetch-site") == "same-origin":
                raise EarlierPageError from None
            raise


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    answer = page(request, "refused.html.j2", status=error.status, title=error.title, what=error.what, do=error.do)
    answer.headers.update(error.headers)
    return answer


def _told(request: Request, error: Exception) -> Response:
    """One of our own errors: it says itself what is wrong and what to do."""
    assert isinstance(error, CxError)
    status, title = 400, "That cannot be done"
    if isinstance(error, StoreError):
        status, title = 503, "The store of reviews cannot be used"
        _log.error("%s", error.message)
    elif isinstance(error, RunError):
        status, title = 503, "This run cannot be read"
        _log.error("%s", error.message)
    elif not isinstance(error, InputError):
        _log.warning("%s", error.message)
    where = "" if isinstance(error, StoreError) else f"{error.where}: "
    allowed = f" Allowed: {error.allowed}." if error.allowed else ""
    do = f"{error.do}." if error.do and not error.do.endswith(".") else error.do
    return page(request, "refused.html.j2", status=status, title=title, what=f"{where}{error.what}.{allowed}", do=do)


def _unreadable(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    fields = ", ".join(sorted({str(one["loc"][-1]) for one in error.errors()}))
    do = "Go back and follow the page's own links."
    return page(
        request, "refused.html.j2", status=400, title="Not readable", what=f"The address is wrong at: {fields}.", do=do
    )


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    title, do = "Not found", "Start from the first page."
    what = "There is no such page."
    if error.status_code == 405:
        title, what = "Not taken", "This page does not take that kind of request."
    answer = page(request, "refused.html.j2", status=error.status_code, title=title, what=what, do=do)
    answer.headers.update(error.headers or {})
    return answer


def _broken(request: Request, error: Exception) -> Response:
    _log.error("a fault of cxsentiment at %s", request.scope.get("path"), exc_info=error)
    what = "Something went wrong that cxsentiment did not expect. Nothing that was saved is lost."
    do = "Go back and try again; what happened stands in the log of serve."
    return page(request, "refused.html.j2", status=500, title="A fault of ours", what=what, do=do)
