"""Activations: y = φ(x) element by element.

Forward y = φ(x);  tangent ẏ = φ'(x) ẋ;  adjoint x̄ = φ' ȳ + Σₖ φ'' ẋₖ ẏ̄ₖ,  ẋ̄ = φ' ẏ̄.
The table of φ, φ', φ'' is POINTWISE in kernels/reference.py. At a kink φ' is the derivative from the left.
φ' and φ'' ẋ are functions of (y, ẏ) for all activations except SiLU. So a layer saves its
output for the backward, not its input.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array, Bundle, Layer, Params, Saved


class Pointwise(Layer):
    """y = φ(x; a), x of any shape. ``f`` is the row of the table and ``a`` the parameter of φ, if it has one."""

    f: ClassVar[str]
    a: float = 0.0

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Y, saved = kernels.pointwise(X, self.f, self.a)
        return Y, saved

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return kernels.pointwise_dx(saved, G, self.f, self.a)

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        """φ'' u v: the x̄ above for ẋ = u, ẏ̄ = v, ȳ = 0."""
        _, saved = self.forward(p, np.stack([np.broadcast_to(x, u.shape), u]))
        return self.backward(p, saved, np.stack([np.zeros_like(v), v]))[0]


class Rectifier(Pointwise):
    """Linear on both sides of 0: φ(x) = φ'(x) x and φ'' = 0, so that r y + ẏ = φ' (r x + ẋ)."""

    @property
    def piecewise_linear(self) -> bool:
        return True

    def penalty_gradient(
        self, p: Params, saved: Saved, recorded: Bundle, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        return self.backward(p, saved, Z), ()  # φ' z: a diagonal is its own transpose


class ReLU(Rectifier):
    """y = max(x, 0)   (Nair & Hinton 2010). x of any shape."""

    f = "relu"


class LeakyReLU(Rectifier):
    """y = max(x, a x), 0 ≤ a ≤ 1, a = ``slope``   (Maas et al. 2013); 0.2 is from Radford et al. 2016, §3. x of any shape."""

    f = "leaky_relu"

    def __init__(self, slope: float = 0.2) -> None:
        super().__init__()
        self.a = slope
        if not 0 <= slope <= 1:
            raise ValueError(f"LeakyReLU: slope must be in [0, 1]: got {slope}")


class ELU(Pointwise):
    """y = x for x > 0, else a (eˣ − 1)   (Clevert et al. 2016, eq. 15). x of any shape."""

    f = "elu"

    def __init__(self, a: float = 1.0) -> None:
        super().__init__()
        self.a = a
        if not a >= 0:
            raise ValueError(f"ELU: a must be at least 0: got {a}")


class SiLU(Pointwise):
    """y = x σ(x)   (Elfwing et al. 2018). x of any shape."""

    f = "silu"


class Softplus(Pointwise):
    """y = log(1 + eˣ). x of any shape."""

    f = "softplus"


class Tanh(Pointwise):
    """y = tanh x. x of any shape."""

    f = "tanh"


class Sigmoid(Pointwise):
    """y = σ(x) = 1 / (1 + e⁻ˣ). x of any shape."""

    f = "sigmoid"
