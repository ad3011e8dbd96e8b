"""Linear maps without weights: reshape, pooling, upsampling. ẏ is the same map of ẋ, and the adjoint is given for each."""

from __future__ import annotations

import math

import numpy as np

from tinygan.core.layer import Bundle, Layer, Params, Saved, Shape


class Reshape(Layer):
    """y = x with another shape of the same size; x̄ = ȳ with the shape of x.   x (N, ...)  →  y (N, *shape)."""

    affine = True

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.to = shape

    def out_shape(self, shape: Shape) -> Shape:
        if math.prod(shape) != math.prod(self.to):
            raise self.shape_error(f"cannot become (N, {', '.join(map(str, self.to))})", shape)
        return self.to

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return X.reshape(*X.shape[:2], *self.to), X.shape

    def backward(self, p: Params, shape: Saved, G: Bundle) -> Bundle:
        return G.reshape(shape)


class Columns(Layer):
    """y = x[:, start : stop];  x̄ = ȳ in these columns, else 0.   x (N, d)  →  y (N, stop − start)."""

    affine = True

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def out_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1 or not 0 <= self.start <= self.stop <= shape[0]:
            raise self.shape_error(f"expects rows of at least {self.stop} numbers", shape)
        return (self.stop - self.start,)

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return X[..., self.start : self.stop].copy(), X.shape

    def backward(self, p: Params, shape: Saved, G: Bundle) -> Bundle:
        GX = np.zeros(shape, G.dtype, like=G)
        GX[..., self.start : self.stop] = G
        return GX


class AvgPool2d(Layer):
    """y[i, j] = mean of x[k·i : k·i+k, k·j : k·j+k];  x̄[i, j] = ȳ[i//k, j//k] / k².

    x (N, H, W, C), k a divisor of H and W  →  y (N, H/k, W/k, C).
    """

    affine = True

    def __init__(self, k: int = 2) -> None:
        super().__init__()
        self.k = k

    def out_shape(self, shape: Shape) -> Shape:
        H, W, C = self.images(shape)
        if H % self.k or W % self.k:
            raise self.shape_error(f"expects a height and width that {self.k} divides", shape)
        return H // self.k, W // self.k, C

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return block_sum(X, self.k) / self.k**2, None

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return repeat(G, self.k) / self.k**2


class Upsample(Layer):
    """y[i, j] = x[i//k, j//k] (nearest);  x̄[i, j] = Σ ȳ[k·i : k·i+k, k·j : k·j+k].   (N, H, W, C) → (N, kH, kW, C)."""

    affine = True

    def __init__(self, k: int = 2) -> None:
        super().__init__()
        self.k = k

    def out_shape(self, shape: Shape) -> Shape:
        H, W, C = self.images(shape)
        return self.k * H, self.k * W, C

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return repeat(X, self.k), None

    def backward(self, p: Params, saved: Saved, G: Bundle) -> Bundle:
        return block_sum(G, self.k)


class GlobalSumPool(Layer):
    """y = Σ x over pixels;  x̄ = ȳ at every pixel.   x (N, H, W, C)  →  y (N, C)."""

    affine = True

    def out_shape(self, shape: Shape) -> Shape:
        return self.images(shape)[2:]

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        return X.sum(axis=(2, 3)), X.shape

    def backward(self, p: Params, shape: Saved, G: Bundle) -> Bundle:
        return np.broadcast_to(G[:, :, None, None], shape).copy()


class GlobalMeanPool(GlobalSumPool):
    """y = Σ x / HW over pixels;  x̄ = ȳ / HW at every pixel.   x (N, H, W, C)  →  y (N, C)."""

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        Y, shape = super().forward(p, X)
        return Y / (shape[2] * shape[3]), shape

    def backward(self, p: Params, shape: Saved, G: Bundle) -> Bundle:
        return super().backward(p, shape, G / (shape[2] * shape[3]))


def repeat(X: Bundle, k: int) -> Bundle:
    """Every pixel repeated k x k times."""
    return X.repeat(k, axis=2).repeat(k, axis=3)


def block_sum(X: Bundle, k: int) -> Bundle:
    """The sums over blocks of k x k pixels: the adjoint of ``repeat``."""
    T, N, H, W, C = X.shape
    return X.reshape(T, N, H // k, k, W // k, k, C).sum(axis=(3, 5))
