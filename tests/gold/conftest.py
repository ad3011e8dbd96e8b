"""PyTorch on one thread, and one way to agree with it."""

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def one_thread():
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def agree():
    """agree(bound, name=(ours, theirs), ...): every error max|a − b| / max|b| is within ``bound``; pytest -rP shows them."""

    def check(bound, **pairs):
        errors = {name: relative(np.asarray(a), np.asarray(b)) for name, (a, b) in pairs.items()}
        print(*(f"{name} {error:.1e}" for name, error in errors.items()), sep="\n")
        assert all(error <= bound for error in errors.values()), errors

    return check


def relative(a, b):
    assert a.shape == b.shape
    assert a.dtype == b.dtype == np.float64
    error, scale = np.abs(a - b).max(initial=0), np.abs(b).max(initial=0)
    return float(error / scale) if scale else float(error)
