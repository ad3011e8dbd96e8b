"""Orthogonal regularisation: a term of the loss that depends on θ only and makes the rows of weights orthogonal.

For each weight W, a matrix (C_out, rest) with one row for each output, S = W Wᵀ and A is the part of S that should be 0:

    R = ‖A‖²_F,    W̄ = 4 A W,    since dR = 2⟨A, dW Wᵀ + W dWᵀ⟩ = 4⟨A W, dW⟩, for A is symmetric

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
    """Σ R over the weights of ``net``, and its gradient (P,) in θ; the caller multiplies both by β.

    The weights are the w of linear maps and convolutions; with spectral normalisation W and not W/σ. The scales and shifts
    of each class are included, for they are a linear map of the onehot class; biases and gains are not.
    Raises UsageError for another form.
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
