"""A folder of pictures as a data set."""

import sys

import numpy as np
import pytest
from PIL import Image

from tinygan.data import open_data
from tinygan.errors import DataError, FormatError
from tinygan.formats.png import write_png


def flat(value: int, *shape: int) -> np.ndarray:
    return np.full(shape, value, np.uint8)


def test_pictures_come_in_the_order_of_their_names(tmp_path):
    for name, value in [("b.png", 2), ("a.PNG", 1), ("c.png", 3), (".hidden.png", 9)]:
        write_png(tmp_path / name, flat(value, 4, 5, 3))
    (tmp_path / "notes.txt").write_text("not a picture")
    data = open_data(tmp_path)
    pictures, labels = data.batch(np.array([2, 0, 1]))
    assert (data.size, data.shape, data.classes) == (3, (4, 5, 3), (tmp_path.name,))
    assert pictures.dtype == np.float32
    np.testing.assert_allclose(pictures[:, 0, 0, 0], np.array([3, 1, 2]) / 127.5 - 1, atol=1e-6)
    assert labels["class"].tolist() == [0, 0, 0]


def test_subfolders_are_classes_in_the_order_of_their_names(tmp_path):
    for name, count in [("dog", 2), ("cat", 1), ("empty", 0), (".cache", 1)]:
        (tmp_path / name).mkdir()
        for k in range(count):
            write_png(tmp_path / name / f"{k}.png", flat(k, 2, 2, 1))
    data = open_data(str(tmp_path))
    assert data.classes == ("cat", "dog")
    labels = data.batch(np.arange(3))[1]["class"]
    assert labels.tolist() == [0, 1, 1]
    assert labels.dtype == np.int64


def test_alpha_is_composited_on_black_and_dropped(tmp_path):
    rgba = np.array([[[200, 100, 50, 255], [200, 100, 50, 0], [200, 100, 50, 128]]], np.uint8)
    write_png(tmp_path / "a.png", rgba)
    Image.fromarray(rgba).convert("RGB").save(tmp_path / "b.png")
    bytes_back = np.rint((open_data(tmp_path).batch(np.array([0]))[0][0] + 1) * 127.5)
    assert bytes_back.tolist() == [[[200, 100, 50], [0, 0, 0], [100, 50, 25]]]


def test_black_and_white_are_the_ends_of_the_range(tmp_path):
    write_png(tmp_path / "a.png", np.array([[0, 255]], np.uint8))
    assert open_data(tmp_path).batch(np.array([0]))[0].ravel().tolist() == [-1, 1]


@pytest.mark.parametrize("shape", [(4, 6, 3), (4, 5)])
def test_pictures_of_two_kinds_name_both_files_and_sizes(tmp_path, shape):
    write_png(tmp_path / "a.png", flat(0, 4, 5, 3))
    write_png(tmp_path / "b.png", flat(0, *shape))
    channels = 3 if len(shape) == 3 else 1
    why = rf"b\.png: is {shape[1]} x 4 pixels, {channels} channels but .*a\.png is 5 x 4 pixels, 3 channels"
    with pytest.raises(FormatError, match=why):
        open_data(tmp_path)


def test_no_pictures_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="has no images; expected PNG or JPEG"):
        open_data(tmp_path)


def test_pictures_beside_class_folders_are_refused(tmp_path):
    (tmp_path / "cat").mkdir()
    for name in ("a.png", "cat/a.png"):
        write_png(tmp_path / name, flat(0, 2, 2))
    with pytest.raises(DataError, match=r"both beside and inside sub-folders \(a\.png, cat/\)"):
        open_data(tmp_path)


def test_a_folder_has_one_split(tmp_path):
    write_png(tmp_path / "a.png", flat(0, 2, 2))
    with pytest.raises(DataError, match="give the path of the test images"):
        open_data(tmp_path, split="test")


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("CMYK", 3)])
def test_jpeg_files_are_read_with_pillow(tmp_path, mode, channels):
    Image.new(mode, (6, 4), 77 if mode == "L" else None).save(tmp_path / "a.jpg")
    data = open_data(tmp_path)
    assert data.shape == (4, 6, channels)
    if mode == "L":
        np.testing.assert_allclose(data.batch(np.array([0]))[0], 77 / 127.5 - 1, atol=2 / 127.5)


def test_a_damaged_jpeg_is_a_format_error(tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpeg")
    data = (tmp_path / "a.jpeg").read_bytes()
    for length in (0, 10, len(data) // 2, len(data) - 20):
        (tmp_path / "a.jpeg").write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"a\.jpeg: is not a whole JPEG"):
            open_data(tmp_path)


def test_a_jpeg_without_pillow_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"pip install 'tinygan\[image\]'"):
        open_data(tmp_path)
