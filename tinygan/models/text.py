"""The nets of text-to-image GANs (Reed et al. 2016, §4.1), based on those of DCGAN.

Each net has its own text embedding φ(t) = LeakyReLU(W t + b), EMBEDDED numbers. In G it is concatenated to z, in D to every
pixel of the smallest feature map, before a 1x1 convolution. There are two differences from the paper. There is no batch norm
after that: right and wrong captions are in different batches, so batch statistics remove a part of their difference. And a
3x3 convolution with twice the channels follows: small images are halved only twice, and a linear map directly after the
text would add up logits of single pixels. Fashion-MNIST, width 16, 1000 steps, one seed: D's logits of right and wrong
captions differ by 1.6 with the norm, 3.1 without it, 5.2 with the 3x3; 74, 83 and 87 % of G's samples have the requested class.
"""

from __future__ import annotations

from tinygan.core.compose import Sequential
from tinygan.core.condition import Conditioned
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.layers import Columns, ConcatCondition, Conv2d, LeakyReLU, Linear, Reshape
from tinygan.layers.conditional import of_row
from tinygan.models import dcgan

EMBEDDED = 64  # 128 in the paper, of a sentence's 1024 numbers


def embedding(words: int) -> Layer:
    """φ: t (N, words) → (N, EMBEDDED)."""
    return Sequential(Linear(words, EMBEDDED), LeakyReLU(0.2))


def generator(shape: tuple[int, ...], words: int, latent: int, width: int) -> Net:
    """[t, z] (N, words + latent) → dcgan's generator of [z, φ(t)] → (N, H, W, C)."""
    joined = Conditioned(Columns(words, words + latent), Columns(0, words), ConcatCondition(embedding(words)))
    return Net(joined, dcgan.generator(shape, latent + EMBEDDED, width).f)


def discriminator(shape: tuple[int, ...], words: int, width: int) -> Net:
    """[x, t] (N, HWC + words) → dcgan's convolutions of x → 1x1 of [h, φ(t)] → 3x3 → linear → the logit (N, 1)."""
    n = dcgan.levels(shape)
    H, W, C = shape[0] >> n, shape[1] >> n, width << n
    joined = Sequential(
        ConcatCondition(embedding(words)),
        Conv2d(C // 2 + EMBEDDED, C, 1),
        LeakyReLU(0.2),
        Conv2d(C, C, 3, pad=1),
        LeakyReLU(0.2),
        Reshape(H * W * C),
        Linear(H * W * C, 1, init=dcgan.INIT),
    )
    return Net(of_row(shape, words, joined, *dcgan.convolutions(shape, width)))
