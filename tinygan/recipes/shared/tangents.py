"""Orthonormal tangents of a generator, as a setting of a recipe: η E‖JᵀJ − s²I‖ on some samples and latent axes of a step.

J = ∂G/∂z has one tangent of the generated manifold in each column. On a generator of images a tangent of length 1 changes each
of D pixels by about 1/√D, so the scale s is arbitrary; it can be learned, s² being the running mean of ‖J eₖ‖². On a local
generator s is 1, which makes its coordinates lengths (Qi et al. 2018, §3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net, Pullback
from tinygan.core.scalar import Scalar, scalar
from tinygan.core.settings import Checked, setting
from tinygan.errors import UsageError
from tinygan.objectives.penalties import along_latent, orthonormal, orthonormal_l1, through_jvp

AVERAGE = 0.99  # decay a step of the running mean of ‖J eₖ‖²


@dataclass(frozen=True)
class Orthonormal(Checked):
    """The constraint and how it is estimated.

    With ``statistics`` "frozen", batch normalisation under the tangents uses running values, so that samples do not depend on
    each other; they lag behind the weights where these move fast. With "batch", J contains every sample's influence on all
    others, which is what the authors' code differentiates.
    """

    eta: float = setting(0.0, "weight η; 0: no constraint", least=0)
    tangents: int = setting(
        4, "latent axes a step, drawn at random; the estimate over all axes is unbiased", least=1, most=2**14
    )
    samples: int = setting(16, "samples of the batch that the constraint is computed on, at most", least=1, most=2**14)
    scale: float = setting(1.0, "length s that tangents should have; 0: learned", least=0)
    form: Literal["squared", "absolute"] = setting(
        "squared", "norm of M = JᵀJ − s²I; squared: ‖M‖²_F (paper), absolute: the mean of |M| (the authors' code)"
    )
    statistics: Literal["frozen", "batch"] = setting(
        "frozen", "batch normalisation under the tangents; frozen: by running statistics, batch: by those of the batch"
    )

    def fits(self, latent: int) -> None:
        """Raises UsageError where a generator of ``latent`` axes cannot be constrained."""
        if self.eta and self.tangents > latent:
            raise UsageError(
                f"orthonormal.tangents is {self.tangents}, but the generator has {latent} latent axes: "
                f"choose at most {latent}"
            )
        if self.eta and self.tangents == 1 < latent:
            raise UsageError(
                f"orthonormal.tangents is 1 of {latent} axes, and angles need two tangents: choose 2 to {latent}"
            )

    def step(
        self,
        net: Net,
        running: Array,
        theta: Array,
        x: Array,
        N: int,
        scale2: Scalar,
        rng: np.random.Generator,
        **wrt: bool,
    ) -> tuple[Scalar, Scalar, Pullback]:
        """The value, the next running mean of ‖J eₖ‖², and the gradients of η · value in x and θ.

        ``x`` (n, d): inputs whose last N numbers are the latent; ``scale2``: the running mean so far; 0 is none
        yet, and the mean of this step is the first. ``wrt`` goes to ``Net.backward``.
        """
        x = x[: self.samples]
        x_dot = along_latent(x, N, self.tangents, rng)
        means: list[float] = []
        form: Callable[..., Callable[..., tuple[Scalar, Array, Array]]]
        form = orthonormal if self.form == "squared" else orthonormal_l1

        def objective(y: Array, y_dot: Array) -> tuple[Scalar, Array, Array]:
            length2 = scalar(np.square(y_dot).sum()) / (y_dot.shape[0] * y_dot.shape[1])
            s2 = scalar(np.where(np.equal(scale2, 0), length2, scale2))
            means.append(AVERAGE * s2 + (1 - AVERAGE) * length2)
            value, gy, gy_dot = form(self.scale or scalar(np.sqrt(s2)), N)(y, y_dot)
            return value, gy, self.eta * gy_dot

        net = self.statistics_of(net, running)
        value, pulled = through_jvp(net, theta, x, x_dot, objective, **wrt)
        return value, means[0], pulled

    def statistics_of(self, net: Net, running: Array) -> Net:
        """The net that the tangents go through."""
        return net.eval(running) if self.statistics == "frozen" else net.bind(running)
