"""Stored mean and covariance: pytorch-fid's file, and what is not one."""

import io
import random
import tracemalloc
import zipfile

import numpy as np
import pytest

from tinygan.errors import DataError, FormatError
from tinygan.metrics.frechet import distance, of_features
from tinygan.metrics.statistics import load, parse, save


def test_the_file_is_the_one_of_pytorch_fid(rng, tmp_path):
    x = rng.normal(size=(500, 20)) @ rng.normal(size=(20, 20))
    save(tmp_path / "a.npz", of_features(x))
    with np.load(tmp_path / "a.npz") as file:
        assert sorted(file) == ["mu", "sigma"]
        np.testing.assert_allclose(file["mu"], x.mean(axis=0), atol=1e-14)
        np.testing.assert_allclose(file["sigma"], np.cov(x, rowvar=False), atol=1e-12)
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "b.npz", mu=x.mean(0), sigma=np.asfortranarray(np.cov(x, rowvar=False)), more=np.array([None]))
        assert distance(load(tmp_path / "b.npz"), of_features(x)) <= 1e-7 * np.square(x).sum()


def archive(**members):
    """The bytes of an archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, data in members.items():
            packed.writestr(name + ".npy", data)
    return file.getvalue()


def npy(array, shape=None):
    """The bytes of a member, with another shape in its header."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": array.dtype.str, "fortran_order": False, "shape": shape or array.shape}
    )
    return file.getvalue() + array.tobytes()


MU, SIGMA = np.zeros(2), np.eye(2)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not a zip file"),
        (b"PK\3\4rubbish", "not a zip file"),
        (archive(mu=npy(MU)), "no item named 'sigma.npy'"),
        (archive(mu=npy(MU), sigma=b"rubbish"), "magic string"),
        (archive(mu=npy(MU), sigma=npy(np.eye(3))), r"covariance \(3, 3\)"),
        (
            archive(mu=npy(MU), sigma=npy(SIGMA, (10**6, 10**6))),
            "declares float64 .1000000, 1000000. but has 32 bytes",
        ),
        (archive(mu=npy(MU), sigma=npy(SIGMA)[:-1]), "but has 31 bytes"),
        (archive(mu=npy(MU), sigma=npy(SIGMA.astype(int))), "declares int64"),
        (archive(mu=npy(MU), sigma=npy(np.full((2, 2), np.nan))), "NaN"),
        (archive(mu=npy(MU), sigma=npy(np.diag([1.0, -1.0]))), "negative eigenvalue"),
    ],
)
def test_a_file_that_is_not_such_statistics_is_refused(tmp_path, data, why):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(FormatError, match=rf"a\.npz: .*{why}.*; expected a \.npz with mu") as caught:
        load(tmp_path / "a.npz")
    assert "\n" not in str(caught.value)


def test_objects_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", mu=np.array([None, None]), sigma=SIGMA)
    with pytest.raises(FormatError, match="declares object"):
        load(tmp_path / "a.npz")


def test_other_compression_methods_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as file:
        file.writestr("mu.npy", npy(MU))
    with pytest.raises(FormatError, match=r"mu\.npy is neither stored nor deflated"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("packing", "packed", "unpacked"),
    [
        (zipfile.ZIP_STORED, 2**28, 2**28),
        (zipfile.ZIP_DEFLATED, None, 100),
        (zipfile.ZIP_DEFLATED, None, 2**28),
        (zipfile.ZIP_DEFLATED, 2**28, None),
    ],
)
def test_memory_is_not_asked_for_before_the_bytes_are_there(packing, packed, unpacked):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as members:
        members.writestr("mu.npy", npy(MU) + bytes(10**6 if packing == zipfile.ZIP_STORED else 2 * 10**7))
    data = bytearray(file.getvalue())
    directory = data.rindex(b"PK\1\2")
    for offset, declared in ((20, packed), (24, unpacked)):
        if declared is not None:
            data[directory + offset : directory + offset + 4] = declared.to_bytes(4, "little")
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            parse(io.BytesIO(data), "a")
        assert tracemalloc.get_traced_memory()[1] <= 3 * 10**6
    finally:
        tracemalloc.stop()


def test_no_file_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*none\.npz: No such file"):
        load(tmp_path / "none.npz")


def test_mutated_files_give_statistics_or_their_own_error(tmp_path):
    rng = random.Random(0)
    whole = [archive(mu=npy(MU), sigma=npy(SIGMA))]
    np.savez_compressed(tmp_path / "a.npz", mu=MU, sigma=SIGMA)
    whole.append((tmp_path / "a.npz").read_bytes())
    refused = 0
    for _ in range(1500):
        data = bytearray(rng.choice(whole))
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            assert np.isfinite(parse(io.BytesIO(data), "b").factor).all()
        except FormatError:
            refused += 1
    assert refused > 500
