"""DRAW: its bound and the way back through time, noise of its own in each step, the canvas, windows."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample
from tinygan.errors import ShapeError, UsageError
from tinygan.optim import Adam
from tinygan.recipes import Generative, SamplesInSteps
from tinygan.recipes.systems.draw import DRAW, Settings
from tinygan.training.checkpoint import flatten

from ..states import exact

SHAPE, N, T, LATENT = (4, 6, 2), 5, 3, 2
SMALL = {"glimpses": T, "latent": LATENT, "width": 6, "read": 3, "write": 2}


@pytest.fixture(params=[True, False], ids=["windows", "whole images"])
def system(request, rng):
    """A recipe, a state of which no part is zero, and pixels in [0, 1], in float64."""
    recipe = DRAW(Settings(**SMALL, attention=request.param), Sample(SHAPE))
    state = exact(recipe.init(rng))
    moved = {name: getattr(state, name) + 0.2 * rng.normal(size=getattr(state, name).shape) for name in recipe.nets}
    return recipe, state._replace(start=0.3 * rng.normal(size=state.start.shape), **moved), rng.random((N, *SHAPE))


def test_gradients_are_those_of_differences(system, rng):
    recipe, state, x = system
    eps, h = rng.normal(size=(N, T * LATENT)), 1e-5
    bound = recipe.bound(state, x, eps)
    for name in ("X", "E", "G", "start"):
        theta, g = getattr(state, name), getattr(bound, f"g_{name}")
        for _ in range(3):
            way = rng.normal(size=theta.shape)
            up, down = (recipe.bound(state._replace(**{name: theta + t * way}), x, eps).ELBO for t in (h, -h))
            assert (down - up) / (2 * h) == pytest.approx(g @ way, rel=1e-6), name


def test_each_step_has_noise_of_its_own(system):
    recipe, state, x = system
    z = recipe.latents(200, np.random.default_rng(0))
    assert z.shape == (200, T * LATENT)
    steps = recipe.by_step(z)
    assert np.array_equal(np.concatenate(steps, axis=1), z)
    assert all(abs(np.corrcoef(steps[s].ravel(), steps[t].ravel())[0, 1]) < 0.2 for s in range(T) for t in range(s))
    eps = recipe.latents(N, np.random.default_rng(1))
    first = recipe.bound(state, x, eps).reconstruction
    for t in range(T):
        other = eps.copy()
        other[:, t * LATENT : (t + 1) * LATENT] *= -1
        assert recipe.bound(state, x, other).reconstruction != first, "the noise of every step counts"


def test_a_step_draws_its_noise_as_latents_after_its_pixels():
    recipe = DRAW(Settings(**SMALL), Sample(SHAPE))
    x = np.random.default_rng(1).uniform(-1, 1, (N, *SHAPE)).astype(np.float32)
    state, _ = recipe.step(recipe.init(np.random.default_rng(0)), Batch(x, {}), np.random.default_rng(2))
    _, log = recipe.step(state, Batch(x, {}), np.random.default_rng(3))
    same = np.random.default_rng(3)
    bound = recipe.bound(state, recipe.pixels(x, same), recipe.latents(N, same))
    assert recipe.elbo(state, x, np.random.default_rng(3)) == bound.ELBO == log["ELBO"]
    assert log["ELBO"] == -log["reconstruction"] - log["KL"]


def test_kl_is_zero_at_the_prior_and_counts_every_latent_of_every_step(system, rng):
    """½ (μ² + σ² − log σ²) of each latent less T latent / 2, not less ½ a step."""
    recipe, state, x = system
    still = state._replace(E=np.zeros_like(state.E))
    assert recipe.bound(still, x, rng.normal(size=(N, T * LATENT))).KL == 0
    biases = next(a for name, a in recipe.E.view(still.E).items() if name.endswith("b") and a.shape == (2 * LATENT,))
    biases[:] = [2.0] * LATENT + [np.log(3.0)] * LATENT  # μ, log σ²
    value = recipe.bound(still, x, rng.normal(size=(N, T * LATENT))).KL
    assert value == pytest.approx(T * LATENT * (4 + 3 - 1 - np.log(3)) / 2, rel=1e-12)


def test_what_no_step_changes_is_the_start(system, rng):
    """Of a decoder without weights the canvas stays as it began, and log p(x) is that of its pixels."""
    recipe, state, x = system
    still = state._replace(E=np.zeros_like(state.E), G=np.zeros_like(state.G))
    c = state.start[-np.prod(SHAPE) :]
    log_p = (x.reshape(N, -1) * c - np.log1p(np.exp(c))).sum() / N
    value = recipe.bound(still, x, rng.normal(size=(N, T * LATENT))).ELBO
    assert value == pytest.approx(log_p, rel=1e-12)
    assert np.allclose(recipe.sample(still, rng.normal(size=(1, T * LATENT))).ravel(), np.tanh(c / 2), atol=1e-14)


def test_the_canvas_after_a_step_hangs_on_the_latents_up_to_it_alone(system, rng):
    recipe, state, _ = system
    z = rng.normal(size=(N, T * LATENT))
    drawn = recipe.canvases(state, z)
    assert isinstance(recipe, SamplesInSteps)
    assert drawn.shape == (N, T, *SHAPE) and np.array_equal(recipe.sample(state, z), drawn[:, -1])
    for t in range(T):
        other = z.copy()
        other[:, t * LATENT : (t + 1) * LATENT] += 1
        same = (recipe.canvases(state, other) == drawn).swapaxes(0, 1).reshape(T, -1).all(axis=1)
        assert same.tolist() == [s < t for s in range(T)]


def test_the_canvas_begins_where_the_pixels_of_the_first_batch_are():
    recipe = DRAW(Settings(**SMALL, adam=Adam(lr=0.0)), Sample((1, 2, 1)))
    state, rng = recipe.init(np.random.default_rng(0)), np.random.default_rng(1)
    for batch in ([[1, -1], [1, -1], [1, 1]], [[-1, -1]]):  # the second changes nothing
        state, _ = recipe.step(state, Batch(np.array(batch, np.float32).reshape(-1, 1, 2, 1), {}), rng)
        assert state.start[-2:] == pytest.approx([np.log(4), np.log(2 / 3)])
        assert not state.start[:-2].any()


def test_windows_have_the_sizes_that_are_asked_for():
    def inputs(**own):
        recipe = DRAW(Settings(**SMALL | own), Sample(SHAPE))
        X, E, G = (recipe.nets[name].view(recipe.nets[name].init(np.random.default_rng(0))) for name in "XEG")
        sees = [*X.values(), max((a for a in E.values() if a.ndim == 2), key=lambda a: a.shape[1])]
        return sum(a.shape[1] for a in sees), sorted(len(a) for a in G.values() if a.ndim == 2)

    pixels, width = int(np.prod(SHAPE)), SMALL["width"]
    assert inputs() == (3 * 3 * 4 + 2 * width, [5, 2 * 2 * 2, 4 * width])
    assert inputs(read=4, write=1) == (4 * 4 * 4 + 2 * width, [2, 5, 4 * width])
    assert inputs(attention=False) == (2 * pixels + 2 * width, [4 * width, pixels])


@pytest.mark.parametrize(("attention", "steps", "least"), [(False, 100, -8), (True, 40, -16)])
def test_training_raises_the_bound_towards_log_p_of_four_kinds_of_image(attention, steps, least, rng):
    own = Settings(**SMALL | {"width": 16}, attention=attention, binarise="threshold", adam=Adam(lr=1e-2))
    recipe = DRAW(own, Sample(SHAPE))
    kinds = np.repeat(np.repeat(np.sign(rng.normal(size=(4, 2, 3, 2))), 2, axis=1), 2, axis=2).astype(np.float32)
    state = recipe.init(rng)
    first = recipe.elbo(state, kinds, rng)
    for _ in range(steps):
        state, _ = recipe.step(state, Batch(kinds[rng.integers(4, size=32)], {}), rng)
    last = np.mean([recipe.elbo(state, kinds, rng) for _ in range(20)])
    assert first < -30 and least < last < -np.log(4), "the mean of log p(x) over four is at most that"


def test_a_step_writes_to_no_input_and_samples_are_images(rng):
    recipe = DRAW(Settings(**SMALL), Sample((8, 8, 3)))
    state, batch = recipe.init(rng), Batch(rng.uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32), {})
    before, x = {name: a.copy() for name, a in flatten(state).items()}, batch.x.copy()
    new, log = recipe.step(state, batch, rng)
    assert np.array_equal(batch.x, x) and all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(np.isfinite(a).all() and a.dtype == before[name].dtype for name, a in flatten(new).items())
    assert all((getattr(new, name) != getattr(state, name)).any() for name in ("E", "G", "start"))
    assert {"ELBO", "reconstruction", "KL", "grad_E", "grad_G"} == log.keys() and np.isfinite(list(log.values())).all()
    assert isinstance(recipe, Generative)
    images = recipe.sample(new._replace(G=10 * new.G), recipe.latents(3, rng))
    assert images.shape == (3, 8, 8, 3) and images.dtype == np.float32
    assert np.isfinite(images).all() and np.abs(images).max() <= 1


def test_the_command_trains_and_resumes_it_bit_for_bit(tmp_path, capsys):
    small = ["--batch", "4", "--set", "latent=4", "--set", "width=8", "--set", "glimpses=2"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "draw", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert "ELBO" in capsys.readouterr().err
    assert main(["train", "draw", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["sample", str(in_two), "-n", "3"]) == 0


def test_what_is_no_image_of_its_shape_is_one_line(rng):
    with pytest.raises(UsageError, match=r"draw needs images.*points"):
        DRAW(Settings(), Sample((2,)))
    recipe = DRAW(Settings(**SMALL), Sample(SHAPE))
    with pytest.raises(ShapeError, match="draw: expects images of 4x6x2: got 6x4x2"):
        recipe.elbo(recipe.init(rng), np.zeros((N, 6, 4, 2), np.float32), rng)


@pytest.mark.parametrize("name", ["glimpses", "latent", "width", "read", "write"])
@pytest.mark.parametrize("value", [0, 2**20, np.nan], ids=str)
def test_settings_out_of_range_are_refused(name, value):
    with pytest.raises(UsageError, match=name):
        Settings(**{name: value})
