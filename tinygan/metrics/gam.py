"""Generative adversarial metric: each of two trained GANs plays against the other's opponent (Im et al. 2016, §5).

With ε the error rate of a discriminator, which classifies a logit above 0 as real,

    r_test = ε(D₁(test))/ε(D₂(test)),    r_sample = ε(D₁(G₂(z)))/ε(D₂(G₁(z))).

If r_test ≈ 1, the discriminators are equally good on real data. Then model 1 wins for r_sample < 1 and model 2 for
r_sample > 1. Otherwise it is a tie. Both ratios are from 0 to infinity.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import vector


class Battle(NamedTuple):
    """Both ratios, and the winner: 1 or 2, or 0 for a tie."""

    r_test: float
    r_sample: float
    winner: int


def battle(d1_test: Array, d2_test: Array, d1_on_g2: Array, d2_on_g1: Array, tolerance: float = 0.1) -> Battle:
    """Compare two GANs by four sets of logits (n,): each discriminator on the test set and on the other's samples.

    r_test ≈ 1 means between 1/(1 + tolerance) and 1 + tolerance. The paper gives no number; 0.1 is our choice.
    Raises UsageError.
    """
    if not tolerance >= 0:
        raise UsageError(f"tolerance {tolerance}; expected 0 or more")
    r_test = _ratio((vector("logits", d1_test) <= 0).mean(), (vector("logits", d2_test) <= 0).mean())
    r_sample = _ratio((vector("logits", d1_on_g2) > 0).mean(), (vector("logits", d2_on_g1) > 0).mean())
    equal = 1 / (1 + tolerance) <= r_test <= 1 + tolerance
    return Battle(r_test, r_sample, 0 if not equal or r_sample == 1 else 1 if r_sample < 1 else 2)


def _ratio(a: float, b: float) -> float:
    """a/b, and 1 for 0/0."""
    return float(a / b) if b > 0 else 1.0 if a == 0 else np.inf
