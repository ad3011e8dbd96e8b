"""The table of layers that ``tinygan check`` and the tests check: one function a layer, with random sizes.

A case is a function of ``pick(low, high)``, which returns a random integer from low to high, both included. It returns a
layer and the shape of one sample. ``pick`` is a NumPy generator's for the command and hypothesis's in the tests. A group of
values that is normalised has at least three values: with one or two the derivative is zero up to ε, and a relative
error has no meaning (tests/unit/layers/test_norm.py checks those sizes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tinygan import layers as L
from tinygan.checks.cases_batch import BATCH
from tinygan.checks.cases_border import BORDER
from tinygan.checks.cases_conditional import CONDITIONAL, Case, Pick
from tinygan.checks.cases_recurrent import RECURRENT
from tinygan.checks.check import BOUNDS, check_layer
from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.layer import Layer
from tinygan.layers.norm import RunningNorm


def _conv(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    k, s, p = _pair(pick, 1, 5), _pair(pick, 1, 3), tuple(_pair(pick, 0, 2) for _ in "hw")
    size = tuple(max(1, n - sum(q)) + pick(0, 5) for n, q in zip(k, p, strict=True))
    c, o, bias = pick(1, 4), pick(1, 4), bool(pick(0, 1))
    return L.Conv2d(c, o, k, stride=s, pad=p, bias=bias), (*size, c)  # type: ignore[arg-type]


def _conv_transpose(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    k, s = _pair(pick, 1, 5), _pair(pick, 1, 3)
    p = tuple((pick(0, (n - 1) // 2), pick(0, (n - 1) // 2)) for n in k)
    extra = tuple(pick(0, n - 1) for n in s)
    c, o, bias = pick(1, 4), pick(1, 4), bool(pick(0, 1))
    f = L.ConvTranspose2d(c, o, k, stride=s, pad=p, output_padding=extra, bias=bias)  # type: ignore[arg-type]
    return f, (pick(1, 5), pick(1, 5), c)


def _pair(pick: Pick, low: int, high: int) -> tuple[int, int]:
    return pick(low, high), pick(low, high)


def _any(pick: Pick) -> tuple[int, ...]:
    """The shape of a vector or of an image."""
    return (pick(1, 9),) if pick(0, 1) else _image(pick)


def _batch_norm(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    shape = _any(pick)
    return L.BatchNorm(shape[-1]), shape


def _running_norm(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    shape = _any(pick)
    C = shape[-1]
    return RunningNorm(np.linspace(-2, 2, C), np.linspace(0.1, 3, C)), shape


def _layer_norm(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    shape = pick(1, 3), pick(1, 3), pick(3, 6)
    return L.LayerNorm(*shape[pick(0, 2) :]), shape


def _group_norm(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    groups, each = pick(1, 3), pick(1, 3)
    return L.GroupNorm(groups * each, groups), (pick(2, 4), pick(2, 4), groups * each)


def _instance_norm(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    c = pick(1, 4)
    return L.InstanceNorm(c), (pick(2, 4), pick(2, 4), c)


def _coupling(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    d = pick(2, 5)
    kept = pick(1, d - 1)
    f = Sequential(L.Linear(kept, 3), L.Tanh(), L.Linear(3, 2 * (d - kept)))
    return L.Coupling(d, kept, f, turned=bool(pick(0, 1))), (d + 1,)


def _log_softmax(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    return L.LogSoftmax(rest=bool(pick(0, 1))), (pick(2, 6),)


def _reshape(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    a, b, c = pick(1, 4), pick(1, 4), pick(1, 4)
    return (L.Reshape(a, b, c), (a * b * c,)) if pick(0, 1) else (L.Reshape(b * c, a), (a, b, c))


def _pool(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    k = pick(1, 3)
    return L.AvgPool2d(k), (k * pick(1, 3), k * pick(1, 3), pick(1, 3))


def _max_pool(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    k, s = pick(1, 3), pick(1, 3)
    p = pick(0, k // 2)
    H, W = (max(1, k - 2 * p) + pick(0, 4) for _ in "hw")
    return L.MaxPool2d(k, stride=s, pad=p), (H, W, pick(1, 3))


def _maxout(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    k, pieces = pick(1, 4), pick(1, 5)
    return L.Maxout(pieces), (k * pieces,) if pick(0, 1) else (pick(1, 3), pick(1, 3), k * pieces)


def _attend(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    i, v, pool = pick(1, 3), pick(1, 3), pick(0, 1)
    return L.Attend(i, v, pool=bool(pool)), (*_sides(pick, pool), 2 * i + v)


def _self_attention(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    c, pool = pick(1, 9), pick(0, 1)
    inner, values = (None, None) if pick(0, 1) else _pair(pick, 1, 3)
    return L.SelfAttention(c, inner, values, pool=bool(pool), spectral=bool(pick(0, 1))), (*_sides(pick, pool), c)


def _sides(pick: Pick, even: int) -> tuple[int, int]:
    return (2 * pick(1, 2), 2 * pick(1, 2)) if even else _pair(pick, 1, 4)


def _image(pick: Pick) -> tuple[int, ...]:
    return pick(1, 5), pick(1, 5), pick(1, 4)


def _spectral(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    f, shape = _weighted(pick)
    return L.SpectralNorm(f), shape  # type: ignore[arg-type]


def _weight_norm(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    f, shape = _weighted(pick)
    return L.WeightNorm(f), shape  # type: ignore[arg-type]


def _weighted(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    return (_linear, _conv, _conv_transpose, _up_conv, _conv_pool)[pick(0, 4)](pick)


def _linear(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    n = pick(1, 12)
    return L.Linear(n, pick(1, 12), bias=bool(pick(0, 1))), (n,)


def _up_conv(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    c = pick(1, 4)
    return L.UpConv2d(c, pick(1, 4), bias=bool(pick(0, 1))), (pick(1, 5), pick(1, 5), c)


def _conv_pool(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    c = pick(1, 4)
    return L.ConvPool2d(c, pick(1, 4), bias=bool(pick(0, 1))), (2 * pick(1, 3), 2 * pick(1, 3), c)


def _residual(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    c, o = pick(1, 3), pick(1, 3)
    branch = Sequential(L.Softplus(), L.Conv2d(c, o, 3, pad=1), L.BatchNorm(o))
    return Residual(branch, L.Conv2d(c, o, 1) if c != o else None), (pick(2, 4), pick(2, 4), c)


def _concat(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    c = pick(1, 3)
    branches = [Sequential(), L.Conv2d(c, pick(1, 3), 3, pad=1), Sequential(L.Tanh(), L.Conv2d(c, 2, 1))]
    return Concat(*branches[: pick(1, 3)]), (pick(1, 5), pick(1, 5), c)


def _deep(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    """A small critic with all kinds of composition."""
    c, w = pick(1, 3), pick(2, 4)
    net = Sequential(
        L.Conv2d(c, w, 4, stride=2, pad=1),
        L.LeakyReLU(),
        Residual(Sequential(L.SpectralNorm(L.Conv2d(w, w, 3, pad=1)), L.GroupNorm(w, 1), L.SiLU())),
        L.Dropout(0.3),
        L.Reshape(2 * 3 * w),
        L.Linear(2 * 3 * w, 1),
    )
    return net, (4, 6, c)


def _of_any(make: Callable[[], Layer]) -> Case:
    return lambda pick: (make(), _any(pick))


def _of_image(make: Callable[[], Layer]) -> Case:
    return lambda pick: (make(), _image(pick))


CASES: dict[str, Case] = {
    "Linear": _linear,
    "Conv2d": _conv,
    "ConvTranspose2d": _conv_transpose,
    "Coupling": _coupling,
    "UpConv2d": _up_conv,
    "ConvPool2d": _conv_pool,
    "SpectralNorm": _spectral,
    "WeightNorm": _weight_norm,
    "BatchNorm": _batch_norm,
    "BatchNorm(eval)": _running_norm,
    "LayerNorm": _layer_norm,
    "GroupNorm": _group_norm,
    "InstanceNorm": _instance_norm,
    "PixelNorm": lambda pick: (L.PixelNorm(), (pick(1, 4), pick(3, 6))),
    "ReLU": _of_any(L.ReLU),
    "LeakyReLU": _of_any(L.LeakyReLU),
    "ELU": _of_any(L.ELU),
    "SiLU": _of_any(L.SiLU),
    "Softplus": _of_any(L.Softplus),
    "Tanh": _of_any(L.Tanh),
    "Sigmoid": _of_any(L.Sigmoid),
    "LogSoftmax": _log_softmax,
    "Reshape": _reshape,
    "AvgPool2d": _pool,
    "MaxPool2d": _max_pool,
    "Maxout": _maxout,
    "Attend": _attend,
    "SelfAttention": _self_attention,
    "Scale": _of_any(L.Scale),
    "LocalMeanPool": lambda pick: (L.LocalMeanPool(2 * pick(0, 2) + 1), _image(pick)),
    "GlobalSumPool": _of_image(L.GlobalSumPool),
    "GlobalMeanPool": _of_image(L.GlobalMeanPool),
    "Upsample": lambda pick: (L.Upsample(pick(1, 3)), _image(pick)),
    "Dropout": _of_any(lambda: L.Dropout(0.4)),
    "GaussianNoise": _of_any(lambda: L.GaussianNoise(0.5)),
    "Residual": _residual,
    "Concat": _concat,
    "Sequential": _deep,
    **BATCH,
    **BORDER,
    **CONDITIONAL,
    **RECURRENT,
}


def table(draws: int, seed: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Each layer's name and the worst error of each check over ``draws`` random cases; CheckFailed above a bound."""
    for name, case in CASES.items():
        rng = np.random.default_rng([seed, *name.encode()])
        worst = dict.fromkeys(BOUNDS, 0.0)
        for _ in range(draws):
            f, shape = case(lambda low, high: int(rng.integers(low, high + 1)))  # noqa: B023 (called at once)
            worst = {check: max(worst[check], error) for check, error in check_layer(f, shape, rng=rng).items()}
        yield name, worst
