"""The installed packages that decide a run's figures besides its input: where a version differs, the files may."""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from cxsentiment.devices import Device
from cxsentiment.privacy.marks import EVERYTHING_USUAL, Masking
from cxsentiment.privacy.names import MODELS

OWN = "cxsentiment"
# ONNX Runtime goes by either name; with both installed the one that came last is loaded, which nothing tells.
_ALWAYS = (OWN, "google-re2", "numpy", "onnxruntime", "onnxruntime-gpu", "pyarrow", "spacy", "tokenizers")
_OF_NAMES = ("presidio-analyzer", *MODELS)


def versions(masking: Masking = EVERYTHING_USUAL, device: Device = "cpu") -> dict[str, str | None]:
    """The version of each package that shapes the files of a run with these settings; None where it is missing.

    Packages of extras count only where they are used, so that installing one makes no other run of what is there.
    """
    used = [*_ALWAYS]
    if device == "openvino":
        used.append("openvino")
    if "NAME" in masking.active:
        used += _OF_NAMES
    return {name: _version(name) for name in sorted(used)}


def told(then: Mapping[str, str | None], here: Mapping[str, str | None]) -> str:
    """The packages of both whose versions differ, in words: `numpy 2.1.0 (here 2.2.0)`."""
    names = [name for name in sorted(then.keys() & here.keys()) if then[name] != here[name]]
    return ", ".join(f"{name} {then[name] or 'missing'} (here {here[name] or 'missing'})" for name in names)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
