"""Compositions with a condition: what Sequential, Residual and Concat do to (h, c), against the same sums by hand."""

import numpy as np
import pytest

from tinygan.checks.check import check_layer
from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.condition import Conditioned
from tinygan.core.layer import WithCondition, apply, jet, out_shape, vjp
from tinygan.core.net import Net
from tinygan.errors import ShapeError, UsageError
from tinygan.layers import Canvas, Columns, ConcatCondition, FiLM, Linear, Tanh

H, C = 3, 2
SHAPE = WithCondition((H,), (C,))
FILM, PLAIN, JOIN = FiLM(Linear(C, 2 * H)), Linear(H, H), ConcatCondition(Linear(C, 1))


def drawn(f, rng):
    """(p, X, the output's cotangent) of a layer with a condition, for two tangents and four samples."""
    X = WithCondition(rng.normal(size=(3, 4, H)), rng.normal(size=(3, 4, C)))
    return f.init(rng), X, rng.normal(size=(3, 4, *f.out_shape(SHAPE)))


def test_a_plain_layer_acts_on_h_and_passes_c(rng):
    p, X, _ = drawn(FILM, rng)
    p, G = PLAIN.init(rng), WithCondition(rng.normal(size=X.h.shape), rng.normal(size=X.c.shape))
    Y, saved = apply(PLAIN, p, X)
    alone, own = apply(PLAIN, p, X.h)
    assert np.array_equal(Y.h, alone) and Y.c is X.c
    GX, g = vjp(PLAIN, p, saved, G)
    gx, same = vjp(PLAIN, p, own, G.h)
    assert np.array_equal(GX.h, gx) and GX.c is G.c
    assert all(np.array_equal(a, b) for a, b in zip(g, same, strict=True))
    assert out_shape(PLAIN, SHAPE) == SHAPE
    assert np.array_equal(jet(PLAIN, p, X, ((0,), (0,))).h, jet(PLAIN, p, X.h, ((0,), (0,))))


def test_the_cotangent_of_c_is_added_to_that_of_the_layer(rng):
    p, X, G = drawn(FILM, rng)
    _, saved = apply(FILM, p, X)
    alone, _ = vjp(FILM, p, saved, G)
    behind = rng.normal(size=X.c.shape)
    both, _ = vjp(FILM, p, saved, WithCondition(G, behind))
    assert np.array_equal(both.h, alone.h) and np.array_equal(both.c, behind + alone.c)


def test_sequential_gives_every_layer_the_same_condition(rng):
    f = Sequential(FILM, PLAIN, JOIN)
    p, X, G = drawn(f, rng)
    Y, saved = f.forward(p, X)
    h1, s1 = FILM.forward(p[0], X)
    h2, s2 = PLAIN.forward(p[1], h1)
    h3, s3 = JOIN.forward(p[2], WithCondition(h2, X.c))
    assert np.array_equal(Y, h3)
    GX, _ = f.vjp(p, saved, G)
    last, _ = JOIN.vjp(p[2], s3, G)
    first, _ = FILM.vjp(p[0], s1, PLAIN.backward(p[1], s2, last.h))
    assert np.array_equal(GX.h, first.h) and np.array_equal(GX.c, last.c + first.c)


@pytest.mark.parametrize("shortcut", [None, FILM, PLAIN], ids=["identity", "conditional", "plain"])
def test_residual_adds_both_cotangents_of_its_branches(shortcut, rng):
    f = Residual(FILM, shortcut)
    p, X, G = drawn(f, rng)
    (branch, other), (q, r) = f.children, p
    Y, saved = f.forward(p, X)
    own = X if other.conditional else X.h
    (a, s), (b, t) = branch.forward(q, X), other.forward(r, own)
    assert np.abs(Y - (a + b)).max() <= 1e-15
    GX, _ = f.vjp(p, saved, G)
    ga, gb = branch.vjp(q, s, G)[0], other.vjp(r, t, G)[0]
    h, c = (gb.h, gb.c) if other.conditional else (gb, 0)
    assert np.abs(GX.h - (ga.h + h)).max() <= 1e-15 and np.array_equal(GX.c, ga.c + c)


@pytest.mark.parametrize(
    "f",
    [
        Sequential(FILM, Tanh(), JOIN),
        Residual(Sequential(FILM, Tanh()), Sequential(PLAIN, FILM)),
        Residual(Tanh(), FILM),
        Concat(FILM, Sequential(PLAIN, Tanh()), JOIN),
        Sequential(Residual(Concat(FILM, Sequential()), Concat(PLAIN, FILM)), ConcatCondition(Sequential())),
    ],
    ids=["sequential", "residual", "shortcut only", "concat", "nested"],
)
def test_every_composition_passes_all_checks(f):
    assert f.conditional
    net = Conditioned(Columns(0, H), Sequential(Columns(1, H + C), Linear(H + C - 1, C), Tanh()), f)
    assert not net.conditional and not net.piecewise_linear
    assert "second" in check_layer(net, (H + C,))


def test_a_composition_of_plain_layers_has_no_condition(rng):
    for f in (Sequential(PLAIN), Residual(PLAIN), Concat(PLAIN, Sequential()), Sequential()):
        assert not f.conditional
        X = WithCondition(rng.normal(size=(1, 4, H)), rng.normal(size=(1, 4, C)))
        Y, _ = apply(f, f.init(rng), X)
        assert Y.c is X.c


def test_what_is_not_asked_for_is_not_computed(rng):
    for f in (FILM, JOIN, Sequential(FILM, PLAIN), Residual(FILM), Concat(FILM, PLAIN)):
        p, X, G = drawn(f, rng)
        _, saved = f.forward(p, X)
        (GX, none), (nothing, g) = f.vjp(p, saved, G, wrt_p=False), f.vjp(p, saved, G, wrt_x=False)
        both = f.vjp(p, saved, G)
        assert none is None and nothing is None
        assert np.array_equal(GX.h, both[0].h) and np.array_equal(GX.c, both[0].c)
        assert repr(g) == repr(both[1])


def test_a_condition_that_is_missing_or_not_used_is_one_line(rng):
    with pytest.raises(UsageError, match=r"^FiLM needs a condition"):
        apply(FILM, FILM.init(rng), np.ones((1, 4, H), np.float32))
    for net in (Net(FILM), Net(PLAIN, Sequential(FILM))):
        with pytest.raises(UsageError, match=r"needs a condition: put it into Conditioned\(stem, condition, f\)$"):
            net.forward(net.init(rng), np.ones((4, H), np.float32))
    with pytest.raises(ValueError, match=r"^Canvas passes no condition on: put FiLM into Conditioned"):
        Canvas(Linear(H + 1, H), FILM, H, 1, 2)
    with pytest.raises(ValueError, match=r"Conditioned: f must use the condition: Linear has no layer such as FiLM"):
        Conditioned(Sequential(), Sequential(), PLAIN)


def test_wrong_shapes_are_named(rng):
    with pytest.raises(
        ShapeError, match=r"FiLM: m\(c\) must have two numbers for each channel: got \(6,\), h \(N, 4\)"
    ):
        Sequential(FILM).out_shape(WithCondition((4,), (C,)))
    with pytest.raises(ShapeError, match=r"one shape: got \(3,\) and \(4,\)"):
        Residual(FILM, JOIN).out_shape(SHAPE)
    p, X, G = drawn(FILM, rng)
    _, saved = apply(FILM, p, X)
    with pytest.raises(ShapeError, match="FiLM: a cotangent has the shape of its output"):
        vjp(FILM, p, saved, WithCondition(G[..., :2], 0))
