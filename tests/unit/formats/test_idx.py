"""IDX files, and where MNIST-like sets are found."""

import gzip
import hashlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest

from tinygan.data import NAMES, catalogue, open_data
from tinygan.data.mnist import MNIST_SETS
from tinygan.data.registry import locate
from tinygan.data.search_path import cache
from tinygan.errors import DataError, FormatError, ShapeError, UsageError
from tinygan.formats.idx import digest, parse_idx, read_idx, write_idx

SYSTEM = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No set of this machine but the system's, and no network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TINYGAN_OFFLINE", "1")
    monkeypatch.delenv("TINYGAN_DATA", raising=False)


def array(*shape):
    return np.random.default_rng(len(shape)).integers(0, 256, shape, dtype=np.uint8)


def write_set(folder: Path, n=12, labels=12, split="train", suffix=".gz", channels=()):
    folder.mkdir(parents=True, exist_ok=True)
    write_idx(folder / f"{split}-images-idx3-ubyte{suffix}", array(n, 5, 4, *channels))
    write_idx(folder / f"{split}-labels-idx1-ubyte{suffix}", np.arange(labels, dtype=np.uint8) % 10)


@pytest.mark.parametrize("shape", [(7,), (0,), (3, 4), (2, 3, 4), (2, 3, 4, 3)])
@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_written_files_read_back(tmp_path, shape, name):
    write_idx(tmp_path / name, array(*shape))
    np.testing.assert_array_equal(read_idx(tmp_path / name), array(*shape))


def test_the_bytes_are_the_format_by_hand(tmp_path):
    write_idx(tmp_path / "a", np.array([[1, 2, 3]], np.uint8))
    assert (tmp_path / "a").read_bytes() == bytes([0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3])


def test_the_digest_is_that_of_the_unpacked_file(tmp_path):
    write_idx(tmp_path / "a", array(3, 4, 5))
    assert digest(array(3, 4, 5)) == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()


def test_a_gzip_file_in_several_members_reads_as_one(tmp_path):
    write_idx(tmp_path / "a", array(9))
    data = (tmp_path / "a").read_bytes()
    (tmp_path / "b").write_bytes(gzip.compress(data[:6]) + gzip.compress(data[6:]))
    np.testing.assert_array_equal(read_idx(tmp_path / "b"), array(9))


WHOLE = struct.pack(">HBBI", 0, 8, 1, 4) + b"abcd"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "starts with the bytes ''"),
        (b"\0\0\x09\1", "starts with the bytes '00 00 09 01'"),
        (b"\0\0\x08\5", "starts with the bytes '00 00 08 05'"),
        (b"\0\0\x08\2\0\0\0\1", "ends inside its header"),
        (WHOLE[:-1], "ends after 3 of the 4 bytes"),
        (WHOLE + b"e", "goes on after the 4 bytes"),
        (gzip.compress(WHOLE[:-1], mtime=0), "ends after 3 of the 4 bytes"),
        (gzip.compress(WHOLE + b"e", mtime=0), "goes on after the 4 bytes"),
        (gzip.compress(WHOLE, mtime=0)[:-1], "gzip stream is damaged"),
        (gzip.compress(WHOLE, mtime=0)[:-5] + b"\0\0\0\0\0", "gzip stream is damaged"),
        (gzip.compress(WHOLE, mtime=0) + b"rubbish", "gzip stream is damaged"),
        (struct.pack(">HBB4I", 0, 8, 4, *[2**32 - 1] * 4), "more than 268435456 bytes"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 0), "more than 268435456 bytes"),
        (struct.pack(">HBBI", 0, 8, 1, 2**28), "declares 268435456 bytes .* but holds only 8"),
        (gzip.compress(struct.pack(">HBBI", 0, 8, 1, 2**28), mtime=0), "declares 268435456 bytes .* but holds only"),
    ],
)
def test_the_message_says_what_is_wrong(tmp_path, data, why):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(FormatError, match=rf"a: .*{why}.*; expected an IDX file of bytes, .*") as caught:
        read_idx(tmp_path / "a")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((), np.uint8), np.zeros((1,) * 5, np.uint8)])
def test_only_bytes_of_one_to_four_dimensions_are_written(tmp_path, wrong):
    with pytest.raises(ShapeError, match="write_idx: expected uint8 of 1 to 4 dimensions: " + str(wrong.dtype)):
        write_idx(tmp_path / "a", wrong)


def test_every_truncation_is_refused(tmp_path):
    for name in ("a", "a.gz"):
        write_idx(tmp_path / name, array(4, 5))
        data = (tmp_path / name).read_bytes()
        for length in range(len(data)):
            with pytest.raises(FormatError):
                parse_idx(io.BytesIO(data[:length]), name)


def test_no_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*none: No such file"):
        read_idx(tmp_path / "none")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_of_idx_files_is_a_set(tmp_path, suffix):
    write_set(tmp_path, suffix=suffix)
    write_set(tmp_path, n=4, labels=4, split="t10k", suffix=suffix)
    data = open_data(tmp_path)
    pictures, labels = data.batch(np.array([11, 0]))
    assert (data.size, data.shape, open_data(tmp_path, split="test").size) == (12, (5, 4, 1), 4)
    assert pictures.dtype == np.float32
    np.testing.assert_allclose(pictures[..., 0], array(12, 5, 4)[[11, 0]] / 127.5 - 1, atol=1e-6)
    assert labels["class"].tolist() == [1, 0]
    assert labels["class"].dtype == np.int64


def test_colour_idx_files_keep_their_channels(tmp_path):
    write_set(tmp_path, channels=(3,))
    assert open_data(tmp_path).shape == (5, 4, 3)


def test_images_and_labels_must_belong_together(tmp_path):
    write_set(tmp_path, n=12, labels=11)
    with pytest.raises(FormatError, match=r"images are \(12, 5, 4\) and the labels \(11,\)"):
        open_data(tmp_path)


def test_a_missing_split_is_named(tmp_path):
    write_set(tmp_path)
    with pytest.raises(DataError, match="has no t10k-images-idx3-ubyte"):
        open_data(tmp_path, split="test")


@pytest.mark.parametrize("own", ["own", "own/mnist"])
def test_tinygan_data_holds_a_folder_of_the_name_or_is_it(tmp_path, monkeypatch, own):
    place = tmp_path / "own/mnist"
    write_set(place)
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / own))
    assert locate("mnist") == place
    assert locate("fashion-mnist") != place, "files of another set are not taken for it"
    assert open_data("mnist").size == 12  # another hash than the published one: the user's own set
    assert next(entry for entry in catalogue() if entry.name == "mnist").path == str(place)


def test_every_set_has_its_own_folder_in_the_cache(tmp_path):
    assert cache("mnist") == tmp_path / "cache/tinygan/mnist"
    assert cache("fashion-mnist") == tmp_path / "cache/tinygan/fashion-mnist"


def test_a_cached_file_must_have_the_published_hash(tmp_path):
    write_set(cache("mnist"))
    with pytest.raises(FormatError, match=r"train-images.*SHA-256 differs\); remove it and try again"):
        open_data("mnist")


def test_the_error_for_a_missing_set_says_how_to_get_it():
    with pytest.raises(DataError, match="set TINYGAN_DATA=DIR"):
        open_data("mnist")
    if not SYSTEM.is_dir():
        with pytest.raises(DataError, match="apt-get install dataset-fashion-mnist"):
            open_data("fashion-mnist")


def test_an_unknown_name_suggests_the_nearest_one():
    with pytest.raises(UsageError, match=r"'fashon-mnist' \(did you mean fashion-mnist\?\)"):
        open_data("fashon-mnist")
    with pytest.raises(UsageError, match="unknown split 'val'; expected one of train, test"):
        open_data("strokes", split="val")
    with pytest.raises(DataError, match="is not a folder"):
        open_data("/nowhere/at/all")


def test_the_catalogue_names_what_can_be_opened():
    entries = {entry.name: entry for entry in catalogue()}
    assert list(entries) == list(NAMES)
    for entry in entries.values():
        assert entry.description
        assert entry.how_to_get
        if entry.path == "built in":
            assert open_data(entry.name).shape == entry.shape
    assert entries["mnist"].path is None


needs_fashion = pytest.mark.skipif(not SYSTEM.is_dir(), reason="no data: apt-get install dataset-fashion-mnist")


@needs_fashion
def test_the_real_fashion_mnist_opens():
    data = open_data("fashion-mnist", split="test")
    labels = data.batch(np.arange(10_000))[1]["class"]
    assert (data.size, data.shape, len(data.classes)) == (10_000, (28, 28, 1), 10)
    assert np.bincount(labels).tolist() == [1000] * 10


@needs_fashion
@pytest.mark.parametrize("stem", MNIST_SETS["fashion-mnist"].sha256)
def test_the_real_fashion_mnist_is_the_published_one(stem):
    assert digest(read_idx(SYSTEM / f"{stem}.gz")) == MNIST_SETS["fashion-mnist"].sha256[stem]
