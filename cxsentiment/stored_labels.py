"""Human labels wherever they are kept: a CSV file, or the store that `cxsentiment labels import` fills."""

from pathlib import Path

from cxsentiment.labels import NOT_APPLICABLE, Labels, labels_of, read_labels
from cxsentiment.schema import Reject

_SQLITE = b"SQLite format 3\x00"


def labels_in(place: str) -> Labels:
    """The labels of a CSV file, or those of a store (a SQLite file, or a URL) that may calibrate the machine.

    Of several graders of a contact's item one stands for it, the same at every call. What the store leaves out stands
    in the rejects, a line for each reason. Raises UsageError or StoreError for a place that cannot be read.
    """
    if not _is_store(place):
        return read_labels(Path(place))
    from cxsentiment.reviews.labels import LEFT_OUT, labels_for_calibration, one_per_contact
    from cxsentiment.reviews.store import LabelStore

    with LabelStore.open(place) as store:
        fit = labels_for_calibration(store.labels())
    rows = [
        {
            "contact_id": label.contact_id,
            "item": label.item,
            "grader": label.grader,
            "value": NOT_APPLICABLE[0] if label.points is None else label.points,
            "purpose": label.purpose,
            # Where no label is to be weighted, all count the same.
            "inclusion_probability": label.inclusion_probability if fit.weighted else 1.0,
        }
        for label in one_per_contact(fit.labels)
    ]
    found = labels_of(rows, place)
    left = [
        Reject(place, 0, None, code, f"{count} labels left out: {LEFT_OUT[code]}")
        for code, count in fit.left_out.items()
    ]
    return Labels(found.table, (*found.rejects, *left))


def _is_store(place: str) -> bool:
    if "://" in place:
        return True
    try:
        with Path(place).open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False
