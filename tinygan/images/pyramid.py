"""The Laplacian pyramid (Burt & Adelson 1983; of GANs: Denton et al. 2015, §2.2).

    x₀ = x        xₖ₊₁ = d(xₖ)        hₖ = xₖ − u(xₖ₊₁)        d ``PyramidDown``, u ``PyramidUp`` to the size of xₖ

Bands are [h₀, ..., h_{L−1}, x_L], each (N, H, W, C), finest first. From x_L up, xₖ = hₖ + u(xₖ₊₁) returns x exactly, for
any u and d. Odd sizes are rounded up: 13 → 7 → 4. All maps are linear, and each has its adjoint.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygan.core.layer import Array, Layer, Shape, apply
from tinygan.errors import ShapeError
from tinygan.layers import PyramidDown, PyramidUp

DOWN = PyramidDown()


def build(x: Array, levels: int) -> list[Array]:
    """x ↦ its bands, ``levels`` residuals and the coarse image.

    x (N, H, W, C); a side is at least 3 before it is halved, or ShapeError.
    """
    bands = []
    for _ in range(levels):
        coarse = _apply(DOWN, x)
        bands.append(x - _apply(_up(x), coarse))
        x = coarse
    return [*bands, x]


def build_adjoint(bands: Sequence[Array]) -> Array:
    """Cotangents of the bands ↦ x̄:   x̄ₖ = h̄ₖ + dᵀ(x̄ₖ₊₁ − uᵀ h̄ₖ)."""
    *residuals, x = bands
    for h in reversed(residuals):
        _fits(h, x)
        x = h + _back(DOWN, x - _back(_up(h), h), h.shape[1:3])
    return x


def collapse(bands: Sequence[Array]) -> Array:
    """Bands ↦ x:   xₖ = hₖ + u(xₖ₊₁)."""
    *residuals, x = bands
    for h in reversed(residuals):
        _fits(h, x)
        x = h + _apply(_up(h), x)
    return x


def collapse_adjoint(x: Array, levels: int) -> list[Array]:
    """x̄ ↦ the cotangents of ``levels`` residuals and the coarse image:   h̄ₖ = x̄ₖ,  x̄ₖ₊₁ = uᵀ x̄ₖ."""
    bands = [x]
    for _ in range(levels):
        DOWN.out_shape(bands[-1].shape[1:])
        bands.append(_back(_up(bands[-1]), bands[-1]))
    return bands


def enlarged(coarse: Array, height: int, width: int) -> Array:
    """u(coarse) of this height and width: twice those of ``coarse``, or one less."""
    return _apply(PyramidUp((height, width)), coarse)


def laplacian_l1(y: Array, x: Array, levels: int) -> tuple[float, Array]:
    """Lap₁ = Σⱼ 2²ʲ |Lʲ(y) − Lʲ(x)|₁, Lʲ the bands, finest first, and its gradient in y   (Ling & Okada 2006).

    It is a mean over the N images and the numbers of one; 2²ʲ compensates for the fewer numbers of band j. y, x (N, H, W, C); x
    is a constant.
    """
    bands = build(y - x, levels)
    weights = [4**j / y.size for j in range(levels + 1)]
    value = sum(w * float(np.abs(h).sum()) for w, h in zip(weights, bands, strict=True))
    return value, build_adjoint([(w * np.sign(h)).astype(y.dtype) for w, h in zip(weights, bands, strict=True)])


def _up(like: Array) -> PyramidUp:
    """u to the size of ``like``."""
    return PyramidUp((like.shape[1], like.shape[2]))


def _apply(f: Layer, x: Array) -> Array:
    return apply(f, (), x[None])[0][0]


def _back(f: Layer, g: Array, size: Shape | None = None) -> Array:
    return f.backward((), size, g[None])[0]


def _fits(h: Array, coarse: Array) -> None:
    """ShapeError if h is not the band above ``coarse``: silent broadcasting would give a wrong image."""
    if (len(h), *DOWN.out_shape(h.shape[1:])) != coarse.shape:
        raise ShapeError(f"pyramid: the band below {h.shape} must have half its size: got {coarse.shape}")
