"""An image as the sum of T increments, drawn by a recurrent generator (Im et al. 2016)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import reduce
from typing import Any, Self

import numpy as np

from tinygan.core.compose import Composite
from tinygan.core.layer import Bundle, Layer, Pairs, Params, Saved, Shape, apply, vjp
from tinygan.layers.recurrent import plus


class Canvas(Composite):
    """ΔC_t = f([x, h_t]),  h_{t+1} = g(ΔC_t),  h_1 = 0, ḣ_1 = 0;   y = Σ_t ΔC_t,  t = 1 … T.

    f and g have the same weights at all steps, and x is the same at every step. The adjoint goes backwards in time: with
    ȳ on every ΔC_t and for tangents alike,

        ΔC̄_t = ȳ + g's adjoint at step t of h̄_{t+1},   [x̄_t, h̄_t] = f's adjoint at step t of ΔC̄_t

    x̄ = Σ_t x̄_t, and the gradients in the weights of f and g are sums over t. Each step has its own running values and masks,
    because h_1 is 0 and the later h_t are not: batch norms have other statistics. With T = 1 there is no g.

    f maps rows (I + S,) to any shape, g maps that shape to rows (S,).   x (N, I)  →  y (N, ...); I = ``inputs``, S = ``state``.
    """

    def __init__(self, f: Layer, g: Layer, inputs: int, state: int, steps: int) -> None:
        super().__init__(*(f, g)[:steps])
        if steps < 1:
            raise ValueError(f"Canvas: steps must be at least 1: got {steps}")
        if g.out_shape(f.out_shape((inputs + state,))) != (state,):
            raise ValueError(f"Canvas: f and then g must map rows of {inputs} + {state} numbers to rows of {state}")
        self.inputs, self.state = inputs, state
        self.turns: tuple[Layer, ...] = ((f, g) * steps)[:-1]  # f g f … f, whose weights are p[0], p[1], p[0] …

    @property
    def piecewise_linear(self) -> bool:
        return False

    def out_shape(self, shape: Shape) -> Shape:
        if shape != (self.inputs,):
            raise self.shape_error(f"expects rows of {self.inputs} numbers", shape)
        return self.turns[0].out_shape((self.inputs + self.state,))

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        saved = []

        def through(turn: Layer, q: Params, X: Bundle) -> Bundle:
            Y, s = apply(turn, q, X)
            saved.append(s)
            return Y

        return self.painted(p, X, through), saved

    def jet(self, p: Params, X: Bundle, pairs: Pairs) -> Bundle:
        return self.painted(p, X, lambda turn, q, X: turn.jet(q, X, pairs))

    def painted(self, p: Params, X: Bundle, through: Callable[[Layer, Params, Bundle], Bundle]) -> Bundle:
        """Σ_t ΔC_t, where ``through`` applies a layer with its weights to a bundle."""
        nothing = np.zeros_like(X, shape=(*X.shape[:2], self.state))
        Y = C = through(self.turns[0], p[0], np.concatenate([X, nothing], axis=-1))
        for g, f in zip(self.turns[1::2], self.turns[2::2], strict=True):
            C = through(f, p[0], np.concatenate([X, through(g, p[1], C)], axis=-1))
            Y = Y + C
        return Y

    def vjp(
        self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True
    ) -> tuple[Bundle | None, Params | None]:
        of_z: list[Any] = []
        of_p: tuple[list[Any], ...] = [], []
        GC = G
        for i in reversed(range(0, len(self.turns), 2)):
            GZ, grad = vjp(self.turns[i], p[0], saved[i], GC, wrt_x=wrt_x or i > 0, wrt_p=wrt_p)
            of_z.append(GZ)
            of_p[0].append(grad)
            if i:
                GH = GZ[..., self.inputs :].copy()
                GC, grad = vjp(self.turns[i - 1], p[1], saved[i - 1], GH, wrt_p=wrt_p)
                of_p[1].append(grad)
                GC = G + GC
        GX = sum(GZ[..., : self.inputs] for GZ in of_z) if wrt_x else None
        return GX, tuple(reduce(plus, each) for each in of_p if each) if wrt_p else None

    # ---------------------------------------------------------------- values of each step

    def tree(self, kind: str) -> dict[str, Any]:
        """The running arrays of every step, and the trained arrays once."""
        if kind == "shapes":
            return super().tree(kind)
        return {f"{i // 2}.{'fg'[i % 2]}": turn.tree(kind) for i, turn in enumerate(self.turns)}

    def init_running(self, p: Params, rng: np.random.Generator) -> Params:
        return tuple(turn.init_running(p[i % 2], rng) for i, turn in enumerate(self.turns))

    def update(self, running: Params, p: Params, saved: Saved) -> Params:
        parts = zip(self.turns, running, saved, strict=True)
        return tuple(turn.update(r, p[i % 2], s[1]) for i, (turn, r, s) in enumerate(parts))

    def bind(self, running: Params, rng: np.random.Generator | None) -> Self:
        return self._taking(tuple(turn.bind(r, rng) for turn, r in zip(self.turns, running, strict=True)))

    def eval(self, running: Params) -> Self:
        return self._taking(tuple(turn.eval(r) for turn, r in zip(self.turns, running, strict=True)))

    def _taking(self, turns: tuple[Layer, ...]) -> Self:
        other = copy.copy(self)
        other.turns = other.children = turns
        return other
