"""Spectral normalisation around a weight layer (Miyato et al. 2018)."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np

from tinygan.errors import UsageError
from tinygan.layer import Array, Bundle, Layer, Params, Saved, Shape

WARM_UP = 20  # power iterations before the first step


class SpectralNorm(Layer):
    """y = f(x; W/σ, b),  σ(W) = ‖Wᵀu‖,  u the running left singular vector of W as a matrix (C_out, rest).

    With u held σ is an ordinary function of W: ∂σ/∂W = u vᵀ, v = Wᵀu/σ, so for V = W/σ

        W̄ = (V̄ − ⟨V̄, V⟩ u vᵀ) / σ        (Miyato et al. 2018, eq. 12)

    x meets only f. ``update`` is one power iteration, u ← Wv/‖Wv‖; where u is exact σ is the largest singular value.
    """

    def __init__(self, f: Layer) -> None:
        super().__init__()
        self.f: Any = f
        self.shapes = dict(f.shapes)
        self.running = {"u": (self.shapes["w"][self.f.out_axis],)}
        self.u: Array | None = None

    affine = True

    def init(self, rng: np.random.Generator) -> Params:
        return self.f.init(rng)

    def out(self, shape: Shape) -> Shape:
        return self.f.out(shape)

    def start(self, p: Params, rng: np.random.Generator) -> Params:
        values: Params = (rng.normal(size=self.running["u"]),)
        for _ in range(WARM_UP):
            values = self.update(values, p, None)
        return values

    def at(self, values: Params, rng: np.random.Generator | None) -> Self:
        bound = copy.copy(self)
        (bound.u,) = values
        return bound

    def eval(self, values: Params) -> Layer:
        return self.at(values, None)

    def update(self, values: Params, p: Params, saved: Saved) -> Params:
        m = self._matrix(p[0])
        u = m @ (m.T @ values[0])
        return (u / np.sqrt(u @ u),)

    def _matrix(self, w: Array) -> Array:
        return np.moveaxis(w, self.f.out_axis, 0).reshape(w.shape[self.f.out_axis], -1)

    def _normalised(self, p: Params) -> tuple[Params, Array]:
        """(W/σ, b), and Wᵀu with σ for its norm."""
        if self.u is None:
            raise UsageError("SpectralNorm has no singular vector yet: use net.at(running, rng) or net.eval(running)")
        wu = self._matrix(p[0]).T @ self.u
        return (p[0] / np.sqrt(wu @ wu), *p[1:]), wu

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        q, wu = self._normalised(p)
        Y, saved = self.f.forward(q, X)
        return Y, (q, wu, saved)

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        q, _, inner = saved
        return self.f.backward(q, inner, G)

    def gradient(self, p: Params, saved: Saved, G: Bundle) -> Params:
        q, wu, inner = saved
        gv, *rest = self.f.gradient(q, inner, G)
        sigma = np.sqrt(wu @ wu)
        m = self._matrix(gv) - (gv * q[0]).sum() * np.outer(self.u, wu / sigma)
        back = m.reshape(np.moveaxis(gv, self.f.out_axis, 0).shape)
        return np.moveaxis(back, 0, self.f.out_axis) / sigma, *rest
