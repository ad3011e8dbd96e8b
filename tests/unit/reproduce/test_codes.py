"""The experiments of InfoGAN and of BEGAN: what is read off a training, and what is said of figures."""

import numpy as np
import pytest

from tinygan.data import Sample
from tinygan.recipes.systems.infogan import InfoGAN, Settings
from tinygan.reproduce import Result, Work
from tinygan.reproduce.papers import began, infogan
from tinygan.training.interrupt import Interrupt


def test_a_correlation_within_groups_ignores_differences_between_groups(rng):
    group = np.repeat([0, 2, 5], 200)
    a = rng.normal(size=600)
    b = 3 * a + 100 * group
    assert infogan.correlation(a, b, group) == pytest.approx(1)
    assert infogan.correlation(a, -b, group) == pytest.approx(-1)
    assert abs(infogan.correlation(a + 100 * group, rng.normal(size=600) + 100 * group, group)) <= 0.15


def test_by_category_a_code_may_have_another_sign_in_each(rng):
    group = np.repeat([0, 2], 300)
    a = rng.normal(size=600)
    b = np.where(group, -a, a)
    assert infogan.by_category(a, b, group) == pytest.approx(1)
    assert abs(infogan.correlation(a, b, group)) <= 0.1


def test_a_probe_finds_a_category_only_if_images_depend_on_it(rng):
    recipe = InfoGAN(Settings(width=4, latent=2), Sample((28, 28, 1)))
    state = recipe.init(rng)
    category = rng.integers(10, size=1000)
    plain = rng.normal(scale=0.1, size=(1000, 28, 28, 1)).astype(np.float32)
    shown = plain.copy()
    shown[np.arange(1000), 2 * category] += 1  # a line at a height of its own
    assert infogan.probed(recipe, state, shown, category) >= 1.5
    assert infogan.probed(recipe, state, plain, category) <= 0.1


def informed(accuracy, L_I, slant, width, control):
    figures = {"L_I": L_I, "L_I by a probe": L_I, "accuracy": accuracy, "slant": slant, "width": width}
    figures |= {"slant by category": [0.0], "width by category": [0.0]}
    results = [Result({"codes": infogan.WITH, "seed": 0}, figures)]
    results.append(Result({"codes": infogan.WITHOUT, "seed": 0}, {"L_I by a probe": control}))
    return [claim.met for claim in infogan.claims(results) if claim.sign]


def test_a_code_may_control_slant_or_width_and_the_control_has_no_information():
    assert informed(0.9, 2.2, [-0.9, 0.1], [0.1, 0.2], 0.1) == [True, True, True, True]
    assert informed(0.9, 2.2, [0.1, 0.2], [0.0, 0.8], 0.4) == [True, False, True, True]
    assert informed(0.7, 1.9, [0.6, 0.5], [0.3, -0.69], 0.1) == [False, True, False, False]


def balanced(distances, **other):
    figures = {"M at 200": 1.0, "M at the end": 0.5, "balance": 0.04, "balance of means": 0.0, "k": [0.1, 0.2]} | other
    results = [
        Result({"ratio": ratio, "seed": seed}, figures | {"distance": distance})
        for ratio, distance in zip(began.RATIOS, distances, strict=True)
        for seed in began.SEEDS
    ]
    return [claim.met for claim in began.claims(results) if claim.sign]


def test_balance_k_M_and_the_order_of_distances_have_bounds_for_each_gamma():
    assert all(balanced([1.0, 2.0, 3.0]))
    assert balanced([1.0, 3.0, 2.0])[-1] is False and all(balanced([1.0, 3.0, 2.0])[:-1])
    for wrong in ({"M at the end": 0.61}, {"balance": 0.051}, {"k": [0.0, 0.2]}, {"k": [0.1, 1.0]}):
        met = balanced([1.0, 2.0, 3.0], **wrong)
        assert met.count(False) == len(began.RATIOS) and met[-1]


def test_statistics_are_those_of_every_tick_of_a_training(tmp_path):
    work = Work(tmp_path, tmp_path, Interrupt(), {})
    options = {"steps": 3, "batch": 4, "log_every": 1, "settings": {"width": 2, "latent": 2}}
    lines = work.statistics("began", "strokes", **options)
    assert [line["step"] for line in lines] == [1, 2, 3] and lines[0]["k"] == 0
    _, state = work.train("began", "strokes", **options)
    assert state.G_memory.t == 3
