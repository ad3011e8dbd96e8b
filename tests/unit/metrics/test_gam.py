"""The battle: ratios by hand, and a fair referee."""

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.metrics.gam import battle


def logits(wrong, of=10, sign=1):
    """``wrong`` of ``of`` logits with the sign ``−sign``."""
    return np.array([-sign] * wrong + [sign] * (of - wrong), float)


def test_the_ratios_by_hand():
    got = battle(logits(2), logits(2), logits(1, sign=-1), logits(4, sign=-1))
    assert got == (1.0, 0.25, 1)  # D1 is fooled by G2 less than D2 by G1


@pytest.mark.parametrize(
    ("test", "sample", "winner"), [((2, 2), (4, 1), 2), ((2, 2), (3, 3), 0), ((1, 4), (1, 4), 0), ((0, 0), (0, 3), 1)]
)
def test_swapping_the_models_swaps_the_winner(test, sample, winner):
    a, b, c, d = logits(test[0]), logits(test[1]), logits(sample[0], sign=-1), logits(sample[1], sign=-1)
    assert battle(a, b, c, d).winner == winner
    assert battle(b, a, d, c).winner == {0: 0, 1: 2, 2: 1}[winner]


def test_discriminators_unlike_on_real_data_make_a_tie():
    samples = logits(10, 100, -1), logits(40, 100, -1)
    assert battle(logits(20, 100), logits(21, 100), *samples).winner == 1
    assert battle(logits(20, 100), logits(25, 100), *samples).winner == 0
    assert battle(logits(181, 1000), logits(200, 1000), *samples).winner == 0  # 0.905 < 1/1.1, as 1.105 > 1.1
    assert battle(logits(200, 1000), logits(181, 1000), *samples).winner == 0
    assert battle(logits(20, 100), logits(25, 100), *samples, tolerance=0.3).winner == 1


def test_the_ratio_of_no_errors_is_1_and_of_some_to_none_infinite():
    none = logits(0)
    assert battle(none, none, -none, -none) == (1, 1, 0)
    assert battle(logits(1), none, -none, -none).r_test == np.inf


def test_invalid_inputs_are_usage_errors():
    one = np.ones(3)
    with pytest.raises(UsageError, match=r"logits are float64 \(3, 1\); expected real numbers \(n,\)"):
        battle(one[:, None], one, one, one)
    with pytest.raises(UsageError, match=r"logits are \(0,\); expected \(n,\) with n at least 1"):
        battle(one, one[:0], one, one)
    with pytest.raises(UsageError, match="tolerance nan"):
        battle(one, one, one, one, tolerance=np.nan)
