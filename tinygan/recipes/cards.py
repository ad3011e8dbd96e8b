"""A card for every system: its paper, what it minimises, what it was seen to do here."""

from __future__ import annotations

from typing import NamedTuple

RESULTS = "bench/results"  # in the repository


class Card(NamedTuple):
    """A system's ``paper``, its ``objective``, and what was ``shown`` here: a text with a figure, "98.8 % of …".

    The figure is the value of one claim in RESULTS/``file``: of ``experiment``, the one whose name starts with ``claim``.
    A test holds the two together, and the README to ``markdown()``.
    """

    paper: str
    objective: str
    headline: str
    file: str
    experiment: str = ""
    claim: str = ""


GAME = "those of `dcgan`"

CARDS = {
    "gan": Card(
        "Goodfellow et al. 2014",
        f"{GAME}; maxout and dropout in D",
        "V of a trained D is 0.0006 nats off −log 4 + 2 JSD",
        "reproduce/fgan.json",
        "information",
        "N(0, 1), N(1, 1.3²): V off",
    ),
    "dcgan": Card(
        "Radford et al. 2016",
        "minimax, non-saturating, least-squares, hinge, wasserstein; penalties r1, r2, wgan-gp, dragan, orthonormal tangents",
        "7.39 Frechet distance (own features), Fashion-MNIST, 600 steps of 32",
        "reproduce/landscape.json",
        "fashion",
        "non-saturating, none, batch",
    ),
    "wgan": Card(
        "Arjovsky et al. 2017",
        "wasserstein, the critic's weights clipped",
        "20 of 20 seeds finish",
        "reproduce/stability.json",
        "seeds",
        "wgan: seeds",
    ),
    "wgan-gp": Card(
        "Gulrajani et al. 2017",
        "wasserstein, slope 1 between real and generated",
        "997 modes of 1,000 of Stacked-MNIST",
        "reproduce/toys.json",
        "stacked",
        "wgan-gp: modes",
    ),
    "dragan": Card(
        "Kodali et al. 2017",
        "non-saturating, slope 1 around the data",
        "20 of 20 seeds finish",
        "reproduce/stability.json",
        "seeds",
        "dragan: seeds",
    ),
    "lsgan": Card(
        "Mao et al. 2017", "least-squares", "20 of 20 seeds finish", "reproduce/stability.json", "seeds", "lsgan: seeds"
    ),
    "hinge": Card(
        "Miyato et al. 2018",
        "hinge, spectral norms in D",
        "20 of 20 seeds finish",
        "reproduce/stability.json",
        "seeds",
        "hinge: seeds",
    ),
    "r1": Card(
        "Mescheder et al. 2018",
        "non-saturating, D flat on the data",
        "packed by 2: 8 modes of the ring's 8 in every seed",
        "reproduce/toys.json",
        "ring",
        "r1, packed by 2: least modes",
    ),
    "fgan": Card(
        "Nowozin et al. 2016",
        "total variation, KL, reverse KL, Pearson, Neyman, squared Hellinger, Jeffrey, (weighted) Jensen-Shannon, GAN, alpha",
        "a Gaussian fitted by KL is 0.007 off the nearest",
        "reproduce/fgan.json",
        "mixture",
        "kl: μ or σ off",
    ),
    "ssgan": Card(
        "Chen et al. 2019",
        f"{GAME}, and turns told by D; self-modulated norms, attention, orthogonal weights",
        "0.80 of the Frechet distance without turns, CIFAR-10 (JPEG)",
        "reproduce/ssgan.json",
        "cifar",
        "SS-GAN / unconditional",
    ),
    "cgan": Card(
        "Mirza & Osindero 2014",
        f"{GAME}, the class beside z and pixels",
        "0.93 of 5,000-digit MNIST samples are of the class asked for",
        "reproduce/conditional.json",
        "mnist-5k",
        "agreement, cgan",
    ),
    "acgan": Card(
        "Odena et al. 2017",
        f"{GAME}, and the class told by D",
        "0.91 of 5,000-digit MNIST samples are of the class asked for",
        "reproduce/conditional.json",
        "mnist-5k",
        "agreement, acgan",
    ),
    "pcgan": Card(
        "Miyato & Koyama 2018",
        f"{GAME}, projection and conditional norms; attention, hierarchical latents (Brock et al. 2019), orthogonal weights",
        "0.99 of 5,000-digit MNIST samples are of the class asked for",
        "reproduce/conditional.json",
        "mnist-5k",
        "agreement, pcgan",
    ),
    "gan-cls": Card(
        "Reed et al. 2016",
        "logistic, of images and captions, wrong captions too; interpolated captions",
        "86.6 % of images are of the class in their caption, Fashion-MNIST",
        "reproduce/conditional.json",
        "text",
        "class as in the text, %, with (",
    ),
    "infogan": Card(
        "Chen et al. 2016",
        f"{GAME}, and codes read off generated images",
        "88.8 % of drawn digits told apart without labels",
        "reproduce/infogan.json",
        "strokes",
        "accuracy of categories",
    ),
    "began": Card(
        "Berthelot et al. 2017",
        "mean absolute error of an autoencoder, held in balance",
        "variety grows with γ in 3 of 3 seeds",
        "reproduce/began.json",
        "fashion",
        "seeds of 3 where the distance grows",
    ),
    "lapgan": Card(
        "Denton et al. 2015",
        f"{GAME}, at every level of a pyramid",
        "9.16 Frechet distance (own features), Fashion-MNIST; its coarse images enlarged 34.1",
        "reproduce/lapgan.json",
        "fashion",
        "Frechet distance (own features), LAPGAN",
    ),
    "gran": Card(
        "Im et al. 2016",
        f"{GAME}; the canvas painted in T steps",
        "r_sample of 0.53 in battles of T = 3 with T = 1, Fashion-MNIST, none of them decided",
        "reproduce/gran.json",
        "fashion",
        "T = 3 against 1: r_sample",
    ),
    "cyclegan": Card(
        "Zhu et al. 2017",
        "least-squares, of patches; cycles; identity",
        "0.44 of the error of doing nothing, on pairs of Fashion-MNIST and its edges never seen together",
        "reproduce/cyclegan.json",
        "edges",
        "error of both ways over it",
    ),
    "vae": Card(
        "Kingma & Welling 2014",
        "−ELBO: cross-entropy of binary pixels, and KL of the latents",
        "20 of 20 seeds finish",
        "reproduce/stability.json",
        "seeds",
        "vae: seeds",
    ),
    "flow": Card(
        "Dinh et al. 2017",
        "−log p, exact: affine couplings",
        "1.018 nats a point on two moons, 8 Gaussians 1.035",
        "reproduce/flow.json",
        "moons",
        "−log p of fresh points",
    ),
    "scratchgan": Card(
        "de Masson d'Autume et al. 2019",
        "logistic, of each token; REINFORCE with a moving baseline",
        "94.3 % of strings are words of a toy language, without a likelihood",
        "reproduce/scratchgan.json",
        "patterns",
        "strings that are words",
    ),
    "draw": Card(
        "Gregor et al. 2015",
        "−ELBO of a canvas drawn in steps, KL of the latents of each; windows that read and write",
        "5.3 nats better than `vae` as it is (1.3 with its rate chosen), 5,000-digit MNIST",
        "reproduce/draw.json",
        "mnist-5k",
        "T = 10 better than the VAE, nats",
    ),
    "glo": Card(
        "Bojanowski et al. 2018",
        "L1 of Laplacian pyramids, or squares; a latent for each image, learnt in the unit ball",
        "0.042 is the mean error of a pixel in [0, 1], 2,000 images of Fashion-MNIST by 32 numbers each",
        "reproduce/glo.json",
        "fashion",
        "mean |error|",
    ),
    "lgan": Card(
        "Qi et al. 2018",
        "minimax, non-saturating, least-squares, hinge; locality, orthonormal tangents, r1",
        "97.3 % of tangents on the swiss roll within 11.5° of the truth",
        "reproduce/lgan.json",
        "swiss-roll",
        "points with alignment",
    ),
    "sgan": Card(
        "Salimans et al. 2016",
        "K+1 classes from few labels; feature matching; minibatch discrimination, weight norm, virtual batch norm, history",
        "2.7 % error, 10 labels a class, 5,000-digit MNIST",
        "reproduce/semi.json",
        "mnist-5k",
        "error %, K+1 GAN",
    ),
    "lgan-semi": Card(
        "Qi et al. 2018, §4",
        "K+1 classes from few labels; locality, orthonormal tangents, Laplace-Beltrami",
        "8.5 % error, 10 labels a class, 5,000-digit MNIST",
        "reproduce/lgan.json",
        "mnist-5k",
        "error %, LGAN",
    ),
    "classifier": Card(
        "for features to measure with",
        "cross-entropy",
        "93.06 % of Fashion-MNIST's test images told rightly",
        "classifier.jsonl",
    ),
}
