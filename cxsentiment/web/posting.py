"""What a form sent: URL-encoded fields, up to a size. Files and other kinds of content are refused."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from cxsentiment.privacy import mask
from cxsentiment.web.refusals import Refusal

MOST_BYTES = 512 * 1024
_MOST_FIELDS = 5_000
_KIND = "application/x-www-form-urlencoded"


class Form:
    """The fields of a form. Of a name that stands several times `text` gives the last value, `texts` all."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.fields = fields
        self._last: Mapping[str, str] = dict(fields)

    def text(self, name: str) -> str:
        """A field, "" where it was not sent."""
        return self._last.get(name, "")

    def masked(self, name: str) -> str:
        """What somebody wrote of a contact, masked as transcripts are: people quote what they heard or read."""
        return mask(self.text(name)).text

    def texts(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for known, value in self.fields if known == name]

    def number(self, name: str) -> int | None:
        """A field that is a whole number; None where it is none."""
        value = self.text(name)
        return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


async def read_form(request: Request) -> Form:
    """Read the body of a POST. Raises Refusal for another kind of content, for too much of it, and for no text."""
    if request.method != "POST":
        return Form([])
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _KIND:
        raise Refusal(415, "Not taken", "Files and other kinds of content are not taken here.", "Use the page's form.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise Refusal(413, "Too much", f"A form may hold {MOST_BYTES // 1024} KB.", "Shorten the comments.")
    except ClientDisconnect as error:  # nobody is there to read the answer; it is no fault of ours
        raise Refusal(400, "Not whole", "The form did not arrive whole.", "Send it again.") from error
    try:
        text = body.decode("ascii")
        found = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Refusal(400, "Not readable", "The form is not valid text.", "Send it from the page again.") from error
    # NUL is the one character that PostgreSQL cannot keep.
    return Form([(name.replace("\0", ""), value.replace("\0", "").replace("\r\n", "\n")) for name, value in found])
