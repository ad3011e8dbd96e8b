"""The experiments of CycleGAN: what is measured, and what is said of figures."""

import numpy as np
import pytest

from tinygan.data import Sample
from tinygan.recipes.systems.cyclegan import CycleGAN, Settings
from tinygan.reproduce import Result
from tinygan.reproduce.papers import cyclegan


class Pairs:
    size, shape = 12, (12, 8, 2)

    def batch(self, index):
        return np.random.default_rng(0).uniform(-1, 1, (len(index), *self.shape)).astype(np.float32), {}


def test_errors_are_of_pixels_against_the_truth_each_way(tmp_path, rng):
    recipe = CycleGAN(Settings(width=2, blocks=0), Sample((12, 8, 2)))
    state = recipe.init(rng)

    class Work:
        pictures = tmp_path

        def train(self, *a, **k):
            return recipe, state

        def open(self, *a):
            return Pairs()

    two = cyclegan.EXPERIMENTS[0].run.args[0]
    figures = cyclegan.run(two, {"seed": 0}, Work())
    x, _ = Pairs().batch(np.arange(12))
    a, b = (x + 1)[..., :1] / 2, (x + 1)[..., 1:] / 2
    to_B, to_A = ((f(state, 2 * v - 1) + 1) / 2 for f, v in ((recipe.to_B, a), (recipe.to_A, b)))
    assert figures["identity"] == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
    assert figures["A to B"] == pytest.approx(np.abs(to_B - b).mean(), rel=1e-5)
    assert figures["B to A"] == pytest.approx(np.abs(to_A - a).mean(), rel=1e-5)
    assert len(list(tmp_path.glob("*.png"))) == 1


def test_the_bounds_are_for_both_directions_and_the_cycle():
    def said(**figures):
        results = [Result({"seed": 0}, {"identity": 0.2, "A to B": 0.05, "B to A": 0.1, "cycle": 0.07} | figures)]
        return [claim.met for claim in cyclegan.EXPERIMENTS[0].claims(results) if claim.sign]

    assert said() == [True, True]
    assert said(**{"B to A": 0.16}) == [False, True]
    assert said(cycle=0.09) == [True, False]
