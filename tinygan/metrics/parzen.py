"""Parzen-window log-likelihood, for comparison with papers up to 2016 (Breuleux et al. 2009; Goodfellow et al. 2014, §5):

    log p(x) = log 1/m Σᵢ exp(−‖x − sᵢ‖²/2σ²) − d/2 log 2πσ²    in nats, s the generator's samples.

It ranks by nearness to few samples and not by looks (Theis et al. 2016). Published values are for pixels in [0, 1]: in
[−1, 1] σ doubles and log p falls by d log 2.
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
    """Mean log-likelihood of the test set in nats, its standard error, and the σ taken."""

    mean: float
    error: float
    sigma: float


def log_likelihood(samples: Array, x: Array, sigmas: Array) -> Array:
    """log p(x) (S, n) of x (n, d) for each of ``sigmas`` (S,), from samples (m, d); by blocks of pairs, memory O(S n).

    Each sum is kept relative to its largest term, so nothing overflows and no sum is zero.
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
    """The test set's (n, d) log-likelihood with the σ of ``sigmas`` that is best on the validation set (n, d).

    A σ at either end means that a better one may lie outside: give a wider range.
    """
    sigma = float(sigmas[log_likelihood(samples, valid, sigmas).mean(axis=1).argmax()])
    test = matrix("test points", test, least=2, width=np.shape(samples)[1])
    each = log_likelihood(samples, test, np.array([sigma]))[0]
    return Parzen(float(each.mean()), float(each.std(ddof=1) / np.sqrt(len(each))), sigma)
