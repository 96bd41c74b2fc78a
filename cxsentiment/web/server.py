"""`cxsentiment serve`: checks how people may come in, opens runs and store, and answers until it is stopped."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from cxsentiment.amounts import counted
from cxsentiment.errors import CxError, UsageError
from cxsentiment.reviews.audit import process_user
from cxsentiment.reviews.store import LabelStore
from cxsentiment.web.app import make_app
from cxsentiment.web.desk import LOOPBACK, Desk, Way, checked_url
from cxsentiment.web.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and where people find it."""

    host: str
    port: int
    public_url: str | None = None
    proxy_header: str | None = None
    proxy_from: tuple[str, ...] = ()


def open_desk(folders: Sequence[Path], database: str, address: Address) -> Desk:
    """The runs and the store, and how people come in: with users in the store they sign in, without any the person at
    this machine comes in by a link.

    Raises:
        UsageError: a host beyond this machine without users or a proxy, or an address that is none.
        StoreError: the store cannot be used.
    """
    shelf = Shelf(folders)
    url = checked_url(address.public_url) if address.public_url else None
    store = LabelStore.open(database, create=True)
    try:
        way = Way(public_url=url, proxy_from=address.proxy_from or LOOPBACK)
        desk = Desk(shelf, store, way, process_user())
        users = desk.accounts.users()
        if address.proxy_header:
            desk.way = Way(public_url=url, proxy_header=address.proxy_header, proxy_from=address.proxy_from)
        elif not users:
            if address.host not in LOOPBACK or url:
                raise UsageError(
                    f"--host {address.host}" if not url else f"--public-url {url}",
                    "would open the pages to others, and the store has no users",
                    do="Add one first: cxsentiment user add NAME --role admin --db PATH",
                )
            desk.way = Way(token=secrets.token_urlsafe(32))
            desk.accounts.end_local()
    except BaseException:
        store.close()
        raise
    return desk


def serve(desk: Desk, address: Address, say: Callable[[str], None]) -> None:
    """Answer requests until interrupted. `say` prints a line for the person who started it."""
    for name in desk.shelf.names:
        say(f"reading {name} …")
        try:
            facts = desk.shelf.facts(name)
            say(f"  {counted(facts.number('SELECT count(*) FROM contacts'), 'contact')}")
        except CxError as error:
            say(f"  cannot be read, its pages say so: {error.message}")
    for line in welcome(desk, address):
        say(line)
    settings = uvicorn.Config(
        make_app(desk),
        host=address.host,
        port=address.port,
        log_level="warning",
        access_log=False,  # addresses hold ids of contacts; who did what stands in the audit log
        server_header=False,
        proxy_headers=False,  # only the header that was named is believed, from where it was said
        timeout_keep_alive=15,
        h11_max_incomplete_event_size=64 * 1024,
    )
    try:
        uvicorn.Server(settings).run()
    finally:
        desk.close()


def welcome(desk: Desk, address: Address) -> list[str]:
    """What serve prints: where the pages are and how to come in."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    here = f"http://{host}:{address.port}"
    if desk.way.token is not None:
        return [
            "For the person at this machine only; the link lets one browser in, once:",
            f"  {here}/enter?token={desk.way.token}",
            "Stop with Ctrl+C.",
        ]
    lines = [f"Serving at {desk.way.public_url or here}; stop with Ctrl+C."]
    if not desk.way.tls and address.host not in LOOPBACK:
        lines.append(
            "Passwords would cross the network unencrypted: put a TLS proxy before it and name it with --public-url."
        )
    return lines
