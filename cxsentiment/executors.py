"""A Python process of a Spark executor: it loads the model once, and scores the shards that the driver sends.

Spark itself is not imported here. Who sends shards and writes what comes back is `spark_engine`.
"""

import pickle  # nosec B403  # between this program and its executors, as Spark does itself
import socket
import sys
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cxsentiment.devices import Device
from cxsentiment.errors import BundleError, CxError, RunError
from cxsentiment.libraries import told, versions
from cxsentiment.model import default_model
from cxsentiment.privacy import Masking
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.shards import ScoredShard, Scorer, Shard

_loaded: dict[tuple[str, ...], Scorer] = {}


def scorer_of(model: Path, rubric: Rubric, masking: Masking, device: Device = "cpu") -> Scorer:
    """The scorer of this process; one process has one, for a Python worker of Spark serves one job after the other."""
    key = (str(model), rubric.sha256, repr(masking), device)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = Scorer(model, rubric, masking, device=device)
    return _loaded[key]


def pack(shard: Shard) -> bytes:
    """A shard as it travels."""
    return zlib.compress(pickle.dumps(shard), 1)


def folder_there(model: Path) -> Path | None:
    """The model's folder as executors find it; None for the bundled one, which lies where the package does."""
    try:
        return None if model == default_model() else model.resolve()
    except BundleError:  # a checkout need not hold that one
        return model.resolve()


@dataclass(frozen=True)
class Setup:
    """What an executor scores with; it travels there.

    `model` is a folder that every executor has (None: the bundled one), `model_sha256` and `versions` those of the
    driver, which the executor's must equal.
    """

    model: Path | None
    model_sha256: str
    versions: Mapping[str, str | None]
    rubric: Rubric
    masking: Masking
    device: Device = "cpu"

    def scorer(self) -> Scorer:
        """The scorer of this process. Raises RunError where it would not score as the driver's does."""
        here = versions(self.masking, self.device)
        if here != self.versions:
            what = f"other versions than the machine that began the job: {told(self.versions, here)}"
            raise RunError("", what, do="Install the same versions on every executor")
        scorer = scorer_of(self.model or default_model(), self.rubric, self.masking, self.device)
        if scorer.model.sha256 != self.model_sha256:
            what = "the model here is not that of the machine that began the job"
            raise RunError(str(scorer.model.folder), what, do="Put the same folder on every executor")
        return scorer


class Task(Setup):
    """What an executor does with a shard."""

    def __call__(self, packed: bytes) -> ScoredShard | CxError:
        """Score one shard. An error that would come again is returned: what is raised, Spark tries again."""
        work = time.process_time()
        # spaCy imports torch where it is installed: seconds and hundreds of megabytes that no worker needs.
        sys.modules.setdefault("torch", None)  # type: ignore[arg-type]  # None there makes an import of it fail
        try:
            scorer = self.scorer()
            shard = pickle.loads(zlib.decompress(packed))  # nosec B301  # what the driver packed
            scored = scorer.score(shard)
        except CxError as error:
            error.where = f"executor {socket.gethostname()}: {error.where}".removesuffix(": ")
            return error
        return replace(scored, core_seconds=time.process_time() - work)
