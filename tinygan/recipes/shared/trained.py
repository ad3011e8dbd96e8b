"""What a GAN of one generator and one discriminator offers after training: samples, latents, D's values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.objectives.losses import MIDDLE


class TrainedGAN:
    """The part of ``AdversarialRecipe`` that samples and classifies."""

    settings: Any
    shape: tuple[int, ...]
    G: Net
    D: Net
    cond_dim = 0  # numbers in the condition of a sample
    conditional_d = False  # whether D gets the condition

    @property
    def latent(self) -> int:
        """The size of z."""
        size: int = self.settings.latent
        return size

    @property
    def d_boundary(self) -> float | None:
        """The value of D between "generated" and "real"; None for a loss whose D estimates a distance."""
        return MIDDLE.get(self.settings.loss)

    def discriminate(self, state: Any, x: Array) -> Array:
        """D's values (n,) on samples x, with running statistics; (n / pack,) where D classifies packs."""
        D, c = self.D.eval(state.D_running), np.zeros((len(x), 0), x.dtype)
        return D.forward(state.D, self.d_view(x, c))[0][:, 0]

    def d_view(self, x: Array, c: Array) -> Array:
        """D's input: images, followed in one row by their conditions where D is conditional."""
        return np.concatenate([x.reshape(len(x), -1), c], axis=1) if self.conditional_d else x

    def d_view_adjoint(self, g: Array) -> Array:
        """The adjoint of ``d_view`` in the images."""
        return g[:, : math.prod(self.shape)].reshape(-1, *self.shape) if self.conditional_d else g

    def noise(self, n: int, rng: np.random.Generator) -> Array:
        """z ~ N(0, I), (n, latent)."""
        return rng.standard_normal((n, self.settings.latent), np.float32)

    def latents(self, n: int, rng: np.random.Generator) -> Array:
        """The inputs of G for n samples, [c, z] (n, cond_dim + latent)."""
        return self.noise(n, rng)

    def sample(self, state: Any, z: Array) -> Array:
        """Images (n, H, W, C) in [-1, 1], with averaged weights and running statistics."""
        return self.G.eval(state.G_running).forward(state.G_ema, z)[0]
