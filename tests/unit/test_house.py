"""The laws of the house that can be read from the source: imports run one way, files are small, importing is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinygan

ROOT = Path(tinygan.__file__).parent
FILES = {path.relative_to(ROOT.parent).as_posix(): path for path in ROOT.rglob("*.py")}
OPTIONAL = {"numba", "cupy", "torch", "tqdm", "PIL", "matplotlib", "scipy", "safetensors", "threadpoolctl"}
ORDER = [  # a file imports from its own line and the lines above it only
    {"tinygan", "tinygan.errors", "tinygan.kernels", "tinygan.init", "tinygan.loss"},
    {"tinygan.layer"},
    {"tinygan.layers", "tinygan.net"},
    {"tinygan.penalty", "tinygan.compare", "tinygan.check", "tinygan.cases", "tinygan.optim", "tinygan.models"},
    {"tinygan.recipes"},
    {"tinygan.train", "tinygan.run"},
    {"tinygan.cli", "tinygan.__main__"},
]
FREE = {"tinygan.atomic", "tinygan.safetensors", "tinygan.safetensors_header", "tinygan.toml", "tinygan.config"}
FREE |= {"tinygan.checkpoint", "tinygan.grid", "tinygan.data", "tinygan.info", "tinygan.interrupt", "tinygan.progress"}


def imports(path, everywhere=True):
    """The modules a file imports; with ``everywhere`` also inside functions."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if everywhere else tree.body
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module):
    """tinygan.layers.conv → tinygan.layers; tinygan.layer.Layer → tinygan.layer; None for others' modules."""
    parts = module.split(".")
    if parts[0] != "tinygan":
        return None
    return ".".join(parts[:2]) if len(parts) > 1 and f"{ROOT.name}/{parts[1]}" in NAMES else "tinygan"


NAMES = {name.removesuffix(".py") for name in FILES} | {str(Path(name).parent) for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_imports_run_one_way(name):
    home = room(name.removesuffix("/__init__.py").removesuffix(".py").replace("/", "."))
    level = {r: i for i, rooms in enumerate(ORDER) for r in rooms}
    for module in imports(FILES[name]):
        other = room(module)
        if other is None or other == home:
            continue
        if home in level and other in level:
            assert level[other] <= level[home], f"{name} imports {module}, which stands above it"
        else:
            assert home not in level or level[home] >= 3 or other in FREE, f"{name} imports {module}"
            assert other not in ("tinygan.cli", "tinygan.train"), f"{name} imports {module}"
        assert home in level or home in FREE, f"{home} has no place in the order yet"


@pytest.mark.parametrize("name", FILES)
def test_nothing_optional_is_imported_at_the_top(name):
    assert not {module.split(".")[0] for module in imports(FILES[name], everywhere=False)} & OPTIONAL


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("tinygan/layers/")])
def test_a_layer_names_no_device(name):
    text = FILES[name].read_text()
    assert not any(word in text for word in ("cupy", "numba", "cuda", "jit"))


@pytest.mark.parametrize("name", FILES)
def test_a_file_over_250_lines_says_why(name):
    text = FILES[name].read_text()
    assert len(text.splitlines()) <= 250 or "over 250 lines because" in text


def test_importing_tinygan_loads_numpy_and_nothing_optional():
    code = f"import sys, tinygan; print(sorted({OPTIONAL!r} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True).strip() == "[]"
