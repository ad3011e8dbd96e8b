"""Maxout: the maximum of several linear maps (Goodfellow et al. 2013)."""

from __future__ import annotations

import numpy as np

from tinygan.core.layer import Array, Bundle, Layer, Params, Saved, Shape


class Maxout(Layer):
    """y_j = max_m x_{j,m},  ẏ_j = ẋ_{j,m*},  m* the index of the maximum;   x̄ and ẋ̄ are ȳ and ẏ̄ at m*, else 0.

    x (..., k·pieces), the pieces of one unit side by side  →  y (..., k). Of equal pieces m* is the first. After a linear map
    this is the hidden layer of Goodfellow et al. 2013, eq. 2.
    """

    def __init__(self, pieces: int = 5) -> None:
        super().__init__()
        self.pieces = pieces
        if pieces < 1:
            raise ValueError(f"Maxout: pieces must be at least 1: got {pieces}")

    def out_shape(self, shape: Shape) -> Shape:
        if not shape or shape[-1] % self.pieces:
            raise self.shape_error(f"expects a last axis that is a multiple of {self.pieces} pieces", shape)
        return *shape[:-1], shape[-1] // self.pieces

    def forward(self, p: Params, X: Bundle) -> tuple[Bundle, Saved]:
        where = self.apart(X)[0].argmax(axis=-1)[..., None]
        return self.at(where, X), where

    def backward(self, p: Params, where: Saved, G: Bundle) -> Bundle:
        GX = np.zeros((*G.shape, self.pieces), G.dtype, like=G)
        np.put_along_axis(GX, np.broadcast_to(where, (*G.shape, 1)), G[..., None], axis=-1)
        return GX.reshape(*G.shape[:-1], G.shape[-1] * self.pieces)

    @property
    def piecewise_linear(self) -> bool:
        return True

    def penalty_gradient(
        self, p: Params, where: Saved, recorded: Bundle, Z: Bundle, r: Array | None
    ) -> tuple[Bundle, Params]:
        return self.at(where, Z), ()

    def at(self, where: Array, X: Bundle) -> Bundle:
        """The chosen pieces of the point and of every tangent."""
        pieces = self.apart(X)
        return np.take_along_axis(pieces, np.broadcast_to(where, (*pieces.shape[:-1], 1)), axis=-1)[..., 0]

    def apart(self, X: Bundle) -> Bundle:
        """(..., k·pieces) → (..., k, pieces)."""
        return X.reshape(*X.shape[:-1], X.shape[-1] // self.pieces, self.pieces)
