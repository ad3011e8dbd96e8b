"""f-divergences: the table is convex duality, and what a game takes of it is exact for any number of D."""

from typing import get_args

import numpy as np
import pytest

from tinygan.errors import UsageError
from tinygan.objectives.divergences import ROWS, Name, divergence, log_w

DUAL, EXACT, DIFFERENCES = 1e-8, 1e-12, 1e-6
SINGLE = 3e-5  # an exponent of 160 is held to 8e-6
ALL = ROWS | {f"weighted-jensen-shannon {pi}": divergence("weighted-jensen-shannon", pi=pi) for pi in (0.1, 0.5, 0.8)}
ALL |= {f"alpha {a}": divergence("alpha", alpha=a) for a in (-1.0, 0.3, 0.5, 0.9, 1.5, 2.0, 3.0)}
SMOOTH = {name: row for name, row in ALL.items() if name != "total-variation"}  # f' of the other has three values
rows = pytest.mark.parametrize("row", ALL.values(), ids=ALL.keys())
V = np.linspace(-4, 3, 29)
U = np.exp(np.linspace(-3, 3, 21)[np.arange(21) != 10])  # without 1, the kink of total variation


def supremum(objective, low=-60.0, high=60.0):
    """The greatest objective(u) of a concave function, for each t at once, by thirds of log u: of f alone."""
    low, high = np.full_like(V, low), np.full_like(V, high)
    for _ in range(200):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        left = objective(np.exp(a)) < objective(np.exp(b))
        low, high = np.where(left, a, low), np.where(left, high, b)
    return objective(np.exp((low + high) / 2))


def slope(f, x, h=1e-6):
    return (f(x + h) - f(x - h)) / (2 * h)


def test_every_name_is_tested():
    assert {key.split()[0] for key in ALL} == set(get_args(Name))


@rows
def test_the_conjugate_is_the_supremum(row):
    t = row.g(V)[0]
    np.testing.assert_allclose(row.conjugate(t), supremum(lambda u: u * t - row.f(u)), rtol=DUAL, atol=DUAL)


@pytest.mark.parametrize("name", ["pearson", "alpha 1.5", "alpha 2.0", "alpha 3.0"])
def test_far_on_the_left_a_conjugate_is_minus_f_of_0(name):
    row = ALL[name]
    t = np.array([-3.0, -10.0, -1e4])
    np.testing.assert_allclose(row.conjugate(t), -row.f(np.full(3, 1e-40)), rtol=DUAL)
    assert not row.h(t)[1].any()


@pytest.mark.parametrize("alpha", [1 + 1e-4, 1 + 1e-7])
def test_a_little_above_1_alpha_is_kl_in_single_precision(alpha):
    h, slope = divergence("alpha", alpha=alpha).h(V.astype(np.float32))
    exact = [np.expm1(V), np.exp(V)]  # of f = u log u − u + 1
    np.testing.assert_allclose([h, slope], exact, rtol=20 * (alpha - 1) + SINGLE, atol=SINGLE)


@rows
def test_at_the_slope_of_f_the_inequality_is_an_equality(row):
    t = row.slope(U)
    np.testing.assert_allclose(row.conjugate(t), U * t - row.f(U), rtol=EXACT, atol=EXACT)


@rows
def test_f_vanishes_at_1_but_for_the_game_of_2014(row):
    one = np.ones(1)
    assert row.f(one)[0] == pytest.approx(-2 * np.log(2) if row is ROWS["gan"] else 0.0, abs=EXACT)


@rows
def test_the_threshold_is_the_slope_at_1_and_slopes_are_those_of_differences(row):
    assert row.slope(np.ones(1))[0] == pytest.approx(row.threshold, abs=EXACT)
    np.testing.assert_allclose(row.slope(U), slope(row.f, U), rtol=DIFFERENCES, atol=DIFFERENCES)


@rows
def test_an_output_activation_rises_within_the_domain_of_the_conjugate(row):
    g = row.g(np.linspace(-8, 8, 65))[0]
    assert (np.diff(g) > 0).all()
    assert g.max() < row.top
    if np.isfinite(row.top):
        assert row.g(np.array([80.0]))[0] == pytest.approx(row.top, abs=EXACT)


@rows
def test_what_a_game_takes_is_the_composition_and_its_derivatives_are_those_of_differences(row):
    (g, g_slope), (h, h_slope) = row.g(V), row.h(V)
    np.testing.assert_allclose(h, row.conjugate(g), rtol=1e-10, atol=EXACT)
    away = np.abs(h_slope) > 0  # of the two kinks where a conjugate changes its form, differences see half
    np.testing.assert_allclose(g_slope, slope(lambda v: row.g(v)[0], V), rtol=DIFFERENCES, atol=1e-9)
    np.testing.assert_allclose(h_slope[away], slope(lambda v: row.h(v)[0], V)[away], rtol=DIFFERENCES, atol=1e-8)


@pytest.mark.parametrize("row", SMOOTH.values(), ids=SMOOTH.keys())
def test_at_its_optimum_v_stands_for_the_ratio(row):
    """(f* ∘ g)' = u g' with f'(u) = g(v): D's cotangents cancel where p/q is u."""
    (t, g_slope), (_, h_slope) = row.g(V), row.h(V)
    inside = h_slope > 0
    np.testing.assert_allclose(row.slope((h_slope / g_slope)[inside]), t[inside], rtol=1e-9, atol=1e-9)


EXTREME = [-1e4, -80.0, -37.0, -30.0, -5.0, 0.0, 5.0, 30.0, 37.0, 80.0, 1e4]


@pytest.mark.parametrize("v", EXTREME)
@rows
def test_single_precision_is_exact_wherever_it_holds_the_result(row, v):
    single, exact = np.full(2, v, np.float32), np.full(2, v)
    for of in (row.g, row.h):
        with np.errstate(over="ignore"):  # e^v of 1e4 is no number of any type
            wanted = of(exact)
        if np.abs(wanted).max() <= np.finfo(np.float32).max:
            for ours, theirs in zip(of(single), wanted, strict=True):
                assert ours.dtype == np.float32
                np.testing.assert_allclose(ours, theirs, rtol=SINGLE, atol=1e-36)


@pytest.mark.parametrize(
    ("name", "least"), [(n, 1e4) for n in ("total-variation", "pearson", "jensen-shannon", "gan")] + [("kl", 80.0)]
)
def test_which_rows_hold_out_how_far(name, least):
    """So that the test above is not empty."""
    for v in (-least, least):
        assert np.isfinite([*ROWS[name].g(np.array([v])), *ROWS[name].h(np.array([v]))]).all()


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"alpha 0.9"}))  # whose f*(g(v)) is e^(9v)
def test_up_to_80_all_but_the_steepest_are_finite_in_single_precision(name):
    v = np.linspace(-80, 80, 161, dtype=np.float32)
    assert np.isfinite([*ALL[name].g(v), *ALL[name].h(v)]).all()


def test_the_logarithm_of_lamberts_function_solves_its_equation():
    a = np.concatenate([np.linspace(-80, 80, 1601), [-1e4, 1e4, 1e300]])
    y = log_w(a)
    np.testing.assert_allclose(y + np.exp(y), a, rtol=EXACT, atol=EXACT)
    single = log_w(a[:-1].astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, y[:-1], rtol=2e-6, atol=2e-6)


def test_families_hold_their_relatives():
    for a, (name, times) in {2.0: ("pearson", 0.5), -1.0: ("neyman", 0.5), 0.5: ("squared-hellinger", 2)}.items():
        np.testing.assert_allclose(ALL[f"alpha {a}"].f(U), times * ROWS[name].f(U), rtol=1e-11, atol=EXACT)
    half = ALL["weighted-jensen-shannon 0.5"]
    np.testing.assert_allclose(half.f(U), ROWS["jensen-shannon"].f(U) / 2, rtol=1e-11, atol=EXACT)


@pytest.mark.parametrize("wrong", [{"alpha": 0.0}, {"alpha": 1.0}, {"alpha": np.nan}, {"alpha": np.inf}], ids=str)
def test_an_alpha_that_is_another_row_or_none_is_refused(wrong):
    with pytest.raises(UsageError, match="alpha must be finite"):
        divergence("alpha", **wrong)


@pytest.mark.parametrize("pi", [0.0, 1.0, -0.1, np.nan])
def test_a_chance_is_between_0_and_1(pi):
    with pytest.raises(UsageError, match="pi must be a probability"):
        divergence("weighted-jensen-shannon", pi=pi)
