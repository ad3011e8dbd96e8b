"""Systems whose condition is a class: c = onehot(label)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.core.layer import Array, onehot
from tinygan.core.net import Net
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.recipes.shared.adversarial import AdversarialRecipe


class ClassConditional(AdversarialRecipe):
    """A GAN with a class-conditional generator, and by default a conditional discriminator."""

    conditional_d = True

    def __init__(self, settings: Any, sample: Sample, G: Net, D: Net) -> None:
        super().__init__(settings, sample, G, D)
        self.cond_dim = self.classes = sample.classes

    def condition(self, batch: Batch) -> Array:
        return self.onehot(batch.labels["class"])

    def onehot(self, label: Array) -> Array:
        """(n, classes) of labels (n,)."""
        return onehot(label, self.classes)

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """[c, z] with random classes."""
        return self.with_noise(self.condition_of(rng.integers(self.classes, size=n), rng), rng)

    def of_class(self, label: int, n: int, rng: np.random.Generator) -> Array:
        """[c, z] of one class. Raises UsageError."""
        if not 0 <= label < self.classes:
            raise UsageError(f"there is no class {label}: they are 0 to {self.classes - 1}")
        return self.with_noise(self.condition_of(np.full(n, label), rng), rng)

    def condition_of(self, label: Array, rng: np.random.Generator) -> Array:
        """c (n, cond_dim) for classes (n,)."""
        return self.onehot(label)

    def with_noise(self, c: Array, rng: np.random.Generator) -> Array:
        """[c, z] with new noise."""
        return np.concatenate([c, self.noise(len(c), rng)], axis=1)


def classes(name: str, sample: Sample) -> int:
    """The number of classes of the data. Raises UsageError where there is one only."""
    if sample.classes < 2:
        raise UsageError(f"{name} needs data of at least two classes: this has {sample.classes}")
    return sample.classes
