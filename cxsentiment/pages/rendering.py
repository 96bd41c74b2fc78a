"""The Jinja templates of pages: everything is escaped, an unknown name is an error."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from cxsentiment.pages.moments import skill_words
from cxsentiment.pages.printing import PRINTERS, decimals, interval, kind_of, number, plain
from cxsentiment.text import clean

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def template(name: str) -> "Template":
    """A template of the folder `templates`."""
    return _environment().get_template(name)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from cxsentiment.charts import LEVELS, channel_words, words

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= PRINTERS
    environment.filters.update(
        plain=plain,
        number=number,
        interval=interval,
        words=words,
        channel=channel_words,
        clean=clean,
        points=decimals(0),
        skill=skill_words,
    )
    environment.globals |= {"levels": LEVELS, "kind_of": kind_of, "printers": PRINTERS}
    return environment
