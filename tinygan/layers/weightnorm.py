"""Weight normalisation around a weight layer (Salimans & Kingma 2016)."""

from __future__ import annotations

import numpy as np

from tinygan.core.layer import Bundle, Params, Saved
from tinygan.layers.weight import Reparametrised, WeightLayer

TINY = 1e-12  # the smallest length of v, and the smallest standard deviation by which a first batch is scaled


class WeightNorm(Reparametrised):
    """y = f(x; W, b),  W = g v/‖v‖: for each output a length g and a direction v   (Salimans & Kingma 2016, eq. 2).

    v has the shape of f's weight, g (C_out,). ‖·‖ and ⟨·, ·⟩ are over the weights of one output. With n = v/‖v‖

        ḡ = ⟨W̄, n⟩        v̄ = (W̄ − ⟨W̄, n⟩ n) g/‖v‖        (eq. 3)

    x̄ is f's own. Initially g = ‖v‖, so that W is f's own initial draw; the paper's initial g and b are ``standardised``.
    """

    def __init__(self, f: WeightLayer) -> None:
        super().__init__(f)
        v, *b = f.shapes.values()
        self.shapes = {"v": v, "g": (v[f.out_axis],)} | dict(zip("b", b, strict=False))

    def init(self, rng: np.random.Generator) -> Params:
        v, *b = self.f.init(rng)
        return v, np.sqrt(np.square(self.f.matrix(v)).sum(axis=1)), *b

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        v = self.f.matrix(p[0])
        length = np.maximum(np.sqrt(np.square(v).sum(axis=1, keepdims=True)), TINY)
        n, g = v / length, p[1][:, None]
        q = (self.f.from_matrix(g * n), *p[2:])
        Y, saved = self.f.forward(q, X)
        return Y, (q, n, g / length, saved)

    def standardised(self, p: Params, X: Bundle) -> Params:
        """p with g = 1/σ and b = −μ/σ, μ and σ those of ⟨n, x⟩ over samples (and pixels): y has mean 0 and variance 1 (§3).

        Without a bias the mean is not changed. An output that does not vary keeps its g and b.
        """
        v, g, *b = p
        y = self.forward((v, np.ones_like(g), *map(np.zeros_like, b)), X[:1])[0].reshape(-1, len(g))
        # in double precision, so that equal single-precision numbers have a standard deviation of exactly 0
        mean, std = (m(axis=0, dtype=np.float64).astype(y.dtype) for m in (y.mean, y.std))
        varies = std > TINY
        scale = 1 / np.where(varies, std, 1)
        return v, np.where(varies, scale, g), *(np.where(varies, -mean * scale, old) for old in b)

    def through(self, saved: Saved, g: Params) -> Params:
        """v̄ and ḡ from W̄."""
        _, n, scale, _ = saved
        gw, *rest = g
        gw = self.f.matrix(gw)
        along = (gw * n).sum(axis=1, keepdims=True)
        return self.f.from_matrix(scale * (gw - along * n)), along[:, 0], *rest
