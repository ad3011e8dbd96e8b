"""Parzen-window log-likelihood, for comparison with papers up to 2016 (Breuleux et al. 2009; Goodfellow et al. 2014, §5):

    log p(x) = log 1/m Σᵢ exp(−‖x − sᵢ‖²/2σ²) − d/2 log 2πσ²    in nats, with samples sᵢ of the generator.

Higher is better, but the value is a poor measure of image quality (Theis et al. 2016). Published values are for pixels in
[0, 1]. For pixels in [−1, 1], σ is twice as large and log p is lower by d log 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import matrix, vector
from tinygan.metrics.pairs import squared

SIGMAS = np.logspace(-1, 0, 10)  # as in the code of Goodfellow et al. 2014


class Parzen(NamedTuple):
    """Mean log-likelihood of the test set in nats, its standard error, and the chosen σ."""

    mean: float
    error: float
    sigma: float


def log_likelihood(samples: Array, x: Array, sigmas: Array) -> Array:
    """log p(x) (S, n) in nats of points x (n, d) for each of ``sigmas`` (S,), from samples (m, d). Memory O(S n).

    Each sum is stored relative to its largest term, so it cannot overflow or vanish. Raises UsageError.
    """
    samples = matrix("samples", samples)
    x = matrix("points", x, width=samples.shape[1])
    sigmas = vector("sigmas", sigmas).astype(np.float64)
    if sigmas.min() <= 0:
        raise UsageError(f"the smallest sigma is {sigmas.min()}; expected more than 0")
    scale = 1 / (2 * sigmas**2)
    nearest, total = np.full(len(x), np.inf), np.zeros((len(sigmas), len(x)))
    for i, _, block in squared(x, samples):
        closer = np.minimum(nearest[i], block.min(axis=1))
        total[:, i] *= np.exp(-scale[:, None] * (nearest[i] - closer))
        nearest[i] = closer
        block -= closer[:, None]
        for s, rate in enumerate(scale):
            total[s, i] += np.exp(-rate * block).sum(axis=1)
    constant = np.log(len(samples)) + x.shape[1] / 2 * np.log(2 * np.pi * sigmas**2)
    return np.log(total) - scale[:, None] * nearest - constant[:, None]


def parzen(samples: Array, valid: Array, test: Array, sigmas: Array = SIGMAS) -> Parzen:
    """The log-likelihood of a test set (n, d) with the one of ``sigmas`` that is best on a validation set (n, d).

    If the chosen σ is the first or the last, a better one may lie outside: use a wider range. Raises UsageError.
    """
    sigma = float(sigmas[log_likelihood(samples, valid, sigmas).mean(axis=1).argmax()])
    test = matrix("test points", test, least=2, width=np.shape(samples)[1])
    each = log_likelihood(samples, test, np.array([sigma]))[0]
    return Parzen(float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each))), sigma)
