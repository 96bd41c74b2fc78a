"""What all pages share: the runs, the store, the way people come in, and who a request is from."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import urlsplit

from starlette.requests import Request

from cxsentiment.errors import UsageError
from cxsentiment.reviews.accounts import Accounts
from cxsentiment.reviews.store import LabelStore
from cxsentiment.web.access import Person
from cxsentiment.web.facts import Facts
from cxsentiment.web.posting import Form
from cxsentiment.web.refusals import Refusal, forged, not_here
from cxsentiment.web.shelf import Shelf

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Way:
    """How people come in.

    `token`: the secret of the link that serve prints, for the single user of this machine; else None, and people sign
    in. `public_url`: where people find the pages, with https:// where TLS ends before them. `proxy_header`: the header
    in which a proxy names the user it has checked, believed only from an address of `proxy_from`.
    """

    token: str | None = None
    public_url: str | None = None
    proxy_header: str | None = None
    proxy_from: tuple[str, ...] = ("127.0.0.1", "::1")

    @property
    def tls(self) -> bool:
        """Whether people come over TLS."""
        return (self.public_url or "").startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; the prefix makes browsers insist on Secure and on this host."""
        return "__Host-cxsentiment" if self.tls else "cxsentiment"

    @property
    def hosts(self) -> tuple[str, ...] | None:
        """The names under which the pages answer; None: any. Another name would let a foreign site's name lead here."""
        if self.token is not None:
            return LOOPBACK
        return None if self.public_url is None else (urlsplit(self.public_url).hostname or "",)


@dataclass
class Desk:
    """The state of the application."""

    shelf: Shelf
    store: LabelStore
    way: Way
    local_user: str = "local"
    accounts: Accounts = field(init=False)
    _secret: bytes = field(init=False, default_factory=lambda: secrets.token_bytes(32))
    _token_lock: Lock = field(init=False, default_factory=Lock)
    _token_used: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.accounts = Accounts(self.store, proxied=self.way.proxy_header is not None)

    def spend(self, token: str) -> bool:
        """Whether this is the token of the printed link, used for the first time."""
        with self._token_lock:
            if self.way.token is None or self._token_used:
                return False
            if not hmac.compare_digest(token.encode("utf-8", "replace"), self.way.token.encode()):
                return False
            self._token_used = True
            return True

    def visitor(self, request: Request) -> Person | None:
        """Who a request is from; None where nobody is signed in."""
        if self.way.proxy_header is not None:
            return self._behind_proxy(request, self.way.proxy_header)
        token = request.cookies.get(self.way.cookie, "")
        session = self.accounts.session(token) if token else None
        if session is None:
            return None
        if session.local:
            # The link's user is this machine's own, and only as long as serve runs for a single user.
            if self.way.token is None:
                return None
            return Person(session.user_name, "admin", None, session.csrf, "link")
        user = self.accounts.find(session.user_name)
        if user is None or user.disabled:
            return None
        return Person(user.name, user.role, user.agent_id, session.csrf, "password")

    def _behind_proxy(self, request: Request, header: str) -> Person | None:
        peer = request.client.host if request.client else ""
        # Of two names one was sent by whoever asks, and nobody can tell which.
        names = request.headers.getlist(header)
        name = names[0] if len(names) == 1 else ""
        if peer not in self.way.proxy_from or not name:
            raise Refusal(
                403,
                "Not through the proxy",
                "These pages are reached through a proxy that says who you are.",
                "Use the address you were given.",
            )
        user = self.accounts.find(name.strip().lower())  # as who signs in: users have small letters only
        if user is None or user.disabled:
            raise Refusal(
                403,
                "Not a user here",
                "The proxy knows you, but no user of these pages has your name.",
                "Ask an admin: cxsentiment user add NAME --role ROLE --no-password",
            )
        csrf = hmac.new(self._secret, user.name.encode(), hashlib.sha256).hexdigest()
        return Person(user.name, user.role, user.agent_id, csrf, "proxy")

    def address(self, request: Request) -> str:
        """Where a request comes from; behind a proxy that we were told of, what it says in X-Forwarded-For.

        The last address there is the one that the proxy itself saw; what stands before it anybody can write.
        """
        peer = request.client.host if request.client else ""
        if peer in self.way.proxy_from:
            # A proxy may write a line of its own below one that was sent: the last line is the proxy's.
            lines = request.headers.getlist("x-forwarded-for") or [""]
            return lines[-1].rpartition(",")[2].strip()[:60] or peer
        return peer

    def close(self) -> None:
        """Give memory and connections back."""
        self.shelf.close()
        self.store.close()

    def facts(self, run: str) -> Facts:
        """The run of that name. Raises Refusal for a name that is not served, RunError where it cannot be read."""
        if self.shelf.folder(run) is None:
            raise not_here("No run of this name is served.", "Choose a run on the first page.")
        return self.shelf.facts(run)


def require_host(way: Way, headers: Mapping[str, str]) -> None:
    """Raise Refusal for a request to a name that is not ours."""
    host = urlsplit(f"//{headers.get('host', '')}").hostname if _readable(headers.get("host", "")) else None
    if way.hosts is not None and host not in way.hosts:
        raise Refusal(400, "Wrong address", "These pages do not answer under this name.", "Use the printed address.")


def require_own(way: Way, headers: Mapping[str, str]) -> None:
    """Raise Refusal for a form that another site sent."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise forged()
    origin = headers.get("origin")
    ours = urlsplit(way.public_url).netloc if way.public_url else headers.get("host", "")
    if origin is not None and (not _readable(origin) or urlsplit(origin).netloc != ours):
        raise forged()


def require_token(expected: str, form: Form) -> None:
    """Raise Refusal for a form without the token of the session."""
    if not expected or not hmac.compare_digest(form.text("csrf").encode("utf-8", "replace"), expected.encode()):
        raise forged()


def _readable(address: str) -> bool:
    try:
        urlsplit(address if "//" in address else f"//{address}")
    except ValueError:
        return False
    return True


def checked_url(url: str) -> str:
    """A public address without a path. Raises UsageError for what is none."""
    parts = urlsplit(url) if _readable(url) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise UsageError(f"--public-url {url}", "is no address", allowed="https://qa.example.org, without a path")
    # As browsers write it in Origin, which forms are checked by: small letters, and no port that goes without saying.
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    try:
        port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    except ValueError as error:
        raise UsageError(f"--public-url {url}", "is no address", allowed="a port up to 65535, or none") from error
    return f"{parts.scheme}://{host}{port}"
