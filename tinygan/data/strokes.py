"""Synthetic handwritten digits drawn by formula: endless, with known factors, nothing to download."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy import ndarray as Array

from tinygan.data.counter_rng import key, normal, uniform
from tinygan.data.glyphs import POINTS, alphabet

SIDE = 28
_RANGES = {  # label: (smallest, largest); the distribution is uniform
    "slant": (-8.0, 24.0),
    "rotation": (-9.0, 9.0),
    "width": (2.1, 3.6),
    "scale": (0.88, 1.08),
    "offset_x": (-1.5, 1.5),
    "offset_y": (-1.5, 1.5),
}
FACTORS = (
    "slant",
    "width",
    "rotation",
    "offset_x",
    "offset_y",
)  # compared with learnt tangents
_WOBBLE = 0.45  # pixels, standard deviation of a control point
_SHARPNESS = 0.7  # σ of a dot over the pen's radius: a smaller value keeps crossings thin, a larger one hides the dots


def draw(name: str, split: str, seed: int) -> Strokes:
    """The data set ``name`` of the registry."""
    return Strokes(seed, int(split == "test"))


class Strokes:
    """Sample i is drawn by dots along a digit's curve, transformed by the sample's factors, on 28 x 28 pixels.

    The curve     c(s) = W (P + wobble),  transformed  x = scale R(rotation) S(slant) c + offset
    The ink       f(q) = Σ_m exp(-|q - x_m|² / 2σ²) ℓ / (σ√2π)  = exp(-d²/2σ²) at distance d from a straight stroke,
                  ℓ the distance between dots; separable in q = (row, column), so one matrix product makes a picture
    The edge      pixel = f^k / (f^k + e^k),  e = exp(-r²/2σ²),  k = 4σ²/r,  r the pen's radius: at d = r it is 1/2
                  and falls by 1 per pixel, so edges are sharp and anti-aliased

    Labels: "class" the digit; "slant" and "rotation" in degrees (slant leans right, rotation is clockwise);
    "width" of the pen, "offset_x" and "offset_y" in pixels; "scale" a ratio (1: 17 pixels high);
    "wobble" (n, POINTS, 2), the displacement of control points in pixels. Sample i of a seed is the same in every batch.
    """

    name = "strokes"
    shape: tuple[int, ...] = (SIDE, SIDE, 1)
    classes: tuple[str, ...] = tuple("0123456789")
    size: int | None = None

    def __init__(self, seed: int = 0, split: int = 0) -> None:
        self._stream = key(seed, split)
        self._points, self._weights, self._lengths = alphabet()

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """Images (n, 28, 28, 1) float32 in [-1, 1], white ink on black, and their labels."""
        draws = uniform(self._stream, index, 1 + len(_RANGES))
        digit = (len(self.classes) * draws[:, 0]).astype(np.int64)
        values = {name: low + (high - low) * draws[:, 1 + j] for j, (name, (low, high)) in enumerate(_RANGES.items())}
        wobble = _WOBBLE * normal(self._stream, index, 2 * POINTS, first=1 + len(_RANGES)).reshape(-1, POINTS, 2)

        labels = {name: value.astype(np.float32) for name, value in values.items()}
        return self.render(digit, values, wobble), {"class": digit, **labels, "wobble": wobble.astype(np.float32)}

    def render(
        self, digit: Array, values: Mapping[str, Array], wobble: Array, dtype: type[np.floating] = np.float32
    ) -> Array:
        """Images (n, 28, 28, 1) in [-1, 1] for given labels: digit (n,), six values (n,) by name, wobble (n, POINTS, 2)."""
        v = {name: np.asarray(values[name], np.float64) for name in _RANGES}
        dots = self._weights[digit] @ (self._points[digit] + wobble) @ _hand(v).mT
        dots += np.stack([v["offset_x"], v["offset_y"]], axis=1)[:, None]
        spacing = self._lengths[digit] * v["scale"] / dots.shape[1]
        return _ink(*(a.astype(dtype) for a in (dots, spacing, v["width"] / 2)))


def factor_directions(strokes: Strokes, labels: Mapping[str, Array], h: float = 1e-4) -> Array:
    """The derivatives of images with respect to FACTORS, (n, 5, 784), per degree or per pixel.

    They are central differences in float64: the error is below 1e-7 of a derivative's length (2e-2 in float32).
    ``labels`` are those of ``batch``.
    """
    digit, wobble = labels["class"], labels["wobble"]

    def moved(name: str, by: float) -> Array:
        values = {**labels, name: labels[name].astype(np.float64) + by}
        return strokes.render(digit, values, wobble, np.float64).reshape(len(digit), -1)

    return np.stack([(moved(name, h) - moved(name, -h)) / (2 * h) for name in FACTORS], axis=1)


def _hand(values: dict[str, Array]) -> Array:
    """scale R(rotation) S(slant), (n, 2, 2). y points down, so S moves the top (y < 0) to the right."""
    turn, lean = np.deg2rad(values["rotation"]), np.tan(np.deg2rad(values["slant"]))
    cos, sin = np.cos(turn), np.sin(turn)
    matrix = np.array([[cos, -sin - lean * cos], [sin, cos - lean * sin]]) * values["scale"]
    return np.moveaxis(matrix, -1, 0)


def _ink(dots: Array, spacing: Array, radius: Array) -> Array:
    """Images (n, 28, 28, 1) of dots (n, M, 2), in pixels from the centre, by the formulas of Strokes, in the dots' dtype."""
    dtype = dots.dtype.type
    spacing, radius = spacing[:, None, None], radius[:, None, None]
    sigma = _SHARPNESS * radius
    pixels = np.arange(SIDE, dtype=dtype) - (SIDE - 1) / 2
    bells = np.exp(-0.5 * ((dots[..., None] - pixels) / sigma[..., None]) ** 2)
    ink = bells[:, :, 1].mT @ bells[:, :, 0] * (spacing / (sigma * dtype(np.sqrt(2 * np.pi))))
    raised = (ink / dtype(np.exp(-0.5 / _SHARPNESS**2))) ** (4 * sigma**2 / radius)
    return (2 * raised / (1 + raised) - 1)[..., None]
