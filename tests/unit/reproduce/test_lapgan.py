"""The experiment of LAPGAN: what it is measured against, and what is said of figures."""

import numpy as np

from tinygan.data import Sample
from tinygan.recipes.systems.lapgan import LAPGAN, Settings
from tinygan.reproduce import Result
from tinygan.reproduce.papers import lapgan


def test_enlarging_keeps_planes_and_reads_between_pixel_centres(rng):
    R = lapgan.bilinear(7, 28)
    assert np.allclose(R.sum(axis=1), 1)
    assert np.allclose((R @ np.arange(7))[2:-2], (np.arange(2, 26) + 0.5) / 4 - 0.5)
    assert np.array_equal(lapgan.bilinear(5, 5), np.eye(5))
    recipe = LAPGAN(Settings(width=2, latent=3), Sample((28, 28, 1)))
    state, z = recipe.init(rng), recipe.latents(3, rng)
    x = lapgan.Enlarged(recipe).sample(state, z)
    assert x.shape == (3, 28, 28, 1)
    coarse = np.clip(recipe.images(state, z)[0], -1, 1)
    assert np.allclose(x[1, :, :, 0], R @ coarse[1, :, :, 0] @ R.T, atol=1e-6)


def test_every_seed_and_every_level_count():
    def said(**other):
        good = {"LAPGAN": 10.0, "enlarged": 20.0, "accuracy": [0.6, 0.7, 0.8], "pyramid": 1e-7}
        return [
            c.what
            for c in lapgan.claims([Result({"seed": i}, good | (other if i else {})) for i in range(3)])
            if not c.met
        ]

    assert said() == []
    assert said(LAPGAN=21.0) == ["LAPGAN / enlarged, largest of the seeds"]
    assert said(accuracy=[0.6, 0.49, 0.86]) == [
        "accuracy of D at 14 pixels, last 500 steps, smallest",
        "accuracy of D at 7 pixels, last 500 steps, largest",
    ]
    assert said(pyramid=2e-6) == ["largest |collapse(build(x)) − x|"]
