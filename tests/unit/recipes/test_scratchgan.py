"""ScratchGAN: strings by uniform numbers, rewards, the estimator held to enumeration, purity; the toy language."""

import itertools

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample, open_data
from tinygan.data.patterns import LENGTH, LETTERS, WORDS, one_hot, strings
from tinygan.errors import UsageError
from tinygan.models import scratch
from tinygan.recipes import Generative
from tinygan.recipes.systems.scratchgan import ScratchGAN, Settings
from tinygan.training.checkpoint import flatten

from ..states import exact

T, TOKENS = 4, 2
ALL = np.eye(TOKENS)[list(itertools.product(range(TOKENS), repeat=T))]  # (16, T, TOKENS)


@pytest.fixture
def system(rng):
    """A recipe of 16 strings and a state whose G has likes and dislikes, in float64."""
    recipe = ScratchGAN(Settings(width_G=5, width_D=4, discount=1.0), Sample((T, TOKENS)))
    state = exact(recipe.init(rng))
    return recipe, state._replace(G=2 * state.G, D=2 * state.D)


def chance(recipe, theta):
    """π(a) of every string, (16,)."""
    logits, _ = recipe.G.forward(theta, scratch.shifted(ALL))
    return (scratch.softmax(logits) * ALL).sum(axis=2).prod(axis=1)


def test_words_are_of_the_two_rules_and_drawn_alike():
    assert len(set(WORDS)) == 40 and {"aaaaabbbbb", "ababababab", "bababababa"} <= set(WORDS)
    data = open_data("patterns")
    x, labels = data.batch(np.arange(8000))
    assert x.shape == (8000, LENGTH, len(LETTERS)) and (x.sum(axis=2) == 1).all()
    assert [WORDS[i] for i in labels["class"][:50]] == strings(x[:50])
    assert abs(np.bincount(labels["class"], minlength=40) - 200).max() <= 60
    assert np.array_equal(data.batch(np.array([7]))[0], x[7:8])
    assert not np.array_equal(open_data("patterns", split="test").batch(np.arange(50))[0], x[:50])
    assert strings(one_hot(WORDS)) == list(WORDS)


def test_a_token_hears_of_no_later_one(system, rng):
    recipe, state = system
    x = np.eye(TOKENS)[rng.integers(TOKENS, size=(3, T))]
    other = x.copy()
    other[:, 2:] = 1 - other[:, 2:]
    for net, theta, seen in ((recipe.G, state.G, scratch.shifted), (recipe.D, state.D, lambda x: x)):
        (a, _), (b, _) = (net.forward(theta, seen(y)) for y in (x, other))
        until = 3 if net is recipe.G else 2
        assert np.array_equal(a[:, :until], b[:, :until]) and not np.allclose(a[:, until:], b[:, until:])


def test_strings_come_as_often_as_their_chance_and_by_their_numbers(system):
    recipe, state = system
    rng = np.random.default_rng(0)
    pi = chance(recipe, state.G)
    assert pi.sum() == pytest.approx(1, rel=1e-12) and pi.max() > 2 * pi.min()
    made = recipe.sample(state, rng.random((40_000, T)))
    counts = np.bincount(made.argmax(axis=2) @ [8, 4, 2, 1], minlength=16)
    assert (np.abs(counts - 40_000 * pi) <= 5 * np.sqrt(40_000 * pi)).all()
    u = rng.random((5, T))
    assert np.array_equal(recipe.sample(state, u)[3:], recipe.sample(state, u[3:]))
    ends = recipe.sample(state, np.array([[0.0] * T, [np.nextafter(1, 0)] * T]))
    assert (ends[0, :, 0] == 1).all() and (ends[1, :, -1] == 1).all()


def test_returns_are_discounted_sums_of_rewards_to_come(system, rng):
    recipe, _ = system
    d = rng.normal(size=(3, T))
    r = 2 / (1 + np.exp(-d)) - 1
    half = ScratchGAN(Settings(discount=0.5), Sample((T, TOKENS)))
    assert np.allclose(recipe.returns(d), r[:, ::-1].cumsum(axis=1)[:, ::-1])
    assert np.allclose(half.returns(d)[:, 1], r[:, 1] + r[:, 2] / 2 + r[:, 3] / 4)
    assert np.allclose(ScratchGAN(Settings(discount=0.0), Sample((T, TOKENS))).returns(d), r)


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_the_estimator_has_the_gradient_of_the_expected_reward_for_its_mean(system, baseline):
    """Σ_a π(a) · estimate of a alone is exactly −∇ Σ_a π(a) R(a), whatever the baseline."""
    recipe, state = system
    rng = np.random.default_rng(0)
    returns = recipe.returns(recipe.D.forward(state.D, ALL)[0][..., 0])
    pi = chance(recipe, state.G)
    # the weight of a string of the batch: n π(a) in place of 1
    mean = recipe.score_gradient(state.G, ALL, 16 * pi[:, None] * (returns - baseline))
    for _ in range(5):
        way, h = rng.normal(size=mean.shape), 1e-6
        up, down = (chance(recipe, state.G + t * way) @ returns[:, 0] for t in (h, -h))
        assert -(up - down) / (2 * h) == pytest.approx(mean @ way, rel=1e-6)


def test_a_step_writes_to_no_input_and_its_baseline_follows(rng):
    recipe = ScratchGAN(Settings(width_G=5, width_D=5, follow=0.25), Sample((LENGTH, len(LETTERS))))
    assert isinstance(recipe, Generative)
    state, x = recipe.init(rng), open_data("patterns").batch(np.arange(6))[0]
    before = {name: np.copy(a) for name, a in flatten(state).items()}
    new, log = recipe.step(state, Batch(x, {}), np.random.default_rng(5))
    assert all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert np.isfinite(list(log.values())).all() and new.G.dtype == np.float32
    made = recipe.sample(state, recipe.latents(6, np.random.default_rng(5)))
    returns = recipe.returns(recipe.D.forward(state.D, made)[0][..., 0])
    assert new.baseline == pytest.approx(0.25 * returns.mean(), rel=1e-5)


def test_the_command_trains_resumes_and_writes_strings(tmp_path, capsys):
    small = ["--data", "patterns", "--batch", "8", "--set", "width_G=4", "--set", "width_D=4"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "scratchgan", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert main(["train", "scratchgan", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["sample", str(in_two), "-n", "3", "--out", str(tmp_path / "words.txt")]) == 0
    words = (tmp_path / "words.txt").read_text().split()
    assert len(words) == 3 and all(len(word) == LENGTH and set(word) <= set(LETTERS) for word in words)
    assert main(["sample", str(in_two), "-n", "3"]) == 0
    assert (
        main(["train", "dcgan", "--steps", "1", "--batch", "2", "--set", "width=2", "--out", str(tmp_path / "c")]) == 0
    )
    capsys.readouterr()
    assert main(["sample", str(tmp_path / "c"), "--out", str(tmp_path / "x.txt")]) == 2
    assert "x.txt: .txt is for strings, and the run makes none" in capsys.readouterr().err
    assert not (tmp_path / "x.txt").exists()


def test_what_is_no_string_is_one_line():
    with pytest.raises(UsageError, match="scratchgan needs strings, one-hot rows of tokens: got samples of 28x28x1"):
        ScratchGAN(Settings(), Sample((28, 28, 1)))


@pytest.mark.parametrize("wrong", [{"width_G": 0}, {"discount": 1.1}, {"follow": -0.1}], ids=str)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
