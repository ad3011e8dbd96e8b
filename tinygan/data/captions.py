"""Captions composed of what is known of an image: a word for its brightness and the name of its class, "dark ankle boot".

A caption is a bag of words (V,): how often each word of the vocabulary stands in it. Its first word can be verified on any
image, a generated one too; a classifier verifies the others.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError, nearest

WORDS = ("dark", "middle", "bright")
LIT = 0.1  # of [0, 1]: what is darker is ground
SHOWN = 20  # words of a vocabulary in a message


def brightness(x: Array) -> Array:
    """The mean grey g > LIT over the pixels that have it, of images x (n, H, W, C) in [-1, 1]  →  (n,) in [0, 1], 0 for none.

    How bright a thing on black ground is, not how large; of a photograph nearly the mean of all pixels.
    """
    g = (x.mean(axis=-1).reshape(len(x), -1) + 1) / 2
    lit = g > LIT
    total: Array = (g * lit).sum(axis=1) / np.maximum(lit.sum(axis=1), 1)
    return total


class Captions:
    """Captions of images of the classes ``names``: dark below the one brightness, bright from the other on, else middle.

    Words are in lower case, parted by spaces. Raises UsageError where there are no names.
    """

    def __init__(self, names: tuple[str, ...], dark: float, bright: float) -> None:
        if not names:
            raise UsageError("captions are composed of the names of classes: the data has none")
        self.bins = np.array([dark, bright])
        split = [name.lower().split() for name in names]
        self.vocabulary = tuple(dict.fromkeys([*WORDS, *(word for words in split for word in words)]))
        self._bright = np.array([self.bag([word]) for word in WORDS])
        self._named = np.array([self.bag(words) for words in split])

    def bag(self, words: list[str]) -> Array:
        """(V,) float32 of words of the vocabulary."""
        count = Counter(words)
        return np.array([count[word] for word in self.vocabulary], np.float32)

    def word(self, x: Array) -> Array:
        """The brightness of images as a number into WORDS (n,)."""
        return np.digitize(brightness(x), self.bins)

    def compose(self, word: Array, label: Array) -> Array:
        """The captions (n, V) of brightness words (n,) and classes (n,), both numbers."""
        bags: Array = self._bright[word] + self._named[label]
        return bags

    def of(self, x: Array, label: Array) -> Array:
        """The captions (n, V) of images x (n, H, W, C) of classes ``label`` (n,)."""
        return self.compose(self.word(x), label)

    def read(self, text: str) -> Array:
        """The bag of words (V,) of a text. UsageError for a word that is none, and for no word."""
        words = text.lower().split()
        unknown = [word for word in words if word not in self.vocabulary]
        if not words or unknown:
            more = len(self.vocabulary) - SHOWN
            known = ", ".join(self.vocabulary[:SHOWN]) + (f" and {more} more" if more > 0 else "")
            wrong = f"unknown word {unknown[0][:60]!r}{nearest(unknown[0], self.vocabulary)}" if words else "no words"
            raise UsageError(f"{wrong}; a text is of the words {known}")
        return self.bag(words)
