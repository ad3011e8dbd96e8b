"""PyTorch on a GPU: training steps for comparison, and the errors of its native normalisation layers."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from bench import systems
from bench.device.layers import REPLAYS, peers_precision
from bench.device.steps import SYSTEMS
from bench.peers import F, torch
from bench.peers_steps import TorchTraining

STEPS = 30


class TorchOnDevice(TorchTraining):
    """A whole training step on the GPU. Noise is generated there, and nothing waits for the CPU."""

    def __init__(self, name: str, device: str = "cuda", layout: Any = torch.channels_last) -> None:
        steps = systems.STEPS[name]()
        super().__init__(steps.system, steps.state, steps.real, layout, whole=True, compiled=False)
        self.device = device
        self.real = self.real.to(device)
        for model in (self.G, self.D):
            model.to(device)
        self.ema = [p.detach().clone() for p in self.G.parameters()]
        more = {"fused": True, "capturable": device == "cuda"}
        self.adam_G, self.adam_D = (
            torch.optim.Adam(model.parameters(), lr=a.lr, betas=(a.b1, a.b2), eps=a.eps, **more)
            for model, a in ((self.G, self.s.adam_G), (self.D, self.s.adam_D))
        )

    def __call__(self) -> dict[str, Any]:
        return self.update(torch.randn(len(self.real), self.s.latent, device=self.device), None)


def timed(call: Callable[[], Any], repeats: int = STEPS) -> float:
    """Microseconds of a call by the CPU's clock: the median over runs of ``repeats`` calls."""
    times = []
    for _ in range(REPLAYS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e6 / repeats)
    return statistics.median(times)


def step() -> Iterator[dict[str, Any]]:
    """Time training steps, eager and as one CUDA graph."""
    for name, tf32 in product(SYSTEMS, (False, True)):
        peers_precision(tf32)
        about = {"system": name, "tf32": tf32}
        game = TorchOnDevice(name)
        on_a_side_stream(game, 5)
        yield {**about, "way": "eager", "us": timed(game)}
        game = TorchOnDevice(name)
        on_a_side_stream(game, 5)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            losses = game()
        graph.replay()
        us = timed(graph.replay)
        yield {**about, "way": "graph", "us": us, "loss_D": float(losses["loss_D"]), "loss_G": float(losses["loss_G"])}


def on_a_side_stream(call: Callable[[], Any], times: int) -> None:
    """Warm up on another stream, as CUDA graphs require."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(times):
            call()
    torch.cuda.current_stream().wait_stream(stream)


def compiled() -> Iterator[dict[str, Any]]:
    """torch.compile(mode="reduce-overhead") of G's forward pass and of both losses, NCHW; updates are eager.

    On channels_last arrays PyTorch 2.11 stops with an AssertionError about the strides of a convolution's gradient.
    """
    peers_precision(True)
    for name in SYSTEMS[:2]:
        yield compiled_one(name)


def compiled_one(name: str) -> dict[str, Any]:
    game = TorchOnDevice(name, layout=torch.contiguous_format)
    start = time.perf_counter()
    game.generate, game.judge, game.praise = (
        torch.compile(f, mode="reduce-overhead") for f in (game.G, game.value_D, game.value_G)
    )

    def call() -> Any:
        torch.compiler.cudagraph_mark_step_begin()
        return game()

    for _ in range(5):
        call()
    torch.cuda.synchronize()
    seconds = time.perf_counter() - start
    return {
        "system": name,
        "tf32": True,
        "way": "compile",
        "us": timed(call),
        "seconds to compile": seconds,
    }


# ---------------------------------------------------------------- native normalisation layers


def standardised(x: Any, dims: tuple[int, ...]) -> Any:
    centred = x - x.mean(dims, keepdim=True)
    return centred * ((centred * centred).mean(dims, keepdim=True) + 1e-5).rsqrt()


def affine(x: Any, w: Any, b: Any) -> Any:
    return x * w.view(1, -1, 1, 1) + b.view(1, -1, 1, 1)


NORMS = {  # name: PyTorch's function, and the same in elementary operations
    "batch norm": (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
        lambda x, w, b: affine(standardised(x, (0, 2, 3)), w, b),
    ),
    "instance norm": (
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
        lambda x, w, b: affine(standardised(x, (2, 3)), w, b),
    ),
    "layer norm": (
        lambda x, w, b: F.layer_norm(x.movedim(1, -1), w.shape, w, b).movedim(-1, 1),
        lambda x, w, b: affine(standardised(x, (1,)), w, b),
    ),
}


def norms(device: str = "cuda") -> Iterator[dict[str, Any]]:
    """∇ₓ Σ c (J v)² through each normalisation in training mode, along a direction, against central differences.

    The differences use float64 and the version in elementary operations, whose JVP needs no special rule.
    """
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((4, 4, 3, 3)) for _ in range(4)] + [rng.uniform(0.5, 1.5, 4), rng.standard_normal(4)]
    for name, (native, composite) in NORMS.items():
        for dtype in (torch.float64, torch.float32):
            x, v, c, way, w, b = (torch.tensor(a, device=device, dtype=torch.float64) for a in arrays)

            def loss(f: Any, x: Any, v: Any = v, c: Any = c, w: Any = w, b: Any = b) -> Any:
                v, c, w, b = (a.to(x.dtype) for a in (v, c, w, b))
                return (c * torch.func.jvp(lambda q: f(q, w, b), (x,), (v,))[1].square()).sum()

            h = 1e-5
            truth = float(loss(composite, x + h * way) - loss(composite, x - h * way)) / (2 * h)
            line = {"norm": name, "dtype": str(dtype).removeprefix("torch."), "slope": truth, "on": device}
            for kind, f in (("native", native), ("composite", composite)):
                at = x.to(dtype).requires_grad_()
                slope = float((torch.autograd.grad(loss(f, at), at)[0].double() * way).sum())
                line |= {f"{kind} slope": slope, f"{kind} error": abs(slope - truth) / abs(truth)}
            yield line | {"native is wrong": line["native error"] > 1e-2, "right": line["composite error"] < 1e-3}
