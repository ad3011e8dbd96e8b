"""The row filters of PNG against the standard's own words, one byte at a time."""

import numpy as np
import pytest

from tinygan.formats.unfilter import unfilter


@pytest.mark.parametrize("kinds", [[0], [1], [2], [3], [4], [0, 1, 2], [4, 3, 2, 1, 0]])
@pytest.mark.parametrize("unit", [1, 3, 8])
def test_filters_are_reversed_as_a_loop_over_bytes_does(kinds, unit):
    rng = np.random.default_rng(unit)
    kind = np.resize(kinds, 12).astype(np.uint8)
    raw = rng.integers(0, 256, (12, 9, unit), dtype=np.uint8)
    expected = np.zeros((13, 10, unit), int)
    for r, c, k in np.ndindex(raw.shape):
        a, b, corner = int(expected[r + 1, c, k]), int(expected[r, c + 1, k]), int(expected[r, c, k])
        p = a + b - corner
        paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - corner), 2, corner))[2]
        expected[r + 1, c + 1, k] = (int(raw[r, c, k]) + (0, a, b, (a + b) // 2, paeth)[kind[r]]) % 256
    np.testing.assert_array_equal(unfilter(kind, raw), expected[1:, 1:])
