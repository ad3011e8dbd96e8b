"""Pictures in zip archives, listed in dataset.json, in split folders, and too many for the memory."""

import json
import zipfile

import numpy as np
import pytest

from tinygan.data import folder, open_data
from tinygan.errors import DataError, FormatError

from ..published import picture_file, zipped


def flat(value, *shape):
    return picture_file(np.full(shape or (4, 5, 3), value, np.uint8))


def values(data):
    return np.rint((data.batch(np.arange(data.size))[0][:, 0, 0, 0] + 1) * 127.5).astype(int).tolist()


def classes(data):
    return data.batch(np.arange(data.size))[1]["class"].tolist()


def archive(path, files, method=zipfile.ZIP_DEFLATED):
    (path / "a.zip").write_bytes(zipped(files, method))
    return path / "a.zip"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("around", ["", "pets/", "a/b/"])
def test_folders_in_an_archive_are_classes(tmp_path, method, around):
    files = {"dog/1.png": 3, "cat/2.png": 2, "cat/10.PNG": 1, "cat/.hidden.png": 9, "__MACOSX/cat/2.png": 9}
    files = {around + name: flat(value) for name, value in files.items()} | {"notes.txt": b"", around + "dog/": b""}
    data = open_data(archive(tmp_path, files, method))
    assert (data.classes, values(data), classes(data)) == (("cat", "dog"), [1, 2, 3], [0, 0, 1])
    assert (data.name, data.shape) == ("a", (4, 5, 3))


def test_pictures_beside_each_other_are_one_class(tmp_path):
    data = open_data(archive(tmp_path, {"b.png": flat(2), "a.png": flat(1)}))
    assert (values(data), classes(data), data.classes) == ([1, 2], [0, 0], ("a",))


LISTED = {"00000/b.png": flat(2), "00000/a.png": flat(1), "00001/c.png": flat(3), "00001/unlisted.png": flat(4)}


@pytest.mark.parametrize("packed", [True, False])
def test_dataset_json_tells_pictures_and_classes(tmp_path, packed):
    labels = [["00001/c.png", 5], ["00000/b.png", 0], ["00000/a.png", 2]]
    files = LISTED | {"dataset.json": json.dumps({"labels": labels}).encode()}
    path = archive(tmp_path, files) if packed else tmp_path / "set"
    if not packed:
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    data = open_data(path)
    assert (values(data), classes(data), data.classes) == ([1, 2, 3], [2, 0, 5], tuple("012345"))


def test_dataset_json_without_labels_makes_one_class(tmp_path):
    data = open_data(archive(tmp_path, LISTED | {"dataset.json": b'{"labels": null}'}))
    assert (values(data), classes(data), data.classes) == ([1, 2, 3, 4], [0] * 4, ("0",))


@pytest.mark.parametrize(
    "table",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"labels": 3}',
        b'{"labels": ["00000/a.png"]}',
        b'{"labels": [["00000/a.png", 0.5]]}',
        b'{"labels": [["00000/a.png", true]]}',
        b'{"labels": [["00000/a.png", -1]]}',
        b'{"labels": [["00000/a.png", 65536]]}',
        b'{"labels": [["00000/a.png", [0, 1]]]}',
        b'{"labels": [["00000/a.png", 0], ["00000/a.png", 1]]}',
        b'{"labels": [["../a.png", 0]]}',
        b'{"labels": [["dataset.json", 0]]}',
        b'{"labels": [["\\ud800.png", 0]]}',
        b'{"labels": ' + b"[" * 100_000,
    ],
    ids=range(15),
)
def test_labels_that_are_not_read_are_refused(tmp_path, table):
    with pytest.raises(FormatError, match=r"its dataset\.json .*; expected .*classes 0 to 65535"):
        open_data(archive(tmp_path, LISTED | {"dataset.json": table}))


def test_no_pictures_listed_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="lists no images"):
        open_data(archive(tmp_path, LISTED | {"dataset.json": b'{"labels": []}'}))


def test_folders_of_the_splits_are_the_splits(tmp_path):
    for name, value in [("train/cat/a.png", 1), ("train/dog/a.png", 2), ("test/cat/a.png", 3)]:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(flat(value))
    assert values(open_data(tmp_path)) == [1, 2]
    assert values(open_data(tmp_path, split="test")) == [3]


@pytest.mark.parametrize("packed", [True, False])
def test_images_beyond_the_memory_limit_are_decoded_when_read(tmp_path, monkeypatch, packed):
    files = {f"{k:02d}.png": flat(k) for k in range(9)} | {"09.png": flat(9, 4, 4, 3), "10.png": b"broken"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    path = archive(tmp_path, files) if packed else tmp_path
    with pytest.raises(FormatError, match=r"09\.png: is 4 x 4 pixels"):
        open_data(path)
    monkeypatch.setattr(folder, "IN_MEMORY", 10 * 4 * 5 * 3)
    data = open_data(path)
    pictures, labels = data.batch(np.array([8, 1, 8]))
    assert np.rint((pictures[:, 0, 0, 0] + 1) * 127.5).tolist() == [8, 1, 8]
    assert pictures.dtype == np.float32
    assert labels["class"].tolist() == [0, 0, 0]
    assert data.batch(np.arange(0))[0].shape == (0, 4, 5, 3)
    with pytest.raises(IndexError):
        data.batch(np.array([11]))
    with pytest.raises(FormatError, match=r"09\.png: is 4 x 4 pixels, 3 channels but .*00\.png is 5 x 4"):
        data.batch(np.array([9]))
    with pytest.raises(FormatError, match=r"10\.png: does not start with the PNG signature"):
        data.batch(np.array([10]))


def test_a_changed_picture_in_an_archive_fails_its_checksum(tmp_path):
    path = archive(tmp_path, {"a.png": flat(1), "b.png": flat(2)}, zipfile.ZIP_STORED)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"IEND", b"IENX"))
    with pytest.raises(FormatError, match=r"a\.zip, a\.png: is damaged \(Bad CRC-32"):
        open_data(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_methods_are_named(tmp_path, method):
    with pytest.raises(FormatError, match=rf"compressed by method {method} or encrypted"):
        open_data(archive(tmp_path, {"a.png": flat(1)}, method))


def test_a_zip_bomb_is_not_decompressed(tmp_path):
    with pytest.raises(FormatError, match=r"declares .* uncompressed bytes, too many"):
        open_data(archive(tmp_path, {"a.png": bytes(2**26 + 1)}))


def test_files_that_are_not_archives_are_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK but no archive")
    with pytest.raises(FormatError, match="cannot be opened as a zip archive"):
        open_data(tmp_path / "a.zip")
    with pytest.raises(DataError, match="has no images"):
        open_data(archive(tmp_path, {"a.txt": b""}))
    (tmp_path / "a.dat").write_bytes(b"")
    with pytest.raises(DataError, match=r"an \.npz or a \.zip file; expected images"):
        open_data(tmp_path / "a.dat")
    with pytest.raises(DataError, match="only the split 'train'"):
        open_data(archive(tmp_path, {"a.png": flat(1)}), split="test")
