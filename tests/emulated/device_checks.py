"""What the cuda backend is held to, on the emulator and on a GPU alike: operations, layers and whole training steps.

Plain functions that return how far off something is, so that they run where there is no pytest too. ``cupy`` is whatever module
has that name: CuPy, or the stand-in of fake_cupy.py.
"""

import json
from pathlib import Path

import numpy as np

from tinygan import kernels
from tinygan.checks.cases import CASES
from tinygan.cli import main
from tinygan.core.tree import tree_size
from tinygan.data import Batch, Sample, open_data
from tinygan.kernels import reference
from tinygan.layers import BatchNorm
from tinygan.recipes import SemiSupervised, get_recipe
from tinygan.reproduce.papers import stability
from tinygan.training.checkpoint import flatten
from tinygan.training.execution import GraphExecutor, HostExecutor
from tinygan.training.loading import training_set

BOUND = 3e-6  # of operations and layers, relative, against float64
SLACK = 4  # of a step: times the error of NumPy's float32
FLOOR = 4e-6  # and relative, for other roundings at kinks of rectifiers
KINKS = 2e-2  # of a step whose rounding puts a few rectifiers on their other side
DATA = stability.DATA
CONV = {"stride": (2, 1), "pad": ((1, 0), (0, 2))}
OPERATIONS = {  # name: shapes of the arrays, what else it takes
    "linear": (((7, 5), (6, 5)), {"bias": (6,), "points": 4}),
    "linear_dx": (((7, 6), (6, 5)), {}),
    "linear_dw": (((7, 5), (7, 6)), {}),
    "matmul": (((3, 2, 7, 12), (2, 12, 8)), {}),
    "conv2d": (((3, 6, 5, 4), (3, 3, 4, 8)), {"bias": (8,), "points": 2, **CONV}),
    "conv2d_dx": (((3, 3, 5, 8), (3, 3, 4, 8)), {"bias": (4,), "points": 2, "size": (6, 5), **CONV}),
    "conv2d_dw": (((3, 6, 5, 4), (3, 3, 5, 8)), {"kernel": (3, 3), **CONV}),
    "scale_shift": (((3, 4, 5), (5,), (5,)), {}),
    "column_sum": (((3, 4, 5),), {}),
    "dot": (((3, 4, 5), (3, 4, 5)), {}),
}


def there(x):
    """The arrays of a nested tuple on the device, in float32."""
    import cupy

    if isinstance(x, tuple):
        return tuple(map(there, x))
    return cupy.asarray(x.astype(np.float32)) if isinstance(x, np.ndarray) else x


def wide(x):
    """The same numbers in float64, on the host."""
    if isinstance(x, tuple):
        return tuple(map(wide, x))
    return x.astype(np.float32).astype(np.float64) if isinstance(x, np.ndarray) else x


def error(found, want, typical=0.0):
    """The worst of ‖found − want‖ / ‖want‖ in nested tuples; ``typical``: the norm of what is summed, where sums cancel."""
    import cupy

    if isinstance(want, (tuple, list)):
        assert len(found) == len(want)
        return max((error(a, b, typical) for a, b in zip(found, want, strict=True)), default=0.0)
    if want is None:
        return 0.0
    want = np.asarray(want)
    assert (found.shape, found.dtype) == (want.shape, np.float32)
    off = float(np.linalg.norm(cupy.asnumpy(found) - want) / max(np.linalg.norm(want), typical, 1e-30))
    return off if np.isfinite(off) else float("inf")


# ---------------------------------------------------------------- operations and layers


def operation(name, seed=1):
    """The error of one of the dispatcher's operations."""
    rng, (shapes, how) = np.random.default_rng(seed), OPERATIONS[name]
    arrays = tuple(rng.standard_normal(shape) for shape in shapes)
    how = {key: rng.standard_normal(value) if key == "bias" else value for key, value in how.items()}
    found = getattr(kernels, name)(*there(arrays), **{key: there(value) for key, value in how.items()})
    want = getattr(reference, name)(*wide(arrays), **{key: wide(value) for key, value in how.items()})
    return error(found, want, 10)


def case(name, rng):
    """A layer of the check tables with random sizes; the evaluating batch norm from running values, as a net makes it."""
    f, shape = CASES[name](lambda low, high: int(rng.integers(low, high + 1)))
    return (BatchNorm(shape[-1]), shape) if name == "BatchNorm(eval)" else (f, shape)


def passed(f, p, running, X, G, noise, evaluate):
    """(Y, X̄, p̄) of a bundle, and the running values afterwards."""
    bound = f.eval(running) if evaluate else f.bind(running, noise)
    Y, saved = bound.forward(p, X)
    after = bound.update(running, p, saved) if tree_size(f.tree("running")) and not evaluate else ()
    return (Y, *bound.vjp(p, saved, G(Y.shape)), after)


def layer(name, seed=3):
    """The error of a layer's bundle of two tangents, of its adjoint and of its running values."""
    rng = np.random.default_rng(seed)
    f, shape = case(name, rng)
    p = f.init(rng)
    running, X = f.init_running(p, rng), rng.standard_normal((3, 4, *shape))

    def cotangent(shape):
        return np.random.default_rng(seed + 1).standard_normal(shape)

    evaluate = "eval" in name
    want = passed(
        f, wide(p), wide(running), wide(X), lambda shape: wide(cotangent(shape)), np.random.default_rng(5), evaluate
    )
    draws = kernels.graphs().Draws(np.random.default_rng(5))
    found = passed(f, there(p), there(running), there(X), lambda shape: there(cotangent(shape)), draws, evaluate)
    return error(found, want, np.linalg.norm(cotangent(want[0].shape)))


# ---------------------------------------------------------------- steps


def system(name, **settings):
    """A small recipe, and a function of t that gives its batches."""
    fields = get_recipe(name).settings.__dataclass_fields__
    small = {key: value for key, value in (stability.SMALL | stability.SHORT).items() if key in fields} | settings
    small |= {"images": 64} if "images" in fields else {}
    data = open_data(DATA.get(name, "strokes"))
    recipe = get_recipe(name).make(
        get_recipe(name).settings(**small), Sample(data.shape, len(data.classes), data.classes)
    )
    data = training_set(recipe, data)

    def batch(t, n=4):
        n *= recipe.batches
        x, labels = data.batch(np.arange(t * n, t * n + n))
        if isinstance(recipe, SemiSupervised):
            labels["class"][n // 2 :] = -1
        return Batch(x, labels)

    return recipe, batch


def dcgan32(width=32, n=8):
    """DCGAN for 32x32 colours, latent 128, on batches of n."""
    recipe = get_recipe("dcgan").make(get_recipe("dcgan").settings(width=width, latent=128), Sample((32, 32, 3), 1))

    def batch(t):
        x = np.tanh(np.random.default_rng(t).standard_normal((n, 32, 32, 3), np.float32))
        return Batch(x, {"class": np.zeros(n, np.int64)})

    return recipe, batch


def in_float64(tree):
    if isinstance(tree, tuple):
        children = map(in_float64, tree)
        return type(tree)(*children) if hasattr(tree, "_fields") else tuple(children)
    return tree.astype(np.float64) if isinstance(tree, np.ndarray) and tree.dtype == np.float32 else tree


def steps(recipe, batch, count=3, kinks=0.0):
    """Each step from the same state: of a graph, of NumPy in float32 and in float64. How far the graph's are off, as a share of
    what is allowed, the worst number's, with its name. ``kinks`` is allowed too, relative: a rounding that puts a few of a wide
    net's rectifiers on the other side moves a gradient by parts in a thousand."""
    state = recipe.init(np.random.default_rng(1))
    device, worst = GraphExecutor(recipe, state), (0.0, "")
    for t in range(count):
        truth, host = HostExecutor(recipe, in_float64(state)), HostExecutor(recipe, state)
        with np.errstate(all="ignore"):
            for at in (device, host, truth):
                one = batch(t)
                one = one._replace(x=one.x.astype(np.float64)) if at is truth else one
                at.step(one, np.random.default_rng([7, t]))
        want, near, found = (flatten(at.state) | told(at) for at in (truth, host, device))
        assert want.keys() == found.keys()
        for name, a in want.items():
            size = max(np.linalg.norm(a), name.startswith("log "))
            allowed = SLACK * np.linalg.norm(near[name] - a) + (FLOOR + kinks) * size
            share = np.linalg.norm(found[name] - a) / max(allowed, 1e-30)
            worst = max(worst, (float(share) if np.isfinite(share) else float("inf"), f"{name}, step {t}"))
        state = device.state
    return worst


def whole_and_cut():
    """In this folder: the last checkpoints of a run of four steps and of one cut after two, and the first's statistics."""
    small = ["--batch", "4", "--backend", "cuda", "--set", "width=4", "--set", "log_every=2"]
    for words in (
        ["train", "--steps", "4", "--out", "whole", *small],
        ["train", "--steps", "2", "--out", "cut", *small],
        ["train", "--resume", "--out", "cut", "--steps", "4"],
    ):
        assert main(words) == 0
    whole, cut = (Path(name, "checkpoints/000004.safetensors").read_bytes() for name in ("whole", "cut"))
    return whole, cut, [json.loads(line) for line in Path("whole/stats.jsonl").read_text().splitlines()]


def told(at):
    return {f"log {name}": np.asarray(value) for name, value in at.log().items()}
