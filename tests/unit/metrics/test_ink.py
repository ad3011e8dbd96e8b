"""Slant and pen width estimated from images: exact for drawn bars, close to the labels of synthetic digits."""

import numpy as np
import pytest

from tinygan.data.strokes import Strokes
from tinygan.errors import UsageError
from tinygan.metrics import ink


def bar(lean, wide, side=64, high=40):
    """A bar of ``high`` rows, slanted to the right by ``lean`` degrees and ``wide`` pixels across, anti-aliased."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    across = (x + y * np.tan(np.radians(lean))) * np.cos(np.radians(lean))  # the distance from the axis; y points down
    inked = np.clip(wide / 2 - np.abs(across) + 0.5, 0, 1) * (np.abs(y) < high / 2)
    return (2 * inked - 1)[None, ..., None]


@pytest.mark.parametrize("lean", [-30, -8, 0, 15, 40])
@pytest.mark.parametrize("wide", [2.0, 3.5])
def test_slant_and_width_of_a_bar_are_those_it_was_drawn_with(lean, wide):
    length, end = 40 / np.cos(np.radians(lean)), wide / np.cos(np.radians(lean))
    assert ink.slant(bar(lean, wide))[0] == pytest.approx(lean, abs=0.5)
    assert ink.width(bar(lean, wide))[0] == pytest.approx(
        length * wide / (length + end), rel=0.1
    )  # its ends belong to the perimeter
    assert ink.width(bar(lean, wide)) == pytest.approx(ink.width(bar(-lean, wide)), rel=1e-6)
    assert ink.slant(bar(lean, wide)[:, :, ::-1])[0] == pytest.approx(-lean, abs=0.5)


def test_slant_and_width_of_digits_agree_with_their_labels():
    x, labels = Strokes(0).batch(np.arange(2000))
    leans = labels["slant"] + labels["rotation"]
    for measured, truth in ((ink.slant(x), leans), (ink.width(x), labels["width"])):
        each = [np.corrcoef(measured[labels["class"] == k], truth[labels["class"] == k])[0, 1] for k in range(10)]
        assert np.mean(each) >= 0.95, each
    assert abs(ink.width(x).mean() - labels["width"].mean()) <= 0.1


def test_a_black_image_has_slant_and_width_0_and_a_colour_image_is_refused():
    empty = -np.ones((2, 8, 8, 1))
    assert not ink.slant(empty).any() and not ink.width(empty).any()
    with pytest.raises(UsageError, match="grey images"):
        ink.slant(np.zeros((1, 8, 8, 3)))
