"""Value and parameter gradient of a function of K tangents of a generator, in every way in which PyTorch is correct.

These are vmap of jvp; point and tangents stacked by hand in one batch; batched double backward; and a loop over jvp. The first
two are also timed inside torch.compile. The generator has no normalisation layers, because these gradients are wrong through
PyTorch's native ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from bench.peers import LAYOUTS, F, Model, limited, nn, torch

Tensor = torch.Tensor


def vmap_jvp(model: Model, z: Tensor, E: Tensor) -> Tensor:
    return torch.func.vmap(lambda v: torch.func.jvp(model, (z,), (v,))[1])(E)


def loop_jvp(model: Model, z: Tensor, E: Tensor) -> Tensor:
    return torch.stack([torch.func.jvp(model, (z,), (v,))[1] for v in E])


def double_backward(model: Model, z: Tensor, E: Tensor) -> Tensor:
    """J v = ∂⟨Jᵀu, v⟩/∂u for any u."""
    z = z.detach().requires_grad_()
    y = model(z)
    u = torch.zeros_like(y, requires_grad=True)
    (g,) = torch.autograd.grad(y, z, u, create_graph=True)
    return torch.autograd.grad(g, u, E, create_graph=True, is_grads_batched=True)[0]


def stacked(model: Model, z: Tensor, E: Tensor) -> Tensor:
    """Point and tangents as one batch of (1 + K) N through the linear layers; the derivative of softplus by hand."""
    N, X = len(z), torch.cat([z[None], E]).flatten(0, 1)
    for f in model.body:
        if isinstance(f, nn.Softplus):
            x, x_dot = X[:N], X[N:].unflatten(0, (-1, N))
            X = torch.cat([F.softplus(x), (torch.sigmoid(x) * x_dot).flatten(0, 1)])
        elif isinstance(f, nn.Linear):
            Y = F.linear(X, f.weight)
            X = torch.cat([Y[:N] + f.bias, Y[N:]])
        elif isinstance(f, nn.ConvTranspose2d):
            Y = F.conv_transpose2d(X, f.weight, None, f.stride, f.padding)
            X = torch.cat([Y[:N] + f.bias.view(-1, 1, 1), Y[N:]])
        else:
            X = f(X)
    return X[N:].unflatten(0, (-1, N))


WAYS = {"stacked": stacked, "vmap(jvp)": vmap_jvp, "double backward": double_backward, "jvp loop": loop_jvp}
COMPILED = ("stacked", "vmap(jvp)")


class TorchOrthonormal:
    """E‖JᵀJ − I‖² and its gradient in the weights."""

    def __init__(self, net: Any, theta: Any, z: Any, E: Any, layout: Any, way: str, compiled: bool) -> None:
        self.model = Model(net, theta, z.shape[1:], layout)
        self.z, self.E, self.way = torch.from_numpy(z), torch.from_numpy(E), WAYS[way]
        self.value: Callable = torch.compile(self.objective) if compiled else self.objective

    def objective(self) -> Tensor:
        T = self.way(self.model, self.z, self.E).flatten(2)
        M = torch.einsum("knd,lnd->nkl", T, T) - torch.eye(len(T))
        return M.square().sum() / len(self.z)

    def first(self) -> dict[str, Any]:
        with limited():
            value = self()
        return {"value": value.item(), "gradient": self.model.ours(lambda p: p.grad)}

    def __call__(self) -> Tensor:
        self.model.zero_grad()
        with warnings.catch_warnings():
            # torch 2.13 compiles its forward-mode rules with torch.jit.script, which is deprecated
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
            value = self.value()
        value.backward()
        return value.detach()


def orthonormals(*arguments: Any) -> dict[str, Callable[[], TorchOrthonormal]]:
    return {
        f"{name} {way}{suffix}": lambda layout=layout, way=way, compiled=compiled: TorchOrthonormal(
            *arguments, layout, way, compiled
        )
        for suffix, compiled, ways in (("", False, WAYS), (" compile", True, COMPILED))
        for way in ways
        for name, layout in LAYOUTS.items()
    }
