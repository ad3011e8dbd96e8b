"""The intrinsic gradient of a classifier on the charts of a local generator (Qi et al. 2018, §4), as a setting.

    Σ_k E ‖∇_z log P(k | G(x, z))‖²  at z = 0,   ∇_z = Jᵀ∇ₓ

Where J is orthonormal it is the squared length of the gradient on the manifold, E‖grad f‖² = −E f Δf: the Laplace-Beltrami
operator in place of a graph's Laplacian. Tangents go through F and on through the classifier in one pass forward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net, Pullback
from tinygan.core.scalar import Scalar
from tinygan.errors import UsageError
from tinygan.objectives.penalties import along_latent, laplace_beltrami, through_jvp
from tinygan.optim import require


@dataclass(frozen=True)
class Intrinsic:
    """What can be chosen. The paper's game has the term in the classifier's part; "both" lets G minimise it too.
    Batch statistics under the tangents are those of the setting ``orthonormal.statistics``."""

    weight: float = 0.01
    tangents: int = 4  # axes a step, drawn anew; the estimate over all of them is unbiased
    samples: int = 32  # of the batch, at most
    after: int = 0  # steps that go without: the charts come first
    trains: Literal["classifier", "both"] = "classifier"

    def __post_init__(self) -> None:
        require("intrinsic.weight", self.weight, 0, math.inf)
        require("intrinsic.tangents", self.tangents, 1, 2**14 + 1)
        require("intrinsic.samples", self.samples, 1, 2**14 + 1)
        require("intrinsic.after", self.after, 0, 2**31)

    def fits(self, latent: int) -> None:
        """UsageError where a generator of ``latent`` axes has too few."""
        if self.weight and self.tangents > latent:
            raise UsageError(
                f"intrinsic.tangents is {self.tangents}, but the generator has {latent} latent axes: choose at most {latent}"
            )

    def step(
        self, F: Net, theta_F: Array, log_p: Net, theta_C: Array, x: Array, N: int, rng: np.random.Generator
    ) -> tuple[Scalar, Array, Pullback | None]:
        """The value, and of weight · value the gradient in θ_C and, where G is trained too, the pullback to x and θ_F.

        ``x`` (n, d): inputs of F whose last N numbers are the latent; ``log_p``: y ↦ log P(k | y), (n, K).
        """
        x = x[: self.samples]
        x_dot = along_latent(x, N, self.tangents, rng)
        share = N / self.tangents  # an axis is seen with the chance 1/share

        def objective(f: Array, f_dot: Array) -> tuple[Scalar, Array, Array]:
            value, gf, gf_dot = laplace_beltrami(f, f_dot)
            return share * value, gf, self.weight * share * gf_dot

        y, y_dot, saved = F.jvp(theta_F, x, x_dot)
        both = self.trains == "both"
        value, pulled = through_jvp(log_p, theta_C, y, y_dot, objective, wrt_x=both)
        return value, pulled.theta, F.backward(theta_F, saved, pulled.x, pulled.x_dot) if both else None
