"""What the layers with a weight share: arrays, first draw, and the bias."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.init import Init
from tinygan.layer import Array, Bundle, Layer, Params, Shape


class WeightLayer(Layer):
    """An affine map of x by a weight w, and a bias b for each output: y = (w · x) + b,  ẏ = w · ẋ,  b̄ = Σ ȳ.

    ``out_axis`` is the axis of w that counts outputs; ``fan_in`` is the number of inputs that meet in one output,
    for the first draw.
    """

    affine = True
    out_axis: int

    def __init__(self, w: Shape, fan_in: int, *, bias: bool, init: Init) -> None:
        super().__init__()
        self.shapes = {"w": w} | ({"b": (w[self.out_axis],)} if bias else {})
        self.fan_in, self.draw = fan_in, init

    def init(self, rng: np.random.Generator) -> Params:
        w, *b = self.shapes.values()
        return self.draw(rng, w, self.fan_in), *map(np.zeros, b)

    def bias(self, p: Params, X: Bundle) -> dict[str, Any]:
        """The bias for a kernel on the folded X: it goes to the points, a constant has no tangent."""
        return {"bias": p[1], "points": X.shape[1]} if "b" in self.shapes else {}

    def with_bias(self, gw: Array, G: Bundle) -> Params:
        """(w̄, b̄), or (w̄,) where there is no bias."""
        if "b" not in self.shapes:
            return (gw,)
        return gw, G[0].sum(axis=tuple(range(G.ndim - 2)))
