"""The door to the hot operations: one contract each, one implementation for each kind of machine.

``tinygan.kernels.reference`` (NumPy) defines every operation; faster backends stand beside it in ``kernels/`` and are
held to it by tests. The backend is picked by where the array lives: CuPy arrays go to ``cuda``, NumPy arrays to the
CPU backend in force (``on_cpu``, else the environment variable ``TINYGAN_CPU``, else the best there is).
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from numpy import ndarray as Array

from tinygan.errors import UsageError

# The implementations are the files of ../kernels in a checkout and of ./kernels in an installed package.
_inside, _beside = Path(__file__).with_suffix(""), Path(__file__).parents[1] / "kernels"
__path__ = [str(_inside if _inside.is_dir() else _beside)]

BACKENDS = ("auto", "reference", "jit", "cuda")


@cache
def available() -> tuple[str, ...]:
    """The backends that this version has, best first."""
    files = {path.stem for folder in __path__ for path in Path(folder).glob("*.py")}
    return tuple(name for name in ("cuda", "jit", "reference") if name in files)


def choose(name: str) -> str:
    """The backend that ``name`` asks for; ``auto`` is $TINYGAN_CPU or the best CPU one. UsageError where it is not there."""
    if name == "auto":
        name = os.environ.get("TINYGAN_CPU") or ("jit" if "jit" in available() else "reference")
    if name not in BACKENDS:
        raise UsageError(f"unknown backend {name!r}: choose one of {', '.join(BACKENDS)}")
    if name not in available():
        raise UsageError(f"backend {name!r} is not in this version of tinygan: use --backend auto or reference")
    return name


_cpu: ContextVar[str] = ContextVar("cpu", default="")


def cpu_backend() -> str:
    """The name of the CPU backend in force."""
    return _cpu.get() or choose("auto")


@contextmanager
def on_cpu(name: str) -> Iterator[None]:
    """Run the CPU kernels of ``name`` inside the block."""
    token = _cpu.set(choose(name))
    try:
        yield
    finally:
        _cpu.reset(token)


def backend(x: Any) -> Any:
    """The module that works where ``x`` lives."""
    return _module("cuda" if type(x).__module__.startswith("cupy") else cpu_backend())


@cache
def _module(name: str) -> Any:
    return importlib.import_module(f"tinygan.kernels.{name}")


# Contracts, which every backend has under the same names and arguments. The formulas stand in kernels/reference.py.

OPERATIONS = (
    *("linear", "linear_dx", "linear_dw", "conv2d", "conv2d_dx", "conv2d_dw"),
    *("pointwise", "pointwise_dx", "standardise", "standardise_dx", "adam"),
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


def conv2d(
    x: Array, w: Array, *, stride: Any, pad: Any, bias: Array | None = None, points: int | None = None
) -> Array:
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


def pointwise(X: Array, f: str, a: float = 0.0) -> Array:
    """y = φ(x), ẏ = φ'(x) ẋ.   X (1+K, N, ...)."""
    return backend(X).pointwise(X, f, a)


def pointwise_dx(X: Array, Y: Array, G: Array, f: str, a: float = 0.0) -> Array:
    """x̄ = φ' ȳ + Σₖ φ'' ẋₖ ẏ̄ₖ,  ẋ̄ = φ' ẏ̄."""
    return backend(X).pointwise_dx(X, Y, G, f, a)


def standardise(X: Array, axes: Any, eps: float, *, centre: bool) -> tuple[Array, Any]:
    """y = (x − μ) (⟨(x − μ)²⟩ + ε)^-½ over ``axes`` of x, and its tangents.   → Y, saved = (y, r, ẋ centred, μ, variance)."""
    return backend(X).standardise(X, axes, eps, centre=centre)


def standardise_dx(saved: Any, G: Array, axes: Any, *, centre: bool) -> Array:
    """The adjoint of the pair map of ``standardise``."""
    return backend(G).standardise_dx(saved, G, axes, centre=centre)


def adam(
    theta: Array, g: Array, m: Array, v: Array, *, lr: float, b1: float, b2: float, eps: float, t: int
) -> tuple[Array, Array, Array]:
    """One step of Adam (Kingma & Ba 2015, algorithm 1) on flat vectors: new (θ, m, v)."""
    return backend(theta).adam(theta, g, m, v, lr=lr, b1=b1, b2=b2, eps=eps, t=t)
