"""One step of DRAW's encoder and decoder (Gregor et al. 2015, §2.1 and §3): rows in, rows out, one weight for all steps.

A state s = [h, c] (2 width) is an LSTM's. With ``window`` n > 0 a grid of n x n filters reads and writes (§3.2); with 0 the
encoder sees whole images and the decoder writes all of the canvas (§3.1).
"""

from __future__ import annotations

import math

from tinygan.compose import Concat, Sequential
from tinygan.condition import Conditioned
from tinygan.layers import Columns, Linear, LSTMCell, Read, Reshape, Write
from tinygan.layers.conditional import of_row
from tinygan.net import Net


def encoder(shape: tuple[int, ...], latent: int, width: int, window: int) -> Net:
    """[x beside x̂ (H, W, 2C), the decoder's h (width), s (2 width)]  →  [s', μ, log σ²] (2 width + 2 latent)."""
    H, W, C = shape
    code = Concat(Sequential(), Sequential(Columns(0, width), Linear(width, 2 * latent)))
    pixels = 2 * math.prod(shape)
    if not window:
        return Net(LSTMCell(pixels + width, width), code)
    seen = 2 * C * window**2
    read = of_row((H, W, 2 * C), width, Read(Linear(width, 5), window, (H, W)))
    look = Concat(Sequential(read, Reshape(seen)), Columns(pixels, pixels + 3 * width))
    return Net(look, LSTMCell(seen + width, width), code)


def decoder(shape: tuple[int, ...], latent: int, width: int, window: int) -> Net:
    """[z (latent), s (2 width)]  →  [s', what is added to the canvas (H W C)]."""
    H, W, C = shape
    pixels = math.prod(shape)
    write = Sequential(Linear(width, pixels))
    if window:
        patch = Sequential(Linear(width, C * window**2), Reshape(window, window, C))
        placed = Conditioned(patch, Sequential(), Write(Linear(width, 5), window, (H, W)))
        write = Sequential(placed, Reshape(pixels))
    return Net(LSTMCell(latent, width), Concat(Sequential(), Sequential(Columns(0, width), write)))
