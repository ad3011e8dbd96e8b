"""The intrinsic gradient of a classifier on the charts of a local generator (Qi et al. 2018, §4), as a setting.

    Σ_k E ‖∇_z log P(k | G(x, z))‖²  at z = 0,   ∇_z = Jᵀ∇ₓ

Where J is orthonormal this is the squared length of the gradient along the manifold, E‖grad f‖² = −E f Δf, with the
Laplace-Beltrami operator Δ in place of the Laplacian of a graph. Tangents go through F and through the classifier in one
forward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net, Pullback
from tinygan.core.scalar import Scalar
from tinygan.core.settings import Checked, setting
from tinygan.errors import UsageError
from tinygan.objectives.penalties import along_latent, laplace_beltrami, through_jvp


@dataclass(frozen=True)
class Intrinsic(Checked):
    """The weight of the term, and how it is estimated.

    In the paper only the classifier minimises the term; with ``trains`` "both" G minimises it too. Batch normalisation under
    the tangents is that of the setting ``orthonormal.statistics``.
    """

    weight: float = setting(0.01, "weight λ of the intrinsic gradient; 0: none", least=0)
    tangents: int = setting(
        4, "latent axes a step, drawn at random; the estimate over all axes is unbiased", least=1, most=2**14
    )
    samples: int = setting(32, "samples of the batch that the term is computed on, at most", least=1, most=2**14)
    after: int = setting(0, "first steps without the term, in which the charts are learned", least=0, most=2**31 - 1)
    trains: Literal["classifier", "both"] = setting("classifier", "which nets minimise the term; both: G too")

    def fits(self, latent: int) -> None:
        """Raises UsageError where a generator of ``latent`` axes has fewer than ``tangents``."""
        if self.weight and self.tangents > latent:
            raise UsageError(
                f"intrinsic.tangents is {self.tangents}, but the generator has {latent} latent axes: choose at most {latent}"
            )

    def step(
        self, F: Net, theta_F: Array, log_p: Net, theta_C: Array, x: Array, N: int, rng: np.random.Generator
    ) -> tuple[Scalar, Array, Pullback | None]:
        """The value; the gradient of weight · value in θ_C; and, where G is trained too, its pullback to x and θ_F.

        ``x`` (n, d): inputs of F whose last N numbers are the latent; ``log_p``: y ↦ log P(k | y), (n, K).
        """
        x = x[: self.samples]
        x_dot = along_latent(x, N, self.tangents, rng)
        share = N / self.tangents  # an axis is drawn with probability 1/share

        def objective(f: Array, f_dot: Array) -> tuple[Scalar, Array, Array]:
            value, gf, gf_dot = laplace_beltrami(f, f_dot)
            return share * value, gf, self.weight * share * gf_dot

        y, y_dot, saved = F.jvp(theta_F, x, x_dot)
        both = self.trains == "both"
        value, pulled = through_jvp(log_p, theta_C, y, y_dot, objective, wrt_x=both)
        return value, pulled.theta, F.backward(theta_F, saved, pulled.x, pulled.x_dot) if both else None
