"""Measures against other programs: SciPy's matrix root and optimiser, PyTorch's convolution and kernels."""

import numpy as np
import pytest

from tinygan.core.net import Net
from tinygan.layers import BatchNorm, ConvTranspose2d, Linear, ReLU, Reshape, Tanh
from tinygan.metrics import probe
from tinygan.metrics.collapse import local_collapse
from tinygan.metrics.frechet import distance, frechet, of_covariance
from tinygan.metrics.inception_score import inception_score
from tinygan.metrics.kid import mmd2
from tinygan.metrics.manifold import density_coverage, precision_recall
from tinygan.metrics.ms_ssim import WEIGHTS, ms_ssim

torch = pytest.importorskip("torch")
F = torch.nn.functional
RELATIVE = 1e-6


@pytest.fixture
def features():
    """What rectified features look like: (900, 64) and (700, 64), float32."""
    rng = np.random.default_rng(0)
    mix = rng.normal(size=(64, 64)) / 8
    x, y = (np.maximum(rng.normal(size=(n, 64)) @ mix + 0.3, 0).astype(np.float32) for n in (900, 700))
    return x, 1.1 * y + np.float32(0.02)


def agree(ours, theirs):
    assert abs(ours - theirs) <= RELATIVE * abs(theirs)


def test_the_frechet_distance_is_that_of_the_matrix_root(features):
    linalg = pytest.importorskip("scipy.linalg")
    x, y = (a.astype(np.float64) for a in features)
    mean, cov = [a.mean(0) for a in (x, y)], [np.cov(a, rowvar=False) for a in (x, y)]
    root = linalg.sqrtm(cov[0] @ cov[1]).real
    theirs = np.square(mean[0] - mean[1]).sum() + np.trace(cov[0] + cov[1] - 2 * root)
    agree(frechet(*features), theirs)
    agree(distance(*map(of_covariance, mean, cov)), theirs)


def test_the_frechet_distance_is_that_of_eigenvalues_in_torch(features):
    x, y = (torch.tensor(a, dtype=torch.float64) for a in features)
    a, b = torch.cov(x.T), torch.cov(y.T)
    root = torch.linalg.eigvals(a @ b).sqrt().real.sum()
    agree(frechet(*features), float((x.mean(0) - y.mean(0)).square().sum() + a.trace() + b.trace() - 2 * root))


def test_the_kernel_distance_is_that_of_whole_kernel_matrices(features):
    x, y = (torch.tensor(a, dtype=torch.float64) for a in features)
    within = [(k := (a @ a.T / 64 + 1) ** 3).sum() - k.diagonal().sum() for a in (x, y)]
    theirs = within[0] / (900 * 899) + within[1] / (700 * 699) - 2 * ((x @ y.T / 64 + 1) ** 3).mean()
    agree(mmd2(*features), float(theirs))


def test_the_inception_score_is_that_of_torch_in_float64(features):
    logits = features[0][:, :10] * 4
    p = torch.tensor(logits, dtype=torch.float64).softmax(dim=1)
    scores = [
        F.kl_div(part.mean(0).log().expand_as(part), part, reduction="batchmean").exp() for part in p.tensor_split(9)
    ]
    theirs = torch.stack(scores)
    ours = inception_score(logits, 9)
    assert abs(ours.mean - float(theirs.mean())) <= 1e-9
    assert abs(ours.std - float(theirs.std(correction=0))) <= 1e-9


def test_manifolds_are_those_of_whole_distance_matrices(features):
    x, y = (torch.tensor(a, dtype=torch.float64) for a in features)
    across = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    balls = [
        torch.cdist(a, a, compute_mode="donot_use_mm_for_euclid_dist").kthvalue(6, dim=1).values for a in (x, y)
    ]  # 6: itself, and 5 others
    inside = across <= balls[0][:, None]
    precision, recall = inside.any(0).double().mean(), (across <= balls[1]).any(1).double().mean()
    assert precision_recall(*features, k=5) == (float(precision), float(recall))
    got = density_coverage(*features, k=5)
    agree(got.density, float(inside.sum() / (5 * 700)))
    assert got.coverage == float(inside.any(1).double().mean())


def test_ms_ssim_is_that_of_convolutions():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, size=(4, 64, 56, 3)).astype(np.float32)
    y = np.clip(x + 0.4 * rng.normal(size=x.shape), -1, 1).astype(np.float32)
    t = torch.exp(-(torch.arange(-5, 6, dtype=torch.float64) ** 2) / (2 * 1.5**2))
    window = torch.outer(t, t) / torch.outer(t, t).sum()

    def blur(a):
        return F.conv2d(a, window.expand(3, 1, 11, 11), groups=3)

    a, b = (torch.tensor(i, dtype=torch.float64).permute(0, 3, 1, 2) / 2 + 0.5 for i in (x, y))
    theirs = 1
    for scale, weight in enumerate(WEIGHTS[:3] / WEIGHTS[:3].sum()):
        ma, mb = blur(a), blur(b)
        part = (2 * (blur(a * b) - ma * mb) + 9e-4) / (blur(a * a) - ma**2 + blur(b * b) - mb**2 + 9e-4)
        if scale == 2:
            part = part * (2 * ma * mb + 1e-4) / (ma**2 + mb**2 + 1e-4)
        theirs = theirs * part.mean(dim=(1, 2, 3)).clamp(min=0) ** weight
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    np.testing.assert_allclose(ms_ssim(x, y), theirs.numpy(), rtol=1e-10)


@pytest.mark.parametrize("l2", [1e-4, 1e-1])
def test_the_probe_is_the_optimum_of_another_optimiser(features, l2):
    optimize = pytest.importorskip("scipy.optimize")
    x = features[0].astype(np.float64)
    labels = (
        x @ np.random.default_rng(2).normal(size=(64, 5)) + np.random.default_rng(3).normal(size=(900, 5))
    ).argmax(1)
    a = torch.tensor(np.c_[(x - x.mean(0)) / x.std(0), np.ones(900)])

    def objective(w):
        w = torch.tensor(w.reshape(65, 5), requires_grad=True)
        loss = F.cross_entropy(a @ w, torch.tensor(labels)) + l2 / 2 * w[:-1].square().sum()
        loss.backward()
        return loss.item(), w.grad.numpy().ravel()

    theirs = optimize.minimize(
        objective, np.zeros(325), jac=True, method="L-BFGS-B", options={"maxiter": 5000, "ftol": 1e-16, "gtol": 1e-10}
    )
    ours = probe.fit(features[0], labels, of=5, l2=l2).weights
    value, gradient = objective(ours)
    assert np.linalg.norm(gradient) <= 2e-8
    assert value <= theirs.fun + 1e-13
    np.testing.assert_allclose(ours[:-1].ravel(), theirs.x[:-5], atol=1e-4)


def test_collapse_is_that_of_the_whole_jacobian_of_reverse_mode():
    rng = np.random.default_rng(4)
    net = Net(Linear(6, 36), BatchNorm(36), ReLU(), Reshape(3, 3, 4), ConvTranspose2d(4, 2, 4, stride=2, pad=1), Tanh())
    theta = net.init(rng, np.float64) + 0.2 * rng.normal(size=net.size)
    running = net.init_running(theta, rng)
    z = rng.normal(size=(2, 6))
    frozen = net.eval(running)
    p = {name: torch.tensor(value) for name, value in net.view(theta).items()}
    w, b, gamma, beta, kernel, bias = p.values()

    def generator(one):
        h = torch.relu(gamma * (F.linear(one, w, b) / np.sqrt(1 + 1e-5)) + beta).view(1, 3, 3, 4).permute(0, 3, 1, 2)
        y = F.conv_transpose2d(h, kernel.permute(3, 2, 0, 1), bias, stride=2, padding=1)
        return torch.tanh(y).permute(0, 2, 3, 1)

    np.testing.assert_allclose(generator(torch.tensor(z[:1])).numpy(), frozen.forward(theta, z[:1])[0], rtol=1e-10)
    for one, singular in zip(z, local_collapse(frozen, theta, z).singular, strict=True):
        J = torch.autograd.functional.jacobian(generator, torch.tensor(one)).reshape(-1, 6)
        np.testing.assert_allclose(singular, torch.linalg.svdvals(J).numpy(), rtol=1e-9)
