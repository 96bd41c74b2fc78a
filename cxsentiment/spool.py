"""What a run refuses of its input, on disk until the run ends: there may be as many refusals as lines in the input."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from cxsentiment.errors import RunError
from cxsentiment.schema import RefusedKind, Reject

_IN_MEMORY = 2**20  # bytes; few inputs refuse more


class Spool:
    """Refusals in their order; `kinds` counts them. The file has no name in `folder`, and ends with the process.

    Writing and reading raise RunError where the folder takes no more.
    """

    def __init__(self, folder: Path) -> None:
        self.kinds: Counter[RefusedKind] = Counter()
        self._folder = folder
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder))  # noqa: SIM115 (close does it)

    def __enter__(self) -> "Spool":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, reject: Reject) -> None:
        """Keep one more."""
        self.kinds[reject.kind] += 1
        with self._faults():
            self._file.write(json.dumps(asdict(reject)).encode() + b"\n")

    def __iter__(self) -> Iterator[Reject]:
        """All of them from the first; nothing may be added meanwhile."""
        with self._faults():
            self._file.seek(0)
            for line in self._file:
                yield Reject(**json.loads(line))

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            what = f"cannot be written: {error.strerror or error}"
            raise RunError(str(self._folder), what, do="Free space or choose a folder you may write to") from error
