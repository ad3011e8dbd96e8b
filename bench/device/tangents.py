"""Orthonormality of K tangents of DCGAN-64's generator, value and gradient, as one CUDA graph.

G has batch normalisation with batch statistics, so the tangents of all samples are coupled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.device.steps import PRECISIONS, timed
from tinygan import kernels
from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.models import dcgan
from tinygan.objectives.penalties import orthonormal, through_jvp

SLOPE_BOUND = 1e-5  # relative error of the slope along the gradient, against central differences in float64
CHECKED = 8  # samples used for the check


class TangentCase:
    """N latents, K axes, and weights perturbed from their initialisation, so that images are not uniform."""

    def __init__(self, N: int = 64, K: int = 8, size: int = 64, latent: int = 100, width: int = 64) -> None:
        self.net: Net = dcgan.generator((size, size, 3), latent, width)
        rng = np.random.default_rng(0)
        self.theta = self.net.init(rng) + 0.02 * rng.standard_normal(self.net.size).astype(np.float32)
        self.z = rng.standard_normal((N, latent)).astype(np.float32)
        self.E = np.repeat(np.eye(K, latent, dtype=np.float32)[:, None], N, axis=1)

    def value(self, theta: Array, z: Array, E: Array) -> tuple[Any, Array]:
        """E‖JᵀJ − I‖², and its gradient in θ."""
        value, pulled = through_jvp(self.net, theta, z, E, orthonormal(), wrt_x=False)
        return value, pulled.theta

    def captured(self) -> Any:
        def step(state: list[Any], inputs: list[Any], _: Any) -> tuple[list[Any], dict[str, Any]]:
            theta, _ = state
            value, gradient = self.value(theta, *inputs)
            return [theta, gradient], {"value": value}

        state = [self.theta, np.zeros_like(self.theta)]
        return kernels.graphs().Captured(step, state, [self.z, self.E], np.random.default_rng(0))

    def differences(self, way: Array, h: float = 1e-4) -> float:
        """The slope of the value along ``way``, by central differences in float64 on the CPU."""
        theta, z, E = (a.astype(np.float64) for a in (self.theta, self.z, self.E))
        ahead, behind = (self.value(theta + s * h * way, z, E)[0] for s in (1, -1))
        return float(ahead - behind) / (2 * h)


def ours(checked: int = CHECKED, **shape: Any) -> Iterator[dict[str, Any]]:
    """Check the gradient of each precision, then time its graph."""
    small, large = TangentCase(**{**shape, "N": checked}), TangentCase(**shape)
    with kernels.on_cpu("reference"):
        _, g = small.value(*(a.astype(np.float64) for a in (small.theta, small.z, small.E)))
        way = g / np.linalg.norm(g)
        slope = small.differences(way)
    for precision in PRECISIONS:
        with kernels.precision(precision):
            at, graph = small.captured(), large.captured()
        at([small.z, small.E], np.random.default_rng(0))
        gradient = at.fetch()[1].astype(np.float64)
        error = abs(float(gradient @ way) - slope) / abs(slope)
        bound = SLOPE_BOUND if precision != "tf32" else 1e-2
        yield {
            "way": f"tinygan, {precision}",
            "us": timed(lambda graph=graph: graph.graph.launch(graph.stream), graph.stream),
            "slope error": error,
            "gradient error": float(np.linalg.norm(gradient - g) / np.linalg.norm(g)),
            "right": error <= bound,
        }
