"""Geodesics are great circles, straight lines, and what shooting finds; projections find the latent again."""

import numpy as np
import pytest

from tinygan import geometry as geo
from tinygan.core.net import Net
from tinygan.geometry import Generator
from tinygan.layers import Linear, SiLU, Tanh

from ..charts import cylinder, far, gnomonic, polar, sphere

R = 2.5


@pytest.fixture
def smooth(rng):
    net = Net(Linear(2, 16), Tanh(), Linear(16, 16), SiLU(), Linear(16, 30))
    return Generator(net, net.init(rng, np.float64) + 0.3 * rng.normal(size=net.size))


def shoot(F, z, speed, steps=60):
    """(z, ż) after a time of one along z̈ᵏ = −Γᵏᵢⱼ żⁱżʲ, by Runge and Kutta's method of fourth order."""
    state, h = np.stack([z, speed]), 1 / steps

    def rate(state):
        z, speed = state
        return np.stack([speed, -np.einsum("kij,i,j->k", geo.christoffel(F, z[None])[0], speed, speed)])

    for _ in range(steps):
        a = rate(state)
        b = rate(state + h / 2 * a)
        c = rate(state + h / 2 * b)
        d = rate(state + h * c)
        state = state + h / 6 * (a + 2 * b + 2 * c + d)
    return state


def angle(F, path):
    a, b = (y / np.linalg.norm(y) for y in (path.y[0], path.y[-1]))
    return np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)


@pytest.mark.parametrize("make", [sphere, gnomonic])
def test_on_a_sphere_it_is_the_great_circle(make):
    F = make(R)
    found = geo.geodesic(F, np.array([0.4, 0.2]), np.array([1.3, 1.6]), segments=64)
    assert found.converged
    a, b = found.y[0] / R, found.y[-1] / R
    whole = angle(F, found)
    t = np.linspace(0, whole, 65)[:, None]
    circle = R * (np.sin(whole - t) * a + np.sin(t) * b) / np.sin(whole)
    assert far(found.y, circle) <= 1e-7
    assert abs(found.distance / (R * whole) - 1) <= 1e-8
    assert found.length < R * whole < found.straight or make is gnomonic
    assert abs(1 - found.length**2 / (2 * found.energy)) <= 1e-12, "even speed"


def test_on_what_unrolls_it_is_the_straight_line():
    a, b = np.array([0.3, 0.1]), np.array([1.4, 2.0])
    found = geo.geodesic(cylinder(R), a, b, segments=16)
    assert found.converged and far(found.z, np.linspace(a, b, 17)) <= 1e-8
    plane = geo.geodesic(polar(), np.array([0.5, 0.1]), np.array([1.5, 1.9]))
    assert abs(plane.distance / np.linalg.norm(plane.y[-1] - plane.y[0]) - 1) <= 1e-9
    assert far(plane.y, np.linspace(plane.y[0], plane.y[-1], 33)) <= 1e-7


def test_the_energy_has_the_exact_gradient(smooth, rng):
    path, way, h = rng.normal(size=(7, 2)), rng.normal(size=(7, 2)), 1e-5
    slope = (geo.energy(smooth, path + h * way)[0] - geo.energy(smooth, path - h * way)[0]) / (2 * h)
    assert abs(slope / (geo.energy(smooth, path)[1] * way).sum() - 1) <= 1e-8


@pytest.mark.parametrize("surface", ["net", "sphere"])
def test_shooting_agrees(surface, smooth):
    F = smooth if surface == "net" else sphere(R)
    z, speed = np.array([0.6, 0.4]), np.array([0.5, 0.7])
    end, _ = shoot(F, z, speed)
    length = np.sqrt(speed @ geo.metric(F, z[None])[0] @ speed)  # the speed is even
    paths = [geo.geodesic(F, z, end, segments=S) for S in (32, 64)]
    assert all(path.converged for path in paths)
    assert abs(paths[1].distance / length - 1) <= 1e-6
    coarse, fine = (path.z[:: len(path.z) // 32] for path in paths)
    halfway, _ = shoot(F, z, speed / 2)
    assert far((4 * fine - coarse)[16] / 3, halfway) <= 1e-6


def test_a_path_to_where_it_begins_has_no_length(smooth):
    found = geo.geodesic(smooth, np.ones(2), np.ones(2))
    assert (found.converged, found.steps) == (True, 0)
    assert found.distance <= 1e-14 * np.linalg.norm(found.y)  # rows of one product may round apart


def test_steps_that_do_not_do_are_reported():
    found = geo.geodesic(sphere(R), np.array([0.4, 0.2]), np.array([1.3, 1.6]), steps=2)
    assert not found.converged and found.steps == 2 and found.decrement > 0


def test_an_image_of_the_generator_is_found_again(smooth, rng):
    z = np.array([0.3, -0.5])
    image = smooth.vjp(z[None])[0].reshape(5, 6)
    found = geo.project(smooth, image, rng.normal(size=(8, 2)))
    assert found.converged and found.distance <= 1e-6
    assert far(found.z, z) <= 1e-6
    again = geo.project(smooth, image, z[None])
    assert again.converged and again.distance <= 1e-12


def test_the_nearest_point_of_a_sphere_is_radial():
    found = geo.project(sphere(R), np.array([2.0, 3.0, 4.0]), np.array([[1.0, 1.0]]))
    assert found.converged
    assert far(found.y, R * np.array([2.0, 3.0, 4.0]) / np.sqrt(29)) <= 1e-7
    assert abs(found.distance - (np.sqrt(29) - R)) <= 1e-10
