"""Values and first gradients of the layers, against their counterparts in PyTorch."""

import numpy as np
import pytest

from tinygan import layers as L
from tinygan.core.net import Net

from .twins import FIRST, agree, conv2d, conv_transpose2d, cut, on_images, tensors

torch = pytest.importorskip("torch")
F = torch.nn.functional

IMAGE = (6, 4, 4)
upsample = on_images(lambda x, k: F.interpolate(x, scale_factor=k, mode="nearest"))
avg_pool = on_images(F.avg_pool2d)


def padded_conv(x, w, b):
    """Rows padded by 1 and 2, columns by 0 and 1; torch's own padding is symmetric."""
    return conv2d(F.pad(x, (0, 0, 0, 1, 1, 2)), w, b, stride=(2, 1))


def blurred(x, stride):
    """(N, 4, H, W) mirrored at the border, convolved with (1, 4, 6, 4, 1) / 16 along rows and along columns."""
    w = torch.tensor([1, 4, 6, 4, 1], dtype=x.dtype) / 16
    x = F.pad(x, (2, 2, 2, 2), "reflect")
    return F.conv2d(x, torch.outer(w, w).expand(4, 1, 5, 5), stride=stride, groups=4)


def between_zeros(x):
    """(N, 4, H, W) → (N, 4, 2H, 2W), the pixels at the even places."""
    return F.conv_transpose2d(x, torch.ones(4, 1, 1, 1, dtype=x.dtype), stride=2, output_padding=1, groups=4)


CASES = {
    "linear": (L.Linear(5, 3), (5,), F.linear),
    "linear without bias": (L.Linear(5, 3, bias=False), (5,), F.linear),
    "conv": (L.Conv2d(4, 3, 3, pad=1), IMAGE, lambda x, w, b: conv2d(x, w, b, padding=1)),
    "conv of stride 2": (
        L.Conv2d(4, 5, (4, 3), stride=2, pad=(1, 0), bias=False),
        IMAGE,
        lambda x, w: conv2d(x, w, stride=2, padding=(1, 0)),
    ),
    "conv padded unevenly": (L.Conv2d(4, 3, (3, 2), stride=(2, 1), pad=((1, 2), (0, 1))), IMAGE, padded_conv),
    "transposed conv": (
        L.ConvTranspose2d(4, 3, 4, stride=2, pad=1),
        IMAGE,
        lambda x, w, b: conv_transpose2d(x, w, b, stride=2, padding=1),
    ),
    "transposed conv with output padding": (
        L.ConvTranspose2d(4, 2, (3, 4), stride=(2, 3), pad=(1, 0), output_padding=(1, 2), bias=False),
        IMAGE,
        lambda x, w: conv_transpose2d(x, w, stride=(2, 3), padding=(1, 0), output_padding=(1, 2)),
    ),
    "batch norm of vectors": (L.BatchNorm(4), (4,), lambda x, g, b: F.batch_norm(x, None, None, g, b, True)),
    "batch norm of images": (
        L.BatchNorm(4),
        IMAGE,
        on_images(lambda x, g, b: F.batch_norm(x, None, None, g, b, True)),
    ),
    "layer norm": (L.LayerNorm(4), IMAGE, lambda x, g, b: F.layer_norm(x, (4,), g, b)),
    "layer norm of images": (L.LayerNorm(*IMAGE), IMAGE, lambda x, g, b: F.layer_norm(x, IMAGE, g, b)),
    "group norm": (L.GroupNorm(4, 2), IMAGE, on_images(lambda x, g, b: F.group_norm(x, 2, g, b))),
    "instance norm": (L.InstanceNorm(4), IMAGE, on_images(lambda x, g, b: F.instance_norm(x, weight=g, bias=b))),
    "pixel norm": (L.PixelNorm(), IMAGE, lambda x: F.rms_norm(x, (4,), eps=1e-8)),
    "relu": (L.ReLU(), IMAGE, F.relu),
    "leaky relu": (L.LeakyReLU(0.3), IMAGE, lambda x: F.leaky_relu(x, 0.3)),
    "elu": (L.ELU(0.7), IMAGE, lambda x: F.elu(x, 0.7)),
    "silu": (L.SiLU(), IMAGE, F.silu),
    "softplus": (L.Softplus(), IMAGE, F.softplus),
    "tanh": (L.Tanh(), IMAGE, torch.tanh),
    "sigmoid": (L.Sigmoid(), IMAGE, torch.sigmoid),
    "average pool": (L.AvgPool2d(2), IMAGE, lambda x: avg_pool(x, 2)),
    "max pool": (L.MaxPool2d(3, stride=2), IMAGE, on_images(lambda x: F.max_pool2d(x, 3, 2))),
    "max pool over the edge": (L.MaxPool2d(3, pad=1), IMAGE, on_images(lambda x: F.max_pool2d(x, 3, 1, 1))),
    "mean of the pixels there": (
        L.LocalMeanPool(3),
        IMAGE,
        on_images(lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)),
    ),
    "global mean": (L.GlobalMeanPool(), IMAGE, lambda x: F.adaptive_avg_pool2d(x.movedim(-1, 1), 1).flatten(1)),
    "mirrored border": (L.Pad(3), IMAGE, on_images(lambda x: F.pad(x, (3, 3, 3, 3), "reflect"))),
    "repeated border": (L.Pad(3, "replicate"), IMAGE, on_images(lambda x: F.pad(x, (3, 3, 3, 3), "replicate"))),
    "blur": (L.Blur(), IMAGE, on_images(lambda x: blurred(x, 1))),
    "down a pyramid": (L.PyramidDown(), IMAGE, on_images(lambda x: blurred(x, 2))),
    "up a pyramid": (L.PyramidUp(), IMAGE, on_images(lambda x: 4 * blurred(between_zeros(x), 1))),
    "up a pyramid to odd sides": (
        L.PyramidUp((11, 7)),
        IMAGE,
        on_images(lambda x: 4 * blurred(between_zeros(x)[..., :11, :7], 1)),
    ),
    "upsample": (L.Upsample(3), IMAGE, lambda x: upsample(x, 3)),
    "upsample and conv": (L.UpConv2d(4, 3), IMAGE, lambda x, w, b: conv2d(upsample(x, 2), w, b, padding=1)),
    "conv and pool": (L.ConvPool2d(4, 3), IMAGE, lambda x, w, b: avg_pool(conv2d(x, w, b, padding=1), 2)),
}


def agrees(net, theta, shape, op):
    """y, x̄ and θ̄ of one random batch are those of ``op``."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5, *shape))
    y, saved = net.forward(theta, x)
    gy = rng.normal(size=y.shape)
    ours = net.backward(theta, saved, gy)
    at, weights = tensors(x, theta)
    their_y = op(at, *cut(net, weights))
    gx, g = torch.autograd.grad(
        their_y, (at, weights), torch.tensor(gy), allow_unused=not net.size, materialize_grads=not net.size
    )
    agree(FIRST, y=(y, their_y.detach()), gx=(ours.x, gx), gtheta=(ours.theta, g))


def weights_of(net):
    """θ away from the special values 0 and 1."""
    rng = np.random.default_rng(0)
    theta = net.init(rng, np.float64)
    return theta + 0.3 * rng.normal(size=theta.shape)


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradients_are_those_of_torch(name):
    layer, shape, op = CASES[name]
    net = Net(layer)
    agrees(net, weights_of(net), shape, op)


@pytest.mark.parametrize("shape", [(4,), IMAGE])
def test_batch_norm_moves_its_running_values_as_torch_does(shape):
    rng = np.random.default_rng(2)
    net = Net(L.BatchNorm(4, momentum=0.3))
    theta, x = weights_of(net), rng.normal(1.5, 2.0, size=(5, *shape))
    running = rng.uniform(0.5, 2, size=net.running_size)
    mean, var = torch.tensor(running).split(4)
    F.batch_norm(torch.tensor(x).movedim(-1, 1), mean, var, training=True, momentum=0.3)
    ours = net.update(running, theta, net.forward(theta, x)[1])
    agree(FIRST, running=(ours, torch.cat([mean, var])))


def test_batch_norm_in_evaluation_is_that_of_torch():
    net = Net(L.BatchNorm(4))
    running = np.random.default_rng(3).uniform(0.5, 2, size=net.running_size)
    mean, var = torch.tensor(running).split(4)
    op = on_images(lambda x, gamma, beta: F.batch_norm(x, mean, var, gamma, beta, training=False))
    agrees(net.eval(running), weights_of(net), IMAGE, op)


@pytest.mark.parametrize(
    ("layer", "shape", "rows", "op"),
    [
        (L.Linear(5, 3), (5,), 0, F.linear),
        (L.Conv2d(4, 3, 3), IMAGE, 3, conv2d),
        (L.ConvTranspose2d(4, 3, 3), IMAGE, 2, conv_transpose2d),
    ],
)
def test_spectral_norm_is_the_map_of_w_over_sigma(layer, shape, rows, op):
    net = Net(L.SpectralNorm(layer))
    theta = weights_of(net)
    running = net.init_running(theta, np.random.default_rng(4))
    u = torch.tensor(running)

    def normalised(x, w, b):
        return op(x, w / (w.movedim(rows, 0).flatten(1).T @ u).norm(), b)

    agrees(net.bind(running), theta, shape, normalised)
