"""The choice of a net's normalisation: of its weights, or of their outputs."""

from __future__ import annotations

from typing import Literal

from tinygan.core.layer import Layer
from tinygan.layers import BatchNorm, GroupNorm, LayerNorm, SpectralNorm
from tinygan.layers.weight import WeightLayer

Norm = Literal["none", "batch", "layer", "spectral"]
NormG = Literal["none", "batch"]  # of a generator


def weight(f: WeightLayer, spectral: bool) -> Layer:
    """f, or f with spectral normalisation."""
    return SpectralNorm(f) if spectral else f


def biased(norm: Norm) -> bool:
    """Whether a weight layer has a bias before ``behind``, which has one of its own."""
    return norm not in ("batch", "layer")


def behind(C: int, norm: Norm, *, images: bool, std: float = 0.0) -> list[Layer]:
    """The layers after a weight layer of C channels. A layer norm of images is over pixels and channels."""
    if norm == "batch":
        return [BatchNorm(C, std=std)]
    if norm == "layer":
        return [GroupNorm(C, 1) if images else LayerNorm(C)]
    return []
