"""What PyTorch needs to speak for tinygan: θ cut into arrays, channels moved, norms as composite operations.

Tensors are made from float64 arrays, so nothing here depends on torch's default type.
"""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

FIRST, SECOND = 1e-12, 1e-10  # bounds on relative errors of first derivatives, and of second ones and whole steps
HALF = {"stride": 2, "padding": 1}  # DCGAN's 4x4 kernels


def tensors(*arrays):
    """Leaves with these values."""
    return [torch.tensor(a, requires_grad=True) for a in arrays]


def gradients(value, *leaves):
    """∂value/∂leaf as arrays; zero where value does not depend on a leaf."""
    return [g.numpy() for g in torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)]


def doubled(state):
    """A state in float64."""
    if isinstance(state, tuple):
        return state._make(map(doubled, state)) if hasattr(state, "_make") else tuple(map(doubled, state))
    return state.astype(np.float64) if isinstance(state, np.ndarray) else state


def cut(net, theta):
    """θ as the arrays that ``net`` sees in it."""
    named = net.view(np.empty(net.size)).values()
    return [part.view(a.shape) for part, a in zip(theta.split([a.size for a in named]), named, strict=True)]


def on_images(op):
    """A torch operation on (N, C, H, W) as one on (N, H, W, C)."""
    return lambda x, *p, **how: op(x.movedim(-1, 1), *p, **how).movedim(1, -1)


def convolution(op):
    """A torch convolution with images (N, H, W, C) and tinygan's weights (kh, kw, ., .)."""
    return on_images(lambda x, w, b=None, **how: op(x, w.permute(3, 2, 0, 1).contiguous(), b, **how))


conv2d, conv_transpose2d = convolution(F.conv2d), convolution(F.conv_transpose2d)


def standardise(x, dims, eps=1e-5):
    """(x − μ) (⟨(x − μ)²⟩ + ε)^-½ in operations whose every derivative torch has right."""
    centred = x - x.mean(dims, keepdim=True)
    return centred * ((centred * centred).mean(dims, keepdim=True) + eps).rsqrt()


def batch_norm(x, gamma, beta):
    """In training: statistics of the batch, per channel."""
    return gamma * standardise(x, tuple(range(x.ndim - 1))) + beta


def push_tangents(f, x, x_dot):
    """J ẋₖ for each row of x_dot (K, N, ...)."""
    with warnings.catch_warnings():
        # torch 2.13 compiles its own rules of forward mode with torch.jit.script, which it deprecates
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        return torch.stack([torch.func.jvp(f, (x,), (v,))[1] for v in x_dot])


def agree(bound, **pairs):
    """agree(bound, name=(ours, theirs), ...): every relative error is within ``bound``; pytest -rP shows them."""
    errors = {name: relative(*map(np.asarray, pair)) for name, pair in pairs.items()}
    print(*(f"{name} {error:.1e}" for name, error in errors.items()), sep="\n")
    assert all(error <= bound for error in errors.values()), errors


def relative(a, b):
    """max|a − b| / max|b| of float64 arrays of one shape."""
    assert a.shape == b.shape
    assert a.dtype == b.dtype == np.float64
    error, scale = np.abs(a - b).max(initial=0), np.abs(b).max(initial=0)
    return float(error / scale) if scale else float(error)
