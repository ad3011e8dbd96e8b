"""The generator and the discriminator of SNGAN (Miyato et al. 2018, tables 3, 4): residual nets for square images of 28 to 128.

The layers are chosen for few operations: upsampling and 3x3 are one ``UpConv2d``, 3x3 and pooling one ``ConvPool2d``. A 1x1
shortcut comes before upsampling and after pooling: it commutes with both, and has fewer pixels there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.condition import Conditioned
from tinygan.core.init import normal
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import (
    AvgPool2d,
    BatchNorm,
    Columns,
    Conv2d,
    ConvPool2d,
    FiLM,
    GlobalMeanPool,
    GlobalSumPool,
    Linear,
    ProjectionHead,
    ReLU,
    Reshape,
    SelfAttention,
    Tanh,
    UpConv2d,
    Upsample,
)
from tinygan.layers.conditional import of_row
from tinygan.models.normalise import weight

HIDDEN = 32  # hidden units of self-modulation (Chen et al. 2019, as in their code)
MOST = 16  # times ``width``: the widest block of nets for images above 32x32


def levels(shape: tuple[int, ...]) -> int:
    """The number of halvings of an image (H, W, C), until its sides are odd or below 8. UsageError if it cannot be halved."""
    if len(shape) != 3 or shape[0] != shape[1] or shape[0] not in (28, 32, 48, 64, 128):
        raise UsageError(
            f"residual nets need square images of 28, 32, 48, 64 or 128 pixels: the data has samples {shape}"
        )
    side, n = shape[0], 0
    while side % 2 == 0 and side > 7:
        side, n = side // 2, n + 1
    return n


def widths(shape: tuple[int, ...], width: int) -> list[int]:
    """Channels at each size, the largest size first: constant up to 32x32 (table 4), else doubled with each halving."""
    n = levels(shape)
    return [width if shape[0] <= 32 else width * min(2**i, MOST) for i in range(n + 1)]


# ---------------------------------------------------------------- G


class Modulation(NamedTuple):
    """How G's blocks use a condition: ``of`` computes it from x, ``map(i, C)`` the scales and shifts in block i."""

    of: Layer
    map: Callable[[int, int], Layer]


def by_class(classes: int, std: float) -> Modulation:
    """Conditional batch normalisation (Dumoulin et al. 2017): scales and shifts for each class, initially
    N(0, std²), beside those that all classes share.   x = [onehot, z]."""
    return Modulation(Columns(0, classes), lambda i, C: Linear(classes, 2 * C, bias=False, init=normal(std)))


def by_itself(d: int) -> Modulation:
    """Self-modulation by all of x (Chen et al. 2019, Self-modulation, eq. 3; one hidden layer for scale and shift)."""
    return Modulation(
        Sequential(), lambda i, C: Sequential(Linear(d, HIDDEN), ReLU(), Linear(HIDDEN, 2 * C, init=normal(0.0)))
    )


def by_parts(shape: tuple[int, ...], classes: int, latent: int, std: float) -> Modulation:
    """Hierarchical latents (Brock et al. 2019, §3.1): z has n + 1 parts. The first is the input of the stem, each other one
    is, with the class, the condition of one block.   x = [onehot, z]."""
    each = part(shape, latent)

    def of_block(i: int, C: int) -> Layer:
        start = classes + (i + 1) * each
        own = Concat(Columns(0, classes), Columns(start, start + each))
        return Sequential(own, Linear(classes + each, 2 * C, bias=False, init=normal(std)))

    return Modulation(Sequential(), of_block)


def part(shape: tuple[int, ...], latent: int) -> int:
    """The size of a part of a hierarchical latent; UsageError if its parts are not equal."""
    n = levels(shape) + 1
    if latent % n:
        raise UsageError(
            f"a hierarchical latent has {n} equal parts at {shape[0]}x{shape[1]}: {latent} is no multiple of {n}"
        )
    return latent // n


def generator(
    shape: tuple[int, ...] = (32, 32, 3),
    latent: int = 128,
    width: int = 256,
    *,
    given: int = 0,
    modulation: Modulation | None = None,
    begins: int = 0,
    attention: int = 0,
) -> Net:
    """x = [c, z] (N, given + latent) → linear → blocks that double the sides → tanh, (N, H, W, C).

    The input of the linear map is z, or its first ``begins`` numbers. With ``modulation`` the condition scales and shifts the
    output of each batch normalisation. ``attention`` is the side of the images at which self-attention is applied.
    """
    n, C = levels(shape), widths(shape, width)[::-1]  # the smallest size first
    side = shape[0] >> n
    stem = [Linear(begins or latent, side * side * C[0]), Reshape(side, side, C[0])]
    blocks: list[Any] = []
    for i, (a, b) in enumerate(pairwise(C)):
        m = partial(modulation.map, i) if modulation else None
        blocks += [up(a, b, m), *attend(attention, side << (i + 1), b, False)]
    end = [BatchNorm(C[-1]), ReLU(), Conv2d(C[-1], shape[2], 3, pad=1), Tanh()]
    if modulation is None:
        return Net(*stem, *blocks, *end)
    z = Columns(given, given + (begins or latent))
    return Net(Conditioned(Sequential(z, *stem), modulation.of, Sequential(*blocks)), *end)


def up(a: int, b: int, m: Callable[[int], Layer] | None) -> Residual:
    """BN, ReLU, up, 3x3, BN, ReLU, 3x3; shortcut 1x1, up; m scales and shifts after BN.   (N, H, W, a) → (N, 2H, 2W, b)."""

    def norm(C: int) -> list[Any]:
        return [BatchNorm(C), *([FiLM(m(C))] if m else []), ReLU()]

    branch = [*norm(a), UpConv2d(a, b), *norm(b), Conv2d(b, b, 3, pad=1)]
    shortcut = [Conv2d(a, b, 1), Upsample()]
    return Residual(Sequential(*branch), Sequential(*shortcut))


def attend(wanted: int, side: int, C: int, spectral: bool) -> list[Layer]:
    """Self-attention after a block whose images have the ``wanted`` side (Zhang et al. 2019, §3)."""
    return [SelfAttention(C, pool=side % 2 == 0, spectral=spectral)] if wanted == side else []


# ---------------------------------------------------------------- D


def discriminator(
    shape: tuple[int, ...] = (32, 32, 3),
    width: int = 128,
    *,
    spectral: bool = True,
    heads: tuple[int, ...] = (1,),
    **options: Any,
) -> Net:
    """x (N, H, W, C) → the features → a linear map for each of ``heads``, (N, Σ heads): the logit first.

    With ``spectral`` every weight has spectral normalisation, as in the paper.
    """
    body, F = features(shape, width, spectral=spectral, **options)
    ends = [weight(Linear(F, n), spectral) for n in heads]
    return Net(*body, ends[0] if len(ends) == 1 else Concat(*ends))


def projection(shape: tuple[int, ...], width: int, given: int, *, spectral: bool = True, **options: Any) -> Net:
    """[x, c] (N, HWC + given) → ψ(φ(x)) + ⟨V c, φ(x)⟩, (N, 1), φ the features (Miyato & Koyama 2018, eq. 3)."""
    body, F = features(shape, width, spectral=spectral, **options)
    end = ProjectionHead(weight(Linear(F, 1), spectral), weight(Linear(given, F, bias=False), spectral))
    return Net(of_row(shape, given, end, *body))


def features(
    shape: tuple[int, ...], width: int, *, spectral: bool, pool: str = "sum", attention: int = 0
) -> tuple[list[Layer], int]:
    """The layers x (N, H, W, C) → (N, F), and F: blocks that halve the sides; for images up to 32x32 at most two,
    and then two that keep the sides (table 4), else one; ReLU, and the ``pool``, "sum" or "mean", over pixels."""
    n, C, small = levels(shape), widths(shape, width), shape[0] <= 32
    downs = C[:2] if small else C[:n]
    F = downs[-1] if small else C[n]
    body = [first(shape[2], downs[0], spectral), *attend(attention, shape[0] // 2, downs[0], spectral)]
    for i, (a, b) in enumerate(pairwise(downs)):
        body += [block(a, b, spectral, half=True), *attend(attention, shape[0] >> (i + 2), b, spectral)]
    body += [block(F, F, spectral) for _ in range(2)] if small else [block(downs[-1], F, spectral)]
    return [*body, ReLU(), GlobalSumPool() if pool == "sum" else GlobalMeanPool()], F


def first(c: int, C: int, spectral: bool) -> Layer:
    """3x3, ReLU, 3x3, pool; shortcut pool, 1x1.   (N, H, W, c) → (N, H/2, W/2, C)."""
    branch = [weight(Conv2d(c, C, 3, pad=1), spectral), ReLU(), weight(ConvPool2d(C, C), spectral)]
    return Residual(Sequential(*branch), Sequential(AvgPool2d(), weight(Conv2d(c, C, 1), spectral)))


def block(a: int, b: int, spectral: bool, *, half: bool = False) -> Layer:
    """ReLU, 3x3, ReLU, 3x3 and with ``half`` a pool; shortcut pool, 1x1, or the identity if shapes are equal."""
    hidden = a if half else b
    last = ConvPool2d(hidden, b) if half else Conv2d(hidden, b, 3, pad=1)
    branch = [ReLU(), weight(Conv2d(a, hidden, 3, pad=1), spectral), ReLU(), weight(last, spectral)]
    shortcut: list[Layer] = [AvgPool2d()] if half else []
    if half or a != b:
        shortcut.append(weight(Conv2d(a, b, 1), spectral))
    return Residual(Sequential(*branch), Sequential(*shortcut))
