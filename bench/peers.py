"""PyTorch's side. Only this file imports torch; ``peers_steps`` and ``peers_tangents`` import it from here.

Networks are translated layer by layer into PyTorch modules: NCHW or channels_last, weights in torch's layout, in-place ReLUs.
The fused resampling of SNGAN (``UpConv2d``, ``ConvPool2d``) exists only in tinygan. PyTorch uses upsampling, 3x3 convolution
and pooling, as its users do.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from bench.shapes import Conv
from tinygan.core.layer import Layer as OurLayer
from tinygan.core.net import Net

LAYOUTS = {"torch nchw": torch.contiguous_format, "torch channels_last": torch.channels_last}
LIMIT = 300  # seconds allowed for torch.compile


def set_threads(threads: int) -> None:
    torch.set_num_threads(threads)


def tensor(x: np.ndarray, layout: torch.memory_format = torch.contiguous_format) -> torch.Tensor:
    """An array as a tensor; images (N, H, W, C) become (N, C, H, W)."""
    return torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout) if x.ndim == 4 else torch.tensor(x)


class TooLong(Exception):
    """torch.compile took too long."""


@contextmanager
def limited(seconds: int = LIMIT) -> Iterator[None]:
    """Raise TooLong after ``seconds``."""

    def stop(*_: Any) -> None:
        raise TooLong(f"gave up after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------- convolutions


def convolutions(layer: Conv, which: str, x: Any, w: Any, y: Any) -> dict[str, tuple[Callable, Callable]]:
    """Name → (one pass of the layer, the same pass with its result as a NumPy array in tinygan's layout)."""
    back = (2, 3, 1, 0) if which == "dw" else (0, 2, 3, 1)
    found = {}
    for name, layout in LAYOUTS.items():
        tx, ty = tensor(x, layout), tensor(y, layout)
        tw = torch.from_numpy(w).permute(3, 2, 0, 1).contiguous(memory_format=layout)
        call = torch.no_grad()(partial(one_pass, layer, which, tx, tw, ty))
        found[name] = call, lambda call=call: call().permute(*back).numpy()
    return found


def one_pass(layer: Conv, which: str, x: torch.Tensor, w: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    s, p, t = (layer.stride,) * 2, (layer.pad,) * 2, layer.transposed
    if which == "forward":
        return F.conv_transpose2d(y, w, stride=s, padding=p) if t else F.conv2d(x, w, stride=s, padding=p)
    g, a = (x, y) if t else (y, x)
    mask = (which == "dx", which == "dw", False)
    return torch.ops.aten.convolution_backward(g, a, w, None, s, p, (1, 1), t, (0, 0), 1, mask)[mask.index(True)]


# ---------------------------------------------------------------- nets


class Model(nn.Module):
    """A Net as PyTorch modules with its weights. ``ours`` converts gradients back to a flat vector."""

    def __init__(self, net: Net, theta: np.ndarray, shape: tuple[int, ...], layout: torch.memory_format) -> None:
        super().__init__()
        self.leaves: list[tuple[nn.Parameter, Callable, Callable]] = []
        self.norms: list[nn.BatchNorm2d] = []
        self.body, _ = self.translate(net.f, shape)
        arrays = net.view(theta).values()
        with torch.no_grad():
            for (parameter, there, _), a in zip(self.leaves, arrays, strict=True):
                parameter.copy_(there(torch.from_numpy(a)))
        self.to(memory_format=layout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)

    def ours(self, of: Callable[[nn.Parameter], torch.Tensor]) -> np.ndarray:
        """``of(p)`` of each parameter (None means 0), flat, in tinygan's order and layout."""
        parts = ((of(p), p, back) for p, _, back in self.leaves)
        return np.concatenate(
            [
                back(torch.zeros_like(p) if a is None else a.detach()).contiguous().numpy().ravel()
                for a, p, back in parts
            ]
        )

    def set_running(self, running: np.ndarray) -> None:
        """Set the running mean and variance of each batch norm, in order."""
        parts = torch.from_numpy(running).split([c for norm in self.norms for c in (norm.num_features,) * 2])
        for i, norm in enumerate(self.norms):
            norm.running_mean.copy_(parts[2 * i])
            norm.running_var.copy_(parts[2 * i + 1])

    def leaf(self, parameter: nn.Parameter, there: Callable = torch.clone, back: Callable = torch.clone) -> None:
        self.leaves.append((parameter, there, back))

    def translate(self, f: OurLayer, shape: tuple[int, ...]) -> tuple[nn.Module, tuple[int, ...]]:
        """The module of a layer, and the shape of its output for one sample, channels last."""
        kind, out = type(f).__name__, f.out_shape(shape)
        if kind == "Sequential":
            modules, before = [], None
            for i, child in enumerate(f.children):
                after = f.children[i + 1] if i + 1 < len(f.children) else None
                if type(child).__name__ == "Linear":
                    modules.append(self.linear(child, flattened=before, image=getattr(after, "to", None)))
                else:
                    modules.append(self.translate(child, shape)[0])
                if i > 0 and isinstance(modules[-1], nn.ReLU | nn.LeakyReLU):
                    modules[
                        -1
                    ].inplace = True  # its input is the output of the previous module and is not used elsewhere
                before = shape if type(child).__name__ == "Reshape" and len(child.to) == 1 else None
                shape = child.out_shape(shape)
            return nn.Sequential(*modules), out
        if kind == "Residual":
            return Sum(*(self.translate(child, shape)[0] for child in f.children)), out
        make = getattr(self, kind.lower(), None)
        return (make(f, shape) if make else plain(f)), out

    def convolution(self, f: Any, module: nn.Module) -> nn.Module:
        self.leaf(module.weight, lambda w: w.permute(3, 2, 0, 1), lambda w: w.permute(2, 3, 1, 0))
        if module.bias is not None:
            self.leaf(module.bias)
        return module

    def conv2d(self, f: Any, shape: tuple[int, ...], padding: int | None = None) -> nn.Module:
        (kh, kw, C, O), bias = f.shapes["w"], "b" in f.shapes
        stride, pad = (f.geometry["stride"], f.geometry["pad"][0][0]) if padding is None else (1, padding)
        return self.convolution(f, nn.Conv2d(C, O, (kh, kw), stride, pad, bias=bias))

    def convtranspose2d(self, f: Any, shape: tuple[int, ...]) -> nn.Module:
        (kh, kw, O, C), bias = f.shapes["w"], "b" in f.shapes
        stride, pad = f.geometry["stride"], f.geometry["pad"][0][0]
        return self.convolution(f, nn.ConvTranspose2d(C, O, (kh, kw), stride, pad, f.extra, bias=bias))

    def upconv2d(self, f: Any, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(nn.Upsample(scale_factor=2), self.conv2d(f, shape, padding=1))

    def convpool2d(self, f: Any, shape: tuple[int, ...]) -> nn.Module:
        return nn.Sequential(self.conv2d(f, shape, padding=1), nn.AvgPool2d(2))

    def batchnorm(self, f: Any, shape: tuple[int, ...]) -> nn.Module:
        norm = nn.BatchNorm2d(shape[-1], eps=f.eps, momentum=f.momentum)
        self.norms.append(norm)
        self.leaf(norm.weight)
        self.leaf(norm.bias)
        return norm

    def linear(self, f: Any, flattened: tuple[int, ...] | None, image: tuple[int, ...] | None) -> nn.Module:
        """A linear layer. Next to a reshape from or to an image, its features are in torch's order, channels first."""
        O, I = f.shapes["w"]
        module = nn.Linear(I, O, bias="b" in f.shapes)
        rows, columns = order(image, O), order(flattened, I)
        self.leaf(module.weight, lambda w: w[rows][:, columns], lambda w: w[rows.argsort()][:, columns.argsort()])
        if module.bias is not None:
            self.leaf(module.bias, lambda b: b[rows], lambda b: b[rows.argsort()])
        return module


def order(image: tuple[int, ...] | None, n: int) -> torch.Tensor:
    """The index in (H, W, C) of each feature of (C, H, W); the identity if there is no image."""
    features = torch.arange(n)
    return features.view(image).permute(2, 0, 1).flatten() if image and len(image) == 3 else features


def plain(f: Any) -> nn.Module:
    """The module of a layer without weights."""
    kind = type(f).__name__
    if kind == "Reshape":
        return nn.Flatten() if len(f.to) == 1 else nn.Unflatten(1, (f.to[2], f.to[0], f.to[1]))
    makers = {
        "LeakyReLU": lambda: nn.LeakyReLU(f.a),
        "AvgPool2d": lambda: nn.AvgPool2d(f.k),
        "Upsample": lambda: nn.Upsample(scale_factor=f.k),
        "GlobalSumPool": SumPool,
    }
    return makers.get(kind, getattr(nn, kind, None))()


class Sum(nn.Module):
    """f(x) + s(x)."""

    def __init__(self, f: nn.Module, s: nn.Module) -> None:
        super().__init__()
        self.f, self.s = f, s

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.f(x) + self.s(x)


class SumPool(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum((2, 3))
