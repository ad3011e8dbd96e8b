"""Generative adversarial metric: two trained GANs swap opponents (Im et al. 2016, §5).

With ε the share of a discriminator's errors (a logit above 0 says "real"),

    r_test = ε(D₁(test))/ε(D₂(test)),    r_sample = ε(D₁(G₂(z)))/ε(D₂(G₁(z))).

Where the discriminators are equally good on real data, r_test ≈ 1, model 1 wins for r_sample < 1 and model 2 for r_sample > 1;
anything else is a tie.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError
from tinygan.metrics.inputs import vector


class Battle(NamedTuple):
    """Both ratios, and the winner: 1, 2, or 0 for a tie."""

    r_test: float
    r_sample: float
    winner: int


def battle(d1_test: Array, d2_test: Array, d1_on_g2: Array, d2_on_g1: Array, tolerance: float = 0.1) -> Battle:
    """The battle from four sets of logits (n,): each D on the test set and on the other's samples.

    r_test ≈ 1 means from 1/(1 + tolerance) to 1 + tolerance, a choice of ours: the paper gives no number.
    """
    if not tolerance >= 0:
        raise UsageError(f"tolerance {tolerance}; expected 0 or more")
    r_test = _ratio((vector("logits", d1_test) <= 0).mean(), (vector("logits", d2_test) <= 0).mean())
    r_sample = _ratio((vector("logits", d1_on_g2) > 0).mean(), (vector("logits", d2_on_g1) > 0).mean())
    equal = 1 / (1 + tolerance) <= r_test <= 1 + tolerance
    return Battle(r_test, r_sample, 0 if not equal or r_sample == 1 else 1 if r_sample < 1 else 2)


def _ratio(a: float, b: float) -> float:
    """a/b; 1 for two discriminators without an error."""
    return float(a / b) if b > 0 else 1.0 if a == 0 else np.inf
