"""Losses, divergences and feature distances: each function returns its value and its gradients.

    value, g_real, g_fake = tinygan.losses.hinge_d(d_real, d_fake)    # E max(0, 1 − d_real) + E max(0, 1 + d_fake)

A loss takes logits (raw outputs of a net), never probabilities, and takes means over samples. ``LOSSES`` names the games of two
nets: ``LOSSES["hinge"].discriminator`` and ``.generator``. ``divergence(name)`` is an f-divergence as a game of that kind.
"""

from tinygan.objectives.divergences import Divergence, divergence
from tinygan.objectives.losses import (
    LOSSES,
    Loss,
    accuracy,
    bernoulli,
    cross_entropy,
    feature_matching,
    hinge_d,
    k_plus_one_d,
    k_plus_one_g,
    least_squares_d,
    least_squares_g,
    logistic_d,
    minimax_g,
    non_saturating_g,
    normal_kl,
    squared_feature_matching,
    wasserstein_d,
    wasserstein_g,
)

__all__ = [
    "LOSSES",
    "Divergence",
    "Loss",
    "accuracy",
    "bernoulli",
    "cross_entropy",
    "divergence",
    "feature_matching",
    "hinge_d",
    "k_plus_one_d",
    "k_plus_one_g",
    "least_squares_d",
    "least_squares_g",
    "logistic_d",
    "minimax_g",
    "non_saturating_g",
    "normal_kl",
    "squared_feature_matching",
    "wasserstein_d",
    "wasserstein_g",
]
