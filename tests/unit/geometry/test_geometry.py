"""Surfaces of known geometry have it; a random smooth net has the identities of every surface."""

import numpy as np
import pytest

from tinygan import geometry as geo
from tinygan.checks.check import check_layer
from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.net import Net
from tinygan.geometry import Composed, Generator
from tinygan.layers import ELU, Conv2d, ConvTranspose2d, LayerNorm, Linear, PixelNorm, Reshape, SiLU, Tanh

from ..charts import Square, catenoid, cylinder, far, gnomonic, polar, sphere

EXACT = 1e-10  # of closed forms
DEGREES = 1e-12  # of principal angles: roundings of vectors of length 1
R = 2.5


@pytest.fixture
def z(rng):
    """Away from the poles."""
    return rng.uniform(0.4, 1.3, size=(40, 2))


@pytest.fixture
def smooth(rng):
    """A small generator of images with every kind of curved layer, and latents for it."""
    net = Net(
        Linear(3, 12),
        SiLU(),
        LayerNorm(12),
        Reshape(2, 2, 3),
        Residual(Sequential(Conv2d(3, 3, 3, pad=1), Tanh(), PixelNorm())),
        ConvTranspose2d(3, 3, 4, stride=2, pad=1),
        Concat(ELU(), Tanh()),
        Conv2d(6, 2, 3, pad=1),
    )
    theta = net.init(rng, np.float64) + 0.2 * rng.normal(size=net.size)
    return Generator(net, theta), rng.normal(size=(5, 3))


@pytest.mark.parametrize("make", [sphere, gnomonic])
def test_a_sphere_has_the_curvature_of_its_radius(make, z, rng):
    u, v = rng.normal(size=(2, *z.shape))
    K = geo.sectional(make(R), z, u, v)
    assert far(K, np.full(len(z), 1 / R**2)) <= EXACT


def test_a_cylinder_is_flat_and_bends(z, rng):
    K = geo.sectional(cylinder(R), z, *rng.normal(size=(2, 2)))
    assert np.abs(K).max() <= EXACT / R**2
    II = geo.second_fundamental(cylinder(R), z)
    assert far(np.linalg.norm(II[:, :, 0, 0], axis=1), np.full(len(z), R)) <= EXACT
    assert np.abs(II[..., 1]).max() <= EXACT


def test_a_plane_is_flat_in_bent_coordinates(z):
    assert np.abs(geo.sectional(polar(), z, [1, 0], [0, 1])).max() <= EXACT
    expected = np.zeros((len(z), 2, 2, 2))
    expected[:, 0, 1, 1] = -z[:, 0]
    expected[:, 1, 0, 1] = expected[:, 1, 1, 0] = 1 / z[:, 0]
    assert far(geo.christoffel(polar(), z), expected) <= EXACT


def test_a_catenoid_is_minimal_and_saddled(z):
    F = catenoid()
    assert far(geo.sectional(F, z, [1, 0], [0, 1]), -(np.cosh(z[:, 1]) ** -4.0)) <= EXACT
    assert np.abs(geo.laplace_beltrami(F, z, *geo.derivatives(F, z))).max() <= EXACT, "its coordinates are harmonic"


def test_christoffel_symbols_and_volume_of_a_sphere(z):
    a = z[:, 0]
    gamma = geo.christoffel(sphere(R), z)
    expected = np.zeros_like(gamma)
    expected[:, 0, 1, 1] = -np.sin(a) * np.cos(a)
    expected[:, 1, 0, 1] = expected[:, 1, 1, 0] = np.cos(a) / np.sin(a)
    assert far(gamma, expected) <= EXACT
    assert far(geo.volume(sphere(R), z), R**2 * np.sin(a)) <= EXACT


def harmonic(l):
    """A function on R³ whose values on spheres are spherical harmonics of degree ``l``: a y, or y₁² + y₁y₂-like squares."""
    if l == 1:
        return Generator(Net(Linear(3, 1, bias=False)), np.array([0.3, -1.2, 0.7]))
    mix, weights = (
        np.array([[1.0, 1, 0], [1, -1, 0], [0, 1, 2], [0, 1, -2], [1, 0, 0], [0, 0, 1]]),
        [1, -1, 2, -2, 3, -3],
    )
    net = Net(Linear(3, 6, bias=False), Square(), Linear(6, 1, bias=False))
    return Generator(net, np.concatenate([mix.reshape(-1), weights]))


@pytest.mark.parametrize("make", [sphere, gnomonic])
@pytest.mark.parametrize("l", [1, 2])
def test_spherical_harmonics_are_eigenfunctions(make, l, z):
    F, f = make(R), harmonic(l)
    value = f.vjp(F.vjp(z)[0])[0]
    laplacian = geo.laplace_beltrami(F, z, *geo.derivatives(Composed(f, F), z))
    assert laplacian.shape == value.shape == (len(z), 1)
    assert far(laplacian, -l * (l + 1) / R**2 * value) <= EXACT


def test_on_a_plane_laplace_beltrami_is_the_laplacian(z):
    r, b = z.T
    f_r, f_b = 3 * r**2 * np.cos(2 * b), -2 * r**3 * np.sin(2 * b)  # of f = r³ cos 2b
    f_rr, f_rb, f_bb = 6 * r * np.cos(2 * b), -6 * r**2 * np.sin(2 * b), -4 * r**3 * np.cos(2 * b)
    gradient, hessian = np.stack([f_r, f_b], axis=1), np.array([[f_rr, f_rb], [f_rb, f_bb]]).transpose(2, 0, 1)
    assert far(geo.laplace_beltrami(polar(), z, gradient, hessian), 5 * r * np.cos(2 * b)) <= EXACT


def test_second_derivatives_are_the_differences_of_the_jacobian(smooth):
    F, z = smooth
    J, H = geo.derivatives(F, z)
    assert np.array_equal(J, geo.jacobian(F, z)) and np.array_equal(H, H.swapaxes(2, 3))
    h = 1e-4
    for k, way in enumerate(np.eye(3)):
        wide, narrow = ((geo.jacobian(F, z + s * way) - geo.jacobian(F, z - s * way)) / (2 * s) for s in (h, h / 2))
        assert far((4 * narrow - wide) / 3, H[..., k]) <= 1e-9


def test_the_metric_is_parallel(smooth):
    """∂ₖgᵢⱼ = gₗⱼΓˡₖᵢ + gᵢₗΓˡₖⱼ: Γ is the connection of g."""
    F, z = smooth
    g, gamma, h = geo.metric(F, z), geo.christoffel(F, z), 1e-4
    lowered = np.einsum("nlj,nlki->nkij", g, gamma)
    expected = lowered + lowered.swapaxes(2, 3)
    for k, way in enumerate(np.eye(3)):
        wide, narrow = ((geo.metric(F, z + s * way) - geo.metric(F, z - s * way)) / (2 * s) for s in (h, h / 2))
        assert far((4 * narrow - wide) / 3, expected[:, k]) <= 1e-9


def test_the_laplacian_of_the_coordinates_is_the_trace_of_the_second_form(smooth):
    F, z = smooth
    laplacian = geo.laplace_beltrami(F, z, *geo.derivatives(F, z))
    trace = np.einsum("nij,ndij->nd", np.linalg.inv(geo.metric(F, z)), geo.second_fundamental(F, z))
    assert far(laplacian, trace) <= EXACT


def test_a_surface_of_any_metric_has_the_curvature_of_its_metric_alone(smooth, rng):
    """Gauss' theorem: the Riemann tensor of Γ, by differences, has the sectional curvature of II."""
    F, z = smooth
    gamma, g, h = geo.christoffel(F, z), geo.metric(F, z), 1e-3

    def slope(way):
        wide, narrow = (
            (geo.christoffel(F, z + s * way) - geo.christoffel(F, z - s * way)) / (2 * s) for s in (h, h / 2)
        )
        return (4 * narrow - wide) / 3

    change = np.stack([slope(way) for way in np.eye(3)], axis=1)  # [n, c, a, b, d] = ∂_c Γᵃ_bd
    riemann = np.einsum("ncabd->nabcd", change) - np.einsum("ndabc->nabcd", change)
    riemann += np.einsum("nace,nedb->nabcd", gamma, gamma) - np.einsum("nade,necb->nabcd", gamma, gamma)
    u, v = rng.normal(size=(2, *z.shape))
    up = np.einsum("nabcd,nb,nc,nd->na", riemann, v, u, v)
    numerator = np.einsum("nab,na,nb->n", g, up, u)
    uu, vv, uv = (np.einsum("nab,na,nb->n", g, a, b) for a, b in ((u, u), (v, v), (u, v)))
    assert far(numerator / (uu * vv - uv**2), geo.sectional(F, z, u, v)) <= 1e-6


def test_many_latents_and_pairs_go_in_blocks(smooth, rng, monkeypatch):
    F, z = smooth
    whole = geo.derivatives(F, z)
    monkeypatch.setattr("tinygan.geometry.chart.SAMPLES", 4)
    monkeypatch.setattr("tinygan.geometry.chart.PAIRS", 2)
    assert all(far(a, b) <= 1e-13 for a, b in zip(geo.derivatives(F, z), whole, strict=True))
    assert far(geo.metric(F, z), whole[0].swapaxes(1, 2) @ whole[0]) <= 1e-13


def test_singular_values_rank_and_volume_of_a_linear_net(rng):
    net = Net(Linear(3, 7))
    theta = net.init(rng, np.float64)
    w = net.view(theta)["0.linear.w"]
    F, z = Generator(net, theta), rng.normal(size=(4, 3))
    sigma = np.linalg.svd(w, compute_uv=False)
    assert far(geo.singular_values(F, z), np.tile(sigma, (4, 1))) <= EXACT
    assert far(geo.volume(F, z), np.full(4, np.sqrt(np.linalg.det(w.T @ w)))) <= EXACT
    assert geo.local_rank(F, z).tolist() == [3] * 4
    assert geo.local_rank(F, z, threshold=float(sigma[1] / sigma[0]) * 0.999).tolist() == [2] * 4
    w[:, 2] = 0
    lost = Generator(net, theta)
    assert geo.local_rank(lost, z).tolist() == [2] * 4 and geo.volume(lost, z).max() <= 1e-15
    assert geo.volume(Generator(Net(Linear(3, 2)), np.ones(8)), z).tolist() == [0.0] * 4, "fewer pixels than latents"


def test_latents_of_another_shape_and_float32_weights_are_taken(rng):
    net = Net(ConvTranspose2d(2, 1, 3, stride=2), Tanh())
    theta = net.init(rng)
    z = rng.normal(size=(3, 8)).astype(np.float32)
    F = Generator(net, theta, shape=(2, 2, 2))
    assert geo.jacobian(F, z).shape == (3, 25, 8) and geo.jacobian(F, z).dtype == np.float64
    assert np.allclose(F.vjp(z)[0], net.forward(theta, z.reshape(3, 2, 2, 2))[0].reshape(3, -1), atol=1e-6)


def test_the_square_of_these_tests_is_a_right_layer():
    assert check_layer(Square(), (3,))["second"] <= 1e-12


def bases(rng, *shape):
    """Orthonormal sets (N, k, D), each a rotation of the space, to hide what is simple."""
    return np.linalg.qr(rng.normal(size=(shape[0], shape[2], shape[2])))[0][:, : shape[1]]


def mixed(rng, A):
    """Other vectors of the same spans."""
    N, k, _ = A.shape
    return (rng.normal(size=(N, k, k)) + 3 * np.eye(k)) @ A


def test_angles_of_the_same_span_are_0_and_of_one_within_another(rng):
    A = bases(rng, 6, 4, 30)
    assert geo.principal_angles(A, mixed(rng, A)).max() <= DEGREES
    inside = mixed(rng, A)[:, :2]
    assert geo.principal_angles(A, inside).shape == geo.principal_angles(inside, A).shape == (6, 2)
    assert geo.principal_angles(A, inside).max() <= DEGREES
    assert geo.principal_angles(inside, A).max() <= DEGREES


def test_angles_of_orthogonal_spans_are_90(rng):
    Q = bases(rng, 6, 7, 30)
    angles = geo.principal_angles(mixed(rng, Q[:, :3]), mixed(rng, Q[:, 3:]))
    assert np.abs(angles - 90).max() <= DEGREES


@pytest.mark.parametrize("tilt", [1e-8, 1e-3, 20.0, 45.0, 70.0, 90 - 1e-8])
def test_a_plane_tilted_about_a_line_has_that_angle(tilt, rng):
    """It shares the line, so one angle is 0; to the same accuracy however small the tilt, or near 90."""
    line, across, up = bases(rng, 5, 3, 30).transpose(1, 0, 2)
    turned = np.cos(np.deg2rad(tilt)) * across + np.sin(np.deg2rad(tilt)) * up
    A, B = mixed(rng, np.stack([line, across], 1)), mixed(rng, np.stack([line, turned], 1))
    for angles in (geo.principal_angles(A, B), geo.principal_angles(B, A)):
        assert np.abs(angles - [0, tilt]).max() <= DEGREES


def test_angles_of_sets_of_other_sizes_are_those_of_the_construction(rng):
    """Two rotated planes, and a third direction of B orthogonal to all."""
    e = bases(rng, 4, 5, 12)
    tilts = np.deg2rad([[10.0], [65.0]])
    B = np.concatenate([np.cos(tilts) * e[:, :2] + np.sin(tilts) * e[:, 2:4], e[:, 4:]], axis=1)
    assert np.abs(geo.principal_angles(mixed(rng, e[:, :2]), mixed(rng, B)) - [10, 65]).max() <= DEGREES


def test_angles_do_not_depend_on_lengths(rng):
    A, B = rng.normal(size=(2, 5, 3, 20))
    scale = np.array([1e-30, 1.0, 1e30])[:, None]
    assert np.abs(geo.principal_angles(scale * A, B) - geo.principal_angles(A, B)).max() <= DEGREES
