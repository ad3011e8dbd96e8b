"""What geometry is given is checked: each mistake has its line."""

import numpy as np
import pytest

from tinygan import geometry as geo
from tinygan.core.compose import Residual
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.errors import Diverged, UsageError
from tinygan.geometry import Generator
from tinygan.layers import BatchNorm, Dropout, Linear, ReLU, Softplus, SpectralNorm, Tanh

from ..charts import ByHand, polar, sphere

EVERY = (geo.jacobian, geo.derivatives, geo.metric, geo.singular_values, geo.volume, geo.local_rank)
EVERY += (geo.christoffel, geo.second_fundamental)
ONE = np.array([[1.0, 2.0]])


@pytest.mark.parametrize("f", EVERY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("z", [np.ones(2), np.ones((0, 2)), np.ones((2, 0)), np.ones((1, 2), int), [[np.nan, 1.0]]])
def test_latents_that_are_none(f, z):
    with pytest.raises(UsageError, match=r"^latents are .*; expected finite floats \(N, n\), N and n at least 1$"):
        f(sphere(1), z)


@pytest.mark.parametrize(("layer", "why"), [(BatchNorm(3), "depend on its batch"), (Dropout(), "random")])
def test_a_net_that_is_no_chart_is_told_to_eval(layer, why, rng):
    net = Net(Linear(2, 3), Residual(layer), Linear(3, 5))
    theta = net.init(rng)
    with pytest.raises(UsageError, match=rf"^{type(layer).__name__} makes an image {why}, .*use net.eval\(running\)$"):
        Generator(net, theta)
    assert geo.metric(Generator(net.eval(net.init_running(theta, rng)), theta), ONE).shape == (1, 2, 2)


def test_a_spectral_net_without_its_vectors_is_told_to_eval(rng):
    net = Net(SpectralNorm(Linear(2, 3)))
    with pytest.raises(UsageError, match=r"net.eval\(running\)"):
        geo.metric(Generator(net, net.init(rng)), ONE)


def test_a_layer_without_second_derivative_is_named(rng):
    class Own(Tanh):
        second_derivative = Layer.second_derivative

    net = Net(Linear(2, 3), Own())
    with pytest.raises(UsageError, match=r"^Own has no second derivative: write its second_derivative\(p, x, u, v\)$"):
        geo.christoffel(Generator(net, net.init(rng)), ONE)


def test_a_singular_metric_is_said_with_its_latent_and_rank(rng):
    z = np.array([[1.0, 1.0], [0.0, 1.0]])  # the pole
    for f in (geo.christoffel, geo.second_fundamental, lambda F, z: geo.sectional(F, z, [1, 0], [0, 1])):
        with pytest.raises(UsageError, match=r"^the metric is singular at latent 1: rank 1 of 2; drop latents"):
            f(sphere(1), z)
    with pytest.raises(UsageError, match=r"rank 1 of 2"):
        geo.laplace_beltrami(sphere(1), z, np.ones((2, 2)), np.ones((2, 2, 2)))
    fewer = Generator(Net(Linear(3, 2), Tanh()), rng.normal(size=8))
    with pytest.raises(UsageError, match=r"rank 2 of 3"):
        geo.christoffel(fewer, np.ones((1, 3)))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_generator_that_is_not_finite_is_said():
    net = Net(Linear(2, 3), Softplus(), Linear(3, 3))
    theta = np.ones(net.size)
    theta[-1], theta[0] = 0, np.nan
    for f in (geo.jacobian, geo.derivatives, geo.volume):
        with pytest.raises(Diverged, match=r"^∂F holds a NaN or an infinity at latent 0; has the generator diverged"):
            f(Generator(net, theta), ONE)
    with pytest.raises(Diverged, match=r"^F holds a NaN or an infinity at latent 0"):
        geo.geodesic(Generator(net, theta), ONE[0], 2 * ONE[0])
    with pytest.raises(Diverged, match=r"at latent 0"):
        geo.project(Generator(net, theta), np.ones(3), ONE)


def test_a_derivative_that_is_not_finite_is_named_by_its_latent(monkeypatch):
    monkeypatch.setattr("tinygan.geometry.chart.SAMPLES", 2)  # one latent to a block
    F = ByHand(lambda z: (z, np.where(z[:, :1, None] > 2, np.nan, np.eye(2)), np.zeros((len(z), 2, 2, 2))))
    z = np.ones((5, 2))
    z[3:] = 3
    for f in (geo.metric, geo.derivatives):
        with pytest.raises(Diverged, match=r"^∂F holds a NaN or an infinity at latent 3;"):
            f(F, z)


def test_planes_that_are_none():
    with pytest.raises(UsageError, match=r"^u and v are parallel at latent 0; a plane needs two directions$"):
        geo.sectional(sphere(1), ONE, [1, 2], [-2, -4])
    with pytest.raises(UsageError, match=r"^u and v are parallel"):
        geo.sectional(sphere(1), ONE, [0, 0], [0, 1])
    with pytest.raises(UsageError, match=r"^u and v are parallel"):
        geo.sectional(sphere(1), ONE, [0, 1], [0, 0])
    with pytest.raises(UsageError, match=r"^u and v are parallel"):
        geo.sectional(Generator(Net(Linear(1, 3), Tanh()), np.ones(6)), ONE[:, :1], [1], [2])  # a curve has no plane
    with pytest.raises(UsageError, match=r"^v is float64 \(3,\); expected finite numbers \(1, 2\) or \(2,\)$"):
        geo.sectional(sphere(1), ONE, [1, 0], np.ones(3))


def test_functions_of_another_space():
    with pytest.raises(
        UsageError, match=r"^the gradient of f is \(1, 3\), its Hessian \(1, 3, 3\); expected .* N = 1, n = 2$"
    ):
        geo.laplace_beltrami(polar(), ONE, np.ones((1, 3)), np.ones((1, 3, 3)))
    with pytest.raises(UsageError, match=r"^the gradient of f or its Hessian holds a NaN"):
        geo.laplace_beltrami(polar(), ONE, np.ones((1, 2)), np.full((1, 2, 2), np.nan))


@pytest.mark.parametrize(
    ("options", "rule"),
    [({"segments": 3}, "segments is 3"), ({"segments": 0}, "even number >= 2"), ({"steps": -1}, "steps -1")],
)
def test_a_geodesic_that_cannot_be(options, rule):
    with pytest.raises(UsageError, match=rule):
        geo.geodesic(polar(), ONE[0], 2 * ONE[0], **options)
    with pytest.raises(UsageError, match=r"tolerance nan"):
        geo.geodesic(polar(), ONE[0], 2 * ONE[0], tolerance=np.nan)


def test_ends_that_do_not_fit():
    with pytest.raises(UsageError, match=r"^the ends are \(2,\) and \(3,\); expected two latents \(n,\)$"):
        geo.geodesic(polar(), np.ones(2), np.ones(3))
    with pytest.raises(UsageError, match=r"^the ends are float64"):
        geo.geodesic(polar(), np.ones(2), np.array([1, np.inf]))


def test_images_that_do_not_fit():
    with pytest.raises(UsageError, match=r"^the image is float64 \(2, 2\); expected 3 finite numbers, as F\(z\) has$"):
        geo.project(sphere(1), np.ones((2, 2)), ONE)
    with pytest.raises(UsageError, match=r"^starts are float64"):
        geo.project(sphere(1), np.ones(3), ONE[0])


@pytest.mark.parametrize("threshold", [1, -0.1, np.nan])
def test_a_threshold_is_a_part(threshold):
    with pytest.raises(UsageError, match=r"^threshold is"):
        geo.local_rank(sphere(1), ONE, threshold=threshold)


def test_a_piecewise_linear_generator_is_flat(rng):
    net = Net(Linear(2, 8), ReLU(), Linear(8, 9))
    F = Generator(net, net.init(rng))
    assert geo.sectional(F, ONE, [1, 0], [0, 1]).tolist() == [0.0]
    assert not geo.christoffel(F, ONE).any()


def test_a_generator_of_no_movement_has_paths_of_no_length():
    F = Generator(Net(Linear(2, 3)), np.zeros(9))
    found = geo.geodesic(F, np.zeros(2), np.ones(2))
    assert (found.converged, found.distance) == (True, 0.0)
    assert geo.project(F, np.ones(3), ONE).distance == np.sqrt(3)


@pytest.mark.parametrize(
    "wrong", [np.ones((2, 3)), np.ones((0, 2, 3)), np.ones((1, 2, 3), int), np.full((1, 1, 3), np.nan)]
)
def test_sets_of_vectors_that_are_none(wrong):
    right = np.eye(3)[None, :1]
    for name, sets in (("A", (wrong, right)), ("B", (right, wrong))):
        with pytest.raises(
            UsageError, match=rf"^{name} is .*; expected finite floats \(N, vectors, D\), none of them 0$"
        ):
            geo.principal_angles(*sets)


def test_sets_of_other_spaces_have_no_angles():
    with pytest.raises(UsageError, match=r"differ in N or D: A \(1, 1, 3\), B \(1, 1, 4\)$"):
        geo.principal_angles(np.ones((1, 1, 3)), np.ones((1, 1, 4)))


@pytest.mark.parametrize("second", [[0.0, 0, 0], [2.0, 2, 0]])
def test_dependent_vectors_are_said_with_their_set(second):
    A = np.array([[[1.0, 1, 0], [0, 1, 0]], [[1, 1, 0], second]])
    for name, sets in (("A", (A, A[:1].repeat(2, 0))), ("B", (A[:1].repeat(2, 0), A))):
        with pytest.raises(UsageError, match=rf"^{name}: the 2 vectors of set 1 are dependent"):
            geo.principal_angles(*sets)
    with pytest.raises(UsageError, match=r"the 4 vectors of set 0 are dependent"):
        geo.principal_angles(np.ones((1, 4, 3)), A[:1])
