"""The battle of two runs: the four sets of logits, who may fight, what the command says."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Sample, open_data
from tinygan.errors import UsageError
from tinygan.evaluation.battle import Player, fight, player
from tinygan.metrics.gam import battle
from tinygan.objectives.losses import MIDDLE
from tinygan.recipes import RECIPES
from tinygan.sampling.generated import GeneratedDataset

IMAGE = Sample((28, 28, 1), 10)
SMALL = {"latent": 4, "width": 2}
NET = ["--batch", "4", "--set", "width=2", "--set", "latent=4"]


def made(name, seed=0, sample=IMAGE, **options):
    """A player of an untrained system, whose weights are far from zero."""
    entry = RECIPES[name]
    recipe = entry.make(entry.settings(**(SMALL | options)), sample)
    rng = np.random.default_rng(seed)
    state = recipe.init(rng)
    D = state.D + 0.3 * rng.normal(size=state.D.shape).astype(np.float32)
    return player(f"{name} {seed}", recipe, state._replace(D=D))


@pytest.fixture
def test_set():
    return open_data("strokes", split="test")


def test_the_logits_are_each_ones_on_the_test_set_and_on_the_others_samples(test_set):
    a, b = made("dcgan"), made("gran", 1)
    found = fight(a, b, test_set, n=100, seed=3)

    def on(p: Player, x):
        return p.recipe.D.eval(p.state.D_running).forward(p.state.D, x)[0][:, 0]

    x = test_set.batch(np.arange(100))[0]
    of = {p.name: GeneratedDataset(p.name, p.recipe, p.state, 3).batch(np.arange(100))[0] for p in (a, b)}
    for ours, theirs in zip(found, (on(a, x), on(b, x), on(a, of[b.name]), on(b, of[a.name])), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    assert all(len(set(logits.tolist())) > 50 for logits in found), "a constant D would prove nothing"


def test_swapping_the_players_turns_the_ratios_over(test_set):
    a, b = made("dcgan"), made("gran", 1)
    there, back = fight(a, b, test_set, 64), fight(b, a, test_set, 64)
    assert np.array_equal(there.a_test, back.b_test) and np.array_equal(there.a_on_b, back.b_on_a)
    assert np.array_equal(there.b_on_a, back.a_on_b)
    ours, theirs = battle(*fight(a, a, test_set, 64)), battle(*there)
    assert (ours.r_test, ours.r_sample, ours.winner) == (1, 1, 0)
    assert theirs.winner in (0, 1, 2)


def test_a_least_squares_D_decides_halfway_between_its_targets(test_set):
    logistic, squares = made("dcgan"), made("dcgan", loss="least-squares")
    x = fight(logistic, squares, test_set, 32)
    np.testing.assert_allclose(x.a_test - x.b_test, 0.5, atol=1e-6)
    assert MIDDLE["least-squares"] == 0.5


def test_packs_are_judged_as_packs(test_set):
    a, b = made("gan", net="dcgan", dropout=0.0, pack=2), made("dcgan")
    found = fight(a, b, test_set, 64)
    assert len(found.a_test) == len(found.a_on_b) == 32 and len(found.b_test) == 64


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("vae", {}, "has no discriminator of real and generated"),
        ("classifier", {}, "has no discriminator of real and generated"),
        ("cgan", {}, "needs the class or text"),
        ("pcgan", {"width": 4}, "needs the class or text"),
        ("fgan", {}, "estimates a distance"),
        ("wgan", {}, "estimates a distance"),
        ("dcgan", {"loss": "wasserstein"}, "minimax, non-saturating, hinge, least-squares"),
    ],
    ids=str,
)
def test_who_has_no_judge_of_single_images_is_refused(name, options, why):
    entry = RECIPES[name]
    own = {key: value for key, value in (SMALL | options).items() if key in entry.settings.__dataclass_fields__}
    recipe = entry.make(entry.settings(**own), IMAGE)
    with pytest.raises(UsageError, match=why) as refused:
        player("RUN", recipe, recipe.init(np.random.default_rng(0)))
    assert "RUN: " in str(refused.value) and "\n" not in str(refused.value)


def test_samples_of_two_shapes_are_refused(test_set):
    a, small = made("dcgan"), made("dcgan", sample=Sample((8, 8, 1)))
    with pytest.raises(UsageError, match=r"dcgan 0 has samples 28x28x1 and dcgan 0 has 8x8x1"):
        fight(a, small, test_set, 8)
    with pytest.raises(UsageError, match=r"8x8x1 and strokes has 28x28x1"):
        fight(small, small, test_set, 8)
    with pytest.raises(UsageError, match=r"-n is 1 to"):
        fight(a, a, test_set, 0)


@pytest.fixture
def home(tmp_path, monkeypatch, capsys):
    """Runs A of gran, B of dcgan, V of vae."""
    monkeypatch.chdir(tmp_path)
    for name, recipe in (("A", "gran"), ("B", "dcgan"), ("V", "vae")):
        assert main(["train", recipe, "--steps", "2", "--out", name, *NET]) == 0
    capsys.readouterr()
    return tmp_path


def test_the_command_prints_both_ratios_and_the_verdict(home, capsys):
    assert main(["battle", "A", "B", "-n", "40"]) == 0
    first, test, sample, end = capsys.readouterr().out.splitlines()
    assert first.startswith("A against B: 40 samples of each, and 40 of the test split of strokes")
    assert test.startswith("r_test ") and sample.startswith("r_sample ")
    assert "wins" in end or "a tie" in end
    assert main(["battle", "A", "A", "-n", "40"]) == 0
    assert (
        capsys.readouterr().out.splitlines()[-1]
        == "a tie: both discriminators make as many errors on the other's samples"
    )


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        ("A V", 2, "V: it has no discriminator"),
        ("A B --data ring", 2, "A has samples 28x28x1 and ring has 2"),
        ("A B --data rong", 2, "did you mean ring?"),
        ("A nowhere", 4, "nowhere holds no run"),
        ("A B -n 0", 2, "-n is 1 to"),
        ("A B --tolerance -1", 2, "--seed and --tolerance are at least 0"),
    ],
)
def test_a_mistake_is_one_line(words, status, line, home, capsys):
    assert main(["battle", *words.split()]) == status
    error = capsys.readouterr().err
    assert line in error and error.count("\n") == 1


def test_runs_of_two_data_sets_need_the_data_to_be_named(home, capsys):
    text = (home / "B/config.toml").read_text()
    (home / "B/config.toml").write_text(text.replace('data = "strokes"', 'data = "digits"'))
    assert main(["battle", "A", "B"]) == 2
    assert (
        "A and B were trained on different data, digits and strokes: choose one with --data NAME"
        in capsys.readouterr().err
    )
    assert main(["battle", "A", "B", "--data", "strokes", "-n", "20"]) == 0
