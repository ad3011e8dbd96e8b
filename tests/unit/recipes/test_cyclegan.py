"""CycleGAN: its two domains, its gradients through both translators, its pools, its pictures, purity."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import Batch, Sample, open_data
from tinygan.data.pairs import Pairs, edges, halved, same
from tinygan.errors import UsageError
from tinygan.images.grid import picture_of
from tinygan.models.cyclegan import patches, translator
from tinygan.recipes.systems.cyclegan import CycleGAN, Settings, mean_absolute
from tinygan.training.checkpoint import flatten

from ..states import exact

SHAPE, N = (12, 8, 2), 3
SMALL = {"width": 2, "blocks": 1}


@pytest.fixture
def system(rng):
    recipe = CycleGAN(Settings(**SMALL), Sample(SHAPE))
    return recipe, recipe.init(rng), Batch(rng.uniform(-1, 1, (N, *SHAPE)).astype(np.float32), {})


def test_edges_are_where_a_picture_changes_and_white_at_a_step():
    x = np.full((1, 6, 6, 1), -1.0)
    x[:, :, 3:] = 1
    e = edges(x)
    assert np.allclose(e[0, :, 2:4], 1) and np.allclose(e[0, :, [0, 1, 4, 5]], -1)
    assert np.allclose(edges(x.transpose(0, 2, 1, 3)), e.transpose(0, 2, 1, 3))
    ramp = np.broadcast_to(np.linspace(-0.5, 0.5, 6), (6, 6))[None, ..., None]
    assert np.allclose(edges(ramp)[0, 1:-1, 1:-1], 2 * 0.2 - 1)  # 0.1 of brightness a pixel, over two
    assert edges(x.astype(np.float32)).dtype == np.float32


def test_trained_pairs_are_of_two_pictures_and_tested_ones_of_one():
    train, test = open_data("strokes-edges"), open_data("strokes-edges", split="test")
    index = np.arange(40)
    (x, labels), (y, _) = train.batch(index), test.batch(index)
    assert train.shape == (28, 28, 2) and np.array_equal(labels["class"], open_data("strokes").batch(index)[1]["class"])
    assert np.array_equal(y[..., 1:], edges(y[..., :1]))
    assert not any(np.array_equal(edges(a[..., :1])[0], a[..., 1:][0]) for a in x[:, None])
    assert np.array_equal(train.batch(index[7:8])[0], x[7:8])
    halves = np.split(picture_of(x[:1])[..., 0], 2, axis=1)
    assert np.array_equal(halves[0], picture_of(x[:1, :, :, :1])[..., 0])


def test_of_two_sets_every_picture_of_the_other_may_stand_beside_one(rng):
    class Set:
        name, classes, shape = "numbers", ("one",), (2, 2, 1)

        def __init__(self, size):
            self.size = size

        def batch(self, index):
            assert index.max() < self.size
            return np.full((len(index), 2, 2, 1), 1.0) * index[:, None, None, None], {"class": 0 * index}

    def pairs(split):
        return Pairs("two", Set(50), halved, Set(20), halved, split=split).batch(
            np.arange(50 if split == "train" else 20)
        )[0]

    x = pairs("train")[:, 0, 0]
    assert np.array_equal(x[:, 0], np.arange(50)) and set(x[:20, 1]) == set(range(20))
    assert list(x[:20, 1]) != list(range(20)), "in another order"
    assert np.array_equal(pairs("test")[:, 0, 0, 0], pairs("test")[:, 0, 0, 1])
    assert np.array_equal(halved(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5]])
    assert same(x) is x


def test_the_nets_keep_sizes_and_judge_patches(rng):
    assert translator((28, 32), 3, 2, 2).out_shape((28, 32, 3)) == (28, 32, 3)
    assert patches(3, 2).out_shape((32, 32, 3)) == (7, 7, 1)
    D, x = patches(1, 2), rng.normal(size=(1, 40, 40, 1))
    theta = D.init(rng, np.float64)
    g = D.backward(theta, D.forward(theta, x)[1], np.eye(81)[40].reshape(1, 9, 9, 1)).x[0, :, :, 0]
    assert np.abs(g).argmax() // 40 in range(9, 31), "near the middle"


def test_the_gradients_of_a_direction_are_those_of_differences(system, rng):
    recipe, state, batch = system
    state, (a, b) = exact(state), np.split(batch.x.astype(np.float64), 2, axis=3)
    s = recipe.settings

    def loss(at_G, at_F):
        game, cycle, kept = recipe.direction(recipe.G, at_G, recipe.F, at_F, recipe.D_B, state.D_B, a, b).losses
        return game + s.cycle * cycle + s.cycle * s.identity * kept

    way = recipe.direction(recipe.G, state.G, recipe.F, state.F, recipe.D_B, state.D_B, a, b)
    h = 1e-7
    for at, g in ((0, way.g_there), (1, way.g_back)):
        for _ in range(3):
            move = rng.normal(size=g.shape)
            up, down = ([state.G, state.F], [state.G, state.F])
            up[at], down[at] = up[at] + h * move, down[at] - h * move
            assert (loss(*up) - loss(*down)) / (2 * h) == pytest.approx(g @ move, rel=1e-4), at


def test_a_step_moves_all_four_nets_and_writes_to_no_input(system, rng):
    recipe, state, batch = system
    before, x = {name: np.copy(a) for name, a in flatten(state).items()}, batch.x.copy()
    new, log = recipe.step(state, batch, rng)
    assert np.array_equal(batch.x, x) and all(np.array_equal(a, before[name]) for name, a in flatten(state).items())
    assert all(not np.array_equal(getattr(new, name), getattr(state, name)) for name in recipe.nets)
    assert {"loss_D", "loss_G", "cycle", "identity", "grad_G", "grad_F", "grad_D"} == log.keys()
    assert np.isfinite(list(log.values())).all() and new.pool_A.held == N
    a, b = np.split(batch.x, 2, axis=3)
    assert np.array_equal(new.pool_A.images[:N], recipe.to_A(state, b))
    assert np.array_equal(new.pool_B.images[:N], recipe.to_B(state, a))


def test_a_pool_of_none_and_no_identity_train_too(rng):
    recipe = CycleGAN(Settings(**SMALL, pool=0, identity=0.0), Sample(SHAPE))
    x = rng.uniform(-1, 1, (N, *SHAPE)).astype(np.float32)
    assert np.isfinite(list(recipe.step(recipe.init(rng), Batch(x, {}), rng)[1].values())).all()


def test_rows_are_a_picture_its_translation_the_way_back_and_the_truth(system):
    recipe, state, batch = system
    rows = recipe.cycles(state, batch.x)
    a, b = np.split(batch.x, 2, axis=3)
    assert rows.shape == (2 * N, 4, 12, 8, 1)
    assert np.array_equal(rows[2, 0], a[1]) and np.array_equal(rows[2, 3], b[1]) and np.array_equal(rows[3, 0], b[1])
    assert np.allclose(rows[2, 1], recipe.to_B(state, a[1:2])[0], atol=1e-6)
    assert np.allclose(rows[2, 2], recipe.to_A(state, recipe.to_B(state, a[1:2]))[0], atol=1e-5)


def test_mean_absolute_and_its_sign():
    value, g = mean_absolute(np.array([[2.0, -4.0, 0.0]]))
    assert value == 2 and np.allclose(g, [[1 / 3, -1 / 3, 0]])


def test_the_commands_train_resume_and_translate(tmp_path, capsys):
    small = ["--data", "strokes-edges", "--batch", "2", "--set", "width=2", "--set", "blocks=1", "--set", "pool=3"]
    at_once, in_two = tmp_path / "a", tmp_path / "b"
    assert main(["train", "cyclegan", *small, "--steps", "4", "--out", str(at_once)]) == 0
    assert main(["train", "cyclegan", *small, "--steps", "2", "--out", str(in_two)]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(in_two)]) == 0
    a, b = ((path / "checkpoints/000004.safetensors").read_bytes() for path in (at_once, in_two))
    assert a == b
    assert main(["translate", str(in_two), "-n", "2"]) == 0
    assert (in_two / "samples/translate-n2-seed0.png").is_file()
    capsys.readouterr()
    wrong = (
        (["-n", "0"], "-n is 1 to 1000"),
        (["--data", "strokes"], "strokes has samples of"),
        (["--out", "x.txt"], "x.txt"),
    )
    for words, said in wrong:
        assert main(["translate", str(in_two), *words]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1
    assert (
        main(["train", "dcgan", "--steps", "1", "--batch", "2", "--set", "width=2", "--out", str(tmp_path / "c")]) == 0
    )
    assert main(["translate", str(tmp_path / "c")]) == 2
    assert "give a run of cyclegan" in capsys.readouterr().err
    assert main(["sample", str(in_two)]) == 2


@pytest.mark.parametrize("shape", [(28, 28, 1), (2,), (28, 28, 3)], ids=str)
def test_what_is_not_two_domains_is_one_line(shape):
    with pytest.raises(UsageError, match="two domains side by side in the channels"):
        CycleGAN(Settings(), Sample(shape))


def test_sizes_that_cannot_be_halved_twice_are_refused():
    with pytest.raises(UsageError, match="multiples of 4: the data has 30x28"):
        CycleGAN(Settings(), Sample((30, 28, 2)))


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"blocks": -1}, {"cycle": -1.0}, {"identity": np.nan}, {"pool": -1}], ids=str
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)
