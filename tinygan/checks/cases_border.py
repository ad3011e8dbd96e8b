"""The part of the table of layers (``cases.py``) whose layers continue an image beyond its borders."""

from __future__ import annotations

from tinygan import layers as L
from tinygan.checks.cases_conditional import Case, Pick
from tinygan.core.layer import Layer


def _pad(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    p, mirror = pick(0, 3), pick(0, 1)
    f = L.Pad(p) if mirror else L.Pad(p, "replicate")
    return f, _image(pick, p + 1 if mirror else 1)


def _blur(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    r = pick(0, 3)  # the radius; 0: the binomial filter, of radius 2
    return (L.Blur(r / 3 - 0.1), _image(pick, r + 1)) if r else (L.Blur(), _image(pick, 3))


def _up(pick: Pick) -> tuple[Layer, tuple[int, ...]]:
    h, w, c = _image(pick, 2)
    return L.PyramidUp((2 * h - pick(0, 1), 2 * w - pick(0, 1)) if pick(0, 1) else None), (h, w, c)


def _image(pick: Pick, least: int) -> tuple[int, ...]:
    return pick(least, least + 4), pick(least, least + 4), pick(1, 3)


BORDER: dict[str, Case] = {
    "Pad": _pad,
    "Blur": _blur,
    "PyramidDown": lambda pick: (L.PyramidDown(), _image(pick, 3)),
    "PyramidUp": _up,
}
