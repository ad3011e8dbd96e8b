"""A net in a file: what is saved is loaded bit for bit under the names of the views, and what does not fit is one line."""

import numpy as np
import pytest

from tinygan.checks.cases import CASES
from tinygan.core.compose import Residual
from tinygan.core.net import Net
from tinygan.core.tree import tree_flatten
from tinygan.errors import DataError, FormatError, UsageError
from tinygan.formats.safetensors import load, save
from tinygan.layers import BatchNorm, Conv2d, Linear, ReLU, Reshape, SpectralNorm

NET = Net(Linear(4, 12), BatchNorm(12), ReLU(), Reshape(2, 2, 3), Residual(SpectralNorm(Conv2d(3, 3, 3, pad=1))))
NAMES = [
    *("0.linear.w", "0.linear.b", "1.batchnorm.gamma", "1.batchnorm.beta"),
    *("4.residual.0.spectralnorm.w", "4.residual.0.spectralnorm.b"),
]
RUNNING = ["1.batchnorm.mean", "1.batchnorm.var", "4.residual.0.spectralnorm.u"]


@pytest.fixture
def values(rng):
    theta = NET.init(rng)
    return theta, rng.normal(size=NET.running_size).astype(np.float32)


def test_running_values_have_names_and_are_views(values):
    named = NET.view_running(values[1])
    assert list(named) == RUNNING
    named["1.batchnorm.var"][:] = 7
    assert (values[1][12:24] == 7).all()
    assert sum(a.size for a in named.values()) == NET.running_size


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_what_is_saved_is_loaded(values, tmp_path, dtype):
    theta, running = (a.astype(dtype) for a in values)
    NET.save(tmp_path / "net.safetensors", theta, running)
    again = NET.load(tmp_path / "net.safetensors")
    assert all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(again, (theta, running), strict=True))
    again[0][:] = 0  # it can be written to


def test_the_names_in_the_file_are_those_of_the_views(values, tmp_path):
    NET.save(tmp_path / "net.safetensors", *values)
    tensors, metadata = load(tmp_path / "net.safetensors")
    assert tensors.keys() == {*NAMES, *RUNNING}
    assert np.array_equal(tensors["0.linear.w"], NET.view(values[0])["0.linear.w"])
    assert metadata == {"format": "tinygan.Net"}


def test_a_net_without_running_values_needs_none(rng, tmp_path):
    net = Net(Linear(2, 3))
    theta = net.init(rng)
    net.save(tmp_path / "net.safetensors", theta)
    again, running = net.load(tmp_path / "net.safetensors")
    assert np.array_equal(again, theta) and running.shape == (0,)
    Net(ReLU()).save(tmp_path / "none.safetensors", np.zeros(0, np.float32))
    assert [a.shape for a in Net(ReLU()).load(tmp_path / "none.safetensors")] == [(0,), (0,)]


def test_running_values_that_are_missing_are_asked_for(values, tmp_path):
    with pytest.raises(UsageError, match=r"this net has 27 running values: use save\(path, theta, running\)"):
        NET.save(tmp_path / "net.safetensors", values[0])
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("1.batchnorm.mean"), r"1\.batchnorm\.mean \(12,\) is missing"),
        (lambda t: t.update({"0.linear.b": np.zeros(3, np.float32)}), r"0\.linear\.b is \(3,\), expected \(12,\)"),
        (lambda t: t.update({"9.linear.w": np.zeros(3, np.float32)}), r"9\.linear\.w is not part of it"),
        (lambda t: t.update({"0.linear.b": np.zeros(12)}), r"0\.linear\.b is float64, expected float32"),
        (
            lambda t: [t.update({n: a.astype(np.int32)}) for n, a in list(t.items())],
            r"0\.linear\.w is int32, expected floats",
        ),
    ],
    ids=["missing", "shape", "too many", "two types", "no floats"],
)
def test_the_first_tensor_that_does_not_fit_is_named(values, tmp_path, change, message):
    path = tmp_path / "net.safetensors"
    tensors = {**NET.view(values[0]), **NET.view_running(values[1])}
    change(tensors)
    save(path, tensors)
    with pytest.raises(FormatError, match=rf"net\.safetensors does not fit this net: {message}") as refused:
        NET.load(path)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_or_none_is_one_line(tmp_path):
    with pytest.raises(DataError, match="it is not a file"):
        NET.load(tmp_path / "net.safetensors")
    (tmp_path / "net.safetensors").write_bytes(b"no")
    with pytest.raises(FormatError, match="is not a whole safetensors file"):
        NET.load(tmp_path / "net.safetensors")


@pytest.mark.parametrize("name", CASES)
def test_no_running_value_has_the_name_of_a_parameter(name):
    f, _ = CASES[name](lambda low, high: high)
    trained, running = (tree_flatten(Net(f).f.tree(kind), node=dict) for kind in ("shapes", "running"))
    assert not trained.keys() & running.keys()
