"""``tinygan edit`` and ``tinygan geodesic``: the pictures, and mistakes in one line."""

import re

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.data import open_data
from tinygan.errors import FormatError
from tinygan.formats.png import read_png, write_png
from tinygan.images.grid import to_uint8

TINY = ["--steps", "2", "--batch", "8", "--set", "width=4", "--seed", "3"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    chart = ["--set", "latent=2", "--set", "orthonormal.tangents=2"]
    assert main(["train", "lgan", "--out", str(folder / "L"), *TINY, *chart]) == 0
    assert main(["train", "dcgan", "--out", str(folder / "D"), *TINY]) == 0
    assert main(["train", "gan", "--data", "ring", "--steps", "1", "--out", str(folder / "P")]) == 0
    return folder


def test_edit_moves_an_image_in_the_chart_of_a_semi_supervised_run_too(tmp_path):
    chart = ["--set", "latent=2", "--set", "orthonormal.tangents=2", "--set", "intrinsic.tangents=2"]
    assert main(["train", "lgan-semi", "--out", str(tmp_path / "S"), *TINY, *chart]) == 0
    assert main(["edit", str(tmp_path / "S"), "--index", "5", "--columns", "3", "--scale", "1"]) == 0
    assert read_png(tmp_path / "S/samples/edit-5.png").shape == (2 * 30 + 2, 3 * 30 + 2, 3)


def test_edit_of_a_run_on_points_is_one_line(tmp_path, capsys):
    chart = ["--data", "ring", "--set", "latent=2", "--set", "orthonormal.tangents=2"]
    assert main(["train", "lgan", "--out", str(tmp_path / "P"), *TINY, *chart]) == 0
    capsys.readouterr()
    assert main(["edit", str(tmp_path / "P"), "--index", "0"]) == 2
    assert capsys.readouterr().err == "tinygan: the run was trained on points; edit draws images\n"


def test_edit_draws_a_row_a_coordinate_around_the_boxed_anchor(runs):
    assert main(["edit", str(runs / "L"), "--index", "5", "--columns", "5", "--scale", "1"]) == 0
    grid = read_png(runs / "L/samples/edit-5.png")
    assert grid.shape == (2 * 30 + 2, 5 * 30 + 2, 3)
    tiles = [[grid[2 + 30 * i : 30 + 30 * i, 2 + 30 * j : 30 + 30 * j] for j in range(5)] for i in range(2)]
    np.testing.assert_array_equal(tiles[0][2], tiles[1][2])  # z = 0 is the anchor in every row
    assert (tiles[0][0] != tiles[0][4]).any()
    frame = np.ones(grid.shape[:2], bool)
    for i in range(2):
        for j in range(5):
            frame[2 + 30 * i : 30 + 30 * i, 2 + 30 * j : 30 + 30 * j] = False
    white = frame.copy()
    white[:, :60] = white[:, 92:] = False
    assert (grid[white] == 255).all()
    assert (grid[frame & ~white] == 0).all()


def test_edit_takes_a_picture_too_and_it_is_the_same_as_the_image_of_the_data(runs, tmp_path):
    image = open_data("strokes", split="test").batch(np.array([5]))[0]
    write_png(tmp_path / "x.png", to_uint8(image)[0])
    assert main(["edit", str(runs / "L"), "--image", str(tmp_path / "x.png"), "--out", str(tmp_path / "a.png")]) == 0
    assert main(["edit", str(runs / "L"), "--index", "5", "--out", str(tmp_path / "b.png")]) == 0
    a, b = read_png(tmp_path / "a.png"), read_png(tmp_path / "b.png")
    assert np.abs(a.astype(int) - b).max() <= 1  # bytes against floats


def test_the_strip_begins_and_ends_alike_in_its_three_rows_and_the_path_is_not_longer(runs, capsys):
    assert main(["geodesic", str(runs / "D"), "--from", "0", "--to", "1", "--columns", "5", "--scale", "1"]) == 0
    path, line = map(float, re.findall(r" ([0-9.e-]+)[,;]", capsys.readouterr().out))
    assert path <= line * (1 + 1e-6)
    grid = read_png(runs / "D/samples/geodesic-0-1.png")
    for column in (0, 4):
        tiles = [grid[2 + 30 * i : 30 + 30 * i, 2 + 30 * column : 30 + 30 * column].astype(int) for i in range(3)]
        assert max(np.abs(tiles[0] - tile).max() for tile in tiles) <= 1


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("edit L", 2, "Give one of --image FILE and --index I"),
        (
            "edit D --index 1",
            2,
            "D is a run of dcgan; edit needs the local coordinates of a localized GAN: give a run of lgan",
        ),
        ("edit L --index -1", 2, "--index"),
        ("edit L --index 1 --columns 4", 2, "--columns is odd"),
        ("edit L --image none.png", 4, "No such file"),
        ("edit L --image L/config.toml", 2, "expected a picture"),
        ("edit L --image D/samples/real.png", 2, "the run was trained on images of 28x28x1"),
        ("edit L --index 1 --out x.jpg", 2, "--out ends in .png"),
        ("geodesic L --from 0 --to 1", 2, "give a run of dcgan"),
        ("geodesic P --from 0 --to 1", 2, "the run was trained on points; geodesic draws images"),
        ("geodesic D --from 0 --to 0", 2, "the numbers of two samples"),
        ("geodesic D --from 0 --to 1 --columns 2", 2, "--columns is odd"),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(runs, monkeypatch, capsys, command, code, words):
    monkeypatch.chdir(runs)
    assert main(command.split()) == code
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_damaged_test_split_is_not_passed_over(runs, capsys, monkeypatch):
    opened = []

    def open_damaged(data, *, split="train", data_seed=0):
        opened.append(split)
        raise FormatError("the test split is damaged")

    monkeypatch.setattr("tinygan.cli.edit.open_data", open_damaged)
    assert main(["edit", str(runs / "L"), "--index", "1"]) == 4
    assert "the test split is damaged" in capsys.readouterr().err and opened == ["test"]
