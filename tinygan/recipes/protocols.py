"""What a recipe is, and further capabilities of some recipes: protocols, which other packages test with ``isinstance``."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.scalar import Log
from tinygan.data import Batch, Dataset, Sample
from tinygan.data.captions import Captions


class Recipe(Protocol):
    """One system: its first state and one training step.

    A state is a NamedTuple of arrays, numbers and further tuples. It holds everything that a step changes, so a run that is
    resumed from a state goes on bit for bit. A step returns the new state and the statistics to log; it writes to none of its
    inputs, and all its randomness comes from ``rng``.

    A recipe whose ``RecipeSpec`` has ``device=True`` runs on a GPU without a line of its own, under four rules, because its
    step is recorded once as a graph and then repeated:

    1. A number may be an array without axes that lives on the GPU (``core.scalar.Scalar``). Write ``scalar(x)``, not
       ``float(x)`` or ``x.item()``, which would make the CPU wait.
    2. A new array is made like another one, so that it lives where that does: ``np.zeros(shape, dtype, like=x)``.
    3. No Python branch depends on a value: ``np.where(...)``, not ``if loss > 1``. Branches on settings and shapes are free.
    4. The shapes in a step depend on settings and on the batch's shape only.

    A recipe that cannot keep them says ``device=False`` and trains on the CPU.
    """

    nets: dict[str, Net]  # by the field of the state that holds their weights, in the order of their updates
    batches: int  # batches of data that one step takes

    def init(self, rng: np.random.Generator) -> Any: ...
    def step(self, state: Any, batch: Batch, rng: np.random.Generator) -> tuple[Any, Log]: ...


@runtime_checkable
class Generative(Recipe, Protocol):
    """Generates samples, one from each latent."""

    def latents(self, n: int, rng: np.random.Generator) -> Array: ...
    def sample(self, state: Any, z: Array) -> Array: ...


@runtime_checkable
class SamplesByClass(Generative, Protocol):
    """Generates samples of a given class: ``of_class`` draws their latents."""

    def of_class(self, label: int, n: int, rng: np.random.Generator) -> Array: ...


@runtime_checkable
class SamplesByText(Generative, Protocol):
    """Generates samples from a text: ``of_text`` draws their latents, ``captions`` has the vocabulary."""

    captions: Captions

    def of_text(self, text: str, n: int, rng: np.random.Generator) -> Array: ...


@runtime_checkable
class SamplesByCode(Generative, Protocol):
    """Has latent codes learned without labels: ``code_sweep`` varies one of them, in latents (rows, columns, d)."""

    def code_sweep(self, code: str, rng: np.random.Generator) -> Array: ...


@runtime_checkable
class SamplesInSteps(Generative, Protocol):
    """Generates a sample in T steps: ``canvases`` are the images after each, (N, T, H, W, C)."""

    def canvases(self, state: Any, z: Array) -> Array: ...


@runtime_checkable
class Classifies(Recipe, Protocol):
    """Classifies samples of the kind that it ``expects``: ``read`` returns features and logits."""

    expects: Sample

    def read(self, state: Any, x: Array) -> tuple[Array, Array]: ...


@runtime_checkable
class SemiSupervised(Recipe, Protocol):
    """Trains with ``labels`` labels of each class; the first ``labelled`` samples of a step's batch have one."""

    labels: int
    labelled: int


@runtime_checkable
class LatentTable(Generative, Protocol):
    """Has a latent for each of the first ``images`` images of the data, whose positions come as the label "index".

    The first state is what ``begin`` makes of ``init`` and the data. ``of_index`` are latents that give images of the table.
    """

    images: int

    def begin(self, state: Any, data: Dataset) -> Any: ...
    def of_index(self, state: Any, index: Array) -> Array: ...


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
