"""The optimisers are their formulas, number by number, and write to none of their inputs."""

import math

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.optim import SGD, Adam, Schedule, clip_norm, ema, norm

STEPS, SIZE = 1000, 5
EXACT = 1e-12


def adam(theta, gradients, rate):
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = 0.5 * m + 0.5 * g
        v = 0.9 * v + 0.1 * g**2
        theta -= rate(t - 1) * 3e-3 * (m / (1 - 0.5**t)) / (math.sqrt(v / (1 - 0.9**t)) + 1e-8)
    return theta


def momentum(theta, gradients, rate):
    m = 0.0
    for t, g in enumerate(gradients):
        m = 0.9 * m + g
        theta -= rate(t) * 1e-2 * m
    return theta


OPTIMISERS = [
    (lambda schedule: Adam(lr=3e-3, b1=0.5, b2=0.9, schedule=schedule), adam),
    (lambda schedule: SGD(lr=1e-2, momentum=0.9, schedule=schedule), momentum),
]
SCHEDULES = [
    (Schedule(), lambda t: 1.0),
    (Schedule("linear", over=700, end=0.2), lambda t: 1 - 0.8 * t / 700 if t < 700 else 0.2),
    (Schedule("exponential", over=700, end=0.2), lambda t: math.exp(math.log(0.2) * min(t, 700) / 700)),
    (Schedule("cosine", over=700, end=0.2), lambda t: 0.2 + 0.8 * math.cos(math.pi * min(t, 700) / 1400) ** 2),
]


@pytest.mark.parametrize(("make", "formula"), OPTIMISERS)
@pytest.mark.parametrize(("schedule", "rate"), SCHEDULES)
def test_a_thousand_steps_are_those_of_the_formula(make, formula, schedule, rate):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=SIZE), rng.normal(0.3, 1.0, size=(STEPS, SIZE))
    optimiser = make(schedule)
    theta, memory = start, optimiser.init(start)
    for g in gradients:
        theta, memory = optimiser.step(theta, g, memory)
    expected = [formula(a, g, rate) for a, g in zip(start.tolist(), gradients.T.tolist(), strict=True)]
    np.testing.assert_allclose(theta, expected, rtol=EXACT)
    assert memory.t == STEPS


@pytest.mark.parametrize("make", [make for make, _ in OPTIMISERS])
def test_a_step_keeps_the_type_and_writes_to_no_input(make):
    rng = np.random.default_rng(1)
    theta, g = rng.normal(size=(2, SIZE)).astype(np.float32)
    optimiser = make(Schedule("linear", over=10, end=0.0))
    _, memory = optimiser.step(theta, g, optimiser.init(theta))
    for a in (theta, g, memory.m, memory.v):
        a.flags.writeable = False
    new, after = optimiser.step(theta, g, memory)
    assert (new != theta).all()
    assert new.dtype == after.m.dtype == after.v.dtype == np.float32
    np.testing.assert_array_equal(optimiser.step(theta, g, memory)[0], new)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule(), (1, 1, 1, 1)),
        (Schedule("linear", over=100, end=0.2), (1, 0.6, 0.2, 0.2)),
        (Schedule("linear", over=100, end=0.0), (1, 0.5, 0, 0)),
        (Schedule("exponential", over=100, end=0.01), (1, 0.1, 0.01, 0.01)),
        (Schedule("cosine", over=100, end=0.2), (1, 0.6, 0.2, 0.2)),
    ],
)
def test_a_schedule_falls_from_one_to_its_end_and_stays(schedule, expected):
    np.testing.assert_allclose([schedule(t) for t in (0, 50, 100, 10_000)], expected, rtol=EXACT)


@pytest.mark.parametrize(("settings", "field"), [(("linear", 0), "over"), (("exponential", 10, 0.0), "end")])
def test_an_impossible_schedule_is_refused_by_name(settings, field):
    with pytest.raises(UsageError, match=rf"{field} is "):
        Schedule(*settings)


def test_a_long_gradient_is_cut_to_length_and_a_short_one_is_kept():
    g = np.array([3.0, -4.0])
    g.flags.writeable = False
    np.testing.assert_allclose(clip_norm(g, 2.0), [1.2, -1.6], rtol=EXACT)
    for most in (5.0, 6.0):
        np.testing.assert_array_equal(clip_norm(g, most), g)
    np.testing.assert_array_equal(clip_norm(0 * g, 1.0), [0, 0])


def test_norm_is_the_euclidean_length():
    assert norm(np.array([3.0, -4.0, 12.0])) == pytest.approx(13, rel=EXACT)


def test_ema_is_the_sum_of_past_weights_with_geometric_shares():
    weights = np.random.default_rng(2).normal(size=(50, SIZE))
    weights.flags.writeable = False
    average = weights[0]
    for theta in weights[1:]:
        average = ema(average, theta, 0.9)
    shares = 0.1 * 0.9 ** np.arange(49, -1, -1)
    shares[0] = 0.9**49
    np.testing.assert_allclose(average, shares @ weights, rtol=EXACT)
