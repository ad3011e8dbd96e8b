"""The systems: one file each, which reads like the paper's algorithm box."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.core.scalar import Log
from tinygan.data import Batch, Dataset, Sample
from tinygan.data.captions import Captions
from tinygan.errors import UsageError, nearest
from tinygan.recipes.shared.unconditional import Unconditional
from tinygan.recipes.systems import (
    acgan,
    began,
    cgan,
    classifier,
    cyclegan,
    dcgan,
    dragan,
    draw,
    fgan,
    flow,
    gan,
    gan_cls,
    glo,
    gran,
    hinge,
    infogan,
    lapgan,
    lgan,
    lgan_semi,
    lsgan,
    pcgan,
    r1,
    scratchgan,
    sgan,
    ssgan,
    vae,
    wgan,
    wgan_gp,
)


class Recipe(Protocol):
    """One system: its first state and one training step.

    A state is a NamedTuple of arrays, numbers and further tuples, and holds everything that a step changes.
    """

    nets: dict[str, Net]  # by the state's field that holds their θ, in the order of their updates
    batches: int  # that one step takes from the data

    def init(self, rng: np.random.Generator) -> Any: ...
    def step(self, state: Any, batch: Batch, rng: np.random.Generator) -> tuple[Any, Log]: ...


@runtime_checkable
class Generative(Recipe, Protocol):
    """A system that makes samples, one from each latent."""

    def latents(self, n: int, rng: np.random.Generator) -> Array: ...
    def sample(self, state: Any, z: Array) -> Array: ...


@runtime_checkable
class SamplesByClass(Generative, Protocol):
    """One whose samples can be asked for by class."""

    def of_class(self, label: int, n: int, rng: np.random.Generator) -> Array: ...


@runtime_checkable
class SamplesByText(Generative, Protocol):
    """One whose samples can be asked for by text; its ``captions`` have the words."""

    captions: Captions

    def of_text(self, text: str, n: int, rng: np.random.Generator) -> Array: ...


@runtime_checkable
class SamplesByCode(Generative, Protocol):
    """One whose samples have codes of unknown meaning, each of which can be swept: latents in rows and columns."""

    def code_sweep(self, code: str, rng: np.random.Generator) -> Array: ...


@runtime_checkable
class SamplesInSteps(Generative, Protocol):
    """One that makes a sample in steps: what there is of it after each, (N, T, H, W, C)."""

    def canvases(self, state: Any, z: Array) -> Array: ...


@runtime_checkable
class Classifies(Recipe, Protocol):
    """A system that tells classes: what it ``expects``, and features and logits of samples."""

    expects: Sample

    def read(self, state: Any, x: Array) -> tuple[Array, Array]: ...


@runtime_checkable
class SemiSupervised(Recipe, Protocol):
    """A system that sees ``labels`` labels of each class; a step takes ``labelled`` such samples beside its batch, first."""

    labels: int
    labelled: int


@runtime_checkable
class LatentTable(Generative, Protocol):
    """A system with a latent for each of the first ``images`` images of the data, whose places come as the label "index".

    Its first state is what ``begin`` makes of ``init`` and the data; ``of_index`` are latents that give images of the table.
    """

    images: int

    def begin(self, state: Any, data: Dataset) -> Any: ...
    def of_index(self, state: Any, index: Array) -> Array: ...


class Entry(NamedTuple):
    """A recipe's settings (a dataclass), its class (made from settings and a Sample), one line on it, defaults of the loop."""

    settings: Any
    make: Any
    about: str
    loop: Mapping[str, Any] = MappingProxyType({})
    device: bool = True  # whether its steps can be a CUDA graph


RECIPES = {
    "gan": Entry(
        gan.Settings, Unconditional, "the original: perceptrons, maxout and dropout in D (Goodfellow et al. 2014)"
    ),
    "dcgan": Entry(
        dcgan.Settings, Unconditional, "convolutional GAN for images (Radford et al. 2016), losses by choice"
    ),
    "wgan": Entry(
        wgan.Settings, wgan.WGAN, "Wasserstein distance by a critic of clipped weights (Arjovsky et al. 2017)"
    ),
    "wgan-gp": Entry(
        wgan_gp.Settings, Unconditional, "Wasserstein distance by a gradient penalty (Gulrajani et al. 2017)"
    ),
    "dragan": Entry(
        dragan.Settings, Unconditional, "logistic game, D's slope near 1 around the data (Kodali et al. 2017)"
    ),
    "lsgan": Entry(lsgan.Settings, Unconditional, "least squares in place of logarithms (Mao et al. 2017)"),
    "hinge": Entry(hinge.Settings, Unconditional, "hinge game, spectral normalisation of D (Miyato et al. 2018)"),
    "r1": Entry(r1.Settings, Unconditional, "logistic game, D flat on the data (Mescheder et al. 2018)"),
    "fgan": Entry(
        fgan.Settings, fgan.FGAN, "GAN of any f-divergence: KL, its reverse, Pearson, alpha, … (Nowozin et al. 2016)"
    ),
    "ssgan": Entry(
        ssgan.Settings, ssgan.SSGAN, "residual GAN whose D also tells rotations, unconditional (Chen et al. 2019)"
    ),
    "cgan": Entry(cgan.Settings, cgan.CGAN, "GAN told the class, beside z and beside pixels (Mirza & Osindero 2014)"),
    "acgan": Entry(acgan.Settings, acgan.ACGAN, "GAN told the class, whose D tells it back (Odena et al. 2017)"),
    "pcgan": Entry(
        pcgan.Settings,
        pcgan.PCGAN,
        "residual GAN told the class, by conditional norms and a projection (Miyato & Koyama 2018)",
    ),
    "gan-cls": Entry(
        gan_cls.Settings,
        gan_cls.GANCLS,
        "GAN told a text, whose D sees wrong pairs of image and text (Reed et al. 2016)",
        device=False,
    ),
    "infogan": Entry(
        infogan.Settings, infogan.InfoGAN, "GAN whose D reads codes off images that G was given (Chen et al. 2016)"
    ),
    "began": Entry(
        began.Settings, began.BEGAN, "GAN whose D is an autoencoder, held in balance (Berthelot et al. 2017)"
    ),
    "lapgan": Entry(
        lapgan.Settings, lapgan.LAPGAN, "a game at every level of a Laplacian pyramid (Denton et al. 2015)"
    ),
    "gran": Entry(gran.Settings, gran.GRAN, "GAN whose G paints in steps, looking at what it painted (Im et al. 2016)"),
    "cyclegan": Entry(
        cyclegan.Settings,
        cyclegan.CycleGAN,
        "two translators between domains without pairs (Zhu et al. 2017)",
        device=False,
    ),
    "vae": Entry(vae.Settings, vae.VAE, "autoencoder of binary pixels, a bound on log p(x) (Kingma & Welling 2014)"),
    "flow": Entry(
        flow.Settings, flow.Flow, "points by a net that can be undone, their density known (Dinh et al. 2017)"
    ),
    "scratchgan": Entry(
        scratchgan.Settings,
        scratchgan.ScratchGAN,
        "game over strings by REINFORCE (de Masson d'Autume et al. 2019)",
        device=False,
    ),
    "draw": Entry(draw.Settings, draw.DRAW, "autoencoder that draws in steps, by windows or not (Gregor et al. 2015)"),
    "glo": Entry(
        glo.Settings,
        glo.GLO,
        "no D: a generator and a latent for each image, learnt together (Bojanowski et al. 2018)",
        device=False,
    ),
    "lgan": Entry(
        lgan.Settings, lgan.LGAN, "local generator around every image, orthonormal tangents (Qi et al. 2018)"
    ),
    "sgan": Entry(
        sgan.Settings,
        sgan.SGAN,
        "classifier that learns from few labels beside a GAN (Salimans et al. 2016)",
        device=False,
    ),
    "lgan-semi": Entry(
        lgan_semi.Settings,
        lgan_semi.SemiLGAN,
        "classifier of few labels, flat along the charts of a local generator (Qi et al. 2018)",
        device=False,
    ),
    "classifier": Entry(
        classifier.Settings,
        classifier.ClassifierRecipe,
        "small convolutional classifier, for features to measure generators with",
        {"steps": classifier.STEPS, "batch": 128, "save_every": 500},
        device=False,
    ),
}


def find(name: object) -> Entry:
    """The recipe called ``name``; UsageError names the nearest."""
    if not isinstance(name, str) or name not in RECIPES:
        if "=" in str(name):
            raise UsageError(f"{name!r} is no recipe: each setting has its own --set, as --set a=1 --set b=2")
        raise UsageError(f"unknown recipe {name!r}{nearest(str(name), RECIPES)}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name]
