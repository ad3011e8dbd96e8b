"""Spectral normalisation around a weight layer (Miyato et al. 2018)."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Bundle, Layer, Params, Saved
from tinygan.errors import UsageError
from tinygan.layers.weight import Reparametrised, WeightLayer

WARM_UP = 20  # power iterations before the first step
TINY = 1e-12  # the smallest σ, for weights that are zero


class SpectralNorm(Reparametrised):
    """y = f(x; W/σ, b),  σ(W) = ‖Wᵀu‖,  u the running left singular vector of W, a matrix (C_out, rest).

    With u constant, σ is an ordinary function of W: ∂σ/∂W = u vᵀ, v = Wᵀu/σ, so for V = W/σ

        W̄ = (V̄ − ⟨V̄, V⟩ u vᵀ) / σ        (Miyato et al. 2018, eq. 12)

    x̄ is f's own. ``update`` is one power iteration, u ← Wv/‖Wv‖. If u is exact, σ is the largest singular value.
    """

    def __init__(self, f: WeightLayer) -> None:
        super().__init__(f)
        self.shapes = dict(f.shapes)
        self.running = {"u": (f.shapes["w"][f.out_axis],)}
        self.u: Any = None

    def init(self, rng: np.random.Generator) -> Params:
        return self.f.init(rng)

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        running: Params = (rng.normal(size=self.running["u"]),)
        for _ in range(WARM_UP):
            running = self.update(running, p, None)
        return running

    def bind(self, running: Params, rng: np.random.Generator | None) -> Self:
        bound = copy.copy(self)
        (bound.u,) = running
        return bound

    def eval(self, running: Params) -> Layer:
        return self.bind(running, None)

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        w = self.f.matrix(p[0])
        u = kernels.linear(kernels.linear_dx(running[0][None], w), w)[0]
        length = np.sqrt((u * u).sum())
        return (np.where(length > 0, u / np.maximum(length, TINY), running[0]),)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        if self.u is None:
            raise UsageError("SpectralNorm has no singular vector yet: use net.bind(running, rng) or net.eval(running)")
        v = kernels.linear_dx(self.u[None], self.f.matrix(p[0]))[0]
        sigma = np.maximum(np.sqrt((v * v).sum()), TINY)
        q = (p[0] / sigma, *p[1:])
        Y, saved = self.f.forward(q, X)
        return Y, (q, self.u, v / sigma, sigma, saved)

    def through(self, saved: Saved, g: Params) -> Params:
        """W̄ from V̄."""
        q, u, v, sigma, _ = saved
        gv, *rest = g
        gw = self.f.matrix(gv) - (gv * q[0]).sum() * np.outer(u, v)
        return self.f.from_matrix(gw) / sigma, *rest
