"""Formats that other installed packages give: an entry point of the group `cxsentiment.readers` for each.

The entry point's name is what --format takes; what it leads to is a `DocumentFormat` (JSON) or a `FileFormat` (any
other file) whose facts have that name. A package says what stands in its files and nothing else: what it yields is
checked (yielded.py), settled as that of a built-in format, and masked with everything else before it is scored.

Which packages declare formats is read from their metadata. Their code is loaded when --format names the format, when
formats are listed, or when a source turns up whose structure no built-in format knows. A package that cannot be used
is told of, and stops nothing but a run whose --format names it.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.contacts import Contact
from cxsentiment.ingest.facts import formats
from cxsentiment.ingest.formats import DocumentFormat, FileFormat, Format
from cxsentiment.ingest.values import shown
from cxsentiment.ingest.yielded import checked

GROUP = "cxsentiment.readers"
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SUFFIX = re.compile(r"\.[a-z0-9]+")
_WITHOUT = "Update or uninstall the package; all other formats are read as before"
T = TypeVar("T")
Known = DocumentFormat | FileFormat


@dataclass(frozen=True, slots=True)
class Declared:
    """What a package's metadata says of a format; `package` with its version."""

    package: str
    entry: EntryPoint

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"package {self.package}, entry point {self.entry.name} = {self.entry.value}"


class Installed:
    """The formats of other packages. `declared` are those that may be used, by name; `faults` tell of those that cannot
    be, or failed, as far as they were asked.
    """

    def __init__(self, entries: Iterable[EntryPoint], own: Iterable[str]) -> None:
        self.declared: dict[str, Declared] = {}
        self.faults: dict[str, str] = {}
        self._refused: dict[str, UsageError] = {}
        self._loaded: dict[str, Known] = {}
        self._usable: list[Known] | None = None
        self._taken = frozenset(own)
        found: dict[str, list[Declared]] = {}
        for entry in entries:
            found.setdefault(entry.name, []).append(Declared(_package(entry), entry))
        for name in sorted(found):
            first, *others = sorted(found[name], key=lambda one: one.where)
            if (error := self._fault_of_name(name, first, others)) is None:
                self.declared[name] = first
            else:
                self._refused[name] = error

    def _fault_of_name(self, name: str, first: Declared, others: list[Declared]) -> UsageError | None:
        if not _NAME.fullmatch(name):
            return UsageError(
                first.where, "its name is none of a format", allowed="a-z, 0-9 and hyphens between them", do=_WITHOUT
            )
        if name in self._taken:
            do = "The built-in one is used. The package's makers must give theirs another name"
            return UsageError(first.where, f'"{name}" is the name of a built-in format', do=do)
        if others:
            both = "; ".join(one.where for one in (first, *others))
            return UsageError(both, f'both declare the format "{name}", so neither is used', do="Uninstall one of them")
        return None

    def find(self, name: str) -> Known | None:
        """The format of that name, loaded; None where no package declares one. Raises UsageError for one of no use."""
        if name in self._loaded:
            return self._loaded[name]
        if name not in self._refused:
            if (declared := self.declared.get(name)) is None:
                return None
            try:
                self._loaded[name] = self._watched(_load(declared), declared)
                return self._loaded[name]
            except UsageError as error:
                self._refused[name] = error
        self.faults[name] = self._refused[name].message
        raise self._refused[name]

    def document(self, name: str) -> DocumentFormat | None:
        """The format of that name where it is JSON; None else. Raises UsageError where it is unusable."""
        found = self.find(name) if name not in self._taken else None
        return found if isinstance(found, DocumentFormat) else None

    def usable(self) -> list[Known]:
        """Every format that can be used; `faults` tells of the others."""
        if self._usable is None:
            self._usable = []
            for name in sorted({*self.declared, *self._refused}):
                try:
                    known = self.find(name)
                except UsageError:
                    continue  # `find` has noted why
                self._usable += [known] if known is not None else []
        return self._usable

    def documents(self) -> list[DocumentFormat]:
        """The usable formats that are JSON."""
        return [known for known in self.usable() if isinstance(known, DocumentFormat)]

    def files(self) -> list[FileFormat]:
        """The usable formats that are no JSON."""
        return [known for known in self.usable() if isinstance(known, FileFormat)]

    def loaded(self) -> list[Format]:
        """The facts of those that were loaded."""
        return [known.facts for known in self._loaded.values()]

    def _watched(self, known: Known, declared: Declared) -> Known:
        """The format, its facts with the package; what its functions do wrong is told, and breaks nothing else."""
        facts = replace(known.facts, package=declared.package)

        def detect(thing: Any) -> bool:
            try:
                return bool(known.detect(thing))
            except Exception as error:
                what = f"its detect failed ({_told(error)}), which is taken for no"
                self.faults.setdefault(known.name, UsageError(declared.where, what, do=_WITHOUT).message)
                return False

        def read(*given: Any) -> Iterator[Contact | InputError]:
            return checked(lambda: known.read(*given), given[-1].where)

        if isinstance(known, DocumentFormat):
            return DocumentFormat(facts, detect, read)
        return FileFormat(facts, known.suffixes, detect, read)


@cache
def installed() -> Installed:
    """Those of this process's environment, found once."""
    return Installed(entry_points(group=GROUP), (facts.name for facts in formats()))


def offered(name: str | None) -> dict[str, str]:
    """Formats of packages that may read something under `--format name`: format → "format of package version"."""
    if name is not None and any(facts.name == name for facts in formats()):
        return {}
    declared = installed().declared
    return {one: f"{one} of {declared[one].package}" for one in declared if name in (None, one)}


def guarded(facts: Format, where: str, results: Iterator[T]) -> Iterator[T]:
    """The results of reading a source by a package's format.

    Raises:
        InputError: as the format raises it; `reader_failed` for whatever else it raises.
    """
    try:
        yield from results
    except InputError:
        raise
    except Exception as error:
        what = f"the format {facts.name} of package {facts.package} failed: {_told(error)}"
        raise InputError("reader_failed", where, what, do="Tell the package's makers") from error


def _load(declared: Declared) -> Known:
    """What the entry point leads to. Raises UsageError where it is no format that can be used."""
    where = declared.where
    try:
        found: object = declared.entry.load()
    except (Exception, SystemExit) as error:
        raise UsageError(where, f"cannot be imported: {_told(error)}", do=_WITHOUT) from error
    if not isinstance(found, DocumentFormat | FileFormat):
        allowed = "a DocumentFormat or FileFormat of cxsentiment.ingest.formats"
        raise UsageError(where, f"gives a {type(found).__name__}", allowed=allowed, do=_WITHOUT)
    if (fault := _fault_of(found, declared.entry.name)) is not None:
        raise UsageError(where, fault, do=_WITHOUT)
    return found


def _fault_of(found: Known, name: str) -> str | None:
    facts = found.facts
    if not isinstance(facts, Format) or not all(isinstance(getattr(facts, one.name), str) for one in fields(Format)):
        return "its facts are no Format of texts"
    if facts.name != name:
        return f'its facts name the format "{shown(facts.name)}"; the entry point must have that name too'
    if not callable(found.detect) or not callable(found.read):
        return "its detect or its read is no function"
    if isinstance(found, FileFormat) and not (
        isinstance(found.suffixes, tuple)
        and all(isinstance(one, str) and _SUFFIX.fullmatch(one) for one in found.suffixes)
    ):
        return 'its suffixes are no tuple of such as ".log"'
    return None


def _package(entry: EntryPoint) -> str:
    return "of unknown name" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"


def _told(error: BaseException) -> str:
    """An error of a package's in a line. What it quotes may be a customer's, so it is masked."""
    return f"{type(error).__name__}: {shown(' '.join(str(error).split()))}".rstrip(": ")
