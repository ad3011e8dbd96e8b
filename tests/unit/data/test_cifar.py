"""CIFAR-10 and CIFAR-100 in both published forms, packed and unpacked; their archives."""

import io
import tarfile

import numpy as np
import pytest

from tinygan.data import open_data
from tinygan.errors import DataError, FormatError
from tinygan.formats.tar import read_tar

from ..published import CIFAR, cifar_binary, cifar_parts, cifar_python, python3_pickle, tar


def unpack(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def expected(name, split):
    parts = [part for file, part in cifar_parts(name).items() if ("test" in file) == (split == "test")]
    return (np.concatenate(each) for each in zip(*parts, strict=True))


def agrees(path, name, split):
    data = open_data(path, split=split)
    labels, pictures = expected(name, split)
    got, got_labels = data.batch(np.arange(data.size))
    np.testing.assert_allclose(got, pictures / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(got_labels["class"], labels[:, -1])
    assert (data.name, data.shape, len(data.classes)) == (name, (32, 32, 3), int(name.partition("-")[2]))
    if name == "cifar-100":
        np.testing.assert_array_equal(got_labels["group"], labels[:, 0])


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", CIFAR)
class TestForms:
    def test_binary_archive(self, tmp_path, name, split):
        (tmp_path / f"{name}-binary.tar.gz").write_bytes(tar(cifar_binary(name)))
        agrees(tmp_path / f"{name}-binary.tar.gz", name, split)
        agrees(tmp_path, name, split)

    def test_binary_folder(self, tmp_path, name, split):
        unpack(tmp_path, cifar_binary(name))
        agrees(tmp_path, name, split)
        agrees(tmp_path / CIFAR[name][0], name, split)

    def test_python_archive(self, tmp_path, name, split):
        (tmp_path / f"{name}-python.tar.gz").write_bytes(tar(cifar_python(name)))
        agrees(tmp_path, name, split)

    @pytest.mark.parametrize("dump", [None, python3_pickle(2), python3_pickle(4), python3_pickle(5, bytes)])
    def test_python_folder(self, tmp_path, name, split, dump):
        unpack(tmp_path, cifar_python(name, dump=dump))
        agrees(tmp_path, name, split)


def test_by_name_it_is_found_in_tinygan_data(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(tar(cifar_binary("cifar-10")))
    agrees("cifar-10", "cifar-10", "test")
    unpack(tmp_path / "cifar-100", cifar_binary("cifar-100"))
    agrees("cifar-100", "cifar-100", "train")


def test_missing_files_are_counted(tmp_path):
    files = cifar_binary("cifar-10")
    files.pop("cifar-10-batches-bin/data_batch_3.bin")
    unpack(tmp_path, files)
    with pytest.raises(DataError, match=r"has 4 of the 5 files data_batch_1, .* of 'train'; add the missing ones"):
        open_data(tmp_path)
    assert open_data(tmp_path, split="test").size == 3


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\1" * 3074, "has 3074 bytes, not a multiple of a record's 3073"),
        (b"\x0a" + bytes(3072), "a label outside its 10 classes"),
        (b"", "has no images"),
    ],
)
def test_records_that_are_not_whole_are_refused(tmp_path, data, why):
    unpack(tmp_path, {"cifar-10-batches-bin/test_batch.bin": data, "cifar-10-batches-bin/data_batch_1.bin": b""})
    with pytest.raises(FormatError, match=why):
        open_data(tmp_path, split="test")


def test_a_pickle_with_other_labels_is_refused(tmp_path):
    def dump(table):
        return python3_pickle(4)(table | {"labels": [0, 1, 256]})

    unpack(tmp_path, cifar_python("cifar-10", dump=dump))
    with pytest.raises(FormatError, match="expected 3 integers from 0 to 255 under 'labels'"):
        open_data(tmp_path)


class TestTar:
    def read(self, path, data, most=10**6):
        (path / "a.tar").write_bytes(data)
        return dict(read_tar(path / "a.tar", lambda name: name.endswith(".bin"), most))

    def test_only_what_is_wanted_comes_in_order(self, tmp_path):
        files = {"a/1.bin": b"x" * 513, "a/skip": b"y" * 5000, "a/2.bin": b"", "a/3.bin": b"z" * 512}
        for packed in (True, False):
            got = self.read(tmp_path, tar(files, packed))
            assert got == {name: data for name, data in files.items() if name.endswith("bin")}
            assert list(got) == ["a/1.bin", "a/2.bin", "a/3.bin"]

    def test_a_long_name_is_split_over_the_prefix(self, tmp_path):
        name = f"{'d' * 90}/{'e' * 90}.bin"
        assert self.read(tmp_path, tar({name: b"x"})) == {name: b"x"}

    def test_links_and_names_of_over_255_letters_are_passed_over(self, tmp_path):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            link = tarfile.TarInfo("link.bin")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
            whole = tarfile.TarInfo("n" * 200 + ".bin")
            whole.size = 3
            archive.addfile(whole, io.BytesIO(b"abc"))
        assert self.read(tmp_path, buffer.getvalue()) == {}

    def test_a_large_file_is_refused_before_it_is_read(self, tmp_path):
        with pytest.raises(FormatError, match=r"'a/1\.bin' has 101 bytes, expected at most 100"):
            self.read(tmp_path, tar({"a/1.bin": bytes(101)}), most=100)

    def test_every_truncation_is_refused(self, tmp_path):
        data = tar({"a/1.bin": b"x" * 600}, packed=False)
        for length in range(0, 512 * 4, 100):  # the folder, the header and two blocks
            with pytest.raises(FormatError):
                self.read(tmp_path, data[:length])
        packed = tar({"a/1.bin": b"x" * 600})
        for length in range(len(packed) - 1):
            with pytest.raises(FormatError):
                self.read(tmp_path, packed[:length])
