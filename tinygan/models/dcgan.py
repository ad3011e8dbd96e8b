"""The generator and the discriminator of DCGAN (Radford et al. 2016), for small images.

The image is halved until its sides are odd or 4 (28 → 14 → 7, 32 → 16 → 8 → 4), doubling the channels from ``width``.
Kernels are 4x4 with stride 2; the paper has 5x5. So every output pixel has equally many taps, without a checkerboard pattern.
"""

from __future__ import annotations

from tinygan.core.compose import Sequential
from tinygan.core.init import normal
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import ConcatCondition, Conv2d, ConvTranspose2d, LeakyReLU, Linear, ReLU, Reshape, Tanh
from tinygan.layers.conditional import of_row
from tinygan.models.normalise import Norm, NormG, behind, biased, weight

INIT = normal(0.02)  # Radford et al. 2016, §3


def levels(shape: tuple[int, ...]) -> int:
    """The number of halvings of an image (H, W, C); UsageError if it cannot be halved."""
    if len(shape) != 3 or shape[2] not in (1, 3, 4):
        raise UsageError(
            f"convolutions need images (H, W, C) with C of 1, 3 or 4: the data has samples of shape {shape}"
        )
    H, W, _ = shape
    n = 0
    while H % 2 == 0 and W % 2 == 0 and min(H, W) > 4:
        H, W, n = H // 2, W // 2, n + 1
    if n < 1:
        raise UsageError(f"convolutions need an even height and width above 4: the data has {shape[0]}x{shape[1]}")
    return n


def generator(shape: tuple[int, ...], latent: int, width: int, *, norm: NormG = "batch") -> Net:
    """z (N, latent) → linear → (N, H/2ⁿ, W/2ⁿ, 2ⁿ⁻¹ width) → n transposed convolutions → tanh, (N, H, W, C)."""
    return Net(*deconvolutions(shape, latent, width, norm=norm), Tanh())


def deconvolutions(shape: tuple[int, ...], latent: int, width: int, *, norm: NormG = "batch") -> list[Layer]:
    """(N, latent) → (N, H, W, C): the layers of G before the tanh."""
    n = levels(shape)
    H, W, C = shape[0] >> n, shape[1] >> n, width << (n - 1)
    layers: list[Layer] = [Linear(latent, H * W * C, bias=biased(norm), init=INIT), Reshape(H, W, C)]
    for last in [False] * (n - 1) + [True]:
        out = shape[2] if last else C // 2
        layers += [*behind(C, norm, images=True, std=0.02), ReLU()]
        layers += [ConvTranspose2d(C, out, 4, stride=2, pad=1, bias=last or biased(norm), init=INIT)]
        C = out
    return layers


def discriminator(shape: tuple[int, ...], width: int, *, norm: Norm = "batch", out: int = 1, given: int = 0) -> Net:
    """x (N, H, W, C + given) → n convolutions, normalised except the first → linear, (N, out): the logit, or a code.

    ``given`` is the number of channels beside those of an image. With ``norm="spectral"`` every weight is normalised.
    """
    return Net(*_layers(shape, width, given, norm, out))


def conditional_discriminator(shape: tuple[int, ...], width: int, given: int) -> Net:
    """[x, c] (N, HWC + given) → the discriminator of x with c beside every pixel → the logit (N, 1)."""
    layers = _layers(shape, width, given, "batch", 1)
    return Net(of_row(shape, given, ConcatCondition(Sequential())), *layers)


def _layers(shape: tuple[int, ...], width: int, given: int, norm: Norm, out: int) -> list[Layer]:
    n = levels(shape)
    features = (shape[0] >> n) * (shape[1] >> n) * (width << (n - 1))
    return [
        *convolutions(shape, width, given=given, norm=norm),
        Reshape(features),
        weight(Linear(features, out, init=INIT), norm == "spectral"),
    ]


def convolutions(shape: tuple[int, ...], width: int, *, given: int = 0, norm: Norm = "batch") -> list[Layer]:
    """(N, H, W, C + given) → (N, H/2ⁿ, W/2ⁿ, 2ⁿ⁻¹ width): the layers of D before the linear map."""
    layers: list[Layer] = []
    at = shape[2] + given
    for i in range(levels(shape)):
        C, own = width << i, norm if i or norm == "spectral" else "none"
        layers += [weight(Conv2d(at, C, 4, stride=2, pad=1, bias=biased(own), init=INIT), own == "spectral")]
        layers += [*behind(C, own, images=True, std=0.02), LeakyReLU(0.2)]
        at = C
    return layers
