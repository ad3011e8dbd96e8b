"""Training steps in PyTorch, written for speed, with the same mathematics as tinygan's recipe.

G(z) is computed once for both networks, Adam is fused, D's weights need no gradient in G's step, and a D without batch
statistics processes real and fake images in one batch. Penalties use double backward, or ``torch.func.grad`` inside
torch.compile, which does not support double backward. Their networks have no normalisation, so the derivatives of PyTorch's
native normalisation layers are not involved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.peers import LAYOUTS, F, Model, limited, tensor, torch
from bench.systems import EPS_OF_CHECK

Figures = dict[str, Any]

LOSSES = {  # losses of D on real and fake logits, of G on fake logits
    "non-saturating": (lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(), lambda f: F.softplus(-f).mean()),
    "hinge": (lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(), lambda f: -f.mean()),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda f: -f.mean()),
}


class TorchTraining:
    """Training of one system from the weights of ``state``; ``whole`` steps, or steps of D alone."""

    def __init__(self, system: Any, state: Any, real: np.ndarray, layout: Any, *, whole: bool, compiled: bool) -> None:
        self.s, self.whole = system.settings, whole
        self.real = tensor(real, layout)
        self.G = Model(system.G, state.G, (self.s.latent,), layout)
        self.D = Model(system.D, state.D, real.shape[1:], layout)
        self.ema = [p.detach().clone() for p in self.G.parameters()]
        self.adam_G, self.adam_D = (
            torch.optim.Adam(model.parameters(), lr=a.lr, betas=(a.b1, a.b2), eps=a.eps, fused=True)
            for model, a in ((self.G, self.s.adam_G), (self.D, self.s.adam_D))
        )
        self.loss_of_D, self.loss_of_G = LOSSES[self.s.loss]
        self.compiled, self.warm = compiled, False
        self.generate: Callable = torch.compile(self.G) if compiled else self.G
        self.judge: Callable = torch.compile(self.value_D) if compiled else self.value_D
        self.praise: Callable = torch.compile(self.value_G) if compiled else self.value_G

    def first(self, z: np.ndarray, e: np.ndarray) -> Figures:
        """Losses, gradients and updates of the first step."""
        models = {"D": (self.D, self.adam_D)} | ({"G": (self.G, self.adam_G)} if self.whole else {})
        before = {p: p.detach().clone() for model, _ in models.values() for p in model.parameters()}
        set_eps(models, EPS_OF_CHECK)
        with limited():
            figures = self.step(torch.from_numpy(z), torch.from_numpy(e))
        set_eps(models, self.s.adam_D.eps)
        for name, (model, _) in models.items():
            figures |= {f"gradient_{name}": model.ours(lambda p: p.grad)}
            figures |= {f"update_{name}": model.ours(lambda p: p - before[p])}
        return figures

    def __call__(self) -> Figures:
        n = len(self.real)
        return self.step(torch.randn(n, self.s.latent), torch.rand(n) if self.s.penalty == "wgan-gp" else None)

    def step(self, z: torch.Tensor, e: torch.Tensor | None) -> Figures:
        return {name: loss.item() for name, loss in self.update(z, e).items()}

    def update(self, z: torch.Tensor, e: torch.Tensor | None) -> dict[str, torch.Tensor]:
        """One step; its losses stay tensors, so the CPU does not wait for a device."""
        with torch.set_grad_enabled(self.whole):
            fake = self.generate(z)
        self.D.requires_grad_(True)
        loss_D = self.judge(fake.detach(), e)
        descend(self.adam_D, loss_D)
        if not self.whole:
            return {"loss_D": loss_D.detach()}
        self.D.requires_grad_(False)
        loss_G = self.praise(fake)
        descend(self.adam_G, loss_G)
        torch._foreach_lerp_(self.ema, list(self.G.parameters()), 1 - self.s.ema)
        return {"loss_D": loss_D.detach(), "loss_G": loss_G.detach()}

    def value_G(self, fake: torch.Tensor) -> torch.Tensor:
        return self.loss_of_G(self.D(fake))

    def value_D(self, fake: torch.Tensor, e: torch.Tensor | None) -> torch.Tensor:
        """L_D + γ penalty."""
        real = self.real
        if self.s.penalty == "r1":  # shares the forward pass of the real images
            d_real, g = self.slope(real)
            return self.loss_of_D(d_real, self.D(fake)) + self.s.gamma * 0.5 * g.square().sum() / len(g)
        if self.D.norms:
            loss = self.loss_of_D(self.D(real), self.D(fake))
        else:
            loss = self.loss_of_D(*self.D(torch.cat([real, fake])).chunk(2))
        if self.s.penalty == "wgan-gp":
            e = e.view(-1, 1, 1, 1)
            _, g = self.slope(e * real + (1 - e) * fake)
            loss = loss + self.s.gamma * (g.flatten(1).norm(dim=1) - 1).square().mean()
        return loss

    def slope(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """D(x) and ∇ₓ Σ D(x), both differentiable."""
        if self.compiled:
            g, d = torch.func.grad(lambda x: (lambda d: (d.sum(), d))(self.D(x)), has_aux=True)(x)
            return d, g
        x = x.detach().requires_grad_()
        d = self.D(x)
        return d, torch.autograd.grad(d.sum(), x, create_graph=True)[0]


def descend(adam: torch.optim.Adam, loss: torch.Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()


def set_eps(models: dict[str, tuple[Model, torch.optim.Adam]], eps: float) -> None:
    for _, adam in models.values():
        adam.param_groups[0]["eps"] = eps


def games(system: Any, state: Any, real: np.ndarray, *, whole: bool) -> dict[str, Callable[[], TorchTraining]]:
    """Name → constructor. torch.compile chooses its own layouts, so it is started from both."""
    return {
        name + suffix: lambda layout=layout, compiled=compiled: TorchTraining(
            system, state, real, layout, whole=whole, compiled=compiled
        )
        for suffix, compiled in (("", False), (" compile", True))
        for name, layout in LAYOUTS.items()
    }


class Sampler:
    """Images of a generator in evaluation mode, one chunk at a time."""

    def __init__(
        self, net: Any, theta: Any, running: Any, z: np.ndarray, chunk: int, layout: Any, *, compiled: bool
    ) -> None:
        self.model = Model(net, theta, z.shape[1:], layout)
        self.model.set_running(running)
        self.model.eval()
        self.chunks = torch.from_numpy(z).split(chunk)
        self.generate: Callable = torch.compile(self.model) if compiled else self.model

    def first(self) -> Figures:
        with limited():
            return {"images": self().permute(0, 2, 3, 1).numpy()}

    @torch.inference_mode()
    def __call__(self) -> torch.Tensor:
        return torch.cat([self.generate(z) for z in self.chunks])


def samplers(*arguments: Any) -> dict[str, Callable[[], Sampler]]:
    return {
        name + suffix: lambda layout=layout, compiled=compiled: Sampler(*arguments, layout, compiled=compiled)
        for suffix, compiled in (("", False), (" compile", True))
        for name, layout in LAYOUTS.items()
    }
