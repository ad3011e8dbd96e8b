"""The network of the FID against a PyTorch build of its own, on random weights in the layout of the published file."""

import numpy as np
import pytest

from tinygan import kernels
from tinygan.errors import FormatError
from tinygan.metrics.inception import BYTES, Inception, load_inception
from tinygan.metrics.resize import resize, tf1_bilinear
from tinygan.models.inception import CLASSES, FEATURES

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional

SAMPLING = 0.02  # of 255: TensorFlow finds the place of a pixel in float32
BOUND = 1e-5  # of the largest feature, and of the largest logit


class Unit(nn.Module):
    """Convolution, batch norm by running statistics, ReLU."""

    def __init__(self, c, o, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(c, o, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(o, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


def mean_of_those_there(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def wide(k):
    return {"kernel": (1, k), "padding": (0, k // 2)}


def tall(k):
    return {"kernel": (k, 1), "padding": (k // 2, 0)}


class Block(nn.Module):
    """Units by name, and a function of (self, x) that joins them."""

    def __init__(self, join, **units):
        super().__init__()
        self.join = join
        for name, (c, o, how) in units.items():
            setattr(self, f"branch{name}", Unit(c, o, **(how if isinstance(how, dict) else {"kernel": how})))

    def forward(self, x):
        return torch.cat(self.join(self, x), 1)


def block_a(c, pool):
    def join(m, x):
        five = m.branch5x5_2(m.branch5x5_1(x))
        double = m.branch3x3dbl_3(m.branch3x3dbl_2(m.branch3x3dbl_1(x)))
        return [m.branch1x1(x), five, double, m.branch_pool(mean_of_those_there(x))]

    same = {"kernel": 3, "padding": 1}
    return Block(
        join,
        **{"1x1": (c, 64, 1), "5x5_1": (c, 48, 1), "5x5_2": (48, 64, {"kernel": 5, "padding": 2})},
        **{"3x3dbl_1": (c, 64, 1), "3x3dbl_2": (64, 96, same), "3x3dbl_3": (96, 96, same), "_pool": (c, pool, 1)},
    )


def block_b(c):
    def join(m, x):
        double = m.branch3x3dbl_3(m.branch3x3dbl_2(m.branch3x3dbl_1(x)))
        return [m.branch3x3(x), double, F.max_pool2d(x, 3, 2)]

    half = {"kernel": 3, "stride": 2}
    same = {"kernel": 3, "padding": 1}
    return Block(
        join,
        **{"3x3": (c, 384, half), "3x3dbl_1": (c, 64, 1), "3x3dbl_2": (64, 96, same), "3x3dbl_3": (96, 96, half)},
    )


def block_c(c, m7):
    def join(m, x):
        seven = m.branch7x7_3(m.branch7x7_2(m.branch7x7_1(x)))
        double = m.branch7x7dbl_3(m.branch7x7dbl_2(m.branch7x7dbl_1(x)))
        double = m.branch7x7dbl_5(m.branch7x7dbl_4(double))
        return [m.branch1x1(x), seven, double, m.branch_pool(mean_of_those_there(x))]

    return Block(
        join,
        **{"1x1": (c, 192, 1), "7x7_1": (c, m7, 1), "7x7_2": (m7, m7, wide(7)), "7x7_3": (m7, 192, tall(7))},
        **{"7x7dbl_1": (c, m7, 1), "7x7dbl_2": (m7, m7, tall(7)), "7x7dbl_3": (m7, m7, wide(7))},
        **{"7x7dbl_4": (m7, m7, tall(7)), "7x7dbl_5": (m7, 192, wide(7)), "_pool": (c, 192, 1)},
    )


def block_d(c):
    def join(m, x):
        seven = m.branch7x7x3_3(m.branch7x7x3_2(m.branch7x7x3_1(x)))
        return [m.branch3x3_2(m.branch3x3_1(x)), m.branch7x7x3_4(seven), F.max_pool2d(x, 3, 2)]

    half = {"kernel": 3, "stride": 2}
    return Block(
        join,
        **{"3x3_1": (c, 192, 1), "3x3_2": (192, 320, half), "7x7x3_1": (c, 192, 1)},
        **{"7x7x3_2": (192, 192, wide(7)), "7x7x3_3": (192, 192, tall(7)), "7x7x3_4": (192, 192, half)},
    )


def block_e(c, pool):
    def join(m, x):
        three = m.branch3x3_1(x)
        double = m.branch3x3dbl_2(m.branch3x3dbl_1(x))
        return [
            *(m.branch1x1(x), m.branch3x3_2a(three), m.branch3x3_2b(three)),
            *(m.branch3x3dbl_3a(double), m.branch3x3dbl_3b(double), m.branch_pool(pool(x))),
        ]

    return Block(
        join,
        **{"1x1": (c, 320, 1), "3x3_1": (c, 384, 1), "3x3_2a": (384, 384, wide(3)), "3x3_2b": (384, 384, tall(3))},
        **{"3x3dbl_1": (c, 448, 1), "3x3dbl_2": (448, 384, {"kernel": 3, "padding": 1})},
        **{"3x3dbl_3a": (384, 384, wide(3)), "3x3dbl_3b": (384, 384, tall(3)), "_pool": (c, 192, 1)},
    )


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = Unit(3, 32, 3, 2), Unit(32, 32, 3)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = Unit(32, 64, 3, 1, 1), Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = block_a(192, 32), block_a(256, 64), block_a(288, 64)
        self.Mixed_6a = block_b(288)
        self.Mixed_6b, self.Mixed_6c = block_c(768, 128), block_c(768, 160)
        self.Mixed_6d, self.Mixed_6e = block_c(768, 160), block_c(768, 192)
        self.Mixed_7a, self.Mixed_7b = block_d(768), block_e(1280, mean_of_those_there)
        self.Mixed_7c = block_e(2048, lambda x: F.max_pool2d(x, 3, 1, 1))
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x):
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(F.max_pool2d(x, 3, 2)))
        x = F.max_pool2d(x, 3, 2)
        for name in ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"]:
            x = getattr(self, f"Mixed_{name}")(x)
        features = x.mean((2, 3))
        return features, features @ self.fc.weight.T


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    net = Network().eval()
    for part in net.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.3)
            nn.init.normal_(part.running_mean, 0, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    return net


@pytest.fixture(scope="module")
def saved(network, tmp_path_factory):
    """The file in both formats, with the tensors that the published one has."""
    folder = tmp_path_factory.mktemp("weights")
    state = network.state_dict()
    for name in [name for name in state if name.endswith("num_batches_tracked")]:
        del state[name]
    torch.save(state, folder / "stream.pth", _use_new_zipfile_serialization=False)
    torch.save(state, folder / "zip.pth")
    return folder


@pytest.fixture(scope="module")
def theta(saved):
    return load_inception(saved / "stream.pth", sha256=None)


def test_both_formats_give_the_same_weights_and_the_stream_is_as_long_as_the_published_file(saved, theta):
    assert np.array_equal(load_inception(saved / "zip.pth", sha256=None), theta)
    assert abs((saved / "stream.pth").stat().st_size - BYTES) <= 10_000  # storage keys differ in length


def test_another_file_is_not_taken_for_the_published_one(saved):
    with pytest.raises(FormatError, match="is not the published"):
        load_inception(saved / "stream.pth")


@pytest.mark.parametrize("backend", ["reference", "jit"])
def test_features_and_logits_are_those_of_torch(network, theta, backend):
    if backend not in kernels.available():
        pytest.skip(f"the backend {backend} is not installed")
    extractor = Inception(theta)
    images = np.random.default_rng(1).uniform(-1, 1, (2, 64, 48, 3)).astype(np.float32)
    images[1] = np.linspace(-1, 1, 48)[:, None]
    x = torch.tensor(extractor.prepare(images)).movedim(-1, 1)
    with torch.no_grad():
        theirs = [a.numpy() for a in network(x)]
    with kernels.on_cpu(backend):
        ours = extractor(images)
    assert [a.shape for a in ours] == [(2, FEATURES), (2, CLASSES)]
    for a, b in zip(ours, theirs, strict=True):
        assert np.abs(a - b).max() <= BOUND * np.abs(b).max()
        assert b.std(axis=0).max() > 0.01 * np.abs(b).max()  # the two images differ: weights do not drown them


@pytest.mark.parametrize("size", [(32, 32), (64, 48), (299, 299), (500, 301)])
def test_tf1_bilinear_is_torch_sampling_at_i_n_over_m(size):
    x = np.random.default_rng(2).uniform(0, 255, (2, *size, 3))
    at = [
        torch.arange(299, dtype=torch.float64) * n / 299 * 2 / (n - 1) - 1 for n in size
    ]  # -1 and 1: first, last pixel
    grid = torch.stack(torch.meshgrid(*at, indexing="ij")[::-1], dim=-1).expand(2, -1, -1, -1)
    y = F.grid_sample(torch.tensor(x).movedim(-1, 1), grid, "bilinear", "border", align_corners=True).movedim(1, -1)
    assert np.abs(resize(x, 299, tf1_bilinear) - y.numpy()).max() <= SAMPLING
