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
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cxsentiment.devices import Device
from cxsentiment.errors import BundleError, CxError, RunError
from cxsentiment.model import default_model
from cxsentiment.privacy import Masking
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.shards import ScoredShard, Scorer, Shard

# What decides the bytes of a shard besides its input: where one of these differs, the files may.
_SHAPING = ("cxsentiment", "google-re2", "numpy", "onnxruntime", "openvino", "pyarrow", "spacy", "tokenizers")

_loaded: dict[tuple[str, ...], Scorer] = {}


def scorer_of(model: Path, rubric: Rubric, masking: Masking, device: Device = "cpu") -> Scorer:
    """The scorer of this process; one process has one, for a Python worker of Spark serves one job after the other."""
    key = (str(model), rubric.sha256, repr(masking), device)
    if key not in _loaded:
        _loaded.clear()
        _loaded[key] = Scorer(model, rubric, masking, device=device)
    return _loaded[key]


def versions() -> dict[str, str | None]:
    """The version of each package that shapes a run's files; None where it is missing."""
    return {name: _version(name) for name in _SHAPING}


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
class Task:
    """What an executor does with a shard; it travels there.

    `model` is a folder that every executor has (None: the bundled one), `model_sha256` and `versions` those of the
    driver, which the executor's must equal.
    """

    model: Path | None
    model_sha256: str
    versions: Mapping[str, str | None]
    rubric: Rubric
    masking: Masking
    device: Device = "cpu"

    def __call__(self, packed: bytes) -> ScoredShard | CxError:
        """Score one shard. An error that would come again is returned: what is raised, Spark tries again."""
        work = time.process_time()
        # spaCy imports torch where it is installed: seconds and hundreds of megabytes that no worker needs.
        sys.modules.setdefault("torch", None)  # type: ignore[arg-type]  # None there makes an import of it fail
        try:
            self._require_same_versions()
            scorer = scorer_of(self.model or default_model(), self.rubric, self.masking, self.device)
            if scorer.model.sha256 != self.model_sha256:
                what = "the model here is not that of the machine that runs cxsentiment"
                raise RunError(str(scorer.model.folder), what, do="Put the same folder on every executor")
            shard = pickle.loads(zlib.decompress(packed))  # nosec B301  # what the driver packed
            scored = scorer.score(shard)
        except CxError as error:
            error.where = f"executor {socket.gethostname()}: {error.where}".removesuffix(": ")
            return error
        return replace(scored, core_seconds=time.process_time() - work)

    def _require_same_versions(self) -> None:
        here = versions()
        if different := [name for name, found in here.items() if found != self.versions[name]]:
            found = ", ".join(f"{name} {here[name] or 'missing'} ({self.versions[name]})" for name in different)
            what = f"other versions than (in brackets) the machine that runs cxsentiment: {found}"
            raise RunError("", what, do="Install the same versions on every executor")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
