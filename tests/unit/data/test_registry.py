"""The one table of named sets: what is where, in which order places are looked through, what is downloaded."""

import io
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest

from tinygan.data import NAMES, catalogue, fetch, open_data, registry, search_path
from tinygan.data.registry import DATASETS, kind, locate
from tinygan.errors import DataError, FormatError

from ..published import cifar_binary, digits_table, svhn, tar

CIFAR = tar(cifar_binary("cifar-10"))


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TINYGAN_OFFLINE", "1")
    monkeypatch.setattr(search_path, "SYSTEM", tmp_path / "system")
    monkeypatch.delenv("TINYGAN_DATA", raising=False)


@pytest.mark.parametrize("name", NAMES)
def test_every_row_has_a_kind_that_opens_it(name):
    row = DATASETS[name]
    assert hasattr(kind(name), "draw") != (hasattr(kind(name), "find") and hasattr(kind(name), "load"))
    assert bool(row.how_to_get) == hasattr(kind(name), "find")
    assert all(len(file.sha256) == 64 and file.urls for file in row.files)
    assert row.base in ("", *DATASETS) and row.home in ("", *DATASETS)
    if not row.how_to_get and not row.base:
        assert open_data(name).batch(np.arange(2))[0].shape == (2, *row.shape)


def test_folders_are_searched_in_order(tmp_path, monkeypatch):
    inside = tmp_path / "packages/sklearn/datasets/data"
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "own"))
    order = [
        tmp_path / "own/digits",
        tmp_path / "own",
        tmp_path / "system/digits",
        inside,
        tmp_path / "home/tinygan/digits",
    ]
    for folder in order:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "digits.csv.gz").write_bytes(digits_table(8, 16)[0])
    (tmp_path / "packages/sklearn/__init__.py").write_text("")
    for folder in order:
        assert locate("digits") == folder / "digits.csv.gz"
        (folder / "digits.csv.gz").unlink()
    assert locate("digits") is None


def test_the_module_of_a_set_is_imported_on_first_use():
    code = "import sys, tinygan.data; print(sorted(m for m in sys.modules if m.startswith('tinygan.data.')))"
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed.strip() == "['tinygan.data.dataset', 'tinygan.data.registry', 'tinygan.data.search_path']"


@pytest.fixture
def mirror(monkeypatch):
    """Files by address, in place of the net; and what was asked for."""
    files: dict[str, bytes] = {}
    asked = []

    def download(urls, target, verify, **hints):
        asked.append(target.name)
        if target.name not in files:
            raise DataError(f"{target.name}: no mirror gave it; {hints['hint']}")
        verify(io.BytesIO(files[target.name]))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files[target.name])

    monkeypatch.setattr(fetch, "fetch", download)
    return files, asked


def pin(monkeypatch, name, files):
    row = DATASETS[name]
    pinned = tuple(file._replace(sha256=sha256(files[file.name]).hexdigest()) for file in row.files)
    monkeypatch.setitem(registry.DATASETS, name, row._replace(files=pinned))


def test_a_set_that_is_not_found_is_downloaded_once_and_only_with_the_published_hash(tmp_path, monkeypatch, mirror):
    files, asked = mirror
    files["cifar-10-binary.tar.gz"] = CIFAR
    with pytest.raises(DataError, match=r"its SHA-256 is [0-9a-f]{64}, expected c4a38c50"):
        open_data("cifar-10")
    assert not (tmp_path / "home").exists()
    pin(monkeypatch, "cifar-10", files)
    assert open_data("cifar-10").size == 15
    assert open_data("cifar-10", split="test").size == 3
    assert asked == ["cifar-10-binary.tar.gz"] * 2
    cached = tmp_path / "home/tinygan/cifar-10/cifar-10-binary.tar.gz"
    cached.write_bytes(tar(cifar_binary("cifar-10", n=4)))
    with pytest.raises(FormatError, match=r"SHA-256 differs\); remove it"):
        open_data("cifar-10")


def test_a_file_of_one_split_is_downloaded_alone(monkeypatch, mirror):
    files, asked = mirror
    files["test_32x32.mat"] = files["train_32x32.mat"] = svhn()[0]
    pin(monkeypatch, "svhn", files)
    assert open_data("svhn", split="test").size == 7
    assert asked == ["test_32x32.mat"]


def test_files_in_other_folders_are_not_checked_against_the_hash(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(CIFAR)
    assert open_data("cifar-10").size == 15
    assert {entry.name for entry in catalogue() if entry.path == str(tmp_path / "cifar-10-binary.tar.gz")} == {
        "cifar-10"
    }


def test_offline_the_error_says_how_to_get_the_data():
    for name in ("cifar-10", "svhn", "emoji-google", "celeba", "stacked-mnist", "mnist"):
        with pytest.raises(DataError, match=r"; to get (it|them): .*TINYGAN_DATA=DIR"):
            open_data(name)
