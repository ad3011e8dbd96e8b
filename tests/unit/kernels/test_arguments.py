"""Arguments of compiled kernels: many go into one block, which is filled by name."""

import ast
from pathlib import Path
from typing import NamedTuple

import pytest

from tinygan import kernels

JIT = [path for folder in kernels.__path__ for path in sorted((Path(folder) / "jit").glob("*.py"))]


def blocks(tree):
    """The classes that a loop ``run(part, thread, args: Class)`` of a file takes."""
    loops = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    last = (loop.args.args[-1] for loop in loops if [a.arg for a in loop.args.args][:-1] == ["part", "thread"])
    return {a.annotation.id for a in last if isinstance(a.annotation, ast.Name)} - {"Reals", "Ints", "Int", "Real"}


def test_blocks_are_filled_by_name():
    """Two of some thirty integers in the wrong order would be a wrong address."""
    trees = [ast.parse(path.read_text()) for path in JIT]
    names = set().union(*map(blocks, trees))
    assert {"Correlate", "Contract", "Spread", "Pack"} <= names
    made = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    ]
    assert len(made) >= len(names)
    assert not [ast.unparse(node) for node in made if node.args]


@pytest.fixture
def compiling():
    return pytest.importorskip("tinygan.kernels.jit.compile", exc_type=ImportError)


def test_a_kernel_of_many_arguments_has_a_block(compiling):
    def run(part, thread, a, b, c, d, e, f, g, h, i):
        raise AssertionError("it is never compiled")

    run.__annotations__ = dict.fromkeys("abcdefgh", compiling.Int)
    assert compiling.arguments(run) == ([compiling.Int] * 8, None)
    run.__annotations__["i"] = compiling.Int
    with pytest.raises(TypeError, match="run has 9 arguments: more than 8 go into a block"):
        compiling.arguments(run)


def test_a_kernel_takes_its_own_block_only(compiling):
    from tinygan.kernels.jit.pack import pack
    from tinygan.kernels.jit.vector import Vector

    class Other(NamedTuple):
        n: compiling.Int

    with pytest.raises(TypeError, match="pack takes a Pack: got a Other"):
        pack(Vector("float32", 16), 1, Other(n=1))
