"""The nets of SNGAN: shapes, the unfused forms they equal, exact derivatives."""

import numpy as np
import pytest

from tinygan.core.compose import Residual, Sequential
from tinygan.core.net import Net
from tinygan.errors import UsageError
from tinygan.layers import AvgPool2d, BatchNorm, Conv2d, ConvPool2d, ReLU, UpConv2d, Upsample
from tinygan.models.sngan import discriminator, generator, projection

LEAST = {28: 7, 32: 4, 48: 6, 64: 4, 128: 4}  # the side at which G begins, of images of a side


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", LEAST)
def test_the_nets_fit_square_images(side, channels, rng):
    shape = side, side, channels
    G, D, P = generator(shape, 5, 1), discriminator(shape, 1, heads=(1, 4)), projection(shape, 1, 3)
    assert G.out_shape((5,)) == shape
    assert D.out_shape(shape) == (5,)
    assert P.out_shape((side * side * channels + 3,)) == (1,)
    assert generator().out_shape((128,)) == (32, 32, 3)
    most = 1 if side <= 32 else min(side // LEAST[side], 16)  # channels there, times those of the finest block
    stem = G.view(G.init(rng))["0.linear.w"]
    assert stem.shape == (LEAST[side] ** 2 * most, 5)


@pytest.mark.parametrize(
    "shape", [(2,), (32, 32), (28, 30, 1), (16, 16, 3), (96, 96, 3), (256, 256, 3), (0, 0, 1)], ids=str
)
@pytest.mark.parametrize("net", [lambda s: generator(s), lambda s: discriminator(s), lambda s: projection(s, 1, 3)])
def test_other_shapes_are_refused_in_one_line(net, shape):
    with pytest.raises(
        UsageError, match="square images of 28, 32, 48, 64 or 128 pixels: the data has samples"
    ) as refused:
        net(shape)
    assert str(shape) in str(refused.value) and "\n" not in str(refused.value)


def test_the_parameters_of_the_paper_are_counted():
    """Table 4 with C = 256 and 128: 3x3 weights, 1x1 shortcuts, batch norms, linear ends, biases."""
    C = 256
    block = 2 * (9 * C * C + C) + (C * C + C) + 2 * 2 * C
    assert generator().size == (128 * 16 * C + 16 * C) + 3 * block + 2 * C + (9 * C * 3 + 3)
    C = 128
    first = (9 * 3 * C + C) + (9 * C * C + C) + (3 * C + C)
    rest = 3 * 2 * (9 * C * C + C) + (C * C + C)
    assert discriminator().size == first + rest + (C + 1)


def written_out(f):
    """The same layer with the same parameters, resampling and 1x1 shortcuts where the paper has them."""
    if isinstance(f, UpConv2d | ConvPool2d):
        _, _, c_in, c_out = f.shapes["w"]
        plain = Conv2d(c_in, c_out, 3, pad=1)
        return Sequential(Upsample(), plain) if isinstance(f, UpConv2d) else Sequential(plain, AvgPool2d())
    if isinstance(f, Residual):
        return Residual(*map(written_out, f.children))
    if isinstance(f, Sequential):
        children = f.children
        if len(children) == 2 and isinstance(children[0], Conv2d):  # 1x1, up
            return Sequential(*reversed(children))
        if len(children) == 2 and isinstance(children[0], AvgPool2d):  # pool, 1x1
            return Sequential(*reversed(children))
        return Sequential(*map(written_out, children))
    return f


@pytest.mark.parametrize(
    ("net", "shape"),
    [(generator(latent=5, width=4), (5,)), (discriminator(width=4, spectral=False), (32, 32, 3))],
    ids=["G", "D"],
)
def test_fewer_operations_are_the_same_function(net, shape, rng):
    plain = Net(*written_out(net.f).children)
    theta, x = net.init(rng, np.float64), rng.normal(size=(3, *shape))
    assert plain.size == net.size
    (y, saved), (z, saved_plain) = net.forward(theta, x), plain.forward(theta, x)
    assert np.abs(y - z).max() <= 1e-12 * np.abs(z).max()
    g = rng.normal(size=y.shape)
    ours, theirs = net.backward(theta, saved, g), plain.backward(theta, saved_plain, g)
    assert np.abs(ours.theta - theirs.theta).max() <= 1e-10 * np.abs(theirs.theta).max()
    assert np.abs(ours.x - theirs.x).max() <= 1e-10 * np.abs(theirs.x).max()


def test_spectral_normalisation_reaches_every_weight_of_the_discriminator(rng):
    """With every σ at 1 a scaled weight changes nothing: D does not depend on the length of its weights."""
    net = discriminator(width=4)
    theta, x = net.init(rng, np.float64), rng.normal(size=(2, 32, 32, 3))
    running = net.init_running(theta, rng)
    longer = theta.copy()
    for name, a in net.view(longer).items():
        if name.endswith(".w"):
            a *= 3
    y = net.bind(running).forward(theta, x)[0]
    assert np.allclose(net.bind(running).forward(longer, x)[0], y, rtol=1e-12)


def test_the_generator_normalises_before_every_activation():
    layers = generator(latent=5, width=2).f.children
    flat = [f for block in layers for f in (block.children[0].children if isinstance(block, Residual) else (block,))]
    assert all(isinstance(flat[i - 1], BatchNorm) for i, f in enumerate(flat) if isinstance(f, ReLU))
    assert sum(isinstance(f, ReLU) for f in flat) == 7
