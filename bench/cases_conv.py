"""Cases conv_*: forward, dx and dw of every layer, in the direct form and in the form that the backend chooses.

Each result is first compared with the reference in float64, relative to the largest output. Images are independent, so forward
and dx of a large batch are checked on a part of the images; dw, a sum over images, is checked on all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy import ndarray as Array

from bench.contest import CallCost, contest
from bench.ours import Options, has_forms, inside, under
from bench.rows import Aim, Row, Wrong, geometric_mean
from bench.shapes import PASSES, Conv, layers
from tinygan import kernels
from tinygan.kernels import reference

BOUND_DIRECT = 1e-5
BOUNDS = {"forward": 2e-5, "dx": 2e-5, "dw": 5e-5}  # for the form that the backend chooses, and for PyTorch
CHECKED = 24e9  # float64 operations allowed for a check of forward or dx
CHUNK = 4e9  # operations per piece of it, which limits memory


def run(options: Options, net: str, K: int) -> Iterator[Row | Aim]:
    rows: list[tuple[Conv, Row]] = []
    for layer in layers(net, K):
        arrays = data(layer)
        for which in PASSES:
            row = measure(layer, which, arrays, options)
            rows.append((layer, row))
            yield row
    yield from aims(rows, options)


def data(layer: Conv) -> tuple[Array, Array, Array]:
    """Random x, w and y. The outputs have variance near 1."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((layer.N, layer.H, layer.H, layer.C), np.float32)
    w = rng.standard_normal((layer.k, layer.k, layer.C, layer.O), np.float32) / np.float32(layer.k * layer.C**0.5)
    return x, w, rng.standard_normal((layer.N, layer.P, layer.P, layer.O), np.float32)


def operation(backend: Any, layer: Conv, which: str, x: Array, w: Array, y: Array) -> Array:
    """One pass of the layer through ``backend``. A transposed layer exchanges forward and dx."""
    if which == "dw":
        return backend.conv2d_dw(x, y, kernel=(layer.k,) * 2, **layer.geometry)
    if (which == "forward") != layer.transposed:
        return backend.conv2d(x, w, **layer.geometry)
    return backend.conv2d_dx(y, w, size=(layer.H,) * 2, **layer.geometry)


def measure(layer: Conv, which: str, arrays: tuple[Array, Array, Array], options: Options) -> Row:
    """Check one pass, then time it."""

    def call() -> Array:
        return operation(kernels, layer, which, *arrays)

    forms = {"direct": "direct", "chosen": "fast"} if has_forms(options) else {options.backend: "fast"}
    ours = {name: inside(options, call, precision=form) for name, form in forms.items()}
    what = f"{layer.describe()}, {which}"
    images, truth = definition(layer, which, *arrays)
    errors = {}
    for name, form in forms.items():
        with under(options, precision=form):
            errors[name] = relative(pick(call(), which, images), truth)
        bound = BOUND_DIRECT if name == "direct" else BOUNDS[which]
        if not errors[name] <= bound:
            far = f"{options.backend} ({name}) has error {errors[name]:.1e}, bound {bound:.0e}"
            raise Wrong(f"wrong, not timed: {what}: {far}")
    peers, notes = {}, []
    for name, (theirs, result) in peers_for(layer, which, arrays, options).items():
        error = relative(pick(result(), which, images), truth)
        if error <= BOUNDS[which]:
            peers[name] = theirs
        else:
            notes.append(f"{name} has error {error:.1e} and is not timed")
    if options.against and not peers:
        raise Wrong(f"wrong, not timed: {what}: no version of PyTorch agrees: {'; '.join(notes)}")
    row = contest(what, ours, peers, options, CallCost(layer.flop, layer.bytes))
    row.figures |= {f"{name} error": error for name, error in errors.items()}
    row.notes += notes
    return row


def peers_for(layer: Conv, which: str, arrays: Any, options: Options) -> dict[str, tuple[Callable, Callable]]:
    """PyTorch's versions: name → (call, its result in tinygan's layout)."""
    if not options.against:
        return {}
    from bench import peers

    return peers.convolutions(layer, which, *arrays)


def definition(layer: Conv, which: str, x: Array, w: Array, y: Array) -> tuple[Array, Array]:
    """The indices of the checked images, and the reference's float64 result for them."""
    a_piece = max(1, int(CHUNK * layer.N / layer.flop))
    count = layer.N if which == "dw" else min(layer.N, max(4, int(CHECKED * layer.N / layer.flop)))
    images = np.linspace(0, layer.N - 1, count).round().astype(int)
    pieces = np.array_split(images, -(-count // a_piece))
    w = w.astype(np.float64)
    parts = (operation(reference, layer, which, x[i].astype(w.dtype), w, y[i].astype(w.dtype)) for i in pieces)
    return images, sum(parts) if which == "dw" else np.concatenate(list(parts))


def pick(result: Array, which: str, images: Array) -> Array:
    return result if which == "dw" else result[images]


def relative(a: Array, b: Array) -> float:
    """max|a − b| / max|b|; infinite for a NaN or another shape."""
    if a.shape != b.shape or not np.isfinite(a).all():
        return float("inf")
    return float(np.abs(a - b).max() / np.abs(b).max())


def aims(rows: list[tuple[Conv, Row]], options: Options) -> Iterator[Aim]:
    """The targets of the backend jit; ratios come last."""
    judged = options.backend == "jit"
    wide = [row.figures.get("direct of ceiling") for layer, row in rows if min(layer.C, layer.O) >= 32]
    if judged and None not in wide:
        yield Aim("direct form, share of the ceiling, least", min(wide), 0.85, unit="")
    ratios = [(layer, row.ratio.median) for layer, row in rows if row.ratio is not None]
    if not ratios:
        yield Aim("against PyTorch", None, 1.2 if judged else None)
        return
    yield Aim("least ratio to the fastest PyTorch", min(r for _, r in ratios), 1.2 if judged else None)
    for kind, k, stride, target in (("4x4 stride 2", 4, 2, 1.6), ("3x3", 3, 1, 2.2)):
        some = [r for layer, r in ratios if (layer.k, layer.stride) == (k, stride)]
        if some:
            yield Aim(f"geometric mean on {kind}", geometric_mean(some), target if judged else None)
