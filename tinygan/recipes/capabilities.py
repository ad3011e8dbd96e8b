"""What some recipes can do after training or need before it: protocols, which other packages test with ``isinstance``."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.data import Sample
from tinygan.recipes import Generative


@runtime_checkable
class ChecksBatch(Protocol):
    """Does not take every batch size: ``check_batch`` raises UsageError for n samples that it cannot take."""

    def check_batch(self, n: int) -> None: ...


@runtime_checkable
class GaussianLatents(Generative, Protocol):
    """Has a generator G of rows [c, z], c (cond_dim,) and z (latent,) ~ N(0, I); its state has ``G_ema`` and ``G_running``."""

    G: Net
    cond_dim: int

    @property
    def latent(self) -> int: ...


@runtime_checkable
class Discriminates(Generative, Protocol):
    """Has a discriminator: ``discriminate`` are its values (n,) on n samples, in evaluation mode.

    A sample is classified as real where its value is above ``d_boundary``; that is None where D estimates a distance.
    With ``conditional_d``, D needs the condition of a sample too, and ``discriminate`` cannot be used.
    """

    shape: tuple[int, ...]
    conditional_d: bool

    @property
    def d_boundary(self) -> float | None: ...
    def discriminate(self, state: Any, x: Array) -> Array: ...


@runtime_checkable
class LocalCoordinates(Protocol):
    """Has a generator G(x, z) with coordinates z (n, latent) around every image x, G(x, 0) ≈ x.

    In training z ~ N(0, spread² I).
    """

    shape: tuple[int, ...]

    @property
    def latent(self) -> int: ...
    @property
    def spread(self) -> float: ...
    def local(self, state: Any, x: Array, z: Array) -> Array: ...


@runtime_checkable
class Translates(Protocol):
    """Translates between two domains, which a sample of ``shape`` (H, W, 2C) holds side by side in its channels: ``cycles`` are
    two rows of images for each sample, (2n, 4, H, W, C): a, G(a), F(G(a)), b, and b, F(b), G(F(b)), a."""

    shape: tuple[int, ...]

    def cycles(self, state: Any, x: Array) -> Array: ...


@runtime_checkable
class ExtractsFeatures(Protocol):
    """Has a classifier with features, of samples that it ``expects``: ``extractor`` returns it, θ and the running values."""

    expects: Sample

    def extractor(self, state: Any) -> tuple[Any, Array, Array]: ...
