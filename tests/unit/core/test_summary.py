"""What a net shows of itself: the calls that made its layers, and a table with shapes and numbers of parameters."""

import copy
import inspect
import pickle

import numpy as np
import pytest

from tinygan import layers as L
from tinygan.checks.cases import CASES
from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.condition import Conditioned
from tinygan.core.init import he, normal
from tinygan.core.layer import Layer
from tinygan.core.net import Net
from tinygan.errors import ShapeError

SEEN = {"normal": normal, "he": he, "Sequential": Sequential, "Residual": Residual, "Concat": Concat}
SEEN |= {"Conditioned": Conditioned, **{name: getattr(L, name) for name in L.__all__}}


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (L.Conv2d(3, 64, 4, stride=2, pad=1), "Conv2d(3, 64, kernel=4, stride=2, pad=1)"),
        (L.Linear(4, 2, bias=False, init=normal(0.02)), "Linear(4, 2, bias=False, init=normal(0.02))"),
        (L.Linear(n_in=4, n_out=2, init=he), "Linear(n_in=4, n_out=2, init=he)"),
        (L.Tanh(), "Tanh()"),
        (L.Reshape(4, 4, 16), "Reshape(4, 4, 16)"),
        (L.LayerNorm(4, 4, 3, eps=1e-3), "LayerNorm(4, 4, 3, eps=0.001)"),
        (L.SpectralNorm(L.Linear(4, 2)), "SpectralNorm(Linear(4, 2))"),
        (L.InstanceNorm(4), "InstanceNorm(4)"),
        (L.LSTM(3, 4), "LSTM(3, 4)"),
        (Residual(L.Tanh(), Sequential()), "Residual(Tanh(), Sequential())"),
        (L.Read(Sequential(), 3, (6, 4)), "Read(Sequential(), 3, size=(6, 4))"),
    ],
    ids=lambda x: "" if isinstance(x, Layer) else x,
)
def test_a_layer_shows_the_call_that_made_it(f, text):
    assert repr(f) == text


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"BatchNorm(eval)"}))  # which has arrays
def test_the_call_of_every_layer_makes_an_equal_layer(name):
    f, shape = CASES[name](lambda low, high: high)
    again = eval(repr(f), SEEN)
    assert repr(again) == repr(f)
    assert again.tree("shapes") == f.tree("shapes") and again.out_shape(shape) == f.out_shape(shape)


def test_a_layer_of_a_users_own_shows_its_call_too():
    class Own(L.Linear):
        def __init__(self, n, *, scale=2.0):
            super().__init__(n, n)

    assert repr(Own(3, scale=1.5)) == "Own(3, scale=1.5)"


def test_copies_show_the_same():
    net = Net(L.Linear(4, 3), L.BatchNorm(3), L.Dropout(0.3))
    for other in (copy.copy(net.f), copy.deepcopy(net.f), pickle.loads(pickle.dumps(net.f))):
        assert repr(other) == repr(net.f)


def test_keeping_the_arguments_hides_no_signature():
    assert list(inspect.signature(L.Linear).parameters) == ["n_in", "n_out", "bias", "init"]
    with pytest.raises(TypeError, match="unexpected keyword argument 'widht'"):
        L.Linear(3, 4, widht=3)


def test_a_net_for_evaluation_shows_its_own_layers(rng):
    net = Net(L.Linear(4, 3), Sequential(L.BatchNorm(3), L.Dropout(0.3)))
    shown = repr(net.eval(net.init_running(net.init(rng), rng)))
    assert shown.startswith("Net(Linear(4, 3), Sequential(RunningNorm(array(3,), array(3,), eps=1e-05), ")
    assert repr(net) == "Net(Linear(4, 3), Sequential(BatchNorm(3), Dropout(0.3)))"


def test_a_long_net_has_a_line_for_each_layer():
    block = [L.Conv2d(3, 3, 3, pad=1), L.ReLU()]
    assert repr(Net(Residual(Sequential(*3 * block)), L.Tanh())) == (
        "Net(\n"
        "  Residual(\n"
        "    Sequential(\n" + 3 * "      Conv2d(3, 3, kernel=3, pad=1),\n      ReLU(),\n" + "    ),\n"
        "  ),\n"
        "  Tanh(),\n"
        ")"
    )


def test_the_table_of_a_net():
    net = Net(L.Linear(8, 48, init=he), L.Reshape(4, 4, 3), Residual(L.Conv2d(3, 3, 3, pad=1)), L.BatchNorm(3))
    assert net.summary((8,)).splitlines() == [
        "layer                            output     parameters  running",
        "---------------------------------------------------------------",
        "Linear(8, 48)                    (48,)             432",
        "Reshape(4, 4, 3)                 (4, 4, 3)",
        "Residual                         (4, 4, 3)          84",
        "  Conv2d(3, 3, kernel=3, pad=1)  (4, 4, 3)          84",
        "  Sequential()                   (4, 4, 3)",
        "BatchNorm(3)                     (4, 4, 3)           6        6",
        "---------------------------------------------------------------",
        "total                            (4, 4, 3)         522        6",
    ]


def test_a_table_without_running_values_has_no_column_for_them():
    assert Net(L.Linear(1000, 40), L.Tanh()).summary((1000,)).splitlines() == [
        "layer             output  parameters",
        "------------------------------------",
        "Linear(1000, 40)  (40,)       40,040",
        "Tanh()            (40,)",
        "------------------------------------",
        "total             (40,)       40,040",
    ]


def test_the_layers_with_a_condition_have_the_shapes_of_h():
    blocks = Sequential(L.FiLM(L.Linear(2, 6)), Concat(L.Tanh(), L.ReLU()))
    net = Net(Conditioned(L.Columns(0, 3), L.Columns(3, 5), blocks))
    assert net.summary((5,)).splitlines()[2:-2] == [
        "Conditioned             (6,)            18",
        "  Columns(0, 3)         (3,)",
        "  Columns(3, 5)         (2,)",
        "  Sequential            (6,)            18",
        "    FiLM(Linear(2, 6))  (3,)            18",
        "    Concat              (6,)",
        "      Tanh()            (3,)",
        "      ReLU()            (3,)",
    ]


@pytest.mark.parametrize("name", CASES)
def test_every_layer_has_a_table_whose_sum_is_the_size(name):
    f, shape = CASES[name](lambda low, high: high)
    net = Net(f)
    *rows, total = net.summary(shape).splitlines()
    assert total.split(")")[-1].replace(",", "").split() == [str(n) for n in (net.size, net.running_size) if n]
    assert max(map(len, rows)) <= 100


def test_an_input_that_does_not_fit_is_named():
    with pytest.raises(ShapeError, match="Linear"):
        Net(L.Linear(3, 4)).summary((5,))


def test_a_long_call_is_cut():
    net = Net(L.SpectralNorm(L.Conv2d(3, 4, (3, 5), stride=(2, 2), pad=((1, 1), (2, 2)), bias=False)))
    row = net.summary((8, 8, 3)).splitlines()[2]
    assert row.startswith("SpectralNorm(Conv2d(3, 4, kernel=(3, 5), stride=(2, 2), p...  (4, 4, 4)")


def test_an_array_among_the_arguments_is_shown_by_its_shape():
    class Fixed(Layer):
        def __init__(self, w):
            super().__init__()
            self.w = w

    assert repr(Fixed(np.zeros((3, 4)))) == "Fixed(array(3, 4))"
