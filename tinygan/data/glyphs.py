"""The ten digits as pen strokes: control points, splines through them, and dots along the curves.

A stroke is a Catmull-Rom spline: between neighbours P[i], P[i+1] it is the cubic with those ends and the tangents
(P[i+1] - P[i-1]) / 2 and (P[i+2] - P[i]) / 2 (Catmull and Rom 1974). So every dot on the curve is a fixed linear
combination of the control points, and a deformed digit is one matrix product: dots = W @ points.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

DOTS = 72  # along one digit; at most 1 pixel apart on the longest curve, the 8

# Control points "x,y" in pixels from the centre, x to the right, y down; a digit is 17 pixels high. Then the strokes,
# which refer to points by their index (hexadecimal). A stroke that ends at its start is a smooth loop. Two strokes meet
# in a corner.
_DIGITS = (
    ("0.8,-8.5 -3.2,-6.6 -5.2,-1.2 -4.2,5.2 -0.6,8.5 3.4,6.6 5.2,0.8 4.2,-5.4", "012345670"),
    ("-2.6,-5.4 0.4,-8.5 0.4,0.0 0.4,8.5", "01 123"),
    ("-4.6,-4.8 -3.0,-7.8 0.6,-8.5 4.0,-6.2 3.4,-1.8 -0.4,3.4 -5.0,8.2 0.2,8.0 5.4,8.3", "0123456 678"),
    ("-4.4,-6.8 -0.6,-8.5 3.4,-7.2 3.4,-3.2 -0.6,-0.8 3.9,0.8 5.0,4.4 2.2,7.7 -1.8,8.5 -5.0,6.6", "01234 456789"),
    ("-2.6,-8.5 -3.9,-3.4 -5.4,2.0 0.2,1.9 5.8,1.6 3.2,-6.0 2.7,1.0 2.2,8.5", "012 234 567"),
    (
        "4.8,-8.3 0.8,-8.3 -3.2,-8.1 -3.6,-4.8 -4.0,-1.4 0.0,-2.6 3.8,-0.6 4.6,3.6 2.0,7.5 -1.8,8.5 -5.0,7.0",
        "012 234 456789a",
    ),
    ("3.0,-8.5 -1.2,-5.6 -4.1,-0.8 -4.8,4.2 -2.2,7.9 1.8,8.1 4.8,5.0 3.7,1.0 -0.2,0.2 -4.0,3.4", "0123456789"),
    ("-5.0,-7.8 0.0,-8.1 5.0,-8.3 2.4,-2.8 0.0,2.8 -1.6,8.5", "012 2345"),
    (
        "0.4,-8.6 -3.6,-7.0 -3.6,-3.4 0.0,-0.6 4.3,2.6 4.3,6.6 0.0,8.7 -4.3,6.6 -4.3,2.8 3.8,-3.6 4.0,-7.0",
        "01234567839a0",
    ),
    ("4.2,-4.6 1.7,-8.2 -2.7,-7.9 -4.9,-4.3 -3.1,-0.6 1.0,-0.5 3.9,1.6 2.2,8.5", "0123450 067"),
)

POINTS = max(len(points.split()) for points, _ in _DIGITS)


def _spline(stroke: str, steps: int = 32) -> Array:
    """Weights (rows, POINTS) of the control points along one stroke: ``steps`` rows per segment, and one for its end."""
    at = np.eye(POINTS)[[int(name, 16) for name in stroke]]
    before, after = (at[-2], at[1]) if stroke[0] == stroke[-1] else (at[0], at[-1])
    padded = np.vstack([before, at, after])
    a, b = at[:-1, None], at[1:, None]
    slope = (padded[2:] - padded[:-2]) / 2
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    h = t * t * (3 - 2 * t)  # Hermite: from a to b
    rows = (1 - h) * a + h * b + t * (1 - t) ** 2 * slope[:-1, None] - t * t * (1 - t) * slope[1:, None]
    return np.vstack([rows.reshape(-1, POINTS), at[-1]])


def _dots(points: Array, strokes: str) -> tuple[Array, float]:
    """Weights (DOTS, POINTS) of dots equally spaced in arc length over all strokes, and the total length in pixels."""
    curves = [_spline(stroke) for stroke in strokes.split()]
    steps = [np.linalg.norm(np.diff(curve @ points, axis=0), axis=1) for curve in curves]
    travelled = np.cumsum(
        np.concatenate([np.append(0, step) for step in steps])
    )  # the gap between strokes has no length
    rows, length = np.vstack(curves), travelled[-1]
    middles = (np.arange(DOTS) + 0.5) / DOTS * length
    return np.stack([np.interp(middles, travelled, column) for column in rows.T], axis=1), length


def alphabet() -> tuple[Array, Array, Array]:
    """Control points (10, POINTS, 2) in pixels, weights (10, DOTS, POINTS), and lengths (10,) in pixels."""
    padded = np.zeros((len(_DIGITS), POINTS, 2))
    dots = []
    for digit, (points, strokes) in enumerate(_DIGITS):
        pairs = [pair.split(",") for pair in points.split()]
        padded[digit, : len(pairs)] = np.array(pairs, float)
        dots.append(_dots(padded[digit], strokes))
    weights, lengths = zip(*dots, strict=True)
    return padded, np.stack(weights), np.array(lengths)
