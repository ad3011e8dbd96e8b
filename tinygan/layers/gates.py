"""The gates of recurrent cells: what they let through of what was there and of what is new.

Everything is a product of two bundles or an activation; ``product`` and ``Pointwise`` have their tangents and adjoints.
"""

from __future__ import annotations

import numpy as np

from tinygan.core.layer import Array, Bundle, Layer, Pairs, Params, Saved, Shape
from tinygan.layers.conditional import product, product_dx, product_jet
from tinygan.layers.pointwise import Sigmoid, Tanh

SIGMOID, TANH = Sigmoid(), Tanh()


class Gates(Layer):
    """A map of ``pieces`` rows of H = ``hidden`` numbers side by side; H(u, v) from its ``bend``, the jet of the formula."""

    pieces: int
    states: int

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden

    def out_shape(self, shape: Shape) -> Shape:
        if shape != (self.pieces * self.hidden,):
            raise self.shape_error(f"expects {self.pieces} rows of {self.hidden} numbers", shape)
        return (self.states * self.hidden,)

    def second_derivative(self, p: Params, x: Array, u: Array, v: Array) -> Array:
        n = len(u)
        X = np.concatenate([x[None], u, v, np.zeros_like(u)])
        return self.bend(X, (range(n), range(n, 2 * n)))[1 + 2 * n :]

    def bend(self, X: Bundle, pairs: Pairs) -> Bundle:
        """(x, ẋ, ẍ) ↦ (y, ẏ, ÿ)."""
        raise NotImplementedError


class LSTMGates(Gates):
    """c' = f c + i g,  h' = o t,  t = tanh c';   i, f, o = σ(a_i), σ(a_f), σ(a_o),  g = tanh a_g.

    All element by element (Hochreiter & Schmidhuber 1997, §4; the forget gate f: Gers et al. 2000, §3; as they are most
    used now, with no peepholes). With Σ over tangents

        tangent   ċ' = ḟ c + f ċ + i̇ g + i ġ,   ṫ = (1 − t²) ċ',   ḣ' = ȯ t + o ṫ
        adjoint   t̄ = o h̄' + Σ ȯ ḣ̄',   ṫ̄ = o ḣ̄';   to c̄', ċ̄' comes (1 − t²) t̄ − Σ 2t ċ' (1 − t²) ṫ̄,   (1 − t²) ṫ̄
                  ō = t h̄' + Σ ṫ ḣ̄',   ȱ = t ḣ̄';   from (c̄', ċ̄') alike  f̄ by c,  c̄ by f,  ī by g,  ḡ by i
                  ā = s (1 − s) s̄ + Σ s (1 − s)(1 − 2s) ȧ ṡ̄,   ǡ = s (1 − s) ṡ̄   of each s = σ(a); a_g as c' above

    x = [a_i, a_f, a_g, a_o, c] (N, 5H), the order of PyTorch's gates  →  y = [h', c'] (N, 2H).
    """

    pieces, states = 5, 2

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        a_i, a_f, a_g, a_o, C = np.split(X, 5, axis=-1)
        (I, i), (F, f), (O, o) = (SIGMOID.forward((), a) for a in (a_i, a_f, a_o))
        G, g = TANH.forward((), a_g)
        new = product(F, C) + product(I, G)
        T, t = TANH.forward((), new)
        return np.concatenate([product(O, T), new], axis=-1), (I, F, G, O, C, T, (i, f, g, o, t))

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        I, F, new, O, C, T, (i, f, g, o, t) = saved
        GH, GC = np.split(G, 2, axis=-1)
        GC = GC + TANH.backward((), t, product_dx(O, GH))
        parts = [
            SIGMOID.backward((), i, product_dx(new, GC)),
            SIGMOID.backward((), f, product_dx(C, GC)),
            TANH.backward((), g, product_dx(I, GC)),
            SIGMOID.backward((), o, product_dx(T, GH)),
            product_dx(F, GC),
        ]
        return np.concatenate(parts, axis=-1)

    def bend(self, X: Bundle, pairs: Pairs) -> Bundle:
        a_i, a_f, a_g, a_o, C = np.split(X, 5, axis=-1)
        I, F, O = (SIGMOID.jet((), a, pairs) for a in (a_i, a_f, a_o))
        new = product_jet(F, C, pairs) + product_jet(I, TANH.jet((), a_g, pairs), pairs)
        return np.concatenate([product_jet(O, TANH.jet((), new, pairs), pairs), new], axis=-1)


class GRUGates(Gates):
    """h' = n + z d,  d = h − n,  n = tanh(a_x + r a_h);   r, z = σ(a_r), σ(a_z)   (Cho et al. 2014, eqs. 5-8).

    All element by element. r meets a_h = U h + b, not h: PyTorch's and cuDNN's variant; z keeps the old, as in the paper.

        tangent   ṁ = ȧ_x + ṙ a_h + r ȧ_h,   ṅ = (1 − n²) ṁ,   ḣ' = ṅ + ż d + z ḋ
        adjoint   h̄ = d̄ = z h̄' + Σ ż ḣ̄',   ḣ̄ = ḋ̄ = z ḣ̄';   z̄ = d h̄' + Σ ḋ ḣ̄',   ż̄ = d ḣ̄';   n̄ = h̄' − d̄,   ṅ̄ = ḣ̄' − ḋ̄
                  ā_x = m̄ = (1 − n²) n̄ − Σ 2n ṅ ṅ̄,   ǡ_x = ṁ̄ = (1 − n²) ṅ̄;   from these  r̄ by a_h,  ā_h by r
                  ā, ǡ of r and z as in ``LSTMGates``

    x = [a_r, a_z, a_x, a_h, h] (N, 5H)  →  y = h' (N, H).
    """

    pieces, states = 5, 1

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        a_r, a_z, a_x, a_h, H = np.split(X, 5, axis=-1)
        (R, r), (Z, z) = (SIGMOID.forward((), a) for a in (a_r, a_z))
        new, n = TANH.forward((), a_x + product(R, a_h))
        D = H - new
        return new + product(Z, D), (R, Z, D, a_h, (r, z, n))

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        R, Z, D, a_h, (r, z, n) = saved
        GD = product_dx(Z, G)
        GM = TANH.backward((), n, G - GD)
        parts = [
            SIGMOID.backward((), r, product_dx(a_h, GM)),
            SIGMOID.backward((), z, product_dx(D, G)),
            GM,
            product_dx(R, GM),
            GD,
        ]
        return np.concatenate(parts, axis=-1)

    def bend(self, X: Bundle, pairs: Pairs) -> Bundle:
        a_r, a_z, a_x, a_h, H = np.split(X, 5, axis=-1)
        R, Z = (SIGMOID.jet((), a, pairs) for a in (a_r, a_z))
        new = TANH.jet((), a_x + product_jet(R, a_h, pairs), pairs)
        return new + product_jet(Z, H - new, pairs)
