"""The laws of the house that can be read from its source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinygan
from tinygan import kernels

ROOT = Path(tinygan.__file__).parent
FILES = {path.relative_to(ROOT.parent).as_posix(): path for path in ROOT.rglob("*.py")}
FILES = {name: path for name, path in FILES.items() if not name.startswith("tinygan/kernels/")}
KERNELS = [path for folder in kernels.__path__ for path in Path(folder).glob("*.py")]
BENCH = sorted((ROOT.parent / "bench").glob("*.py"))  # of a checkout only
OPTIONAL = {
    "numba",
    "llvmlite",
    "cupy",
    "cupyx",
    "torch",
    "tqdm",
    "PIL",
    "matplotlib",
    "scipy",
    "safetensors",
    "threadpoolctl",
}

FILE_ROOMS = "errors atomic toml config safetensors safetensors_header checkpoint grid"
ALGEBRA = "errors kernels init layer compose condition layers net"
RECIPES = "data_init divergence latent loss number orthogonal rotation penalty optim models pyramid standing"
MAY = {  # room: the rooms it may import, beside itself
    "errors": "",
    "divergence": "errors",
    "init": "",
    "loss": "kernels number",
    "number": "",
    "rotation": "errors",
    "kernels": "errors",
    "layer": "errors",
    "compose": "errors kernels layer",
    "condition": "errors kernels layer compose",
    "layers": "errors kernels init layer compose condition",
    "net": "errors kernels layer compose",
    "penalty": "kernels layer net number",
    "orthogonal": "errors kernels layer layers net number",
    "standing": "errors layer layers net",
    "data_init": "errors compose layer layers net",
    "latent": "errors",
    "pyramid": "errors layer layers",
    "lbfgs": "errors",
    "geometry": "errors layer layers net lbfgs",
    "compare": "layer",
    "check": "errors layer net compare",
    "cases": "cases_batch cases_border cases_conditional cases_recurrent layer compose layers check",
    "cases_batch": "cases_conditional layer compose layers",
    "cases_border": "cases_conditional layer layers",
    "cases_recurrent": "cases_conditional layer compose layers",
    "cases_conditional": "layer compose condition layers",
    "optim": "errors kernels layer number",
    "models": ALGEBRA,
    "recipes": f"{ALGEBRA} {RECIPES} data",
    "atomic": "errors",
    "toml": "errors",
    "config": "errors toml",
    "safetensors_header": "errors",
    "safetensors": "errors atomic safetensors_header",
    "checkpoint": "errors safetensors safetensors_header",
    "grid": "errors",
    "unpickle": "",
    "data": "errors atomic unpickle",
    "torchfile": "errors unpickle",
    "metrics": f"{ALGEBRA} atomic data geometry grid lbfgs models safetensors torchfile",
    "reproduce": f"{FILE_ROOMS} {ALGEBRA} {RECIPES} battle data editing evaluate geometry metrics mixing "
    "recipes run train interrupt",
    "cli_reproduce": "data errors info interrupt reproduce",
    "interrupt": "",
    "progress": "",
    "info": "kernels",
    "measures": "errors metrics",
    "evaluate": "errors checkpoint data measures metrics progress recipes run train",
    "battle": "errors layer loss data evaluate metrics recipes train",
    "cli_battle": "battle errors kernels data evaluate metrics run train",
    "editing": "errors geometry grid layer recipes",
    "cli_translate": "cli_edit data errors grid kernels recipes run",
    "cli_edit": "errors kernels layer data editing recipes run train",
    "mixing": "errors layer",
    "cli_mix": "errors kernels layer data grid mixing recipes run train",
    "cli_eval": "errors kernels data evaluate measures recipes run train",
    "run": f"{FILE_ROOMS} recipes",
    "finite": "errors checkpoint recipes",
    "place": "errors kernels layer checkpoint data",
    "train": f"{FILE_ROOMS} {ALGEBRA} data finite place recipes run interrupt progress sampling",
    "sampling": "errors latent layer layers recipes standing",
    "cli_sample": "atomic errors kernels layer data grid run sampling train",
    "grammar": "errors kernels run",
    "cli": f"{FILE_ROOMS} cli_eval grammar kernels data recipes run train interrupt info cases check",
    "__main__": "cli",
    "__init__": "",
}


def imports(path, everywhere=True):
    """The modules a file imports; with ``everywhere`` also inside functions."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "tinygan":
            yield from (f"tinygan.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def room(name):
    """tinygan/layers/conv.py → layers; tinygan/layer.py → layer."""
    return name.split("/")[1].removesuffix(".py")


@pytest.mark.parametrize("name", FILES)
def test_imports_run_one_way(name):
    allowed = {room(name), *MAY[room(name)].split()}
    used = {module.split(".")[1] for module in imports(FILES[name]) if module.startswith("tinygan.")} & MAY.keys()
    assert used <= allowed, f"{name} imports {sorted(used - allowed)}"


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.name)
def test_a_kernel_file_knows_numpy_and_its_own_machine_only(path):
    known = {"numpy", "tinygan.kernels", "tinygan.errors", *sys.stdlib_module_names}
    if path.name.startswith("jit"):
        known |= {"numba", "llvmlite"}
    if path.name.startswith("cuda"):
        known |= {"cupy", "cupyx"}
    strange = [m for m in imports(path) if not any(m == k or m.startswith(k + ".") for k in known)]
    assert not strange, f"{path.name} imports {strange}"


@pytest.mark.parametrize("name", FILES)
def test_nothing_optional_is_imported_at_the_top(name):
    assert not {module.split(".")[0] for module in imports(FILES[name], everywhere=False)} & OPTIONAL


@pytest.mark.parametrize("name", FILES)
def test_only_kernel_files_know_the_compilers_of_their_machine(name):
    assert not {module.split(".")[0] for module in imports(FILES[name])} & {"numba", "llvmlite", "cupy", "cupyx"}


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("tinygan/layers/")])
def test_a_layer_names_no_device(name):
    text = FILES[name].read_text()
    assert not any(word in text for word in ("cupy", "numba", "cuda", "jit"))


@pytest.mark.parametrize("path", [*FILES.values(), *KERNELS, *BENCH], ids=lambda path: "/".join(path.parts[-2:]))
def test_a_file_over_250_lines_says_why(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 250 or "over 250 lines because" in text


def test_importing_every_part_loads_nothing_optional():
    names = [n.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for n in FILES if "__main__" not in n]
    modules = ", ".join([*names, "tinygan.kernels.reference"])
    code = f"import sys, {modules}; print(sorted({OPTIONAL!r} & sys.modules.keys()))"
    assert subprocess.check_output([sys.executable, "-W", "error", "-c", code], text=True).strip() == "[]"
