"""The measurement of ``tangents.py`` in PyTorch: eager, as a CUDA graph, and compiled.

This gradient is wrong through PyTorch's native batch normalisation (``torch.norms``). So batch normalisation is written in
elementary operations here, as PyTorch users must write it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bench.device.layers import peers_precision
from bench.device.tangents import CHECKED, TangentCase
from bench.device.torch import on_a_side_stream, standardised, timed
from bench.peers import F, Model, limited, nn, torch
from bench.peers_tangents import vmap_jvp
from tinygan import kernels
from tinygan.core.layer import Array


class PlainNorm(nn.Module):
    """Batch normalisation in elementary operations, with the weights of PyTorch's layer."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: Any) -> Any:
        return standardised(x, (0, 2, 3)) * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


def stacked(model: Any, z: Any, E: Any) -> Any:
    """Points and tangents as one batch through linear layers; tangents of other layers by hand."""
    N, X = len(z), torch.cat([z[None], E]).flatten(0, 1)
    for f in model.body:
        if isinstance(f, nn.Linear | nn.ConvTranspose2d) and f.bias is not None:
            kind = (F.linear, ()) if isinstance(f, nn.Linear) else (F.conv_transpose2d, (None, f.stride, f.padding))
            Y = kind[0](X, f.weight, *kind[1])
            X = torch.cat([Y[:N] + f.bias.view(-1, *[1] * (Y.ndim - 2)), Y[N:]])
        elif isinstance(f, PlainNorm | nn.ReLU | nn.Tanh):
            x, x_dot = X[:N], X[N:].unflatten(0, (-1, N))
            X = torch.cat([f(x), pushed(f, x, x_dot).flatten(0, 1)])
        else:
            X = f(X)
    return X[N:].unflatten(0, (-1, N))


def pushed(f: Any, x: Any, x_dot: Any) -> Any:
    """J ẋ of a normalisation layer or an activation."""
    if isinstance(f, nn.ReLU):
        return (x > 0) * x_dot
    if isinstance(f, nn.Tanh):
        return (1 - torch.tanh(x).square()) * x_dot
    centred = x - x.mean((0, 2, 3), keepdim=True)
    r = (centred.square().mean((0, 2, 3), keepdim=True) + 1e-5).rsqrt()
    z, dims = centred * r, (1, 3, 4)
    x_dot = x_dot - x_dot.mean(dims, keepdim=True)
    return f.weight.view(1, -1, 1, 1) * r * (x_dot - z * (z * x_dot).mean(dims, keepdim=True))


class Peer:
    """The value and the gradient in PyTorch, by one way of computing tangents."""

    def __init__(self, case: TangentCase, way: Callable[..., Any], device: str, layout: Any) -> None:
        self.model, self.way = Model(case.net, case.theta, case.z.shape[1:], layout), way
        for i, f in enumerate(self.model.body):
            if isinstance(f, nn.BatchNorm2d):
                self.model.body[i] = PlainNorm(f)
            elif isinstance(f, nn.ReLU):
                f.inplace = False
        self.model.to(device)
        self.z, self.E = (torch.from_numpy(a).to(device) for a in (case.z, case.E))
        self.objective = self.value

    def value(self) -> Any:
        T = self.way(self.model, self.z, self.E).flatten(2)
        M = torch.einsum("knd,lnd->nkl", T, T) - torch.eye(len(T), device=T.device)
        return M.square().sum() / len(self.z)

    def __call__(self) -> Any:
        self.model.zero_grad(set_to_none=False)
        with warnings.catch_warnings():
            # torch 2.13 compiles its forward-mode rules with torch.jit.script, which is deprecated
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
            value = self.objective()
        value.backward()
        return value

    def gradient(self) -> Array:
        self()
        self.model.cpu()
        return self.model.ours(lambda p: p.grad)


WAYS = {"stacked by hand": stacked, "vmap(jvp)": vmap_jvp}


def peers(device: str = "cuda", checked: int = CHECKED, **shape: Any) -> Iterator[dict[str, Any]]:
    """Check the gradient in float32, then time it with TF32 products: eager, as a CUDA graph, and compiled."""
    small, large = TangentCase(**{**shape, "N": checked}), TangentCase(**shape)
    with kernels.on_cpu("reference"):
        _, g = small.value(*(a.astype(np.float64) for a in (small.theta, small.z, small.E)))
    for name, way in WAYS.items():
        peers_precision(False)
        off = np.linalg.norm(Peer(small, way, device, torch.channels_last).gradient() - g) / np.linalg.norm(g)
        peers_precision(True)
        for how, make in (("eager", lambda f: f), ("graph", graphed), ("compile", compiled)):
            if device == "cpu" and how != "eager":
                continue
            line = {"way": f"PyTorch {name}, {how}", "gradient error": float(off), "right": bool(off <= 1e-3)}
            try:
                call = make(Peer(large, way, device, torch.channels_last))
                yield line | {"us": timed(call, 10) if device == "cuda" else None}
            except Exception as error:  # a failure of PyTorch is a result too
                yield line | {"why": f"{type(error).__name__}: {error}"[:200]}


def graphed(peer: Peer) -> Callable[[], Any]:
    on_a_side_stream(peer, 3)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        peer()
    return graph.replay


def compiled(peer: Peer) -> Callable[[], Any]:
    peer.objective = torch.compile(peer.value, mode="reduce-overhead")
    with limited(40):
        for _ in range(3):
            torch.compiler.cudagraph_mark_step_begin()
            peer()
    return peer
