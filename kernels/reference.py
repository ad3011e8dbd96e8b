"""Every hot operation in NumPy: the definition the fast kernels are held to, and the CPU fallback.

Images are channels last. A bundle X (1+K, N, ...) holds the point in row 0 and its K tangents in rows 1..K;
to the linear operations below rows are just more samples, so they take and return plain batches.
A name ``f_dx`` or ``f_dw`` is the adjoint of ``f`` with respect to x or w.
"""

import numpy as np
from numpy.lib.stride_tricks import as_strided

# ---------------------------------------------------------------- linear


def linear(x, w, *, bias=None, points=None):
    """y = x Wᵀ + b.   x (M, I), w (O, I), b (O,) → y (M, O). The bias goes to the first ``points`` rows."""
    return shift(x @ w.T, bias, points)


def linear_dx(gy, w):
    """x̄ = ȳ W.   gy (M, O), w (O, I) → (M, I)."""
    return gy @ w


def linear_dw(x, gy):
    """W̄ = ȳᵀ x.   x (M, I), gy (M, O) → (O, I)."""
    return gy.T @ x


def shift(y, bias, points):
    """y + b in its first ``points`` samples (None: all), in place; the others are tangents, and a constant has none."""
    if bias is not None:
        y[:points] += bias
    return y


# ---------------------------------------------------------------- convolution
# One trilinear form  ⟨w ⋆ x, y⟩ = Σ x[n, s·i+u−p, s·j+v−q, c] w[u, v, c, o] y[n, i, j, o]  and its three contractions.


def conv2d(x, w, *, stride, pad, bias=None, points=None):
    """y[n, i, j, o] = Σ_uvc x[n, s·i+u−p, s·j+v−q, c] w[u, v, c, o] + b[o], zero outside x.

    x (N, H, W, C), w (kh, kw, C, O), stride (sh, sw), pad ((top, bottom), (left, right)) → y (N, P, Q, O)
    with P = (H + top + bottom − kh) // sh + 1. The bias b (O,) goes to the first ``points`` samples.
    """
    if stride == (1, 1) and 4 * w.shape[3] <= w.shape[2]:
        return shift(multiply_then_shift(frame(x, *pad), w), bias, points)
    cols, size = patches(x, w.shape[:2], stride, pad)
    return shift((cols @ w.reshape(-1, w.shape[3])).reshape(len(x), *size, w.shape[3]), bias, points)


def conv2d_dw(x, gy, *, kernel, stride, pad):
    """w̄[u, v, c, o] = Σ_nij x[n, s·i+u−p, s·j+v−q, c] ȳ[n, i, j, o].   gy (N, P, Q, O) → (kh, kw, C, O)."""
    cols, _ = patches(x, kernel, stride, pad)
    return (cols.T @ gy.reshape(-1, gy.shape[3])).reshape(*kernel, x.shape[3], gy.shape[3])


def conv2d_dx(gy, w, *, size, stride, pad, bias=None, points=None):
    """x̄[n, s·i+u−p, s·j+v−q, c] += Σ_uvo ȳ[n, i, j, o] w[u, v, c, o]; also the transposed convolution of gy, plus b[c].

    A gather, not a scatter: input rows with (row + p) mod s = a meet only the taps a, a+s, ..., so each of the
    s·s phases is an ordinary convolution of ȳ by its flipped taps, and each x̄ is written once.
    gy (N, P, Q, O), size (H, W) → (N, H, W, C).
    """
    gx = np.zeros((len(gy), *size, w.shape[2]), np.result_type(gy, w))
    for a in range(stride[0]):
        for b in range(stride[1]):
            taps = w[a :: stride[0], b :: stride[1]][::-1, ::-1].transpose(0, 1, 3, 2)
            rows, up, down = phase(a, len(taps), size[0], stride[0], pad[0][0], gy.shape[1])
            columns, left, right = phase(b, taps.shape[1], size[1], stride[1], pad[1][0], gy.shape[2])
            if taps.size and gx[:, rows, columns].size:
                gx[:, rows, columns] = conv2d(gy, taps, stride=(1, 1), pad=((up, down), (left, right)))
    return shift(gx, bias, points)


def multiply_then_shift(x, w):
    """conv2d of stride 1: y = Σ_uv (x w[u, v]) moved by (u, v).

    It copies products, not patches: fewer numbers where O is far below C, as before an image (3x faster at C = 32, O = 1).
    """
    (N, H, W, C), (kh, kw, _, O) = x.shape, w.shape
    P, Q = H - kh + 1, W - kw + 1
    z = (x.reshape(-1, C) @ w.transpose(2, 0, 1, 3).reshape(C, -1)).reshape(N, H, W, kh, kw, O)
    return sum(z[:, i : i + P, j : j + Q, i, j] for i in range(kh) for j in range(kw))


def phase(a, taps, size, stride, pad, n):
    """Where one phase of the adjoint lives along one axis: its rows of x̄, and the (possibly negative) padding of ȳ.

    x̄[i] = Σ_t ȳ[q − t] w[a + s·t] with i + p = s·q + a: rows i₀, i₀+s, ... read ȳ from q₀ − taps + 1 to q₀ + count − 1.
    """
    start = (a - pad) % stride
    first = (start + pad - a) // stride
    count = len(range(start, size, stride))
    return slice(start, None, stride), taps - 1 - first, first + count - n


def patches(x, kernel, stride, pad):
    """The rows of the convolution's matrix (im2col): (N·P·Q, kh·kw·C), and (P, Q).

    Channels last keeps kw·C values of a window's row together, so the one copy moves long runs.
    """
    x = np.ascontiguousarray(frame(x, *pad))
    N, H, W, C = x.shape
    (kh, kw), (sh, sw) = kernel, stride
    P, Q = (H - kh) // sh + 1, (W - kw) // sw + 1
    n, r, c, e = x.strides
    windows = as_strided(x, (N, P, Q, kh, kw * C), (n, sh * r, sw * c, r, e), writeable=False)
    return windows.reshape(N * P * Q, kh * kw * C), (P, Q)


def frame(x, rows, columns):
    """x with zeros added around it, or rows and columns cut off where a number is negative."""
    (top, bottom), (left, right) = rows, columns
    N, H, W, C = x.shape
    x = x[:, max(-top, 0) : H - max(-bottom, 0), max(-left, 0) : W - max(-right, 0)]
    if max(top, bottom, left, right) <= 0:
        return x
    y = np.zeros((N, H + top + bottom, W + left + right, C), x.dtype)
    y[:, max(top, 0) : max(top, 0) + x.shape[1], max(left, 0) : max(left, 0) + x.shape[2]] = x
    return y


# ---------------------------------------------------------------- pointwise


def sigmoid(x):
    """1 / (1 + e⁻ˣ) without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x):
    """log(1 + eˣ) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _silu_slope(x, y, a):
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


def _silu_curve(x, y, a):
    s = sigmoid(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))


def _softplus_curve(x, y, a):
    s = sigmoid(x)
    return s * (1 - s)


def _elu_rest(x, y, a):
    """Left of zero both derivatives of a (eˣ − 1) are a eˣ = y + a."""
    return np.where(x > 0, 0, y + a).astype(x.dtype, copy=False)


#  name: φ(x; a),  φ'(x, y; a),  φ''(x, y; a) (None: zero almost everywhere),  with y = φ(x)
POINTWISE = {
    "relu": (lambda x, a: np.maximum(x, 0), lambda x, y, a: (x > 0).astype(x.dtype), None),
    "leaky_relu": (
        lambda x, a: np.maximum(x, a * x),  # 0 ≤ a ≤ 1
        lambda x, y, a: np.where(x > 0, 1, a).astype(x.dtype),
        None,
    ),
    "elu": (
        lambda x, a: np.maximum(x, 0) + a * np.expm1(np.minimum(x, 0)),
        lambda x, y, a: (x > 0) + _elu_rest(x, y, a),
        _elu_rest,
    ),
    "silu": (lambda x, a: x * sigmoid(x), _silu_slope, _silu_curve),
    "softplus": (lambda x, a: softplus(x), lambda x, y, a: sigmoid(x), _softplus_curve),
    "tanh": (lambda x, a: np.tanh(x), lambda x, y, a: 1 - y * y, lambda x, y, a: -2 * y * (1 - y * y)),
    "sigmoid": (lambda x, a: sigmoid(x), lambda x, y, a: y * (1 - y), lambda x, y, a: y * (1 - y) * (1 - 2 * y)),
}


def pointwise(X, f, a):
    """y = φ(x), ẏ = φ'(x) ẋ over a bundle X (1+K, N, ...); ``f`` names a row of POINTWISE, ``a`` is its parameter."""
    value, slope, _ = POINTWISE[f]
    if len(X) == 1:
        return value(X, a)
    Y = np.empty_like(X)
    Y[0] = value(X[0], a)
    Y[1:] = slope(X[0], Y[0], a) * X[1:]
    return Y


def pointwise_dx(X, Y, G, f, a):
    """x̄ = φ' ȳ + Σₖ φ'' ẋₖ ẏ̄ₖ,  ẋ̄ = φ' ẏ̄."""
    _, slope, curve = POINTWISE[f]
    x, y = X[0], Y[0]
    GX = slope(x, y, a) * G
    if curve is not None and len(G) > 1:
        GX[0] += curve(x, y, a) * (X[1:] * G[1:]).sum(axis=0)
    return GX


# ---------------------------------------------------------------- normalisation


def standardise(X, axes, eps, *, centre):
    """y = (x − μ) r with r = (⟨(x − μ)²⟩ + ε)^-½; ⟨·⟩ the mean over ``axes`` of x, μ = ⟨x⟩ (0 without ``centre``).

    Tangent: ẏ = r (ẋ − ⟨ẋ⟩ − y ⟨y (ẋ − ⟨ẋ⟩)⟩). X (1+K, N, ...) → Y, and (y, r, centred ẋ, μ, variance).
    """
    m = mean(X, axes)
    Xc = X - m if centre else X
    var = mean(Xc[:1] ** 2, axes)
    r = 1 / np.sqrt(var + eps)
    Y = r * Xc
    y, x_dot = Y[0], Xc[1:]
    if len(X) > 1:
        Y[1:] -= r * y * mean(y * x_dot, axes)
    return Y, (y, r[0], x_dot, m[0], var[0])


def standardise_dx(saved, G, axes, *, centre):
    """x̄ = P r (ȳ − y⟨yȳ⟩) − Σₖ r² (a Pu + c ẋ + (⟨uẋ⟩ − 3ac) y),  ẋ̄ = P r (ẏ̄ − y⟨yẏ̄⟩).

    u = ẏ̄ₖ, a = ⟨yẋ⟩, c = ⟨yu⟩, ẋ centred, P u = u − ⟨u⟩ (the identity without ``centre``). y is centred, so P only meets G.
    """
    y, r, x_dot, *_ = saved
    PG = G - mean(G, axes) if centre else G
    GX = r * (PG - y * mean(y * G, axes))
    if len(G) > 1:
        u = PG[1:]
        a, c = mean(y * x_dot, axes), mean(y * u, axes)
        GX[0] -= r * r * (a * u + c * x_dot + (mean(u * x_dot, axes) - 3 * a * c) * y).sum(axis=0)
    return GX


def mean(A, axes):
    """⟨A⟩ over ``axes`` of one row of a bundle, kept as axes of length one; zero over nothing."""
    axes = tuple(a + 1 for a in axes)
    count = np.prod([A.shape[a] for a in axes], dtype=int)
    return A.sum(axis=axes, keepdims=True) / max(int(count), 1)


# ---------------------------------------------------------------- optimiser


def adam(theta, g, m, v, *, lr, b1, b2, eps, t):
    """One step of Adam (Kingma & Ba 2015, algorithm 1), t = 1, 2, ...: new (θ, m, v)."""
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * (g * g)
    step = lr / (1 - b1**t)
    return theta - step * m / (np.sqrt(v / (1 - b2**t)) + eps), m, v
