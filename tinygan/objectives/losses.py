"""Losses on logits: the value and its gradients. The adversarial ones come first.

d is the raw output of D (the logit), D = σ(d) the probability if there is one; sp(a) = log(1 + eᵃ), so that
−log D = sp(−d) and −log(1 − D) = sp(d) are exact for any logit. Means are over all entries.
Each discriminator loss: (d_real, d_fake) ↦ (L, ∂L/∂d_real, ∂L/∂d_fake); each generator loss: d_fake ↦ (L, ∂L/∂d_fake).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan import kernels
from tinygan.core.scalar import Scalar, scalar
from tinygan.core.softmax import log_softmax, log_sum_exp


class Loss(NamedTuple):
    """An adversarial loss: what D minimises and what G minimises."""

    discriminator: Callable[[Array, Array], tuple[Scalar, Array, Array]]
    generator: Callable[[Array], tuple[Scalar, Array]]


def mean_softplus(d: Array, sign: int) -> tuple[Scalar, Array]:
    """mean sp(±d), and its gradient ±σ(±d)/n."""
    value, saved = kernels.pointwise((sign * d)[None], "softplus")
    return scalar(value.mean()), kernels.pointwise_dx(saved, np.full_like(value, sign / d.size), "softplus")[0]


def mean_of(d: Array, sign: int) -> tuple[Scalar, Array]:
    """mean ±d, and its gradient ±1/n."""
    return sign * scalar(d.mean()), np.full_like(d, sign / d.size)


def mean_half_square(d: Array, target: float) -> tuple[Scalar, Array]:
    """mean ½(d − t)², and its gradient (d − t)/n."""
    return 0.5 * scalar(np.square(d - target).mean()), (d - target) / d.size


def mean_hinge(d: Array, sign: int) -> tuple[Scalar, Array]:
    """mean max(0, 1 ± d), and its gradient ±[1 ± d > 0]/n."""
    a = 1 + sign * d
    return scalar(np.maximum(a, 0).mean()), sign * (a > 0).astype(d.dtype) / d.size


def _both(real: tuple[Scalar, Array], fake: tuple[Scalar, Array]) -> tuple[Scalar, Array, Array]:
    return real[0] + fake[0], real[1], fake[1]


def logistic_d(real: Array, fake: Array) -> tuple[Scalar, Array, Array]:
    """−E log D(x) − E log(1 − D(G(z))) = E sp(−d_real) + E sp(d_fake)   (Goodfellow et al. 2014, eq. 1)."""
    return _both(mean_softplus(real, -1), mean_softplus(fake, +1))


def minimax_g(fake: Array) -> tuple[Scalar, Array]:
    """E log(1 − D(G(z))) = −E sp(d_fake): its gradient vanishes where D(G(z)) is near 0   (Goodfellow et al. 2014, eq. 1)."""
    value, g = mean_softplus(fake, +1)
    return -value, -g


def non_saturating_g(fake: Array) -> tuple[Scalar, Array]:
    """−E log D(G(z)) = E sp(−d_fake)   (Goodfellow et al. 2014, §3)."""
    return mean_softplus(fake, -1)


def least_squares_d(real: Array, fake: Array) -> tuple[Scalar, Array, Array]:
    """½ E (d_real − 1)² + ½ E d_fake²   (Mao et al. 2017, eq. 9)."""
    return _both(mean_half_square(real, 1), mean_half_square(fake, 0))


def least_squares_g(fake: Array) -> tuple[Scalar, Array]:
    """½ E (d_fake − 1)²   (Mao et al. 2017, eq. 9)."""
    return mean_half_square(fake, 1)


def hinge_d(real: Array, fake: Array) -> tuple[Scalar, Array, Array]:
    """E max(0, 1 − d_real) + E max(0, 1 + d_fake)   (Miyato et al. 2018, eq. 16)."""
    return _both(mean_hinge(real, -1), mean_hinge(fake, +1))


def wasserstein_d(real: Array, fake: Array) -> tuple[Scalar, Array, Array]:
    """E d_fake − E d_real   (Arjovsky et al. 2017, eq. 2; the critic needs a Lipschitz constraint)."""
    return _both(mean_of(real, -1), mean_of(fake, +1))


def wasserstein_g(fake: Array) -> tuple[Scalar, Array]:
    """−E d_fake   (also G's loss with the hinge loss, Miyato et al. 2018, eq. 17)."""
    return mean_of(fake, -1)


LOSSES = {
    "minimax": Loss(logistic_d, minimax_g),
    "non-saturating": Loss(logistic_d, non_saturating_g),
    "least-squares": Loss(least_squares_d, least_squares_g),
    "hinge": Loss(hinge_d, wasserstein_g),
    "wasserstein": Loss(wasserstein_d, wasserstein_g),
}

MIDDLE = {  # the threshold of d between generated and real, if the loss has one
    "minimax": 0.0,
    "non-saturating": 0.0,
    "hinge": 0.0,
    "least-squares": 0.5,
}


# ---------------------------------------------------------------- of a classifier


def cross_entropy(logits: Array, label: Array, smoothing: float = 0.0) -> tuple[Scalar, Array]:
    """−E Σ_c q_c log p_c with p = softmax(logits), and its gradient (p − q)/N.   logits (N, C), label (N,), integers.

    q = (1 − s) onehot(label) + s/C, s = ``smoothing`` (Szegedy et al. 2016, §7); log p_c = d_c − log Σ eᵈ is computed
    relative to the greatest logit, so that it is exact for any logits.
    """
    N, C = logits.shape
    at = label[:, None] == np.arange(C, like=label)
    q = np.where(at, 1 - smoothing + smoothing / C, smoothing / C).astype(logits.dtype)
    log_p = log_softmax(logits)
    return -scalar((q * log_p).sum()) / N, (np.exp(log_p) - q) / N


def accuracy(logits: Array, label: Array) -> Scalar:
    """The share of samples whose greatest logit is that of the label. It is not a loss, but logged with one."""
    return scalar((logits.argmax(axis=1) == label).mean())


# ---------------------------------------------------------------- of a variational autoencoder


def bernoulli(d: Array, x: Array) -> tuple[Scalar, Array]:
    """−E Σ x log σ(d) + (1 − x) log(1 − σ(d)) = E Σ sp(d) − x d, and its gradient (σ(d) − x)/N.

    d, x (N, ...), x in [0, 1]; the sum is over a sample's entries, the mean over samples (Kingma & Welling 2014, appendix C.1).
    """
    e = np.exp(-np.abs(d))
    value = np.maximum(d, 0) - x * d + np.log1p(e)
    return scalar(value.sum()) / len(d), (np.where(d >= 0, 1, e) / (1 + e) - x) / len(d)


def normal_kl(mu: Array, log_var: Array) -> tuple[Scalar, Array, Array]:
    """E KL(N(μ, σ²) ‖ N(0, 1)) = ½ E Σ μ² + σ² − 1 − log σ², its gradients μ/N and ½ (σ² − 1)/N in μ and log σ².

    mu, log_var (N, d); the sum is over d (Kingma & Welling 2014, appendix B).
    """
    excess = np.expm1(log_var)
    value = 0.5 * scalar((mu * mu + excess - log_var).sum()) / len(mu)
    return value, mu / len(mu), excess / (2 * len(mu))


# ---------------------------------------------------------------- of a classifier of K + 1 classes


def k_plus_one_d(real: Array, fake: Array) -> tuple[Scalar, Array, Array]:
    """½ the logistic loss of d = log Σ_c eˡ, with K logits l (N, K) and one more that is 0: P(y ≤ K | x) = σ(d).

    −½ E log P(y ≤ K | x) − ½ E log P(K+1 | G(z)) and its gradients in both logits; ∂d/∂l = softmax(l)
    (Salimans et al. 2016, §5; the factor ½ is that of their code).
    """
    (d_real, p_real), (d_fake, p_fake) = log_sum_exp(real), log_sum_exp(fake)
    value, g_real, g_fake = logistic_d(d_real, d_fake)
    return value / 2, g_real * p_real / 2, g_fake * p_fake / 2


def k_plus_one_g(fake: Array) -> tuple[Scalar, Array]:
    """−E log P(y ≤ K | G(z)), the non-saturating loss of that d, and its gradient in the logits (N, K)."""
    d, p = log_sum_exp(fake)
    value, g = non_saturating_g(d)
    return value, g * p


def feature_matching(fake: Array, real: Array) -> tuple[Scalar, Array]:
    """The mean of |E f(G(z)) − E f(x)| over features, its gradient in f(G(z))   (Salimans et al. 2016, §3.1; L1 as their code).

    fake, real (N, d) features; the real ones are constants.
    """
    gap = fake.mean(axis=0) - real.mean(axis=0)
    return scalar(np.abs(gap).mean()), np.broadcast_to(np.sign(gap) / fake.size, fake.shape)


def squared_feature_matching(fake: Array, real: Array) -> tuple[Scalar, Array]:
    """The mean of (E f(G(z)) − E f(x))² over features, and its gradient in f(G(z))   (L2, as in their code for MNIST).

    fake, real (N, d) features; the real ones are constants.
    """
    gap = fake.mean(axis=0) - real.mean(axis=0)
    return scalar(np.square(gap).mean()), np.broadcast_to(2 * gap / fake.size, fake.shape)
