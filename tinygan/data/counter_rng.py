"""A counter-based random number generator: draw j of sample i under key k is a hash of (k, i, j).

There is no state, so a sample is the same in any order and in any batch.
The hash is the finaliser of SplitMix64, chained over the words (Steele, Lea and Flood 2014, figure 16):

    mix(z):  z ^= z >> 30;  z *= 0xbf58476d1ce4e5b9;  z ^= z >> 27;  z *= 0x94d049bb133111eb;  z ^= z >> 31
    hash(w1, ..., wn) = mix(hash(w1, ..., w[n-1]) + wn * 0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15)       (mod 2**64)
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def key(*words: int) -> Array:
    """The hash of integers such as a seed and a split, shape (1,), uint64."""
    state = np.zeros(1, np.uint64)
    for word in words:
        state = _absorb(state, np.array([word % 2**64], np.uint64))
    return state


def uniform(stream: Array, index: Array, count: int, first: int = 0) -> Array:
    """Draws first, ..., first + count - 1 of the samples ``index`` (n,): float64 (n, count), uniform in [0, 1)."""
    samples = _absorb(stream, np.asarray(index, np.int64).astype(np.uint64))
    words = _absorb(samples[:, None], np.arange(first, first + count, dtype=np.uint64))
    return (words >> np.uint64(11)) * 2.0**-53


def normal(stream: Array, index: Array, count: int, first: int = 0) -> Array:
    """Standard normal draws (n, count) by Box-Muller, √(-2 ln(1-u)) cos 2πv; uses the 2 count uniform draws from
    ``first`` on."""
    u, v = np.split(uniform(stream, index, 2 * count, first), 2, axis=1)
    return np.sqrt(-2 * np.log1p(-u)) * np.cos(2 * np.pi * v)


def _absorb(state: Array, word: Array) -> Array:
    z = state + word * _GOLDEN + _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
