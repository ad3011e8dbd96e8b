"""``tinygan interpolate``, ``average`` and ``arithmetic``: latents mixed, the pictures, mistakes in one line."""

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.errors import UsageError
from tinygan.formats.png import read_png
from tinygan.images.grid import to_uint8
from tinygan.sampling import interpolation as mixing
from tinygan.training.loading import load_state
from tinygan.training.run import Run

TINY = ["--steps", "2", "--batch", "8", "--set", "width=4", "--seed", "3"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    chart = ["--set", "latent=2", "--set", "orthonormal.tangents=2"]
    table = ["--set", "images=20", "--set", "latent=4", "--steps", "80"]  # running statistics take a while
    for name, recipe, more in (("D", "dcgan", []), ("C", "cgan", []), ("T", "glo", table), ("L", "lgan", chart)):
        assert main(["train", recipe, "--out", str(folder / name), *TINY, *more]) == 0
    assert main(["train", "gan", "--data", "ring", "--steps", "1", "--out", str(folder / "P")]) == 0
    assert main(["train", "classifier", "--out", str(folder / "K"), *TINY]) == 0
    return folder


def tiles(path):
    """The images of a strip."""
    grid = read_png(path)
    return [grid[2:30, 2 + 30 * i : 30 + 30 * i] for i in range(grid.shape[1] // 30)]


def test_a_line_and_an_arc_end_at_both_latents_and_the_arc_keeps_the_length(rng):
    a, b = rng.normal(size=(2, 6))
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    line, arc = mixing.between(a, b, 5), mixing.between(a, b, 5, spherical=True)
    np.testing.assert_allclose(line[[0, 2, 4]], [a, (a + b) / 2, b], atol=1e-12)
    np.testing.assert_allclose(arc[[0, 4]], [a, b], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(arc, axis=1), np.linalg.norm(a), rtol=1e-12)
    steps = np.linalg.norm(np.diff(arc, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-9)


@pytest.mark.parametrize("b", [[1.0, 2.0], [-2.0, -4.0], [0.0, 0.0]])
def test_there_is_no_arc_on_a_line_through_0(b):
    with pytest.raises(UsageError, match="no arc"):
        mixing.between(np.array([1.0, 2.0]), np.array(b), 3, spherical=True)


def test_means_and_differences(rng):
    a, b, c = rng.normal(size=(2, 4)), rng.normal(size=(3, 4)), rng.normal(size=(1, 4))
    np.testing.assert_allclose(mixing.average(b), [*b, b.mean(axis=0)])
    found = mixing.arithmetic(a, b, c)
    np.testing.assert_allclose(found[:3], [a.mean(axis=0), b.mean(axis=0), c[0]])
    np.testing.assert_allclose(found[3], a.mean(axis=0) - b.mean(axis=0) + c[0])


@pytest.mark.parametrize("name", ["D", "C", "T"])
def test_a_strip_is_of_its_latents_and_the_same_each_time(runs, tmp_path, name):
    run = str(runs / name)
    assert main(["interpolate", run, "--from", "0", "--to", "1", "--columns", "5", "--scale", "1"]) == 0
    strip = runs / name / "samples/interpolate-0-1.png"
    first = tiles(strip)
    assert len(first) == 5 and (first[0] != first[4]).any()
    assert main(["average", run, "--of", "0", "1", "--scale", "1"]) == 0
    mean = tiles(runs / name / "samples/average-0+1.png")
    for tile, other in zip(mean, (first[0], first[4], first[2]), strict=True):
        assert np.abs(tile.astype(int) - other).max() <= 1
    assert (
        main(
            [
                "interpolate",
                run,
                "--from",
                "0",
                "--to",
                "1",
                "--columns",
                "5",
                "--scale",
                "1",
                "--out",
                str(tmp_path / "b.png"),
            ]
        )
        == 0
    )
    assert (tmp_path / "b.png").read_bytes() == strip.read_bytes()


def test_an_arc_is_another_strip_with_the_same_ends(runs, tmp_path):
    run, line, arc = str(runs / "D"), tmp_path / "line.png", tmp_path / "arc.png"
    assert main(["interpolate", run, "--from", "0", "--to", "1", "--scale", "1", "--out", str(line)]) == 0
    assert main(["interpolate", run, "--from", "0", "--to", "1", "--spherical", "--scale", "1", "--out", str(arc)]) == 0
    straight, round_ = tiles(line), tiles(arc)
    assert all(np.abs(straight[i].astype(int) - round_[i]).max() <= 1 for i in (0, -1))
    assert (straight[5] != round_[5]).any()


def test_what_is_added_to_what_was_taken_away_is_there_again(runs):
    assert (
        main(
            [
                "arithmetic",
                str(runs / "T"),
                "--from",
                "3",
                "5",
                "--minus",
                "8",
                "--plus",
                "8",
                "--table",
                "--scale",
                "1",
            ]
        )
        == 0
    )
    a, b, c, d = tiles(runs / "T/samples/arithmetic-3+5-8-8-table.png")
    np.testing.assert_array_equal(b, c)
    assert np.abs(a.astype(int) - d).max() <= 1


def test_numbers_of_the_table_are_those_of_the_images(runs):
    assert main(["average", str(runs / "T"), "--of", *map(str, range(6)), "--table", "--scale", "1"]) == 0
    shown = tiles(runs / "T/samples/average-0+1+2+3+2more-table.png")
    recipe, state = load_state(Run.open(runs / "T"))
    images = to_uint8(recipe.decode(state, state.Z[:6]))
    assert max(np.abs(tile.astype(int) - image).max() for tile, image in zip(shown, images, strict=False)) <= 1


def test_points_are_dots(runs):
    assert main(["interpolate", str(runs / "P"), "--from", "0", "--to", "1"]) == 0
    assert read_png(runs / "P/samples/interpolate-0-1.png").shape == (2 * 257, 2 * 257, 3)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("interpolate D --from 0 --to -1", 2, "samples are numbered from 0: got -1"),
        ("interpolate D --from 0 --to 1 --columns 1", 2, "--columns is at least 2"),
        ("interpolate D --from 0 --to 0 --spherical", 2, "drop --spherical"),
        ("interpolate D --from 0 --to 1 --seed -1", 2, "--seed is at least 0"),
        ("interpolate D --from 0 --to 1 --out x.jpg", 2, "--out ends in .png"),
        ("average D --of 0 1 --table", 2, "which keeps no latents of training images: drop --table"),
        ("average T --of 0 20 --table", 2, "the table has images 0 to 19: got 0, 20"),
        ("average L --of 0 1", 2, "local coordinates around an image: use tinygan edit"),
        ("arithmetic K --from 0 --minus 1 --plus 2", 2, "a run of classifier, which makes no samples"),
        ("arithmetic none --from 0 --minus 1 --plus 2", 4, "none holds no run"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(runs, monkeypatch, capsys, command, code, words):
    monkeypatch.chdir(runs)
    assert main(command.split()) == code
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_strings_are_mixed_too(tmp_path):
    run = str(tmp_path / "run")
    small = ["--data", "patterns", "--batch", "2", "--set", "width_G=4", "--set", "width_D=4", "--steps", "1"]
    assert main(["train", "scratchgan", *small, "--out", run]) == 0
    assert main(["interpolate", run, "--from", "0", "--to", "1"]) == 0
