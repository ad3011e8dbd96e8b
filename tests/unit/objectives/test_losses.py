"""The losses are their formulas for any logit, and their minimum is where the theory puts it."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import tinygan
from tinygan.objectives.losses import (
    LOSSES,
    cross_entropy,
    feature_matching,
    k_plus_one_d,
    k_plus_one_g,
    logistic_d,
    minimax_g,
    non_saturating_g,
    squared_feature_matching,
)

EXACT, SINGLE, DIFFERENCES = 1e-12, 1e-6, 1e-6


def softplus(d):
    """log(1 + eᵈ) as a log-sum-exp."""
    return np.logaddexp(0, d)


def sigmoid(d):
    return np.exp(-np.logaddexp(0, -d))


# of one logit d: the value, the slope; for D on real, D on fake, and G
FORMULAS = {
    "minimax": (
        (lambda d: softplus(-d), lambda d: -sigmoid(-d)),
        (softplus, sigmoid),
        (lambda d: -softplus(d), lambda d: -sigmoid(d)),
    ),
    "non-saturating": (
        (lambda d: softplus(-d), lambda d: -sigmoid(-d)),
        (softplus, sigmoid),
        (lambda d: softplus(-d), lambda d: -sigmoid(-d)),
    ),
    "least-squares": (
        (lambda d: (d - 1) ** 2 / 2, lambda d: d - 1),
        (lambda d: d**2 / 2, lambda d: d),
        (lambda d: (d - 1) ** 2 / 2, lambda d: d - 1),
    ),
    "hinge": (
        (lambda d: np.maximum(0, 1 - d), lambda d: np.where(d < 1, -1.0, 0.0)),
        (lambda d: np.maximum(0, 1 + d), lambda d: np.where(d > -1, 1.0, 0.0)),
        (lambda d: -d, lambda d: np.full_like(d, -1.0)),
    ),
    "wasserstein": (
        (lambda d: -d, lambda d: np.full_like(d, -1.0)),
        (lambda d: d, np.ones_like),
        (lambda d: -d, lambda d: np.full_like(d, -1.0)),
    ),
}
LOGITS = [-1e4, -80.0, -30.0, -2.0, -0.5, 0.0, 0.5, 2.0, 30.0, 80.0, 1e4]


def logits(n, seed=0):
    return np.random.default_rng(seed).normal(0, 2, size=(n, 1))


def test_every_loss_is_tested():
    assert LOSSES.keys() == FORMULAS.keys()


@pytest.mark.parametrize("name", FORMULAS)
def test_values_and_gradients_are_the_means_of_the_formulas(name):
    real, fake = logits(7), logits(5, seed=1)
    (on_real, slope_real), (on_fake, slope_fake), (of_G, slope_G) = FORMULAS[name]
    value, g_real, g_fake = LOSSES[name].discriminator(real, fake)
    np.testing.assert_allclose(value, on_real(real).mean() + on_fake(fake).mean(), rtol=EXACT)
    np.testing.assert_allclose(g_real, slope_real(real) / 7, rtol=EXACT)
    np.testing.assert_allclose(g_fake, slope_fake(fake) / 5, rtol=EXACT)
    value, g = LOSSES[name].generator(fake)
    np.testing.assert_allclose(value, of_G(fake).mean(), rtol=EXACT)
    np.testing.assert_allclose(g, slope_G(fake) / 5, rtol=EXACT)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_those_of_differences(name):
    real, fake, a, b = (logits(6, seed) for seed in range(4))
    h = 1e-5

    def slope(f):
        return (f(h) - f(-h)) / (2 * h)

    _, g_real, g_fake = LOSSES[name].discriminator(real, fake)
    along = slope(lambda t: LOSSES[name].discriminator(real + t * a, fake + t * b)[0])
    np.testing.assert_allclose((g_real * a).sum() + (g_fake * b).sum(), along, rtol=DIFFERENCES)
    along = slope(lambda t: LOSSES[name].generator(fake + t * b)[0])
    np.testing.assert_allclose((LOSSES[name].generator(fake)[1] * b).sum(), along, rtol=DIFFERENCES)


@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize("name", LOSSES)
def test_single_precision_is_exact_for_any_logit(name, logit):
    d = np.full((4, 1), logit, np.float32)
    (on_real, slope_real), (on_fake, slope_fake), (of_G, slope_G) = FORMULAS[name]
    value, g_real, g_fake = LOSSES[name].discriminator(d, d)
    value_G, g = LOSSES[name].generator(d)
    exact = d.astype(np.float64)
    np.testing.assert_allclose(value, (on_real(exact) + on_fake(exact)).mean(), rtol=SINGLE)
    np.testing.assert_allclose(value_G, of_G(exact).mean(), rtol=SINGLE)
    for gradient, slope in ((g_real, slope_real), (g_fake, slope_fake), (g, slope_G)):
        assert gradient.dtype == np.float32
        np.testing.assert_allclose(gradient, slope(exact) / 4, rtol=SINGLE)


def test_inputs_are_not_written():
    real, fake = logits(4), logits(4, seed=1)
    for a in (real, fake):
        a.flags.writeable = False
    for loss in LOSSES.values():
        loss.discriminator(real, fake)
        loss.generator(fake)


def test_where_D_is_sure_the_minimax_slope_vanishes_and_the_non_saturating_one_does_not():
    sure, unsure = np.array([[-20.0]]), np.array([[0.0]])
    assert 0 < -minimax_g(sure)[1].item() <= 1e-8
    assert -non_saturating_g(sure)[1].item() >= 1 - 1e-8
    assert minimax_g(unsure)[1] == non_saturating_g(unsure)[1] == -0.5


class Line:
    """p = 1 and q = ½ + x on [0, 1], met by equally likely samples at the middles of 2,000 quantiles."""

    u = (np.arange(2000) + 0.5) / 2000
    of_p, of_q = u[:, None], ((np.sqrt(1 + 8 * u) - 1) / 2)[:, None]

    @staticmethod
    def optimal(x):
        """The logit of D* = p / (p + q)."""
        return -np.log(0.5 + x)

    @staticmethod
    def jensen_shannon():
        x, weight = np.polynomial.legendre.leggauss(40)
        x, weight = (x + 1) / 2, weight / 2
        p, q = np.ones_like(x), 0.5 + x
        m = (p + q) / 2
        return (weight * (p * np.log(p / m) + q * np.log(q / m))).sum() / 2


def test_at_the_optimal_discriminator_the_game_is_worth_2_jsd_minus_log_4():
    value, _, _ = logistic_d(Line.optimal(Line.of_p), Line.optimal(Line.of_q))
    assert -value == pytest.approx(-np.log(4) + 2 * Line.jensen_shannon(), abs=1e-7)
    assert Line.jensen_shannon() >= 0.01


@pytest.mark.parametrize("way", [np.ones_like, np.cos, np.square])
def test_the_optimal_discriminator_is_a_minimum_in_every_direction(way):
    def loss(t):
        real, fake = (Line.optimal(x) + t * way(x) for x in (Line.of_p, Line.of_q))
        return logistic_d(real, fake)

    value, g_real, g_fake = loss(0.0)
    assert abs((g_real * way(Line.of_p)).sum() + (g_fake * way(Line.of_q)).sum()) <= 1e-7
    assert value < min(loss(0.01)[0], loss(-0.01)[0])


def guarded_logs(source):
    """The lines with a log(p + eps): it bends every value to save one."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    logs = [call for call in calls if ast.unparse(call.func).split(".")[-1].startswith("log")]
    sums = [(log.lineno, part) for log in logs for part in ast.walk(log) if isinstance(part, ast.BinOp)]
    return [line for line, part in sums if isinstance(part.op, ast.Add) and (small(part.left) or small(part.right))]


def small(node):
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float) and node.value < 1e-3
    return re.search(r"(\b|_)eps", ast.unparse(node)) is not None


def test_no_logarithm_is_saved_by_an_epsilon():
    source = [
        "a = np.log(p + q)",
        "b = np.log(p + 1e-8)",
        "c = math.log2(1 - (self.eps + p))",
        "d = np.log1p(p) + 1e-8",
    ]
    assert guarded_logs("\n".join(source)) == [2, 3]
    sources = sorted(Path(tinygan.__file__).parent.rglob("*.py"))
    assert "losses.py" in {path.name for path in sources}
    assert {path.name: lines for path in sources if (lines := guarded_logs(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_its_formula_and_its_gradient_that_of_differences(smoothing):
    rng = np.random.default_rng(3)
    d, way, label, h = rng.normal(0, 3, (5, 4)), rng.normal(size=(5, 4)), np.array([0, 3, 3, 1, 2]), 1e-5
    p = np.exp(d) / np.exp(d).sum(axis=1, keepdims=True)
    q = (1 - smoothing) * np.eye(4)[label] + smoothing / 4
    value, g = cross_entropy(d, label, smoothing)
    np.testing.assert_allclose(value, -(q * np.log(p)).sum(axis=1).mean(), rtol=EXACT)
    np.testing.assert_allclose(g, (p - q) / 5, atol=EXACT)
    quotient = (cross_entropy(d + h * way, label, smoothing)[0] - cross_entropy(d - h * way, label, smoothing)[0]) / 2
    np.testing.assert_allclose((g * way).sum(), quotient / h, rtol=DIFFERENCES)


def test_cross_entropy_of_sure_logits_is_finite_and_exact():
    logits = np.array([[1e4, 0, -1e4], [0, 1e4, 0]])
    value, g = cross_entropy(logits, np.array([1, 1]))
    assert value == 5e3
    np.testing.assert_array_equal(g, [[0.5, -0.5, 0], [0, 0, 0]])
    assert cross_entropy(logits.astype(np.float32), np.array([1, 1]))[1].dtype == np.float32


@pytest.mark.parametrize("which", [0, 1], ids=["real", "fake"])
def test_the_game_of_k_and_the_generated_is_its_formula_and_its_gradients_those_of_differences(which):
    rng, h = np.random.default_rng(4), 1e-5
    logits, way = [rng.normal(0, 3, (5, 4)), rng.normal(0, 3, (6, 4))], rng.normal(size=(5 + which, 4))
    real, fake = (np.exp(a).sum(axis=1) / (1 + np.exp(a).sum(axis=1)) for a in logits)  # P(y <= K | x)
    value, *g = k_plus_one_d(*logits)
    np.testing.assert_allclose(value, -np.log(real).mean() / 2 - np.log(1 - fake).mean() / 2, rtol=EXACT)

    def at(t):
        return k_plus_one_d(*(a + t * way if i == which else a for i, a in enumerate(logits)))[0]

    np.testing.assert_allclose((g[which] * way).sum(), (at(h) - at(-h)) / (2 * h), rtol=DIFFERENCES)


def test_the_generators_game_of_k_classes_is_its_formula_and_its_gradient_that_of_differences():
    rng, h = np.random.default_rng(6), 1e-5
    logits, way = rng.normal(0, 3, (5, 4)), rng.normal(size=(5, 4))
    value, g = k_plus_one_g(logits)
    real = np.exp(logits).sum(axis=1) / (1 + np.exp(logits).sum(axis=1))
    np.testing.assert_allclose(value, -np.log(real).mean(), rtol=EXACT)
    quotient = (k_plus_one_g(logits + h * way)[0] - k_plus_one_g(logits - h * way)[0]) / (2 * h)
    np.testing.assert_allclose((g * way).sum(), quotient, rtol=DIFFERENCES)


@pytest.mark.parametrize(("match", "of"), [(feature_matching, np.abs), (squared_feature_matching, np.square)])
def test_features_match_where_their_means_do(match, of):
    rng, h = np.random.default_rng(5), 1e-5
    fake, real, way = rng.normal(size=(6, 3)), rng.normal(size=(4, 3)), rng.normal(size=(6, 3))
    value, g = match(fake, real)
    np.testing.assert_allclose(value, of(fake.mean(axis=0) - real.mean(axis=0)).mean(), rtol=EXACT)
    quotient = (match(fake + h * way, real)[0] - match(fake - h * way, real)[0]) / (2 * h)
    np.testing.assert_allclose((g * way).sum(), quotient, rtol=DIFFERENCES)
    assert match(fake, fake[::-1])[0] <= EXACT
