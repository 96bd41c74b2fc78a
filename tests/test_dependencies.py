"""What is installed: pinned, under a licence that goes with ours, and without conflict.

Whether a package was withdrawn, or has a known hole, only a network can tell: `pip-audit` (CONTRIBUTING.md).
"""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PERMISSIVE = re.compile(r"apache|\bmit\b|mit-0|bsd|\bisc\b|psf|python|0bsd|zlib|cc0|bsl-1\.0|unlicense", re.IGNORECASE)
OTHERS = {
    "psycopg": "LGPL: the extra postgres and tests alone need it, as a package of its own that can be exchanged",
    "psycopg-binary": "LGPL: as psycopg",
    "certifi": "MPL: certificates, as they are; extras only",
    "hypothesis": "MPL: tests only",
    "pathspec": "MPL: mypy's, for checks only",
    "tqdm": "MPL and MIT: as it is",
    "axe-playwright-python": "tests only; its LICENSE is MIT, its axe-core MPL",
}
"""Packages whose licence asks for more than credit, or that do not name one, and why they may be used."""


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").split()
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def _asked() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return {canonicalize_name(one.name): one for one in map(Requirement, lines)}


def _installed() -> dict[str, Distribution]:
    """Everything that the project and its extras ask for, and what that asks for, as far as it is installed here."""
    found, waiting = dict[str, Distribution](), list(_asked().values())
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        try:
            made = found[name] = found.get(name) or distribution(name)
        except PackageNotFoundError:  # an extra that is not installed
            continue
        for line in made.requires or ():
            wanted = Requirement(line)
            extras = one.extras or {""}
            taken = wanted.marker is None or any(wanted.marker.evaluate({"extra": extra}) for extra in extras)
            if taken and canonicalize_name(wanted.name) not in found:
                waiting.append(wanted)
    return found


UNPINNED = {"torch", "setuptools"}
"""Torch has one version for the CPU and others beside it: pyproject.toml bounds it; setuptools is the environment's."""
INSTALLED = _installed()


def _licence(made: Distribution) -> str:
    metadata = made.metadata
    named = [one.rpartition("::")[2] for one in metadata.get_all("Classifier") or () if one.startswith("License")]
    told = metadata.get("License-Expression") or "; ".join(named) or (metadata.get("License") or "").partition("\n")[0]
    return str(told).strip()


def _is_permissive(licence: str) -> bool:
    """Whether every part of a licence asks for no more than credit; of alternatives one is enough."""
    parts = re.split(r" AND |; ", licence)
    return all(any(PERMISSIVE.search(one) for one in part.split(" OR ")) for part in parts) and not re.search(
        r"GPL|general public|MPL|mozilla|EUPL|SSPL|commons clause", licence, re.IGNORECASE
    )


def test_what_is_installed_is_what_was_pinned() -> None:
    pins = _pins()
    here = {name: made.version for name, made in INSTALLED.items() if name not in UNPINNED}
    assert {"numpy", "duckdb", "fastapi", "mypy"} <= here.keys()
    assert {name: version for name, version in here.items() if pins.get(name) != version} == {}


def test_every_package_that_is_asked_for_has_a_pin_that_it_allows() -> None:
    pins = _pins()
    wrong = {
        name: pins.get(name)
        for name, one in _asked().items()
        if name in INSTALLED and name not in pins.keys() | UNPINNED
    }
    wrong |= {name: pins[name] for name, one in _asked().items() if name in pins and pins[name] not in one.specifier}
    assert wrong == {}


def test_every_licence_goes_with_ours() -> None:
    told = {name: _licence(made) for name, made in INSTALLED.items()}
    asking = {name: licence for name, licence in told.items() if not _is_permissive(licence)}
    assert asking.keys() - OTHERS.keys() == set(), asking
    assert {name for name, licence in told.items() if re.search(r"(?<!L)GPL|SSPL", licence)} == set()


@pytest.mark.parametrize(
    ("licence", "permissive"),
    [
        ("MIT", True),
        ("Apache-2.0 OR GPL-2.0-only", False),
        ("BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", True),
        ("MPL-2.0 AND MIT", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("Proprietary", False),
        ("", False),
    ],
)
def test_a_licence_is_read_for_what_it_asks(licence: str, permissive: bool) -> None:
    assert _is_permissive(licence) is permissive


def test_no_exception_outlives_its_package() -> None:
    assert OTHERS.keys() - _pins().keys() == set()


def test_no_package_wants_another_version_than_there_is() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
