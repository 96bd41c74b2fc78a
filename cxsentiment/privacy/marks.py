"""The marks that stand in place of personal data, what each is for, and which of them are set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cxsentiment.errors import UsageError

MARKS: Mapping[str, str] = {
    "CARD": "payment card numbers, whole or in part (the last four too)",
    "CVV": "card verification codes",
    "PIN": "PINs, passcodes and one-time codes",
    "PASSWORD": "passwords, memorable words, security answers; keys and tokens",  # nosec B105  # what the mark is for
    "IBAN": "international bank account numbers",
    "ACCOUNT": "bank account numbers, sort codes, routing numbers, crypto wallets",
    "ID": "national ids, tax numbers, passports, driving licences, number plates",
    "PHONE": "phone numbers",
    "EMAIL": "e-mail addresses",
    "ADDRESS": "street lines and postal codes",
    "DOB": "dates of birth, after a cue",
    "IP": "internet and hardware addresses of devices",
    "ORDER": "order, booking, ticket and customer account numbers (off unless asked for)",
    "NAME": "names of people (needs the Presidio plug-in)",
    "NUMBER": "other numbers of seven digits or more",
}
# What is counted besides the marks above.
ALSO_COUNTED: Mapping[str, str] = {"VENDOR": "marks of other tools", "NOISE": "noise marks"}
# Card verification codes and PINs must not be kept after a payment is authorised, not even encrypted (PCI DSS 3.3.1),
# so no setting keeps them.
NEVER_KEPT = frozenset({"CVV", "PIN"})
OPTIONAL = frozenset({"ORDER", "NAME"})
STANDARD = frozenset(MARKS) - OPTIONAL


class Found(NamedTuple):
    """Characters [start, end) of a text hold personal data of a kind (a key of MARKS)."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without what was found in it, and how often each mark was set (never what it was)."""

    text: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Masking:
    """What to mask.

    `kinds` are keys of MARKS. `off` masks nothing but card verification codes, PINs and one-time codes, which are never
    kept. `vendor_marks` maps the marks that other tools left to ours. `key` turns customer and agent ids into
    pseudonyms; it is never shown or stored. NAME among `kinds` needs the extra `presidio`.
    """

    kinds: frozenset[str] = STANDARD
    off: bool = False
    vendor_marks: bool = True
    key: bytes | None = None

    def __post_init__(self) -> None:
        if unknown := sorted(self.kinds - MARKS.keys()):
            raise UsageError(
                "masking", f"unknown kind {', '.join(unknown)}", allowed=", ".join(MARKS), do="Correct the kind"
            )

    def __repr__(self) -> str:
        key = "None" if self.key is None else "given"
        return f"Masking(kinds={sorted(self.kinds)}, off={self.off}, vendor_marks={self.vendor_marks}, key={key})"

    @property
    def active(self) -> frozenset[str]:
        """The kinds that are masked."""
        return NEVER_KEPT if self.off else self.kinds | NEVER_KEPT


EVERYTHING_USUAL = Masking()
