"""What goes into the network of the FID and what it is loaded from; tests/gold has its features beside PyTorch's."""

import numpy as np
import pytest

from tinygan.errors import DataError, FormatError, ShapeError, UsageError
from tinygan.metrics import inception as module
from tinygan.metrics.inception import CONVOLUTIONS, FILE, OTHER, SHA256, Inception, load_inception, locate
from tinygan.models.inception import inception


@pytest.fixture(scope="module")
def theta():
    """Small weights, drawn cheaply: a few numbers, repeated."""
    return np.resize(np.random.default_rng(0).normal(0, 0.05, 9973).astype(np.float32), inception().size)


def test_bytes_enter_as_they_are_read_from_a_file(rng):
    pixels = rng.integers(0, 256, (2, 299, 299, 3), dtype=np.uint8)
    images = (pixels / 127.5 - 1).astype(np.float32)
    for resizer in ("tf1-bilinear", "pil-bicubic"):
        x = Inception(np.zeros(0), resizer).prepare(images)
        assert x.dtype == np.float32
        assert np.array_equal(x, (pixels.astype(np.float32) - 128) / 128)


def test_pixels_are_rounded_grey_is_three_channels_and_bicubic_overshoot_is_held(rng):
    f = Inception(np.zeros(0), "pil-bicubic")
    images = np.where(rng.random((1, 20, 30, 1)) < 0.5, -1, 1).astype(np.float32)
    x = f.prepare(images)
    assert x.shape == (1, 299, 299, 3)
    assert np.abs(x[..., :1] - x).max() <= 1e-6
    assert (x.min(), x.max()) == (-1, 127 / 128)
    assert np.array_equal(f.prepare(images * (1 - 1e-3)), x)  # the same bytes


def test_features_do_not_depend_on_the_batch(theta, rng, monkeypatch):
    images = rng.uniform(-1, 1, (3, 8, 8, 3)).astype(np.float32)
    f = Inception(theta)
    monkeypatch.setattr(module, "_PART", 2)
    features, logits = f(images)
    assert features.shape == (3, f.dim) and logits.shape == (3, 1008)
    assert np.isfinite(features).all() and features.std(axis=0).max() > 0
    assert np.abs(f(images[2:])[0] - features[2:]).max() <= 1e-6 * np.abs(features).max()
    assert f(images[:0])[0].shape == (0, 2048)


def test_a_result_names_the_network_and_the_resizer():
    assert Inception(np.zeros(0)).name == "inception-2015-12-05, tf1-bilinear"
    assert Inception(np.zeros(0), "pil-bicubic").name == "inception-2015-12-05, pil-bicubic"
    with pytest.raises(UsageError, match="unknown resizer 'bicubic'; expected one of tf1-bilinear, pil-bicubic"):
        Inception(np.zeros(0), "bicubic")


@pytest.mark.parametrize("shape", [(8, 8, 3), (2, 8, 8, 4), (2, 0, 8, 3)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ShapeError, match=r"\(N, H, W, 1\) or \(N, H, W, 3\)"):
        Inception(np.zeros(0))(np.zeros(shape, np.float32))


def test_what_is_not_finite_has_no_features():
    with pytest.raises(UsageError, match="have a NaN"):
        Inception(np.zeros(0))(np.full((1, 4, 4, 3), np.nan, np.float32))


def tensors():
    """Every tensor of the file's layout, without memory: one number, seen in the right shape."""
    named = {}
    arrays = list(inception().view(np.empty(inception().size, np.float32)).values())
    for name, w in zip(CONVOLUTIONS, arrays[:-1:2], strict=True):
        kh, kw, c, o = w.shape
        named[f"{name}.conv.weight"] = np.broadcast_to(np.float32(3), (o, c, kh, kw))
        values = {"weight": 2, "bias": 5, "running_mean": 7, "running_var": 4 - 0.001}
        named |= {f"{name}.bn.{part}": np.full(o, value) for part, value in values.items()}
    return named | {"fc.weight": np.broadcast_to(np.float32(9), (1008, 2048)), "fc.bias": np.zeros(1008)}


def test_norms_are_folded_into_their_convolutions(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "read_torch", lambda path, max_bytes: tensors())
    theta = load_inception(tmp_path / "any", sha256=None)
    named = inception().view(theta)
    assert len(CONVOLUTIONS) == 94
    for name, a in named.items():
        expected = 9 if name.endswith("linear.w") else 3 if name.endswith(".w") else -2  # 2/√4 of 3;  5 - 7
        assert np.abs(a - expected).max() <= 1e-5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("Mixed_6c.branch7x7_2.conv.weight"), r"no such tensor for Mixed_6c.branch7x7_2.conv.weight"),
        (lambda t: t.update({"fc.weight": np.zeros((1000, 2048))}), r"the shape \(1000, 2048\) for fc.weight"),
        (lambda t: t.update({"Conv2d_1a_3x3.bn.bias": np.full(32, np.nan)}), "not finite"),
        (lambda t: t.update({"Conv2d_1a_3x3.bn.running_var": np.full(32, -1.0)}), "not finite"),
    ],
)
def test_a_file_of_another_layout_is_one_line(monkeypatch, tmp_path, change, message):
    changed = tensors()
    change(changed)
    monkeypatch.setattr(module, "read_torch", lambda path, max_bytes: changed)
    with pytest.raises(FormatError, match=message):
        load_inception(tmp_path / "any", sha256=None)


def test_the_file_is_looked_for_checked_and_otherwise_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setenv("TINYGAN_OFFLINE", "1")
    with pytest.raises(
        DataError, match=rf"{FILE} is missing and TINYGAN_OFFLINE=1 .* put it in DIR and set TINYGAN_DATA"
    ):
        load_inception()
    for place in (f"cache/torch/hub/checkpoints/{FILE}", f"cache/tinygan/inception/{FILE}", f"inception/{OTHER}", FILE):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"short")
        assert locate() == tmp_path / place
    with pytest.raises(
        FormatError, match=rf"is not the published {FILE} \(its SHA-256 is .*, expected {SHA256}\); remove it"
    ):
        load_inception()
    with pytest.raises(DataError, match=r"cannot read .*none: No such file"):
        load_inception(tmp_path / "none")
