"""The door to the hot operations: one contract each, one implementation for each kind of machine.

``tinygan.kernels.reference`` (NumPy) defines every operation; faster backends stand beside it in ``kernels/`` and are
held to it by tests. The backend is picked by where the array lives: CuPy arrays go to ``cuda``, NumPy arrays to the
CPU backend in force (``use_cpu``, ``on_cpu`` or the environment variable ``TINYGAN_CPU``).
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
    """The CPU backend that ``name`` asks for; ``auto`` is the best there is. UsageError where it is not there."""
    if name not in BACKENDS:
        raise UsageError(f"unknown backend {name!r}: choose one of {', '.join(BACKENDS)}")
    if name == "auto":
        return "jit" if "jit" in available() else "reference"
    if name not in available():
        raise UsageError(f"backend {name!r} is not in this version of tinygan: use --backend auto or reference")
    return name


_cpu: ContextVar[str] = ContextVar("cpu", default="")


def cpu_backend() -> str:
    """The name of the CPU backend in force."""
    return _cpu.get() or choose(os.environ.get("TINYGAN_CPU") or "auto")


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


# Contracts. The formulas stand in kernels/reference.py.


def linear(x: Any, w: Any) -> Any:
    """y = x Wᵀ.   x (M, I), w (O, I) → (M, O)."""
    return backend(x).linear(x, w)


def linear_dx(gy: Any, w: Any) -> Any:
    """x̄ = ȳ W.   gy (M, O) → (M, I)."""
    return backend(gy).linear_dx(gy, w)


def linear_dw(x: Any, gy: Any) -> Any:
    """W̄ = ȳᵀ x.   → (O, I)."""
    return backend(x).linear_dw(x, gy)


def conv2d(x: Any, w: Any, *, stride: Any, pad: Any) -> Any:
    """y = w ⋆ x.   x (N, H, W, C), w (kh, kw, C, O), stride (sh, sw), pad ((t, b), (l, r)) → (N, h, v, O)."""
    return backend(x).conv2d(x, w, stride=stride, pad=pad)


def conv2d_dx(gy: Any, w: Any, *, size: Any, stride: Any, pad: Any) -> Any:
    """The adjoint of conv2d in x, also the transposed convolution.   gy (N, h, v, O), size (H, W) → (N, H, W, C)."""
    return backend(gy).conv2d_dx(gy, w, size=size, stride=stride, pad=pad)


def conv2d_dw(x: Any, gy: Any, *, kernel: Any, stride: Any, pad: Any) -> Any:
    """The adjoint of conv2d in w.   kernel (kh, kw) → (kh, kw, C, O)."""
    return backend(x).conv2d_dw(x, gy, kernel=kernel, stride=stride, pad=pad)


def pointwise(X: Any, f: str, a: float = 0.0) -> Any:
    """y = φ(x), ẏ = φ'(x) ẋ.   X (1+K, N, ...)."""
    return backend(X).pointwise(X, f, a)


def pointwise_dx(X: Any, Y: Any, G: Any, f: str, a: float = 0.0) -> Any:
    """x̄ = φ' ȳ + Σₖ φ'' ẋₖ ẏ̄ₖ,  ẋ̄ = φ' ẏ̄."""
    return backend(X).pointwise_dx(X, Y, G, f, a)


def standardise(X: Any, axes: Any, eps: float, *, centre: bool) -> Any:
    """y = (x − μ) (⟨(x − μ)²⟩ + ε)^-½ over ``axes`` of x, and its tangents.   → Y, saved = (y, r, ẋ centred, μ)."""
    return backend(X).standardise(X, axes, eps, centre)


def standardise_dx(saved: Any, G: Any, axes: Any, *, centre: bool) -> Any:
    """The adjoint of the pair map of ``standardise``."""
    return backend(G).standardise_dx(saved, G, axes, centre)


def adam(theta: Any, g: Any, m: Any, v: Any, *, lr: float, b1: float, b2: float, eps: float, t: int) -> Any:
    """One step of Adam (Kingma & Ba 2015, algorithm 1) on flat vectors: new (θ, m, v)."""
    return backend(theta).adam(theta, g, m, v, lr=lr, b1=b1, b2=b2, eps=eps, t=t)
