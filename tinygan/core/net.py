"""A net: y = f(x; θ) with θ one flat vector."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygan import kernels
from tinygan.core.compose import Sequential
from tinygan.core.constructor import pretty
from tinygan.core.files import load_vectors
from tinygan.core.layer import Array, Layer, Pairs, Params, Saved, apply, vjp
from tinygan.core.summary import table
from tinygan.core.tree import tree_flatten, tree_leaves, tree_size, tree_views
from tinygan.errors import ShapeError, UsageError
from tinygan.formats.safetensors import save


class Pullback(NamedTuple):
    """The adjoints of one backward: of x (N, ...), of its tangents (K, N, ...), of θ (P,); None if it was not wanted."""

    x: Any
    x_dot: Any
    theta: Any


class Net:
    """A composition of layers as a function of one flat vector θ (P,).

    Optimisers, averages, checkpoints and clipping then are one line each. Running values (batch statistics, singular
    vectors) are a second flat vector beside θ; ``bind`` and ``eval`` return nets that hold them.
    """

    def __init__(self, *layers: Layer) -> None:
        self.f: Layer = Sequential(*layers)
        self._trained, self._running = self.f.tree("shapes"), self.f.tree("running")
        self.size, self.running_size = tree_size(self._trained), tree_size(self._running)

    def init(self, rng: np.random.Generator, dtype: Any = np.float32) -> Array:
        """Initial θ (P,), from the generator ``rng``."""
        return flat(self.f.init(rng), dtype)

    def init_running(self, theta: Array, rng: np.random.Generator) -> Array:
        """The initial running values (R,)."""
        return flat(self.f.init_running(self.params(theta), rng), theta.dtype, theta)

    def bind(self, running: Array, rng: np.random.Generator | None = None) -> Net:
        """The net for one training step, with these running values, and noise (dropout) from ``rng``.

        It is a pure function of (θ, x): the same noise again at each call with the same shapes.
        """
        return Net._of(self.f.bind(self._r(running), rng), self)

    def eval(self, running: Array) -> Net:
        """The net for evaluation: running statistics instead of batch statistics, no noise."""
        return Net._of(self.f.eval(self._r(running)), self)

    def update(self, running: Array, theta: Array, saved: Saved) -> Array:
        """The running values after the forward that returned ``saved``."""
        return flat(self.f.update(self._r(running), self.params(theta), saved[1]), running.dtype, running)

    def forward(self, theta: Array, x: Array) -> tuple[Array, Saved]:
        """y = f(x; θ).   x (N, ...)."""
        Y, saved = apply(self.f, self.params(theta), x[None])
        return Y[0], saved

    def jvp(self, theta: Array, x: Array, x_dot: Array) -> tuple[Array, Array, Saved]:
        """y = f(x; θ) and ẏₖ = J ẋₖ.   x (N, ...), x_dot (K, N, ...)."""
        if x_dot.shape[1:] != x.shape:
            raise ShapeError(f"Net: x_dot is (K, *x.shape): x_dot {x_dot.shape}, x {x.shape}")
        Y, saved = apply(self.f, self.params(theta), np.concatenate([x[None], x_dot]))
        return Y[0], Y[1:], saved

    def second_derivative(self, theta: Array, x: Array, x_dot: Array, pairs: Pairs) -> tuple[Array, Array, Array]:
        """y = f(x; θ), ẏₖ = J ẋₖ and ∂²f(x)[ẋᵢ, ẋⱼ] for each (i, j) of ``pairs``, forward over forward.

        x (N, ...), x_dot (K, N, ...), pairs two sequences of P numbers below K  →  y (N, ...), ẏ (K, N, ...), (P, N, ...).
        Raises UsageError where a curved layer has no formula.
        """
        if x_dot.shape[1:] != x.shape:
            raise ShapeError(f"Net: x_dot is (K, *x.shape): x_dot {x_dot.shape}, x {x.shape}")
        K, still = len(x_dot), np.zeros((len(pairs[0]), *x.shape), x.dtype)  # x moves on a straight line: ẍ = 0
        Y = self.f.jet(self.params(theta), np.concatenate([x[None], x_dot, still]), pairs)
        return Y[0], Y[1 : 1 + K], Y[1 + K :]

    def backward(
        self,
        theta: Array,
        saved: Saved,
        gy: Array,
        gy_dot: Array | None = None,
        *,
        wrt_x: bool = True,
        wrt_theta: bool = True,
    ) -> Pullback:
        """The adjoint of ``forward`` or, with the tangents' cotangents gy_dot (K, N, ...), of ``jvp``."""
        if gy_dot is not None and gy_dot.shape[1:] != gy.shape:
            raise ShapeError(f"Net: gy_dot is (K, *gy.shape): gy_dot {gy_dot.shape}, gy {gy.shape}")
        G = gy[None] if gy_dot is None else np.concatenate([gy[None], gy_dot])
        GX, g = vjp(self.f, self.params(theta), saved, G, wrt_x=wrt_x, wrt_p=wrt_theta)
        return Pullback(
            GX[0] if wrt_x else None, GX[1:] if wrt_x else None, flat(g, theta.dtype, theta) if wrt_theta else None
        )

    @property
    def piecewise_linear(self) -> bool:
        """Whether y is affine around almost every x: weights, rectifiers, pools; no smooth activation, no batch statistics."""
        return self.f.piecewise_linear

    def backward_recording(self, theta: Array, saved: Saved, u: Array) -> tuple[Array, Any]:
        """Jᵀu, and the cotangents of the outputs of all layers, for ``penalty_gradient``."""
        GX, recorded = self.f.backward_recording(self.params(theta), saved[1], u[None])
        return GX[0], recorded

    def penalty_gradient(self, theta: Array, saved: Saved, recorded: Any, z: Array, r: Array | None) -> Array:
        """The gradient in θ of Σₙ rₙ⟨u, f(xₙ)⟩ + ⟨u, J ẋ⟩ of a piecewise linear net.

        z = r x + ẋ; u and ``recorded`` are those of ``backward_recording``.
        """
        return flat(self.f.penalty_gradient(self.params(theta), saved[1], recorded, z[None], r)[1], theta.dtype, theta)

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of one sample's y; ShapeError where a layer does not fit."""
        return self.f.out_shape(tuple(shape))

    def view(self, theta: Array) -> dict[str, Array]:
        """θ by name: {"0.linear.w": ..., ...}, views."""
        return dict(zip(tree_flatten(self._trained, node=dict), tree_leaves(self.params(theta)), strict=True))

    def view_running(self, running: Array) -> dict[str, Array]:
        """The running values by name: {"1.batchnorm.mean": ..., ...}, views."""
        return dict(zip(tree_flatten(self._running, node=dict), tree_leaves(self._r(running)), strict=True))

    def save(self, path: str | Path, theta: Array, running: Array | None = None) -> None:
        """Write θ and the running values as one safetensors file; tensors have the names of ``view`` and ``view_running``.

        Raises UsageError where the net has running values and they are not given; DataError if the file cannot be written.
        """
        if running is None and self.running_size:
            raise UsageError(f"Net: this net has {self.running_size} running values: use save(path, theta, running)")
        own = {} if running is None else self.view_running(running)
        save(path, {**self.view(theta), **own}, {"format": "tinygan.Net"})

    def load(self, path: str | Path) -> tuple[Array, Array]:
        """θ (P,) and the running values (R,) from a file that ``save`` wrote.

        Raises FormatError, which names the first tensor that does not fit this net; DataError if the file cannot be read.
        """
        theta, running = load_vectors(path, self._trained, self._running)
        return theta, running

    def summary(self, shape: tuple[int, ...]) -> str:
        """A table of the layers, their outputs' shapes and their numbers of parameters.   shape: of one sample's x.

        Raises ShapeError where a layer does not fit.
        """
        return table(self.f.children, tuple(shape))  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return pretty(self.f).replace("Sequential", "Net", 1)

    def params(self, theta: Array) -> Params:
        """θ as the layers' nested tuple of views."""
        if theta.shape != (self.size,):
            raise ShapeError(f"Net: theta is one flat vector: got {theta.shape}, expected ({self.size},)")
        return tree_views(self._trained, theta)

    def _r(self, running: Array) -> Params:
        if running.shape != (self.running_size,):
            raise ShapeError(f"Net: running is one flat vector: got {running.shape}, expected ({self.running_size},)")
        return tree_views(self._running, running)

    @staticmethod
    def _of(f: Layer, like: Net) -> Net:
        """A net like ``like``, with the layers f."""
        net = Net.__new__(Net)
        net.__dict__ = {**like.__dict__, "f": f}
        return net


def flat(p: Params, dtype: Any, like: Array | None = None) -> Array:
    """The leaves in one vector. Without leaves it is an empty one, on the device of ``like``."""
    parts = [a.reshape(-1) for a in tree_leaves(p)]
    if not parts:
        return np.zeros(0, dtype, like=like)
    vector = kernels.flatten(parts)
    return vector if vector.dtype == dtype else vector.astype(dtype, casting="same_kind")
