"""Customer turns → the sentiment journey: mean valence in each tenth of the contact, by channel and over all."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from cxsentiment.reasons import Reason
from cxsentiment.schema import JourneyPoint
from cxsentiment.stats.arrays import FloatArray, IntArray, codes, floats
from cxsentiment.stats.estimates import clipped
from cxsentiment.stats.means import clustered_mean

TENTHS = 10
ALL = "all"
UNKNOWN_CHANNEL = "not given"


def journey(turns: pa.Table, contacts: pa.Table) -> tuple[JourneyPoint, ...]:
    """Ten points for "all" and ten for each channel (by name); none where there is no turn.

    `turns` needs contact_id, p_negative and p_positive (null unless a customer's), the rows of a contact in the order
    they were said; `contacts` needs contact_id and channel. Row k of n (0-based, all speakers) lies at (k + ½)/n of
    its contact. The interval is clustered by contact; n counts contacts. In a contact of fewer than ten turns some
    tenths hold no turn.
    """
    if turns.num_rows == 0:
        return ()
    contact_of, names = codes(turns["contact_id"])
    tenth = _tenths(contact_of)
    valence = floats(turns["p_positive"]) - floats(turns["p_negative"])
    channel_of, channels = channels_of(contacts, names)
    customer = ~np.isnan(valence)
    contact_of, tenth, valence = contact_of[customer], tenth[customer], valence[customer]
    points = [_point(ALL, k, valence[tenth == k], contact_of[tenth == k]) for k in range(TENTHS)]
    for code, channel in enumerate(channels):
        mine = channel_of[contact_of] == code
        points += [
            _point(channel, k, valence[mine & (tenth == k)], contact_of[mine & (tenth == k)]) for k in range(TENTHS)
        ]
    return tuple(points)


def _tenths(contact_of: IntArray) -> IntArray:
    """Tenth (0-9) of each turn's middle among the turns of its contact, in the order of the rows."""
    order = np.argsort(contact_of, kind="stable")
    sizes = np.bincount(contact_of)
    starts = np.cumsum(sizes) - sizes
    place = np.empty(contact_of.size, dtype=np.int64)
    place[order] = np.arange(contact_of.size) - np.repeat(starts, sizes)
    tenths: IntArray = (2 * place + 1) * TENTHS // (2 * sizes[contact_of])
    return tenths


def channels_of(contacts: pa.Table, names: list[str]) -> tuple[IntArray, list[str]]:
    """Channel code of each contact in `names`, and the channels' names; contacts without one form their own group."""
    known = dict(zip(contacts["contact_id"].to_pylist(), contacts["channel"].to_pylist(), strict=True))
    of_contact = [known.get(name) or UNKNOWN_CHANNEL for name in names]
    channels = sorted(set(of_contact))
    place = {channel: code for code, channel in enumerate(channels)}
    return np.array([place[channel] for channel in of_contact], dtype=np.int64), channels


def _point(channel: str, tenth: int, valence: FloatArray, contact_of: IntArray) -> JourneyPoint:
    estimate = clipped(clustered_mean(valence, contact_of, least=2, unit="contact"), -1.0, 1.0)
    if estimate.value is None:
        estimate = replace(estimate, reason=Reason("nothing_to_count", "no scored customer turn lies in this tenth"))
    return JourneyPoint(channel, tenth, replace(estimate, n=np.unique(contact_of).size))
