"""What masking raises instead of letting a text through."""

from cxsentiment.errors import InputError


class MaskingError(InputError):
    """A text could not be masked, so it is not used. It names the kind of fault alone, never the text."""

    def __init__(self, fault: str, where: str = "masking") -> None:
        self.fault = fault
        super().__init__(
            "masking_failed",
            where,
            f"a turn could not be masked ({fault}), so the contact is left out",
            do="Report the fault with an invented text of the same shape",
        )
