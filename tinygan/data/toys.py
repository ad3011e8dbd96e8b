"""Two-dimensional toy distributions with a known density: endless, with random access."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray as Array

from tinygan.data.counter_rng import key, normal, uniform

RING = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)  # 8 distinct angles
GRID = np.array([(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)], float)
MIXTURES = {
    "ring": (RING, 0.01),
    "grid": (GRID, 0.05),
}  # centres and standard deviation: Lin et al. 2018 (PacGAN), §4.1

_Draw = tuple[Array, dict[str, Array]]
_Rule = Callable[[Array, Array], _Draw]  # uniforms (n,), normals (n, 2) -> points (n, 2), labels


def _modes(centres: Array, sigma: float) -> _Rule:
    """x = μ_k + σ ε, with k uniform and ε standard normal."""

    def draw(u: Array, noise: Array) -> _Draw:
        mode = (len(centres) * u).astype(np.int64)
        return centres[mode] + sigma * noise, {"class": mode}

    return draw


def _curve(point: Callable[[Array], Array], start: float, stop: float, sigma: float) -> _Rule:
    """x = c(t) + σ ε, with t uniform from start to stop and ε standard normal."""

    def draw(u: Array, noise: Array) -> _Draw:
        t = start + (stop - start) * u
        return point(t) + sigma * noise, {"class": np.zeros(len(u), np.int64), "t": t.astype(np.float32)}

    return draw


def _circle(t: Array) -> Array:
    return np.stack([np.cos(t), np.sin(t)], axis=1)


def _roll(t: Array) -> Array:
    return t[:, None] / 7.5 * _circle(t)


def _moons(sigma: float) -> _Rule:
    """x = c(t) + σ ε on one of two half circles, (cos t, sin t) and (1 − cos t, ½ − sin t), t uniform from 0 to π."""

    def draw(u: Array, noise: Array) -> _Draw:
        second = u >= 0.5
        t = np.pi * ((2 * u) % 1)
        points = np.where(second[:, None], [1.0, 0.5] - _circle(t), _circle(t))
        return points + sigma * noise, {"class": second.astype(np.int64), "t": t.astype(np.float32)}

    return draw


class Distribution(NamedTuple):
    """The number of modes of a distribution, and the rule that draws from it."""

    modes: int
    rule: _Rule


DISTRIBUTIONS = {
    "ring": Distribution(8, _modes(*MIXTURES["ring"])),
    "grid": Distribution(25, _modes(*MIXTURES["grid"])),
    # (t cos t, t sin t), t from 1.5 π to 4.5 π, as in the code of Gulrajani et al. 2017
    "swiss-roll": Distribution(1, _curve(_roll, 1.5 * np.pi, 4.5 * np.pi, 0.25 / 7.5)),
    "moons": Distribution(2, _moons(0.1)),  # scikit-learn's make_moons
    # a manifold without noise, with known tangents and curvature
    "circle": Distribution(1, _curve(_circle, 0.0, 2 * np.pi, 0.0)),
}


def draw(name: str, split: str, seed: int) -> Toy:
    """The data set ``name`` of the registry."""
    return Toy(name, seed, int(split == "test"))


class Toy:
    """Points (n, 2) from one of ``DISTRIBUTIONS``. The label "class" is the index of the mode; a distribution on curves
    also has the label "t", the angle in radians."""

    shape: tuple[int, ...] = (2,)
    size: int | None = None

    def __init__(self, name: str, seed: int = 0, split: int = 0) -> None:
        self.name = name
        self._rule = DISTRIBUTIONS[name].rule
        self.classes = tuple(str(mode) for mode in range(DISTRIBUTIONS[name].modes))
        self._stream = key(seed, split)

    def batch(self, index: Array) -> _Draw:
        """Points (n, 2) float32 and their labels. Sample i of a seed is the same in every batch."""
        u = uniform(self._stream, index, 1)[:, 0]
        points, labels = self._rule(u, normal(self._stream, index, 2, first=1))
        return points.astype(np.float32), labels
