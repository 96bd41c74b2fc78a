"""Masks personal and card data before anything is scored, written or shown: typed marks in place of the text."""

from cxsentiment.privacy.engine import mask
from cxsentiment.privacy.errors import MaskingError
from cxsentiment.privacy.marks import EVERYTHING_USUAL, MARKS, Masked, Masking
from cxsentiment.privacy.turns import mask_transcript

__all__ = ["EVERYTHING_USUAL", "MARKS", "Masked", "Masking", "MaskingError", "mask", "mask_transcript"]
