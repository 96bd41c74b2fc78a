"""The Markdown templates of this package, in one environment: a name that is not given is an error, not a blank."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def environment() -> Environment:
    """A new environment over the `.md.j2` files beside this module; filters may be added to it."""
    return Environment(  # nosec B701  # writes chats, not pages
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, and all of it the project's own text
    )
