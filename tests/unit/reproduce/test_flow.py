"""The experiment of the flow: densities that it is held to, and what is said of figures."""

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.reproduce import Result
from tinygan.reproduce.papers import flow


@pytest.mark.slow
def test_the_density_of_the_moons_has_mass_one_and_is_that_of_the_set():
    across, up = np.arange(-1.6, 2.6, 0.02), np.arange(-1.2, 1.7, 0.02)
    plane = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    p = np.exp(flow.log_moons(plane))
    assert p.sum() * 0.02**2 == pytest.approx(1, abs=2e-3)
    x, _ = open_data("moons").batch(np.arange(20_000))
    for f in (lambda x: x[:, 0], lambda x: x[:, 1] ** 2, lambda x: np.cos(3 * x[:, 0] * x[:, 1])):
        assert f(x).mean() == pytest.approx((f(plane) * p).sum() * 0.02**2, abs=0.02)


def test_expectation_maximisation_finds_a_mixture(rng, monkeypatch):
    monkeypatch.setattr(flow, "GAUSSIANS", 2)
    monkeypatch.setattr(flow, "ROUNDS", 50)
    root = np.array([[0.3, 0.0], [0.2, 0.1]])
    x = np.concatenate([rng.normal(size=(3000, 2)) @ root.T, rng.normal(size=(1000, 2)) * 0.2 + [3, 1]])
    log_w, means, covariances = flow.fitted(x.astype(np.float32), rng)
    order = np.argsort(means[:, 0])
    assert np.allclose(np.exp(log_w[order]), [0.75, 0.25], atol=0.01)
    assert np.allclose(means[order], [[0, 0], [3, 1]], atol=0.03)
    assert np.allclose(covariances[order], [root @ root.T, 0.04 * np.eye(2)], atol=0.01)


def test_every_seed_must_beat_the_mixture_and_be_inverted():
    def said(NLL, apart):
        figures = {"of the mixture": 1.03, "of the truth": 1.0, "undone": 9e-7, "undone, float64": apart}
        return [
            c.met for c in flow.claims([Result({"seed": i}, figures | {"NLL": n}) for i, n in enumerate(NLL)]) if c.sign
        ]

    assert said([1.01, 1.02, 1.0], 1e-12) == [True, True, True]
    assert said([1.01, 1.04, 1.0], 1e-12) == [False, True, True]
    assert said([1.01, 1.02, 1.0], 2e-6) == [True, False, True]
