"""The dispatcher of the hot operations: one contract each, one implementation for each kind of machine.

``tinygan.kernels.reference`` (NumPy) defines every operation; faster backends stand beside it in ``kernels/`` and are
held to it by tests:

    y = kernels.conv2d(x, w, stride=(2, 2), pad=((1, 1), (1, 1)))    # x (N, H, W, C), w (kh, kw, C, O) → (N, P, Q, O)

The type of the array selects the backend: CuPy arrays use ``cuda``, NumPy arrays use the current CPU backend (``on_cpu``, else
the environment variable ``TINYGAN_CPU``, else the fastest that is installed). The accuracy is ``precision``, else
``TINYGAN_PRECISION``, else "fast". A run with backend ``cuda`` trains on a GPU and does everything else on the CPU.
The file is over 250 lines because it holds every contract.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from numpy import ndarray as Array

from tinygan.errors import UsageError

Scalar = float | Array  # a Python float, or an array without axes on a device

# The implementations are the files of ../kernels in a checkout and of ./kernels in an installed package.
_inside, _beside = Path(__file__).with_suffix(""), Path(__file__).parents[1] / "kernels"
__path__ = [str(_inside if _inside.is_dir() else _beside)]

__all__ = [
    "BACKENDS",
    "OPERATIONS",
    "PRECISIONS",
    "adam",
    "available",
    "choose",
    "column_sum",
    "combine",
    "conv2d",
    "conv2d_dw",
    "conv2d_dx",
    "cpu_backend",
    "dot",
    "flatten",
    "linear",
    "linear_dw",
    "linear_dx",
    "matmul",
    "normalise",
    "normalise_vjp",
    "on_cpu",
    "pointwise",
    "pointwise_dx",
    "precision",
    "precision_in_force",
    "scale_shift",
]

BACKENDS = ("auto", "reference", "jit", "cuda")
NEEDS = {
    "jit": ("numba", "0.62", "tinygan[jit]"),
    "cuda": ("cupy", "14", "tinygan[cuda13]"),
}  # module, from when, extra
PRECISIONS = ("auto", "fast", "direct", "tf32")


@cache
def available() -> tuple[str, ...]:
    """The backends that work on this machine, fastest first."""
    return tuple(name for name in ("cuda", "jit", "reference") if _has_file(name) and not lacks(name))


def _has_file(name: str) -> bool:
    return any((Path(folder) / name).is_dir() or (Path(folder) / f"{name}.py").is_file() for folder in __path__)


def lacks(name: str) -> str:
    """What backend ``name`` needs and what to do, as the end of a sentence; empty if nothing is missing."""
    if name not in NEEDS:
        return ""
    module, least, extra = NEEDS[name]
    if importlib.util.find_spec(module) is None or _older(module, least):
        return f"needs {module} {least} or later: pip install '{extra}'"
    if name == "jit" and os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        return "compiles with Numba, which NUMBA_DISABLE_JIT forbids: unset it"
    if name == "cuda" and not importlib.import_module("tinygan.kernels.cuda.driver").count():
        return "needs an NVIDIA GPU, but the driver found none: use --backend auto"
    return ""


def _older(module: str, least: str) -> bool:
    from importlib import metadata  # slow to load

    for name in (module, f"{module}-cuda13x", f"{module}-cuda12x"):
        try:
            here = metadata.version(name)
        except metadata.PackageNotFoundError:  # it is installed under another name
            continue
        found, wanted = ([int(n) for n in re.findall(r"\d+", version)] for version in (here, least))
        return found < wanted
    return False


def choose(name: str) -> str:
    """The backend called ``name``; ``auto`` is $TINYGAN_CPU, else the fastest. UsageError if it is not available."""
    if name == "auto":
        name = os.environ.get("TINYGAN_CPU") or "auto"
    if name == "auto":
        return available()[0]
    if name not in BACKENDS:
        raise UsageError(f"unknown backend {name!r}: choose one of {', '.join(BACKENDS)}")
    if name not in available():
        if _has_file(name):
            raise UsageError(f"backend {name!r} {lacks(name)}")
        raise UsageError(f"backend {name!r} is not in this version of tinygan: use --backend auto or reference")
    return name


_cpu: ContextVar[str] = ContextVar("cpu", default="")


def cpu_backend() -> str:
    """The name of the current CPU backend."""
    return _cpu.get() or beside(choose("auto"))


def beside(name: str) -> str:
    """The CPU backend of a run with backend ``name``: ``name`` itself, or for cuda the fastest CPU backend."""
    return name if name != "cuda" else next(other for other in available() if other != "cuda")


@contextmanager
def on_cpu(name: str) -> Iterator[None]:
    """Use the CPU kernels of backend ``name`` inside the block. UsageError if they cannot be loaded."""
    name = beside(name if name == "cuda" else choose(name))  # a run that was trained on a GPU can be used without one
    _module(name)
    token = _cpu.set(name)
    try:
        yield
    finally:
        _cpu.reset(token)


def choose_precision(name: str) -> str:
    """The precision called ``name``; ``auto`` is $TINYGAN_PRECISION, else "fast". UsageError for an unknown name."""
    if name == "auto":
        name = os.environ.get("TINYGAN_PRECISION") or "auto"
    if name not in PRECISIONS:
        raise UsageError(f"unknown precision {name!r}: choose one of {', '.join(PRECISIONS)}")
    return "fast" if name == "auto" else name


_precision: ContextVar[str] = ContextVar("precision", default="")


def precision_in_force() -> str:
    """The current precision. "fast": the fastest form with a stated error bound. "direct": the sum as defined. "tf32":
    on a GPU, products of factors rounded to 11 bits; on a CPU the same as "fast"."""
    return _precision.get() or choose_precision("auto")


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Run kernels at the precision ``name`` inside the block."""
    token = _precision.set(choose_precision(name))
    try:
        yield
    finally:
        _precision.reset(token)


def graphs() -> Any:
    """The module that captures training steps as CUDA graphs. UsageError without a GPU."""
    choose("cuda")
    return _module("cuda", "graph")


def backend(x: Any) -> Any:
    """The module with the operations for arrays like ``x``."""
    return _module("cuda" if type(x).__module__.startswith("cupy") else cpu_backend())


@cache
def _module(name: str, part: str = "operations") -> Any:
    try:
        return importlib.import_module(
            f"tinygan.kernels.{name}" if name == "reference" else f"tinygan.kernels.{name}.{part}"
        )
    except ImportError as error:  # as when Numba is older than NumPy
        why = " ".join(str(error).split())
        raise UsageError(f"backend {name!r} cannot be loaded ({why}): use --backend reference") from error


# The contracts. Every backend has these names and arguments. kernels/reference.py derives the formulas.

OPERATIONS = (
    *("linear", "linear_dx", "linear_dw", "matmul", "conv2d", "conv2d_dx", "conv2d_dw"),
    *("pointwise", "pointwise_dx", "normalise", "normalise_vjp", "scale_shift", "column_sum"),
    *("adam", "combine", "dot", "flatten"),
)


def linear(x: Array, w: Array, *, bias: Array | None = None, points: int | None = None) -> Array:
    """y = x Wᵀ + b.   x (M, I), w (O, I), b (O,) → (M, O). The bias goes to the first ``points`` rows (None: all)."""
    return backend(x).linear(x, w, bias=bias, points=points)


def linear_dx(gy: Array, w: Array) -> Array:
    """x̄ = ȳ W.   gy (M, O) → (M, I)."""
    return backend(gy).linear_dx(gy, w)


def linear_dw(x: Array, gy: Array) -> Array:
    """W̄ = ȳᵀ x.   → (O, I)."""
    return backend(x).linear_dw(x, gy)


def matmul(a: Array, b: Array) -> Array:
    """a b of matrices, as many as the axes before their last two say, broadcast.   (..., M, K), (..., K, N) → (..., M, N)."""
    return backend(a).matmul(a, b)


def conv2d(x: Array, w: Array, *, stride: Any, pad: Any, bias: Array | None = None, points: int | None = None) -> Array:
    """y = w ⋆ x + b.   x (N, H, W, C), w (kh, kw, C, O), stride (sh, sw), pad ((t, b), (l, r)), b (O,) → (N, P, Q, O).

    The bias goes to the first ``points`` samples (None: all): in a folded bundle the rest are tangents."""
    return backend(x).conv2d(x, w, stride=stride, pad=pad, bias=bias, points=points)


def conv2d_dx(
    gy: Array, w: Array, *, size: Any, stride: Any, pad: Any, bias: Array | None = None, points: int | None = None
) -> Array:
    """The adjoint of conv2d in x; plus b (C,), the transposed convolution.   gy (N, P, Q, O), size (H, W) → (N, H, W, C)."""
    return backend(gy).conv2d_dx(gy, w, size=size, stride=stride, pad=pad, bias=bias, points=points)


def conv2d_dw(x: Array, gy: Array, *, kernel: Any, stride: Any, pad: Any) -> Array:
    """The adjoint of conv2d in w.   kernel (kh, kw) → (kh, kw, C, O)."""
    return backend(x).conv2d_dw(x, gy, kernel=kernel, stride=stride, pad=pad)


def pointwise(X: Array, f: str, a: float = 0.0) -> tuple[Array, Array]:
    """y = φ(x), ẏ = φ'(x) ẋ.   X (1+K, N, ...) → Y, S: what the adjoint is taken from, Y itself where that will do."""
    return backend(X).pointwise(X, f, a)


def pointwise_dx(S: Array, G: Array, f: str, a: float = 0.0) -> Array:
    """x̄ = φ' ȳ + Σₖ φ'' ẋₖ ẏ̄ₖ,  ẋ̄ = φ' ẏ̄."""
    return backend(G).pointwise_dx(S, G, f, a)


def normalise(
    X: Array, gamma: Array | None, beta: Array | None, sizes: Any, eps: float, *, centre: bool
) -> tuple[Array, Any]:
    """y = γ (x − μ) (⟨(x − μ)²⟩ + ε)^-½ + β and its tangents; x as ``sizes`` (S, R, G, D), ⟨·⟩ over R and D, γ, β G·D numbers.

    → Y, saved = (X, (μ, ⟨(x − μ)²⟩, ...)), statistics (S, 1, G, 1).
    """
    return backend(X).normalise(X, gamma, beta, sizes, eps, centre=centre)


def normalise_vjp(
    saved: Any, gamma: Array | None, G: Array, sizes: Any, *, centre: bool, wrt_x: bool = True, wrt_p: bool = True
) -> tuple[Array | None, tuple[Array, Array] | None]:
    """The adjoint of the pair map of ``normalise``: X̄ and (γ̄, β̄), as asked."""
    return backend(G).normalise_vjp(saved, gamma, G, sizes, centre=centre, wrt_x=wrt_x, wrt_p=wrt_p)


def scale_shift(X: Array, scale: Array, shift: Array) -> Array:
    """y = scale x + shift, ẏ = scale ẋ.   X (1+K, N, ..., C), scale, shift (C,)."""
    return backend(X).scale_shift(X, scale, shift)


def column_sum(A: Array) -> Array:
    """Σ over all axes but the last.   (..., C) → (C,)."""
    return backend(A).column_sum(A)


def adam(
    theta: Array, g: Array, m: Array, v: Array, *, lr: Scalar, b1: float, b2: float, eps: float, t: int
) -> tuple[Array, Array, Array]:
    """One step of Adam (Kingma & Ba 2015, algorithm 1) on flat vectors: new (θ, m, v). On a GPU t, and lr, may live there."""
    return backend(theta).adam(theta, g, m, v, lr=lr, b1=b1, b2=b2, eps=eps, t=t)


def combine(a: Scalar, x: Array, b: Scalar, y: Array) -> Array:
    """a x + b y."""
    return backend(x).combine(a, x, b, y)


def flatten(parts: list[Array]) -> Array:
    """The numbers of arrays, at least one, one array after another, in a vector."""
    return backend(parts[0]).flatten(parts)


def dot(x: Array, y: Array) -> Scalar:
    """⟨x, y⟩ = Σ x y, a Python float; on a GPU an array without axes."""
    value: Scalar = backend(x).dot(x, y)
    return value
