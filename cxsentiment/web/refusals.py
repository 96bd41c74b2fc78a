"""What stops a request before its page: not signed in, not allowed, not there, sent in a way that is not taken."""


class Refusal(Exception):
    """A page that says why nothing was done: the HTTP status, what happened, and what to do."""

    def __init__(
        self, status: int, title: str, what: str, do: str = "", *, headers: dict[str, str] | None = None
    ) -> None:
        self.status = status
        self.title = title
        self.what = what
        self.do = do
        self.headers = headers or {}
        super().__init__(title)


class NotSignedInError(Exception):
    """Nobody is signed in, or the session is over."""


class EarlierPageError(Exception):
    """A form of our own whose token is of an earlier session: it is offered again, not lost."""


def not_allowed(role: str) -> Refusal:
    """A page that is not for this role."""
    return Refusal(
        403,
        "Not for your role",
        f"You are signed in as {role}, and this page is not for that role.",
        "Go back, or ask an admin if you need it.",
    )


def not_here(what: str, do: str) -> Refusal:
    """Something that does not exist."""
    return Refusal(404, "Not found", what, do)


def forged() -> Refusal:
    """A form that did not come from a page of ours."""
    return Refusal(
        403,
        "This form was not taken",
        "It did not come from a page of this site, or from one of an earlier session. Nothing was changed.",
        "Open the page again and send it from there.",
    )
