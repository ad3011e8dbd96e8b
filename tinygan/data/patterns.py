"""A toy language with a known grammar: an endless set of words of ten letters.

For two different letters x, y of "abcde" a word is xyxyxyxyxy or xxxxxyyyyy. These 40 words are equally likely, out of
the 9,765,625 strings of that length.
"""

from __future__ import annotations

import numpy as np
from numpy import ndarray as Array

from tinygan.data.counter_rng import key, uniform

LETTERS, LENGTH = "abcde", 10
PAIRS = [(x, y) for x in LETTERS for y in LETTERS if x != y]
WORDS = tuple(x * 5 + y * 5 for x, y in PAIRS) + tuple((x + y) * 5 for x, y in PAIRS)


def one_hot(words: tuple[str, ...]) -> Array:
    """One-hot encoding of n words, (n, LENGTH, number of letters) float32."""
    return np.eye(len(LETTERS), dtype=np.float32)[[[LETTERS.index(letter) for letter in word] for word in words]]


def strings(x: Array) -> list[str]:
    """Decode by the largest value of each row: (n, T, number of letters) → n strings."""
    return ["".join(LETTERS[i] for i in word) for word in x.argmax(axis=2).tolist()]


def draw(name: str, split: str, seed: int) -> Patterns:
    """The data set ``name`` of the registry."""
    return Patterns(seed, int(split == "test"))


class Patterns:
    """One-hot words (10, 5). The label "class" is the index of the word in WORDS."""

    name, classes = "patterns", WORDS
    shape: tuple[int, ...] = (LENGTH, len(LETTERS))
    size: int | None = None

    def __init__(self, seed: int = 0, split: int = 0) -> None:
        self._stream, self._words = key(seed, split), one_hot(WORDS)

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        """Words (n, 10, 5) float32 and their labels. Sample i of a seed is the same in every batch."""
        which = (len(WORDS) * uniform(self._stream, index, 1)[:, 0]).astype(np.int64)
        return self._words[which], {"class": which}
