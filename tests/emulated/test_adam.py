"""The kernels of adam.cu, emulated, are reference.adam, whether they write beside their operands or over them."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinygan.kernels import reference
from tinygan.kernels.cuda import plan_flat

from . import emulator as emu
from .test_convolution import drawn

BOUND = 2e-6  # relative, against float64
HOW = {"b1": 0.5, "b2": 0.9, "eps": 1e-8}
LR, DECAY = 1e-2, 0.99


def state(n, seed):
    rng = np.random.default_rng(seed)
    theta, g, m, v, e = rng.standard_normal((5, n), np.float32)
    return {"theta": theta, "g": g, "m": m, "v": v * v, "e": e}


def rates(t):
    return np.array([LR / (1 - HOW["b1"] ** t), 1 / (1 - HOW["b2"] ** t)], np.float32)


def truth(arrays, t):
    theta, g, m, v, e = (a.astype(np.float64) for a in arrays.values())
    theta, m, v = reference.adam(theta, g, m, v, lr=LR, t=t, **HOW)
    return theta, m, v, DECAY * e + (1 - DECAY) * theta


@pytest.mark.parametrize("decay", [None, DECAY])
def test_a_step_is_the_references(decay):
    @drawn
    @given(st.integers(0, 70) | st.sampled_from([4000, 4001]), st.integers(1, 1000), st.integers(0, 2**20))
    @example(plan_flat.BLOCKS * plan_flat.THREADS + 7, 1, 0)
    def check(n, t, seed):
        arrays = state(n, seed)
        found = emu.schedules(emu.of("adam.cu"), plan_flat.adam(n, **HOW, decay=decay), **arrays, rates=rates(t))
        for a, b in zip(found, truth(arrays, t)[: len(found)], strict=True):
            emu.close(a, b, BOUND)

    check()


@pytest.mark.parametrize("n", [64, 65])
def test_a_graph_of_one_launch_steps_on_in_place_as_its_rates_change(n):
    arrays, at_rates = state(n, 1), rates(1)
    at = {name: a.ctypes.data for name, a in arrays.items()}
    at |= {f"new_{name}": at[name] for name in ("theta", "m", "v", "e")} | {"rates": at_rates.ctypes.data}
    (launch,) = plan_flat.adam(n, **HOW, decay=DECAY).launches(at)
    assert launch.name == ("adam_ema4" if n % 4 == 0 else "adam_ema1")
    want = {name: a.astype(np.float64) for name, a in arrays.items()}
    for t in range(1, 6):
        at_rates[:] = rates(t)
        emu.of("adam.cu").launch(launch)
        want |= dict(zip(("theta", "m", "v", "e"), truth(want, t), strict=True))
    for name, a in arrays.items():
        emu.close(a, want[name], 3 * BOUND)
