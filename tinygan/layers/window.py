"""DRAW's attention: a grid of filters reads or writes a window of an image (Gregor et al. 2015, §3.2-3.3)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tinygan.core.condition import Conditional
from tinygan.core.layer import Bundle, Flow, Layer, Pairs, Params, Saved, Shape, WithCondition, apply, vjp
from tinygan.errors import ShapeError
from tinygan.layers.attention import times, times_dx, turn
from tinygan.layers.conditional import product, product_dx, product_jet
from tinygan.layers.filterbank import NONE, Filterbank, exp_jet


class Window(Conditional):
    """y = L h Rᵀ of each channel,  L = e^(±log γ) F_Y and R = F_X, or both transposed.

    [g̃_X, g̃_Y, log σ², log δ̃, log γ] = m(c) (Gregor et al. 2015, eq. 21). F_Y along the B rows and F_X along the A columns of an
    image are ``Filterbank``s of n filters with one σ and one δ = (max(A, B) − 1)/(n − 1) δ̃ (eq. 24): with m(c) = 0 they
    cover the longer side. The matrix product is bilinear, so with P = h Rᵀ

        tangent   Ṗ = ḣ Rᵀ + h Ṙᵀ,               ẏ = L̇ P + L Ṗ
        adjoint   L̄ = ȳ Pᵀ + Σ ẏ̄ Ṗᵀ,  L̇̄ = ẏ̄ Pᵀ;     P̄ = Lᵀ ȳ + Σ L̇ᵀ ẏ̄,  Ṗ̄ = Lᵀ ẏ̄
                  h̄ = P̄ R + Σ Ṗ̄ Ṙ,     ḣ̄ = Ṗ̄ R;       R̄ = P̄ᵀ h + Σ Ṗ̄ᵀ ḣ,  Ṙ̄ = Ṗ̄ᵀ h
    """

    sign: ClassVar[int]

    def __init__(self, m: Layer, filters: int, size: tuple[int, int]) -> None:
        self.filters, self.size = filters, size
        unit = (max(size) - 1) / max(filters - 1, 1)  # the centre of a single filter does not depend on δ
        B, A = size
        super().__init__(m, Filterbank(filters, A, unit), Filterbank(filters, B, unit))

    def sides(self) -> tuple[Shape, Shape]:
        """Height and width of h, and of y."""
        raise NotImplementedError

    def way(self, F: Bundle) -> Any:
        """F, or Fᵀ, as the factor of h; its own adjoint."""
        raise NotImplementedError

    def out_shape(self, shape: Any) -> Shape:
        h, c = shape
        before, after = self.sides()
        out, name = self.children[0].out_shape(c), type(self).__name__
        if out != (5,):
            raise ShapeError(f"{name}: m(c) must have 5 numbers: got {out}, h (N, {', '.join(map(str, h))})")
        if len(h) != 3 or h[:2] != before:
            raise ShapeError(f"{name}: expects images of {before} pixels: h (N, {', '.join(map(str, h))})")
        return *after, h[2]

    def forward(self, p: Params, X: Flow) -> tuple[Bundle, Saved]:
        H, C = X
        m, across, down = self.children
        M, s = apply(m, p[0], C)
        (FX, x), (FY, y) = apply(across, (), sideways(M)), apply(down, (), M[..., 1:4])
        scale = exp_jet(self.sign * M[..., 4:], NONE)
        L, R = self.way(product(scale[..., None], FY))[:, :, None], self.way(FX)[:, :, None]
        H = np.moveaxis(H, -1, 2)
        P = times(H, turn(R))
        return np.moveaxis(times(L, P), 2, -1), ((s, x, y), H, P, L, R, scale, FY)

    def vjp(self, p: Params, saved: Saved, G: Bundle, *, wrt_x: bool = True, wrt_p: bool = True) -> tuple[Any, Any]:
        (s, x, y), H, P, L, R, scale, FY = saved
        m, across, down = self.children
        G = np.moveaxis(G, -1, 2)
        GP = turn(times_dx(turn(G), L))
        GL = self.way(times_dx(G, turn(P)).sum(axis=2))
        GX, _ = vjp(across, (), x, self.way(times_dx(turn(GP), H).sum(axis=2)), wrt_p=False)
        GY, _ = vjp(down, (), y, product_dx(scale[..., None], GL), wrt_p=False)
        log_scale = self.sign * product_dx(scale, product_dx(FY, GL).sum(axis=(-2, -1))[..., None])
        GM = np.concatenate([GX[..., :1], GY[..., :1], GX[..., 1:] + GY[..., 1:], log_scale], axis=-1)
        GC, g = vjp(m, p[0], s, GM, wrt_x=wrt_x, wrt_p=wrt_p)
        GX = WithCondition(np.moveaxis(times_dx(GP, R), 2, -1), GC) if wrt_x else None
        return GX, (g, (), ()) if wrt_p else None

    def jet(self, p: Params, X: Flow, pairs: Pairs) -> Bundle:
        H, C = X
        m, across, down = self.children
        M = m.jet(p[0], C, pairs)
        FX, FY = across.jet((), sideways(M), pairs), down.jet((), M[..., 1:4], pairs)
        scale = exp_jet(self.sign * M[..., 4:], pairs)
        L, R = self.way(product_jet(scale[..., None], FY, pairs))[:, :, None], self.way(FX)[:, :, None]
        P = times_jet(np.moveaxis(H, -1, 2), turn(R), pairs)
        return np.moveaxis(times_jet(L, P, pairs), 2, -1)


class Read(Window):
    """y = γ F_Y h F_Xᵀ   (Gregor et al. 2015, eq. 27).   h (N, B, A, C)  →  y (N, n, n, C); c (N, d), (B, A) = ``size``."""

    sign = 1

    def sides(self) -> tuple[Shape, Shape]:
        return self.size, (self.filters, self.filters)

    def way(self, F: Bundle) -> Any:
        return F


class Write(Window):
    """y = F_Yᵀ h F_X / γ   (Gregor et al. 2015, eq. 29).   h (N, n, n, C)  →  y (N, B, A, C); c (N, d), (B, A) = ``size``."""

    sign = -1

    def sides(self) -> tuple[Shape, Shape]:
        return (self.filters, self.filters), self.size

    def way(self, F: Bundle) -> Any:
        return turn(F)


def sideways(M: Bundle) -> Any:
    """(centre across, log-variance, log-stride) from (centre across, centre down, log-variance, log-stride, ...)."""
    return np.concatenate([M[..., :1], M[..., 2:4]], axis=-1)


def times_jet(A: Bundle, B: Bundle, pairs: Pairs) -> Any:
    """The jet of the product of matrices: a b̈ + ä b + ȧᵢ ḃⱼ + ȧⱼ ḃᵢ."""
    Y = times(A, B)
    i, j = (list(k) for k in pairs)
    a, b = A[1:], B[1:]
    Y[len(Y) - len(i) :] += a[i] @ b[j] + a[j] @ b[i]
    return Y
