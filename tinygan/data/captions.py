"""Captions built from an image's brightness and the name of its class, such as "dark ankle boot".

A caption is a bag of words (V,): the number of times that each word of the vocabulary occurs. The first word can be
checked on any image, also a generated one, because it depends on pixels only. A classifier checks the others.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy import ndarray as Array

from tinygan.errors import UsageError, nearest

BRIGHTNESS_WORDS = ("dark", "middle", "bright")
BACKGROUND = 0.1  # grey in [0, 1]; darker pixels are background
LISTED = 20  # words of a vocabulary in an error message


def brightness(x: Array) -> Array:
    """Mean grey value of the pixels brighter than BACKGROUND: images x (n, H, W, C) in [-1, 1]  →  (n,) in [0, 1].

    It measures how bright an object on a black background is, independently of its size. It is 0 for a black image.
    """
    g = (x.mean(axis=-1).reshape(len(x), -1) + 1) / 2
    lit = g > BACKGROUND
    total: Array = (g * lit).sum(axis=1) / np.maximum(lit.sum(axis=1), 1)
    return total


class Captions:
    """Captions for images whose classes are called ``names``.

    The first word is "dark" below the brightness ``dark``, "bright" from ``bright`` on, and "middle" between.
    Words are in lower case and separated by spaces. Raises UsageError if there are no names.
    """

    def __init__(self, names: tuple[str, ...], dark: float, bright: float) -> None:
        if not names:
            raise UsageError("captions need class names, and this data has none; choose data whose classes have names")
        self.bins = np.array([dark, bright])
        split = [name.lower().split() for name in names]
        self.vocabulary = tuple(dict.fromkeys([*BRIGHTNESS_WORDS, *(word for words in split for word in words)]))
        self._bright = np.array([self.bag([word]) for word in BRIGHTNESS_WORDS])
        self._named = np.array([self.bag(words) for words in split])

    def bag(self, words: list[str]) -> Array:
        """The bag of words (V,) float32 of a list of words of the vocabulary."""
        count = Counter(words)
        return np.array([count[word] for word in self.vocabulary], np.float32)

    def word(self, x: Array) -> Array:
        """The brightness word of each image, an index (n,) into BRIGHTNESS_WORDS."""
        return np.digitize(brightness(x), self.bins)

    def compose(self, word: Array, label: Array) -> Array:
        """Captions (n, V) from the indices of brightness words (n,) and of classes (n,)."""
        bags: Array = self._bright[word] + self._named[label]
        return bags

    def of(self, x: Array, label: Array) -> Array:
        """Captions (n, V) of images x (n, H, W, C) with classes ``label`` (n,)."""
        return self.compose(self.word(x), label)

    def read(self, text: str) -> Array:
        """The bag of words (V,) of a text. Raises UsageError if the text is empty or has an unknown word."""
        words = text.lower().split()
        unknown = [word for word in words if word not in self.vocabulary]
        if not words or unknown:
            more = len(self.vocabulary) - LISTED
            known = ", ".join(self.vocabulary[:LISTED]) + (f" and {more} more" if more > 0 else "")
            wrong = f"unknown word {unknown[0][:60]!r}{nearest(unknown[0], self.vocabulary)}" if words else "no words"
            raise UsageError(f"{wrong}; expected words of {known}")
        return self.bag(words)
