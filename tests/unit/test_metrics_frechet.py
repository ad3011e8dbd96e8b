"""Frechet distance: zero for equal sets, the closed form for known Gaussians; stored statistics."""

import io
import random
import tracemalloc
import zipfile

import numpy as np
import pytest

from tinygan.errors import DataError, FormatError, UsageError
from tinygan.metrics.frechet import Gaussian, distance, frechet, of_covariance, of_features, of_moments
from tinygan.metrics.moments import add, covariance, empty
from tinygan.metrics.statistics import load, parse, save


@pytest.fixture
def pair(rng):
    """Features of two distributions, (500, 20) and (400, 20)."""
    mix = rng.normal(size=(2, 20, 20))
    return rng.normal(size=(500, 20)) @ mix[0], rng.normal(size=(400, 20)) @ mix[1] + 0.3


def rotation(rng, d):
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


@pytest.mark.parametrize(("n", "d"), [(500, 20), (2, 3), (15, 60), (3000, 64)])
def test_a_set_is_at_no_distance_from_itself(rng, n, d):
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    trace = np.trace(np.cov(x, rowvar=False))
    a = of_features(x)
    b = of_moments(add(add(empty(d), x[n // 3 :]), x[: n // 3]))
    assert distance(a, a) <= 1e-12 * trace
    assert distance(a, b) <= 1e-12 * trace
    # not only because a negative value is cut off: 4 S against S is at tr(S)
    assert abs(distance(a, Gaussian(a.mean, 2 * a.factor)) - trace) <= 1e-12 * trace


@pytest.mark.parametrize("d", [1, 2, 30])
def test_gaussians_that_share_axes_have_the_closed_form(rng, d):
    axes = rotation(rng, d)
    s, t, m = rng.uniform(0.1, 3, size=(3, d))
    a = of_covariance(np.zeros(d), axes * s**2 @ axes.T)
    b = of_covariance(axes @ m, axes * t**2 @ axes.T)
    expected = np.square(m).sum() + np.square(s - t).sum()
    assert abs(distance(a, b) - expected) <= 1e-9 * expected
    assert abs(distance(b, a) - expected) <= 1e-9 * expected


def test_gaussians_of_the_plane_have_the_closed_form(rng):
    # tr √M = √(tr M + 2 √det M) for 2x2 matrices: axes need not be shared
    for _ in range(20):
        a, b = (f @ f.T for f in rng.normal(size=(2, 2, 2)))
        root = np.sqrt(np.trace(a @ b) + 2 * np.sqrt(np.linalg.det(a) * np.linalg.det(b)))
        expected = np.trace(a) + np.trace(b) - 2 * root
        got = distance(of_covariance(np.zeros(2), a), of_covariance(np.zeros(2), b))
        assert abs(got - expected) <= 1e-9 * (np.trace(a) + np.trace(b))


def test_features_moments_and_stored_statistics_agree(pair, tmp_path):
    x, y = pair
    expected = frechet(x, y)
    stored = []
    for name, features in (("x", x), ("y", y)):
        save(tmp_path / f"{name}.npz", of_features(features))
        stored.append(load(tmp_path / f"{name}.npz"))
    assert abs(distance(*stored) - expected) <= 1e-9 * expected
    assert (
        abs(distance(of_covariance(x.mean(0), np.cov(x, rowvar=False)), of_features(y)) - expected) <= 1e-9 * expected
    )


@pytest.mark.parametrize("size", [1, 33, 256])
def test_batches_and_order_do_not_matter(pair, rng, size):
    x, y = pair
    moments = empty(20)
    shuffled = rng.permutation(x)
    for start in range(0, len(x), size):
        moments = add(moments, shuffled[start : start + size])
    assert abs(distance(of_moments(moments), of_features(y)) - frechet(x, y)) <= 1e-10 * frechet(x, y)


def test_fewer_samples_than_features_work(rng):
    x, y = rng.normal(size=(9, 40)), rng.normal(size=(12, 40)) + 1
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    # the non-zero eigenvalues of S₁S₂ are those of a small matrix
    values = np.linalg.eigvals(a @ b)
    root = np.sqrt(np.sort(values.real)[-8:]).sum()
    expected = np.square(x.mean(0) - y.mean(0)).sum() + np.trace(a) + np.trace(b) - 2 * root
    assert abs(frechet(x, y) - expected) <= 1e-8 * expected


def test_float32_and_strided_features_are_read_as_they_are(pair):
    x, y = (a.astype(np.float32) for a in pair)
    assert frechet(x[::2, ::-1], y[:, ::-1]) == frechet(x[::2, ::-1].astype(np.float64), y[:, ::-1].copy())


@pytest.mark.parametrize(
    ("x", "y", "why"),
    [
        (np.ones((1, 2)), np.ones((5, 2)), r"features are \(1, 2\); expected .* n at least 2"),
        (np.ones((5, 2)), np.ones((1, 2)), "n at least 2"),
        (np.ones((5, 2)), np.ones((5, 3)), "Gaussians of 2 and 3 features"),
        (np.ones((5, 2, 2)), np.ones((5, 2)), r"\(5, 2, 2\); expected real numbers \(n, d\)"),
        (np.full((5, 2), np.nan), np.ones((5, 2)), "NaN"),
    ],
)
def test_what_does_not_fit_is_said(x, y, why):
    with pytest.raises(UsageError, match=why):
        frechet(x, y)


@pytest.mark.parametrize(
    ("mean", "matrix", "why"),
    [
        (np.zeros(2), np.eye(3), r"mean \(2,\) and covariance \(3, 3\)"),
        (np.zeros(2), np.array([[1.0, 0.5], [0.0, 1.0]]), "not symmetric"),
        (np.zeros(2), np.diag([1.0, -0.1]), "negative eigenvalue"),
        (np.array([0, np.inf]), np.eye(2), "means hold a NaN or an infinity"),
    ],
)
def test_what_is_no_covariance_is_said(mean, matrix, why):
    with pytest.raises(UsageError, match=why):
        of_covariance(mean, matrix)


def test_a_covariance_kept_in_float32_is_accepted(rng):
    x = rng.normal(size=(30, 50))
    a = of_covariance(x.mean(0), np.cov(x, rowvar=False).astype(np.float32))
    assert distance(a, of_features(x)) <= 1e-3 * np.trace(np.cov(x, rowvar=False))


def test_the_file_is_the_one_of_pytorch_fid(pair, tmp_path):
    x, _ = pair
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
            "declares float64 .1000000, 1000000. and holds 32 bytes",
        ),
        (archive(mu=npy(MU), sigma=npy(SIGMA)[:-1]), "holds 31 bytes"),
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


def test_other_packings_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_LZMA) as file:
        file.writestr("mu.npy", npy(MU))
    with pytest.raises(FormatError, match=r"mu\.npy is packed in another way"):
        load(tmp_path / "a.npz")


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("declared", [100, 2**28])
def test_memory_is_not_asked_for_before_the_bytes_are_there(packing, declared):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as packed:
        packed.writestr("mu.npy", npy(MU) + bytes(10**6 if packing == zipfile.ZIP_STORED else 10**8))
    data = bytearray(file.getvalue())
    directory = data.rindex(b"PK\1\2")
    data[directory + 24 : directory + 28] = declared.to_bytes(4, "little")  # the unpacked size
    if packing == zipfile.ZIP_STORED:
        data[directory + 20 : directory + 24] = declared.to_bytes(4, "little")
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


def test_the_covariance_of_moments_is_that_of_the_gaussian(pair):
    moments = add(empty(20), pair[0])
    factor = of_moments(moments).factor
    np.testing.assert_allclose(factor.T @ factor, covariance(moments), atol=1e-12)
