"""Every layer passes the eleven derivative checks at random sizes, and says which shape it wants."""

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinygan import layers as L
from tinygan.checks.cases import CASES
from tinygan.checks.check import BOUNDS, check_layer
from tinygan.core.compose import Concat, Residual, Sequential
from tinygan.core.condition import Conditioned
from tinygan.core.layer import Layer, apply
from tinygan.errors import ShapeError

DRAWS = int(os.environ.get("TINYGAN_DRAWS", "200"))


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=DRAWS, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_derivatives_pass_the_eleven_checks(name, data):
    f, shape = CASES[name](lambda low, high: data.draw(st.integers(low, high)))
    seed = data.draw(st.integers(0, 2**32 - 1))
    errors = check_layer(f, shape, rng=np.random.default_rng(seed))
    assert errors.keys() == BOUNDS.keys(), "a layer of ours has its second derivative"


def test_every_public_layer_is_in_the_table():
    shown = {name.split("(")[0] for name in CASES}
    assert set(L.__all__) | {c.__name__ for c in (Residual, Concat, Sequential, Conditioned)} == shown


WRONG = [
    (L.Linear(3, 2), (4,), "3 features"),
    (L.Conv2d(3, 2, 3), (8, 8, 4), "3 channels"),
    (L.Conv2d(3, 2, 5), (4, 4, 3), "larger than the padded image"),
    (L.ConvTranspose2d(3, 2, 4), (8, 8), "3 channels"),
    (L.ConvTranspose2d(3, 2, 2, pad=1), (1, 1, 3), "leaves no pixel"),
    (L.UpConv2d(3, 2), (4, 4, 2), "3 channels"),
    (L.ConvPool2d(3, 2), (4, 5, 3), "even height and width"),
    (L.BatchNorm(3), (4, 4, 2), "to end in (3,)"),
    (L.LayerNorm(4, 3), (3, 4), "to end in (4, 3)"),
    (L.GroupNorm(4, 2), (4,), "images"),
    (L.Reshape(3, 4), (11,), "cannot become"),
    (L.AvgPool2d(2), (3, 4, 1), "2 divides"),
    (L.MaxPool2d(3), (3, 2, 1), "window of 3 is larger"),
    (L.MaxPool2d(2, pad=1), (3, 4), "images"),
    (L.Attend(1, 2), (2, 4, 3), "images of 4 channels"),
    (L.Attend(1, 2), (2, 3, 4), "even height and width"),
    (L.LocalMeanPool(), (3, 4), "images"),
    (L.Upsample(2), (3, 4), "images"),
    (L.Pad(2), (2, 5, 1), "at least 3"),
    (L.Pad(1, "replicate"), (3, 4), "images"),
    (L.Blur(), (5, 2, 1), "border of 2 needs"),
    (L.PyramidDown(), (2, 4, 1), "at least 3"),
    (L.PyramidUp(), (1, 4, 1), "at least 3: 2x8"),
    (L.PyramidUp((7, 8)), (3, 4, 1), "no image of 7x8"),
    (L.GlobalSumPool(), (5,), "images"),
    (L.Closeness(2, 3), (5,), "2 kernels of 3 dims"),
    (L.Filterbank(2, 4), (4,), "rows of 3 numbers"),
    (L.LSTMGates(2), (8,), "5 rows of 2"),
    (L.LSTMCell(3, 2), (8,), "3 inputs and 4 of its state"),
    (L.GRUCell(3, 2), (7,), "3 inputs and 2 of its state"),
    (L.LSTM(3, 2), (4, 2), "one step of 3 numbers"),
    (L.GRU(3, 2), (0, 3), "one step of 3 numbers"),
    (L.Canvas(L.Linear(5, 4), L.Linear(4, 2), 3, 2, 2), (2,), "rows of 3 numbers"),
    (L.Virtual(L.Linear(3, 2), (3,), 4), (4,), "like its reference's (3,)"),
]


@pytest.mark.parametrize(
    ("f", "shape", "rule"), WRONG, ids=lambda v: type(v).__name__ if isinstance(v, Layer) else None
)
def test_a_wrong_x_is_named_with_layer_rule_and_shapes(f, shape, rule):
    p = f.init(np.random.default_rng(0))
    with pytest.raises(ShapeError) as caught:
        apply(f, p, np.ones((1, 2, *shape)))
    message = str(caught.value)
    assert type(f).__name__ in message
    assert rule in message
    assert f"(N, {', '.join(map(str, shape))})" in message
    assert all(str(own) in message for own in f.shapes.values())
