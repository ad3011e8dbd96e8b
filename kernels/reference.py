"""Every hot operation in NumPy: the definition that the fast kernels are tested against, and the CPU fallback.

Images are channels last. A bundle X (1+K, N, ...) holds the point in row 0 and its K tangents in rows 1..K;
the linear operations below treat its rows as more samples, so they take and return plain batches.
A name ``f_dx`` or ``f_dw`` is the adjoint of ``f`` with respect to x or w. The file is over 250 lines because every
definition has its one place here.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygan.kernels.shapes import Array, Cotangents, Pad, Pair, Saved, Sizes, fit, outputs, phases

# ---------------------------------------------------------------- linear


def linear(x: Array, w: Array, *, bias: Array | None = None, points: int | None = None) -> Array:
    """y = x Wᵀ + b.   x (M, I), w (O, I), b (O,) → y (M, O). The bias goes to the first ``points`` rows."""
    return shift(x @ w.T, bias, points)


def linear_dx(gy: Array, w: Array) -> Array:
    """x̄ = ȳ W.   gy (M, O), w (O, I) → (M, I)."""
    return gy @ w


def linear_dw(x: Array, gy: Array) -> Array:
    """W̄ = ȳᵀ x.   x (M, I), gy (M, O) → (O, I)."""
    return gy.T @ x


def matmul(a: Array, b: Array) -> Array:
    """a b of matrices, as many as the axes before their last two say, broadcast.   (..., M, K), (..., K, N) → (..., M, N)."""
    return a @ b


def shift(y: Array, bias: Array | None, points: int | None) -> Array:
    """y + b in its first ``points`` samples (None: all), in place; the others are tangents, and a constant has none."""
    if bias is not None:
        y[:points] += bias
    return y


# ---------------------------------------------------------------- convolution
# One trilinear form  ⟨w ⋆ x, y⟩ = Σ x[n, s·i+u−p, s·j+v−q, c] w[u, v, c, o] y[n, i, j, o]  and its three contractions.


def conv2d(
    x: Array, w: Array, *, stride: Pair, pad: Pad, bias: Array | None = None, points: int | None = None
) -> Array:
    """y[n, i, j, o] = Σ_uvc x[n, s·i+u−p, s·j+v−q, c] w[u, v, c, o] + b[o], zero outside x.

    x (N, H, W, C), w (kh, kw, C, O), stride (sh, sw), pad ((top, bottom), (left, right)) → y (N, P, Q, O)
    with P = (H + top + bottom − kh) // sh + 1. The bias b (O,) goes to the first ``points`` samples.
    """
    if tuple(stride) == (1, 1) and 4 * w.shape[3] <= w.shape[2]:
        return shift(multiply_then_shift(x, w, pad), bias, points)
    cols, size = patches(x, w.shape[:2], stride, pad)
    return shift((cols @ w.reshape(-1, w.shape[3])).reshape(len(x), *size, w.shape[3]), bias, points)


def conv2d_dw(x: Array, gy: Array, *, kernel: Pair, stride: Pair, pad: Pad) -> Array:
    """w̄[u, v, c, o] = Σ_nij x[n, s·i+u−p, s·j+v−q, c] ȳ[n, i, j, o].   gy (N, P, Q, O) → (kh, kw, C, O)."""
    cols, size = patches(x, kernel, stride, pad)
    fit(gy.shape[:3] == (len(x), *size), x.shape, gy.shape)
    return (cols.T @ gy.reshape(-1, gy.shape[3])).reshape(*kernel, x.shape[3], gy.shape[3])


def conv2d_dx(
    gy: Array, w: Array, *, size: Pair, stride: Pair, pad: Pad, bias: Array | None = None, points: int | None = None
) -> Array:
    """x̄[n, s·i+u−p, s·j+v−q, c] += Σ_uvo ȳ[n, i, j, o] w[u, v, c, o]; also the transposed convolution of gy, plus b[c].

    A gather, not a scatter: input rows with (row + p) mod s = a meet only the taps a, a+s, ..., so each of the
    s·s phases is an ordinary convolution of ȳ by its flipped taps, and each x̄ is written once.
    gy (N, P, Q, O), size (H, W) → (N, H, W, C).
    """
    gx = np.zeros((len(gy), *size, w.shape[2]), np.result_type(gy, w))
    fit(gy.shape[3] == w.shape[3], gy.shape, w.shape)
    if gy.size and w.size:
        for (a, rows, _, up), (b, columns, _, left) in phases(size, w.shape[:2], stride, pad, gy.shape[1:3]):
            taps = w[a :: stride[0], b :: stride[1]][::-1, ::-1].transpose(0, 1, 3, 2)
            y = conv2d(gy, taps, stride=(1, 1), pad=(up, left))
            gx[:, rows.start :: stride[0], columns.start :: stride[1]] = y
    return shift(gx, bias, points)


def multiply_then_shift(x: Array, w: Array, pad: Pad) -> Array:
    """conv2d of stride 1: y = Σ_uv (x w[u, v]) moved by (u, v).

    It copies products, not patches: fewer numbers where O is far below C, as before an image (3x faster at C = 32, O = 1).
    """
    fit(x.shape[3] == w.shape[2], x.shape, w.shape)
    P, Q = outputs(x.shape[1:3], w.shape[:2], (1, 1), pad)
    x = frame(x, *pad)
    (N, H, W, C), (kh, kw, _, O) = x.shape, w.shape
    z = (x.reshape(-1, C) @ w.transpose(2, 0, 1, 3).reshape(C, -1)).reshape(N, H, W, kh, kw, O)
    return sum(z[:, i : i + P, j : j + Q, i, j] for i in range(kh) for j in range(kw))


def patches(x: Array, kernel: Pair, stride: Pair, pad: Pad) -> tuple[Array, Pair]:
    """The rows of the convolution's matrix (im2col): (N·P·Q, kh·kw·C), and (P, Q).

    Channels last keeps kw·C values of a window's row together, so the one copy moves long runs.
    """
    P, Q = outputs(x.shape[1:3], kernel, stride, pad)
    x = np.ascontiguousarray(frame(x, *pad))
    (N, _, _, C), (kh, kw), (sh, sw) = x.shape, kernel, stride
    n, r, c, e = x.strides
    windows = as_strided(x, (N, P, Q, kh, kw * C), (n, sh * r, sw * c, r, e), writeable=False)
    return windows.reshape(N * P * Q, kh * kw * C), (P, Q)


def frame(x: Array, rows: Pair, columns: Pair) -> Array:
    """x with zeros added around it, or rows and columns cut off where a number is negative."""
    (top, bottom), (left, right) = rows, columns
    N, H, W, C = x.shape
    x = x[:, max(-top, 0) : max(H + min(bottom, 0), 0), max(-left, 0) : max(W + min(right, 0), 0)]
    if max(top, bottom, left, right) <= 0:
        return x
    y = np.zeros((N, H + top + bottom, W + left + right, C), x.dtype)
    y[:, max(top, 0) : max(top, 0) + x.shape[1], max(left, 0) : max(left, 0) + x.shape[2]] = x
    return y


# ---------------------------------------------------------------- pointwise


def sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ) without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x: Array) -> Array:
    """log(1 + eˣ) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _silu_slope(x: Array, a: float) -> Array:
    s = sigmoid(x)
    return s * (1 + x * (1 - s))


def _silu_curve(x: Array, a: float) -> Array:
    s = sigmoid(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))


def _step(y: Array, right: float, left: float) -> Array:
    """``right`` where y > 0, ``left`` elsewhere: at a kink the derivative is the one from the left."""
    return np.where(y > 0, y.dtype.type(right), y.dtype.type(left))


#  name: φ(x; a),  φ'(s; a),  φ''(s; a) ẋ / ṡ (None: zero almost everywhere).
#  s is y = φ(x), of which φ' is a function: a backward needs no x. There φ'' ẋ = (φ''/φ') ẏ. Of silu alone s is x.
OF_X = ("silu",)
POINTWISE = {
    "relu": (lambda x, a: np.maximum(x, 0), lambda y, a: _step(y, 1, 0), None),
    "leaky_relu": (lambda x, a: np.maximum(x, a * x), lambda y, a: _step(y, 1, a), None),  # 0 ≤ a ≤ 1
    "elu": (  # left of zero both derivatives of a (eˣ − 1) are a eˣ = y + a; 0 ≤ a
        lambda x, a: np.maximum(x, 0) + a * np.expm1(np.minimum(x, 0)),
        lambda y, a: np.where(y > 0, y.dtype.type(1), y + a),
        lambda y, a: _step(y, 0, 1),
    ),
    "silu": (lambda x, a: x * sigmoid(x), _silu_slope, _silu_curve),
    "softplus": (lambda x, a: softplus(x), lambda y, a: -np.expm1(-y), lambda y, a: np.exp(-y)),  # φ' = σ = 1 − e⁻ʸ
    "tanh": (lambda x, a: np.tanh(x), lambda y, a: 1 - y * y, lambda y, a: -2 * y),
    "sigmoid": (lambda x, a: sigmoid(x), lambda y, a: y * (1 - y), lambda y, a: 1 - 2 * y),
}


def pointwise(X: Array, f: str, a: float) -> tuple[Array, Array]:
    """y = φ(x), ẏ = φ'(x) ẋ over a bundle X (1+K, N, ...) → Y, and the S that ``pointwise_dx`` takes, Y or X.

    ``f`` names a row of POINTWISE, ``a`` is its parameter.
    """
    value, slope, _ = POINTWISE[f]
    if len(X) == 1:
        Y = value(X, a)
    else:
        Y = np.empty_like(X)
        Y[0] = value(X[0], a)
        Y[1:] = slope(X[0] if f in OF_X else Y[0], a) * X[1:]
    return Y, X if f in OF_X else Y


def pointwise_dx(S: Array, G: Array, f: str, a: float) -> Array:
    """x̄ = φ' ȳ + Σₖ φ'' ẋₖ ẏ̄ₖ,  ẋ̄ = φ' ẏ̄."""
    fit(S.shape == G.shape, S.shape, G.shape)
    _, slope, curve = POINTWISE[f]
    GX = slope(S[0], a) * G
    if curve is not None and len(G) > 1:
        GX[0] += curve(S[0], a) * (S[1:] * G[1:]).sum(axis=0)
    return GX


# ---------------------------------------------------------------- normalisation


# x is seen as ``sizes`` (S, R, G, D): S sets of R rows, each of G groups of D channels. ⟨·⟩ is the mean over R and D.
# Batch norm has one set of N·H·W rows and C groups; instance, group and layer norm have a set for each sample.


def normalise(
    X: Array, gamma: Array | None, beta: Array | None, sizes: Sizes, eps: float, *, centre: bool
) -> tuple[Array, Saved]:
    """z = (x − μ) r, y = γ z + β with r = (⟨(x − μ)²⟩ + ε)^-½, μ = ⟨x⟩ (0 without ``centre``).

    Tangents: ż = r (ẋ − ⟨ẋ⟩ − z⟨zẋ⟩), ẏ = γ ż. X (1+K, N, ...), γ, β G·D numbers or None (y = z) → Y,
    and saved = (X, (μ, ⟨(x − μ)²⟩, r, ⟨ẋ⟩, ⟨zẋ⟩)), each (S, 1, G, 1).
    """
    A = X.reshape(len(X), *sizes)
    m = mean(A) if centre else np.zeros_like(A[:, :, :1, :, :1])
    Y = A - m
    var = mean(Y[:1] * Y[:1])[0]
    r = 1 / np.sqrt(var + eps)
    Y *= r
    ra = mean(Y[0] * Y[1:])
    if len(X) > 1:
        Y[1:] -= Y[0] * ra
    if gamma is not None and beta is not None:
        Y *= gamma.reshape(sizes[2:])
        Y[0] += beta.reshape(sizes[2:])
    return Y.reshape(X.shape), (X, (m[0], var, r, m[1:], ra / r))


def normalise_vjp(
    saved: Saved, gamma: Array | None, G: Array, sizes: Sizes, *, centre: bool, wrt_x: bool = True, wrt_p: bool = True
) -> Cotangents:
    """The adjoint of the pair map of ``normalise``: (x̄, ẋ̄) and (γ̄, β̄), None where not asked for.

    x̄ = P r (γȳ − z⟨zγȳ⟩) − Σₖ r² (a Pu + c ẋ + (⟨uẋ⟩ − 3ac) z),  ẋ̄ = P r (u − z⟨zu⟩),  γ̄ = Σ ȳz + Σₖ Σ ẏ̄ż,  β̄ = Σ ȳ.
    u = γẏ̄ₖ, a = ⟨zẋ⟩, c = ⟨zu⟩, ẋ centred, P u = u − ⟨u⟩ (the identity without ``centre``). z is centred, so P only meets G.
    """
    X, (mu, _, r, x_mean, a) = saved
    A, B = X.reshape(len(X), *sizes), G.reshape(len(G), *sizes)
    z, x_dot = (A[0] - mu) * r, A[1:] - x_mean
    g, gz, gx = (s.sum(axis=2, keepdims=True) for s in (B, B * z, B[1:] * x_dot))
    g_p, m, c, e = vjp_terms(g, gz, gx, gamma, r, a, sizes, centre=centre)
    if not wrt_x:
        return None, g_p if wrt_p else None
    GX = B * (1 if gamma is None else gamma.reshape(sizes[2:]))
    if centre:
        GX -= m
    u = GX[1:]
    if len(G) > 1:
        curve = r * r * (a * u + c[1:] * x_dot + (e - 3 * a * c[1:]) * z).sum(axis=0)
    GX -= z * c
    GX *= r
    if len(G) > 1:
        GX[0] -= curve
    return GX.reshape(G.shape), g_p if wrt_p else None


def vjp_terms(
    g: Array, gz: Array, gx: Array, gamma: Array | None, r: Array, a: Array, sizes: Sizes, *, centre: bool
) -> tuple[tuple[Array, Array], Array, Array, Array]:
    """(γ̄, β̄), ⟨γG⟩, c = ⟨zγG⟩, ⟨uẋ⟩ from sums over a set's rows: of G, G z and ẏ̄ (ẋ − ⟨ẋ⟩).

    Σ ẏ̄ż = r (Σ ẏ̄ẋ − a Σ ẏ̄z). Of ``gx`` the last K rows are used.
    """
    gx = gx[len(gx) - len(a) :]
    gamma_bar = (gz[0] + (r * (gx - a * gz[1:])).sum(axis=0)).sum(axis=(0, 1)).reshape(-1)
    beta_bar = g[0].sum(axis=(0, 1)).reshape(-1)
    count = max(sizes[1] * sizes[3], 1)
    scale = 1 if gamma is None else gamma.reshape(sizes[2:])
    m, c, e = ((scale * s).sum(axis=-1, keepdims=True) / count for s in (g, gz, gx))
    return (gamma_bar, beta_bar), m if centre else np.zeros_like(m), c, e


def mean(A: Array) -> Array:
    """⟨A⟩, kept as axes of length one; zero over nothing."""
    return A.sum(axis=(-3, -1), keepdims=True) / max(A.shape[-3] * A.shape[-1], 1)


def scale_shift(X: Array, scale: Array, shift: Array) -> Array:
    """y = scale x + shift, ẏ = scale ẋ.   X (1+K, ..., C), scale, shift (C,)."""
    Y = X * scale
    Y[0] += shift
    return Y


def column_sum(A: Array) -> Array:
    """Σ over all axes but the last."""
    return A.sum(axis=tuple(range(A.ndim - 1)))


# ---------------------------------------------------------------- optimiser


def adam(
    theta: Array, g: Array, m: Array, v: Array, *, lr: float, b1: float, b2: float, eps: float, t: int
) -> tuple[Array, Array, Array]:
    """One step of Adam (Kingma & Ba 2015, algorithm 1), t = 1, 2, ...: new (θ, m, v)."""
    fit(theta.shape == g.shape == m.shape == v.shape, theta.shape, g.shape, m.shape, v.shape)
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * (g * g)
    step = lr / (1 - b1**t)
    return theta - step * m / (np.sqrt(v / (1 - b2**t)) + eps), m, v


def flatten(parts: list[Array]) -> Array:
    """The numbers of arrays, one array after another, in a vector."""
    flat, at = np.empty(sum(a.size for a in parts), np.result_type(*parts)), 0
    for a in parts:
        flat[at : at + a.size] = a.reshape(-1)
        at += a.size
    return flat


def combine(a: float, x: Array, b: float, y: Array) -> Array:
    """a x + b y, a and b numbers."""
    fit(x.shape == y.shape, x.shape, y.shape)
    return (x if a == 1 else a * x) + (y if b == 1 else b * y)


def dot(x: Array, y: Array) -> float:
    """⟨x, y⟩ = Σ x y, a number."""
    return float(x.reshape(-1) @ y.reshape(-1))
