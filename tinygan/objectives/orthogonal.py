"""Orthogonal regularisation: weights that keep lengths and angles, as a term of the loss in θ alone.

Of each weight W as a matrix (C_out, rest), a row for each output, S = W Wᵀ and A the part of S that is to be zero

    R = ‖A‖²_F,    W̄ = 4 A W,    since ∂R = 2⟨A, ∂W Wᵀ + W ∂Wᵀ⟩ and A is symmetric

    classic   A = S − I          rows are orthonormal   (Brock et al. 2019, eq. 2; Brock et al. 2017)
    relaxed   A = S ∘ (1 − I)    rows are orthogonal, of any length   (Brock et al. 2019, eq. 3; times β = 1e-4 there)

BigGAN-PyTorch adds 2β A W, half of this gradient: its β is twice that of the formula.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from tinygan import kernels
from tinygan.core.layer import Array, modules, onehot
from tinygan.core.net import Net
from tinygan.core.scalar import Scalar, scalar
from tinygan.errors import UsageError
from tinygan.layers.spectral import SpectralNorm
from tinygan.layers.weight import WeightLayer

Form = Literal["classic", "relaxed"]
FORMS: dict[str, Callable[[Array], Array]] = {  # A of S
    "classic": lambda S: S - onehot(np.arange(len(S), like=S), len(S), S.dtype),
    "relaxed": lambda S: S - np.diag(np.diag(S)),
}


def orthogonal(net: Net, theta: Array, form: Form = "relaxed") -> tuple[Scalar, Array]:
    """Σ R over the weights of ``net``, and its gradient (P,) in θ; both to be multiplied by β.

    The weights are the w of linear maps and convolutions, under spectral normalisation W itself and not W/σ. Scales
    and shifts by class are such a map, of the onehot; biases and gains have none of it. UsageError for another form.
    """
    if form not in FORMS:
        raise UsageError(f"unknown form {form!r} of orthogonal regularisation: choose one of {', '.join(FORMS)}")
    value: Scalar = 0.0
    g = np.zeros_like(theta)
    arrays = zip(net.view(theta).values(), net.view(g).values(), strict=True)
    for leaf in modules(net.f):
        own = {name: next(arrays) for name in leaf.shapes}
        f = leaf.f if isinstance(leaf, SpectralNorm) else leaf
        if isinstance(f, WeightLayer):
            w, gw = own["w"]
            W = f.matrix(w)
            A = FORMS[form](kernels.linear(W, W))
            value += scalar((A * A).sum())
            gw[...] = f.from_matrix(kernels.linear_dx(4 * A, W))
    return value, g
