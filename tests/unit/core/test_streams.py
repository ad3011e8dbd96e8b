"""The streams of a seed: one number a purpose, for good."""

import ast
from pathlib import Path

import numpy as np
import pytest

import tinygan
from tinygan.core.streams import ExperimentStream, Stream

ROOT = Path(tinygan.__file__).parent
# Files whose second number is none of an enumeration: the bytes of a layer's name; the step whose points are counted
OTHERS = {"checks/cases.py", "reproduce/papers/toys.py"}


def test_values_of_stored_runs_and_results_do_not_change():
    assert {one.name: one.value for one in Stream} == {
        "INIT": 1,
        "STEP": 2,
        "PICTURE": 3,
        "ORDER": 4,
        "SAMPLE": 5,
        "SPLIT": 6,
        "STANDING": 7,
    }
    assert {one.value for one in ExperimentStream} == {7, 8, 16, 300, 6000}


@pytest.mark.parametrize("streams", [Stream, ExperimentStream])
def test_no_two_purposes_share_a_number(streams):
    assert len({int(one) for one in streams.__members__.values()}) == len(streams.__members__)


def test_a_stream_is_its_number():
    a, b = (np.random.default_rng([3, number, 9]).integers(2**60, size=4) for number in (Stream.STEP, 2))
    assert np.array_equal(a, b)


def seeds(path):
    """The lists that a file's calls of default_rng begin from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng"):
            yield from (a.elts for a in node.args[:1] if isinstance(a, ast.List | ast.Tuple))


def is_stream(node):
    return isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("Stream", "ExperimentStream")


def test_every_purpose_is_in_the_enumeration():
    found = {path.relative_to(ROOT).as_posix(): list(seeds(path)) for path in ROOT.rglob("*.py")}
    assert sum(map(len, found.values())) >= 15
    wrong = {
        name: ", ".join(map(ast.unparse, each))
        for name, lists in found.items()
        for each in lists
        if name not in OTHERS and not is_stream(each[1])
    }
    assert not wrong, f"give it a name in core/streams.py: {wrong}"
