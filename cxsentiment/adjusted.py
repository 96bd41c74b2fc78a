"""An agent's figure less what the contacts it was given explain: the case mix's part, from slopes within agents."""

from dataclasses import replace

import numpy as np

from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate
from cxsentiment.stats.arrays import FloatArray, IntArray, group_sums
from cxsentiment.stats.casemix import adjust
from cxsentiment.stats.channels import Channels
from cxsentiment.stats.estimates import clipped, missing, scaled
from cxsentiment.stats.regression import clustered_regression
from cxsentiment.stats.twochannel import TwoChannelFit, fit_two_channel

UNCALIBRATED = "uncalibrated machine score"
MIN_AGENTS = 5


class MixAdjustment:
    """The case mix's part of an agent's mean of the machine's value; `lack` says why there is none."""

    def __init__(self, y: FloatArray, x: FloatArray, of: IntArray, agents: int) -> None:
        """`y` (n,) is the machine's value, `x` (n, k) the case mix, `of` (n,) codes 0..agents-1, -1 for nobody's."""
        self._y, self._x, self._of, self._count = y, x, of, agents
        self.lack: Reason | None = None
        if not x.shape[1]:
            self.lack = Reason("nothing_to_count", "the contacts do not differ in case mix")
        if not self.lack and agents < 2:
            self.lack = Reason("one_agent", "one agent alone has nobody to be compared with")

    def machine(self) -> dict[int, Estimate]:
        """The machine's adjusted means by agent code, on 0-100."""
        if self.lack or np.isnan(self._y).all():
            return {}
        found = adjust(self._y, self._x, self._of)
        return {
            code: clipped(scaled(replace(one, method=f"{UNCALIBRATED}: {one.method}"), 100), 0, 100)
            for code, one in zip(found.names.tolist(), found.adjusted, strict=True)
        }

    def adjusted(self, parts: Channels, fit: TwoChannelFit) -> FloatArray | None:
        """Draws of the agents' values less what the mix adds to them, (draws, agents). Sets `lack` where none are.

        The mix's part is its slopes within agents of the machine's value, over the machine's slope on people's. It is
        a covariate of a second fit: else agents would be drawn towards a mean that takes them all for equally placed,
        and then lose the whole of what the mix explains, which adjusts for too much.
        """
        if not self.lack and (not fit.usable or not fit.beta.value):
            self.lack = Reason("weak_machine", "the machine's slopes are in people's unit only where it can be used")
        if not self.lack and np.sum((parts.human_n > 0) | (parts.machine_n > 0)) < MIN_AGENTS:
            self.lack = Reason("too_few", f"too few agents to adjust: {MIN_AGENTS} with data are needed")
        if self.lack:
            return None
        keep = (self._of >= 0) & ~np.isnan(self._y)
        found = clustered_regression(self._y, self._x, self._of, within=True)
        slopes = np.array([slope.value or 0.0 for slope in found.slopes])
        x = self._x[keep] - self._x[keep].mean(axis=0)
        sums = group_sums(self._of[keep], self._count, *x.T)
        means = sums[:, 1:] / np.maximum(sums[:, :1], 1)
        rng = np.random.default_rng(1)
        draws = rng.multivariate_normal(slopes, found.covariance, size=fit.draws.shape[0], method="eigh")
        shift = draws @ means.T / (fit.beta.value or 1.0)
        again = fit_two_channel(parts, covariates=shift.mean(axis=0)[:, None])
        return np.asarray(again.draws - shift)


def adjusted_estimate(adjusted: FloatArray | None, code: int, raw: Estimate, lack: Reason | None) -> Estimate:
    """One agent's value less what the mix adds to it, from the draws of all (None: there are none, and why)."""
    method = f"{raw.method}, adjusted for case mix, within slopes"
    if adjusted is None or raw.value is None or raw.low is None:
        return missing(lack or raw.reason or Reason("undefined", "no interval to adjust"), method, raw.n)
    draws = 100 * adjusted[:, code]
    low, high = np.percentile(draws, (2.5, 97.5))
    value = float(np.clip(draws.mean(), 0, 100))
    return clipped(Estimate(value, min(value, float(low)), max(value, float(high)), raw.n, method), 0, 100)
