"""The nets of CycleGAN (Zhu et al. 2017, §7.2), small: a generator that keeps image sizes, and a discriminator of patches."""

from __future__ import annotations

from tinygan.core.compose import Residual, Sequential
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import Conv2d, ConvTranspose2d, InstanceNorm, LeakyReLU, Pad, ReLU, Tanh
from tinygan.models.dcgan import INIT


def translator(size: tuple[int, int], channels: int, width: int, blocks: int) -> Net:
    """x (N, H, W, C) → 7x7 to ``width`` → two halvings, each twice as wide → residual blocks → two doublings → 7x7 → tanh.

    The paper's c7s1-64, d128, d256, R256 …, u128, u64, c7s1-3; all convolutions but the last have an instance norm and a ReLU.
    """
    if size[0] % 4 or size[1] % 4:
        raise UsageError(f"cyclegan needs a height and width that are multiples of 4: the data has {size[0]}x{size[1]}")
    w = width
    layers = [Pad(3), *normed(Conv2d(channels, w, 7, bias=False, init=INIT), w)]
    for c in (w, 2 * w):
        layers += normed(Conv2d(c, 2 * c, 3, stride=2, pad=1, bias=False, init=INIT), 2 * c)
    layers += [Residual(block(4 * w)) for _ in range(blocks)]
    for c in (4 * w, 2 * w):
        up = ConvTranspose2d(c, c // 2, 3, stride=2, pad=1, output_padding=1, bias=False, init=INIT)
        layers += normed(up, c // 2)
    return Net(*layers, Pad(3), Conv2d(w, channels, 7, init=INIT), Tanh())


def normed(f: Layer, channels: int) -> list[Layer]:
    """f, an instance norm, a ReLU."""
    return [f, InstanceNorm(channels), ReLU()]


def block(c: int) -> Layer:
    """Two 3x3 convolutions with mirrored borders; the second has no ReLU."""
    one, two = (Conv2d(c, c, 3, bias=False, init=INIT) for _ in range(2))
    return Sequential(Pad(1), *normed(one, c), Pad(1), two, InstanceNorm(c))


def patches(channels: int, width: int) -> Net:
    """x (N, H, W, C) → logits (N, h, w, 1), each for a patch of 22x22 pixels (PatchGAN, Isola et al. 2017, with 70x70)."""
    w = width
    return Net(
        *(Conv2d(channels, w, 4, stride=2, pad=1, init=INIT), LeakyReLU(0.2)),
        *(Conv2d(w, 2 * w, 4, stride=2, pad=1, bias=False, init=INIT), InstanceNorm(2 * w), LeakyReLU(0.2)),
        Conv2d(2 * w, 1, 4, pad=1, init=INIT),
    )
