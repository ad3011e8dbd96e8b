"""One step of DRAW's encoder and decoder (Gregor et al. 2015, §2.1 and §3), on rows. All steps have the same weights.

A state s = [h, c] (2 width) is that of an LSTM. With ``window`` n > 0 a grid of n x n filters reads and writes (§3.2). With 0
the encoder reads whole images and the decoder writes on the whole canvas (§3.1).
"""

from __future__ import annotations

import math

from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.condition import Conditioned
from tinygan.core.net import Net
from tinygan.layers import Columns, Linear, LSTMCell, LSTMGates, Read, Reshape, Write


def glance(shape: tuple[int, ...], width: int, window: int) -> Net:
    """x (H W C)  →  the input of every step: its part of the LSTM's four gates (4 width), or x itself with windows."""
    return Net() if window else Net(Linear(math.prod(shape), 4 * width, bias=False))


def encoder(shape: tuple[int, ...], latent: int, width: int, window: int) -> Net:
    """[the input of every step, x̂ (H W C), the decoder's h (width), s (2 width)]  →  [s', μ, log σ²] (2 width + 2 latent)."""
    H, W, C = shape
    pixels, state, gates = math.prod(shape), 3 * width, 4 * width
    code = Concat(Sequential(), Sequential(Columns(0, width), Linear(width, 2 * latent)))
    if not window:
        seen = pixels + 2 * width
        others = Sequential(Columns(gates, gates + seen), Linear(seen, gates))
        a = Residual(
            others, Columns(0, gates)
        )  # the pre-activations of the gates: an LSTMCell of [x, x̂, h] in two parts
        return Net(Concat(a, Columns(gates + seen, gates + seen + width)), LSTMGates(width), code)
    x, lack = (Sequential(Columns(i, i + pixels), Reshape(H, W, C)) for i in (0, pixels))
    read = Read(Linear(width, 5), window, (H, W))
    look = Conditioned(Concat(x, lack), Columns(2 * pixels, 2 * pixels + width), read)
    seen = 2 * C * window**2
    row = Concat(Sequential(look, Reshape(seen)), Columns(2 * pixels, 2 * pixels + state))
    return Net(row, LSTMCell(seen + width, width), code)


def decoder(shape: tuple[int, ...], latent: int, width: int, window: int) -> Net:
    """[z (latent), s (2 width)]  →  [s', the increment of the canvas (H W C)]."""
    H, W, C = shape
    pixels = math.prod(shape)
    write = Sequential(Linear(width, pixels))
    if window:
        patch = Sequential(Linear(width, C * window**2), Reshape(window, window, C))
        placed = Conditioned(patch, Sequential(), Write(Linear(width, 5), window, (H, W)))
        write = Sequential(placed, Reshape(pixels))
    return Net(LSTMCell(latent, width), Concat(Sequential(), Sequential(Columns(0, width), write)))
