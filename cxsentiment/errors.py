"""The exception tree. Every error says where, what is wrong, what is allowed and what to do.

CxError
├── InputError     a transcript, record or survey row that cannot be used (becomes a line of rejects.jsonl)
│   └── CompanionError   a file that is read with another (no reject where that one is given too)
├── UsageError     an option or argument that cannot be used (exit code 2)
├── RubricError    a scorecard that cannot be used (exit code 2)
├── BundleError    a model folder that is missing, damaged or of another shape (exit code 1)
├── RunError       a run folder that cannot be read, written or resumed (exit code 1)
│   ├── BusyError    another process writes to it
│   ├── ReceiptError   its run.json is damaged, or not as this version writes it
│   └── UnsettledError   a file of its input was changed or moved while it was scored
└── StoreError     a store of human labels that cannot be opened, read or written (exit code 1)
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns; fixed by the contract of files and columns."""

    DONE = 0
    FAILURE = 1
    USAGE = 2
    REJECTS = 3
    GATE = 4
    INTERRUPTED = 130


class CxError(Exception):
    """An error meant for a person.

    `where` names file, record and turn; `what` the fault; `allowed` what would have been right; `do` the next step.
    """

    exit_code = ExitCode.FAILURE

    def __init__(self, where: str, what: str, *, allowed: str = "", do: str = "") -> None:
        self.where = where
        self.what = what
        self.allowed = allowed
        self.do = do
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """One line: `where: what (allowed: …). do`."""
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.allowed:
            text += f" (allowed: {self.allowed})"
        if self.do:
            text += f" {self.do}" if text.endswith(".") else f". {self.do}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions cross process borders by pickle, which would otherwise lose the keyword arguments.
        return (_rebuild, (type(self), self.__dict__))


def _rebuild(kind: type[CxError], state: dict[str, object]) -> CxError:
    error = kind.__new__(kind)
    error.__dict__.update(state)
    Exception.__init__(error, error.message)
    return error


class InputError(CxError):
    """A source, record or turn that cannot be used; `code` is stable and goes to rejects.jsonl."""

    exit_code = ExitCode.REJECTS

    def __init__(self, code: str, where: str, what: str, *, allowed: str = "", do: str = "") -> None:
        self.code = code
        super().__init__(where, what, allowed=allowed, do=do)


class CompanionError(InputError):
    """A source without contacts of its own that is read with another: `main` is how that one's name begins.

    It is no reject where such a source is in the input too.
    """

    def __init__(self, where: str, what: str, *, main: str, do: str = "") -> None:
        super().__init__("companion", where, what, do=do)
        self.main = main


class UsageError(CxError):
    """An option or argument that cannot be used."""

    exit_code = ExitCode.USAGE


class RubricError(CxError):
    """A scorecard that cannot be used."""

    exit_code = ExitCode.USAGE


class BundleError(CxError):
    """A model folder that is missing, damaged or of another shape."""


class RunError(CxError):
    """A run folder that cannot be read, written or resumed."""


class BusyError(RunError):
    """A run folder that another process writes to; it may be free later."""


class ReceiptError(RunError):
    """A run.json that is damaged, or is not as this version writes it."""


class UnsettledError(RunError):
    """An input that was changed or moved away while it was scored; it may be at rest later."""


class StoreError(CxError):
    """A store of human labels that cannot be opened, read or written, or that a newer version wrote."""
