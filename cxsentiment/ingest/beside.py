"""A file beside a source that some formats need: the speakers of a transcript, the metadata of a call."""

from cxsentiment.ingest.sources import Source


def beside(source: Source, name: str) -> Source | None:
    """The file of that name beside the source; None where there is none, or a link, or where it is no name of a file.

    `name` may come from what a file holds, so it can be anything.
    """
    try:
        found = source.with_name(name)
        return found if found.is_file() and not found.is_symlink() else None
    except (ValueError, OSError):  # a name with slashes, or one too long
        return None
