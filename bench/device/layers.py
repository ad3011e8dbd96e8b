"""Ceilings of a GPU, and every convolution of DCGAN-32 and DCGAN-64 on it, compared with PyTorch (cuDNN).

A time is the median over replays of a graph that contains the call many times, so launch overhead does not count. Inputs
stay in the L2 cache, as in a training step.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bench.device.kernels import BOUNDS, OPERATIONS
from bench.peers import one_pass, torch
from bench.shapes import PASSES, Conv, dcgan
from tinygan.kernels.cuda import driver, plan_conv
from tinygan.kernels.cuda.plan import ARITHMETICS, Choice

REPEATS, REPLAYS = 10, 5
WORKSPACE = 64 * 2**20  # floats that splits may need


def microseconds(call: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Microseconds of one call, in a graph of ``repeats`` calls."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(repeats):
            call()
    times = []
    for _ in range(REPLAYS + 1):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1e3 / repeats)
    return statistics.median(times[1:])


def peers_precision(tf32: bool) -> None:
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32


def ceilings() -> Iterator[dict[str, Any]]:
    """The rate of a copy much larger than the cache (bytes read and written), and of products of random square matrices."""
    yield {"what": "copy", "TB/s": copied()}
    n = 8192
    for name, dtype, tf32 in (
        ("fp32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bf16", torch.bfloat16, False),
    ):
        peers_precision(tf32)
        a, b = (torch.randn(n, n, device="cuda", dtype=dtype) for _ in range(2))
        out = torch.empty_like(a)
        us = microseconds(partial(torch.mm, a, b, out=out), 3)
        yield {"what": f"matmul {name} {n}", "TFLOP/s": 2 * n**3 / us / 1e6}
    tiny = torch.zeros(32, device="cuda")
    yield {"what": "a kernel of 32 elements in a graph", "us": microseconds(lambda: tiny.add_(1), 200)}


def copied(floats: int = 2**29) -> float:
    """The rate of a copy in TB/s."""
    source = torch.randn(floats, device="cuda")
    target = torch.empty_like(source)
    return 2 * source.nbytes / microseconds(lambda: target.copy_(source), 2) / 1e6


class Pass:
    """One operation of one layer with its arrays on the GPU. PyTorch uses views of tinygan's channels-last arrays."""

    def __init__(self, layer: Conv, operation: str, module: Any) -> None:
        self.layer, self.operation, self.module = layer, operation, module
        rng = torch.Generator(device="cuda").manual_seed(0)
        N, H, P, k, C, O = layer.N, layer.H, layer.P, layer.k, layer.C, layer.O
        shapes = {"x": (N, H, H, C), "w": (k, k, C, O), "y": (N, P, P, O)}
        self.at = {name: torch.randn(shape, device="cuda", generator=rng) for name, shape in shapes.items()}
        self.operands = {"conv2d": "xw", "conv2d_dx": "yw", "conv2d_dw": "xy"}[operation]
        self.out = torch.empty(shapes[({"x", "w", "y"} - set(self.operands)).pop()], device="cuda")

    def plan(self, arithmetic: str, choice: Any = None) -> Any:
        make, layer = getattr(plan_conv, self.operation), self.layer
        more = {"conv2d_dx": {"size": (layer.H,) * 2}, "conv2d_dw": {"kernel": (layer.k,) * 2}}.get(self.operation, {})
        shapes = (tuple(self.at[name].shape) for name in self.operands)
        return make(*shapes, **layer.geometry, **more, arithmetic=arithmetic, choice=choice)

    def ours(self, plan: Any) -> Callable[[], Any]:
        workspace = torch.empty(max(plan.workspace, 1), device="cuda")
        a, b = (self.at[name] for name in self.operands)
        at = {"a": a, "b": b, "out": self.out, "workspace": workspace}
        launches = plan.launches({name: tensor.data_ptr() for name, tensor in at.items()})

        def call(keep: Any = workspace) -> Any:
            stream = torch.cuda.current_stream().cuda_stream
            for launch in launches:
                self.module.launch(launch, stream)
            return self.out

        return call

    def peer(self, dtype: Any = None) -> Callable[[], Any]:
        """cuDNN on channels_last views; with float64 as ``dtype``, the reference result."""
        x, w, y = (self.at[name].to(dtype or torch.float32) for name in "xwy")
        x, y, w = x.permute(0, 3, 1, 2), y.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1).contiguous()
        w = w.contiguous(memory_format=torch.channels_last)
        which = dict(zip(OPERATIONS, PASSES, strict=True))[self.operation]
        return partial(one_pass, self.layer._replace(transposed=False), which, x, w, y)

    def in_our_order(self, result: Any) -> Any:
        return result.permute(2, 3, 1, 0) if self.operation == "conv2d_dw" else result.permute(0, 2, 3, 1)

    def candidates(self) -> Iterator[Any]:
        """The tiles and splits to try."""
        chosen = self.plan("fp32").choice
        columns = self.layer.C if self.operation == "conv2d_dx" else self.layer.O
        tiles = ["narrow"] if columns <= 16 else ["small", "large"] if chosen.vector == 4 else ["small"]
        K = max(p.K for p in self.plan("fp32").problems)
        for tile in tiles:
            for splits in (1, 2, 4, 8, 16, 32):
                if splits == 1 or (64 * splits <= K and splits * self.out.numel() <= WORKSPACE):
                    yield Choice(tile, chosen.vector, splits)


def relative_error(a: Any, b: Any) -> float:
    return float(torch.linalg.vector_norm(a.double() - b) / torch.linalg.vector_norm(b))


@torch.no_grad()
def layers() -> Iterator[dict[str, Any]]:
    """Compare with float64 on the GPU, then time the plan's choice and the best of all tiles and splits."""
    module = driver.Module(driver.Device(), "conv.cu")
    for net, all_of in (("dcgan32", dcgan(32, 128)), ("dcgan64", dcgan(64, 100))):
        for layer in all_of:
            for operation in OPERATIONS:
                one = Pass(layer, operation, module)
                truth = one.in_our_order(one.peer(torch.float64)())
                line: dict[str, Any] = {
                    "net": net,
                    "layer": layer.describe(),
                    "operation": operation,
                    "GFLOP": layer.flop / 1e9,
                }
                for name, tf32 in (("cudnn fp32", False), ("cudnn tf32", True)):
                    peers_precision(tf32)
                    call = one.peer()
                    line |= {
                        f"{name} error": relative_error(one.in_our_order(call()), truth),
                        f"{name} us": microseconds(call),
                    }
                right = True
                for arithmetic in ARITHMETICS:
                    plan = one.plan(arithmetic)
                    one.out.fill_(float("nan"))
                    error = relative_error(one.ours(plan)(), truth)
                    right = right and error <= BOUNDS[arithmetic]
                    found = {
                        choice: microseconds(one.ours(one.plan(arithmetic, choice))) for choice in one.candidates()
                    }
                    found.setdefault(plan.choice, microseconds(one.ours(plan)))
                    best = min(found, key=lambda choice: found[choice])
                    line |= {
                        f"{arithmetic} error": error,
                        f"{arithmetic} us": found[plan.choice],
                        f"{arithmetic} choice": plan.choice,
                    }
                    line |= {f"{arithmetic} best us": found[best], f"{arithmetic} best": best}
                    line.setdefault("all", {})[arithmetic] = {
                        f"{c.tile}/{c.splits}": round(us, 2) for c, us in found.items()
                    }
                yield line | {"right": right}
