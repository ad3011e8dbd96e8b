"""CelebA from its three files, synthetic."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from tinygan.data import open_data
from tinygan.data.celeba import faces
from tinygan.errors import DataError, FormatError

from ..published import celeba, picture_file, zipped


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    (tmp_path / "celeba").mkdir()
    for name, data in celeba().items():
        (tmp_path / "celeba" / name).write_bytes(data)
    return tmp_path / "celeba"


@pytest.mark.parametrize("source", ["celeba", "celeba-128", "folder", "archive"])
def test_the_partition_makes_splits_and_attributes_are_labels(place, source):
    path = {"folder": place, "archive": place / "img_align_celeba.zip"}.get(source, source)
    side = 128 if source == "celeba-128" else 64
    train, test = open_data(path), open_data(path, split="test")
    assert (train.size, test.size, train.shape, train.classes) == (4, 1, (side, side, 3), ("face",))
    pictures, labels = train.batch(np.array([0, 1, 2, 3]))  # 000001, 000002, 000005, 000006
    np.testing.assert_allclose(pictures[:, 5, 7, 0], np.array([0, 30, 120, 150]) / 127.5 - 1, atol=2 / 127.5)
    assert {name: values.tolist() for name, values in labels.items()} == {
        "class": [0] * 4,
        "5_o_Clock_Shadow": [0, 1, 0, 1],
        "Smiling": [1, 0, 0, 0],
    }
    assert test.batch(np.array([0]))[1]["Smiling"].tolist() == [1]


def test_the_middle_is_cut_and_resized_without_aliasing(place):
    picture = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    jpeg = picture_file(picture, "JPEG")
    (place / "img_align_celeba.zip").write_bytes(zipped({f"img_align_celeba/00000{k}.jpg": jpeg for k in range(1, 7)}))
    decoded = Image.open(io.BytesIO(jpeg)).convert("RGB")
    for crop, side in [(178, 64), (108, 32), (178, 178)]:
        box = ((178 - crop) // 2, (218 - crop) // 2)
        expected = decoded.crop((*box, box[0] + crop, box[1] + crop)).resize((side, side), Image.Resampling.BILINEAR)
        got = faces(place / "img_align_celeba.zip", "train", side=side, crop=crop).batch(np.array([0]))[0][0]
        np.testing.assert_allclose((got + 1) * 127.5, np.asarray(expected), atol=1e-3)


def test_unpacked_images_are_found_too(place):
    (place / "img_align_celeba").mkdir()
    for k in range(1, 7):
        (place / f"img_align_celeba/00000{k}.jpg").write_bytes(
            picture_file(np.full((218, 178, 3), 9 * k, np.uint8), "JPEG")
        )
    (place / "img_align_celeba.zip").unlink()
    got = open_data("celeba").batch(np.array([3]))[0]
    np.testing.assert_allclose(got, 54 / 127.5 - 1, atol=2 / 127.5)


@pytest.mark.parametrize(
    ("file", "old", "new", "why"),
    [
        ("list_attr_celeba.txt", b"6\n", b"7\n", "does not start with the number of images"),
        ("list_attr_celeba.txt", b"000003.jpg -1", b"000003.jpg -2", "line 5 is not a file name and 2 values"),
        ("list_attr_celeba.txt", b"000003.jpg -1", b"000003.jpg", "line 5 is not a file name and 2 values"),
        ("list_attr_celeba.txt", b"Shadow Smiling", b"", "line 3 is not a file name and 1 values"),
        ("list_eval_partition.txt", b"000002.jpg 0", b"000002.jpg 3", "line 2 is not a file name and a split"),
        ("list_eval_partition.txt", b"000002.jpg 0", b"", "line 2 is not a file name and a split"),
    ],
)
def test_damaged_lists_are_refused_by_line(place, file, old, new, why):
    data = (place / file).read_bytes()
    assert old in data
    (place / file).write_bytes(data.replace(old, new))
    with pytest.raises(FormatError, match=rf"{file}: {why}"):
        open_data("celeba")


def test_a_missing_picture_is_named_at_once(place):
    (place / "img_align_celeba.zip").write_bytes(zipped({"img_align_celeba/000001.jpg": b""}))
    with pytest.raises(DataError, match=r"has no img_align_celeba/000002\.jpg"):
        open_data("celeba")


def test_a_damaged_picture_is_named_when_it_is_asked_for(place):
    names = [f"img_align_celeba/00000{k}.jpg" for k in range(1, 7)]
    (place / "img_align_celeba.zip").write_bytes(zipped(dict.fromkeys(names, b"\xff\xd8\xff rubbish")))
    data = open_data("celeba")
    with pytest.raises(FormatError, match=r"000006\.jpg: is not a whole JPEG"):
        data.batch(np.array([3]))


def test_without_the_text_files_the_set_is_not_found(place, monkeypatch):
    (place / "list_eval_partition.txt").unlink()
    with pytest.raises(
        DataError, match=r"its train files were not found; to get them: put img_align_celeba\.zip, list_attr"
    ):
        open_data("celeba")


def test_without_pillow_it_says_what_to_install(place, monkeypatch):
    data = open_data("celeba")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataError, match=r"pip install 'tinygan\[image\]'"):
        data.batch(np.array([0]))
