"""The rules of the layout that can be read from the source: who may import whom, what is optional, how long a file may be."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import tinygan
from tinygan import kernels
from tinygan.recipes import protocols

ROOT = Path(tinygan.__file__).parent
FILES = {path.relative_to(ROOT.parent).as_posix(): path for path in ROOT.rglob("*.py")}
FILES = {name: path for name, path in FILES.items() if not name.startswith("tinygan/kernels/")}
MODULES = [path for path in FILES.values() if path != ROOT / "__init__.py"]  # which loads nothing before it is used
KERNELS = [path for folder in kernels.__path__ for path in Path(folder).rglob("*.py")]
BENCH = sorted((ROOT.parent / "bench").rglob("*.py"))  # of a checkout only
OPTIONAL = {
    "numba",
    "llvmlite",
    "cupy",
    "cupyx",
    "torch",
    "tqdm",
    "shtab",
    "PIL",
    "matplotlib",
    "scipy",
    "safetensors",
    "threadpoolctl",
}
MODULES_AT_THE_TOP = {"errors", "kernels", "losses", "optim", "penalties"}

# Each package, and the packages before it in this order that it may import.
MAY = {
    "errors": "",
    "kernels": "errors",
    "formats": "errors",
    "core": "errors kernels formats",
    "data": "errors formats core",
    "optim": "errors kernels core",
    "layers": "errors kernels core",
    "objectives": "errors kernels core layers",
    "losses": "objectives",
    "penalties": "objectives",
    "models": "errors core layers",
    "images": "errors core layers",
    "geometry": "errors core layers",
    "checks": "errors core layers",
    "metrics": "errors core formats data models images geometry",
    "recipes": "errors core formats data optim layers objectives models images",
    "training": "errors kernels core formats data images recipes",
    "sampling": "errors core layers geometry images recipes training",
    "evaluation": "errors core data objectives metrics recipes training sampling",
    "interface": "errors kernels core data metrics recipes training sampling evaluation",
    "reproduce": "errors kernels core formats data optim layers objectives models images geometry metrics recipes "
    "training sampling evaluation",
    "cli": "errors kernels core formats data checks images metrics recipes training sampling evaluation interface reproduce",
    "book": "core formats recipes training cli",
    "__main__": "cli",
    "__init__": "errors kernels core data optim layers objectives losses penalties models geometry checks metrics recipes "
    "training sampling evaluation interface",  # for type checkers; at run time it loads a name when that is first used
}

# kernels/, floor by floor: a file imports files of floors before its own.
FLOORS = {
    "": ["cache shapes", "reference"],
    "jit": [
        "cpu memory vector",
        "pool_code elementwise exp tile transpose_blocks winograd_forms",
        "pool",
        "compile",
        "pack",
        "conv_direct_kernels norm_kernels winograd_kernels",
        "conv_direct conv_direct_dw conv_narrow norm norm_rows pointwise winograd winograd_dw",
        "operations",
    ],
    "cuda": ["args compile", "plan", "driver plan_conv plan_flat plan_matmul", "launch plan_norm", "graph operations"],
}


def imports(path, everywhere=True):
    """The modules a file imports; with ``everywhere`` also inside functions."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def package(name):
    """tinygan/layers/conv.py → layers; tinygan/optim.py → optim."""
    return name.split("/")[1].removesuffix(".py")


def cycle(graph):
    """A cycle of a graph {node: its successors}, as a list of nodes; empty where there is none."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        path.append(node)
        found = next(filter(None, map(visit, sorted(graph.get(node, ())))), [])
        path.pop()
        done.add(node)
        return found

    return next(filter(None, map(visit, graph)), [])


def module_graph(paths, root):
    """Which module of ``paths``, below ``root``, imports which other."""
    names = {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}
    found = {name: [used for used in imports(path) if used in names and used != name] for name, path in names.items()}
    for used in found.values():  # "from package import module" needs the module, not what the package defines
        used[:] = [m for m, after in zip(used, [*used[1:], ""], strict=False) if not after.startswith(m + ".")]
    return {name: set(used) for name, used in found.items()}


def test_a_rule_stands_after_the_rules_that_it_names():
    order = list(MAY)
    assert len(order) <= 30
    for name, allowed in MAY.items():
        assert all(order.index(other) < order.index(name) for other in allowed.split()), name


def test_few_modules_lie_outside_packages():
    flat = {path.stem for path in ROOT.glob("*.py")} - {"__init__", "__main__"}
    assert flat == MODULES_AT_THE_TOP


@pytest.mark.parametrize("name", FILES)
def test_imports_run_one_way(name):
    allowed = {package(name), *MAY[package(name)].split()}
    used = {module.split(".")[1] for module in imports(FILES[name]) if module.startswith("tinygan.")} & MAY.keys()
    assert used <= allowed, f"{name} imports {sorted(used - allowed)}"


def abilities():
    """The protocols of recipes, by which other packages may tell them apart."""
    found = {name: each for name, each in vars(protocols).items() if isinstance(each, type)}
    return {name for name, each in found.items() if getattr(each, "_is_protocol", False)}


OUTSIDE = [name for name in FILES if not name.startswith(("tinygan/recipes/", "tinygan/reproduce/papers/"))]


@pytest.mark.parametrize("name", OUTSIDE)
def test_only_papers_name_the_class_of_a_system(name):
    """Other code asks what a recipe can do: a new system is one file."""
    used = set(imports(FILES[name]))
    assert not {module for module in used if module.startswith(("tinygan.recipes.systems", "tinygan.recipes.shared"))}
    kinds = [
        ast.unparse(node.args[1])
        for node in ast.walk(ast.parse(FILES[name].read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("isinstance", "of_kind")
        if re.search(r"\brecipe\b|\brun\b", ast.unparse(node.args[0])) and "type" not in ast.unparse(node.args[1])
    ]
    kinds = [kind for kind in kinds if kind not in ("str", "Run", "TrainedRun", "str | Path", "kind")]
    assert set(kinds) <= abilities(), f"{name} tells recipes apart by {sorted(set(kinds) - abilities())}"


def test_protocols_are_found():
    assert {"Generative", "SamplesByClass", "Discriminates", "Translates"} <= abilities()
    assert "AdversarialRecipe" not in abilities()


OF_THE_PROGRAM = {
    "TypeError",
    "AttributeError",
    "NameError",
    "Exception",
    "BaseException",
    "",
}  # raised by its mistakes
CATCHES = {  # files that turn one into something else, and what raises it there
    "tinygan/book/definitions.py": "inspect.signature, for what has none",
    "tinygan/checks/check.py": "a layer, whose failure the check reports",
    "tinygan/data/emoji.py": "values of a file",
    "tinygan/data/folder.py": "values of a file",
    "tinygan/data/prefetch.py": "anything, handed to the thread that asks for the batch",
    "tinygan/formats/pickled.py": "values of a file",
    "tinygan/reproduce/harness/table.py": "values of a file",
    "tinygan/training/loading.py": "values of a file",
    "tinygan/training/run.py": "values of a file",
}


@pytest.mark.parametrize("name", FILES)
def test_a_mistake_of_the_program_keeps_its_traceback(name):
    """It is not turned into an error of the user."""
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.ExceptHandler):
            kinds = {ast.unparse(kind) for kind in getattr(node.type, "elts", [node.type]) if kind} or {""}
            same = any(isinstance(each, ast.Raise) and each.exc is None for each in ast.walk(node))
            if kinds & OF_THE_PROGRAM and not same:
                assert name in CATCHES, f"{name}, line {node.lineno}: catches {sorted(kinds)}"


@pytest.mark.parametrize("paths", [MODULES, BENCH], ids=["tinygan", "bench"])
def test_no_module_imports_itself_through_others(paths):
    graph = module_graph(paths, ROOT.parent)
    assert len(graph) == len(paths)
    assert cycle(graph) == []


def test_a_cycle_is_found():
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: "/".join(path.parts[-2:]))
def test_a_kernel_file_imports_numpy_and_the_compiler_of_its_own_machine(path):
    known = {"numpy", "tinygan.kernels", "tinygan.errors", *sys.stdlib_module_names}
    known |= {"jit": {"numba", "llvmlite"}, "cuda": {"cupy", "cupyx"}}.get(path.parent.name, set())
    strange = [m for m in imports(path) if not any(m == k or m.startswith((k + ".", "tinygan.kernels")) for k in known)]
    assert not {m for m in strange if m != "tinygan"}, f"{path.name} imports {strange}"


def before(path):
    """The modules of kernels/ that a file of it may import: what all machines share, and the floors before its own."""
    folder = path.parent.name if path.parent.name in FLOORS else ""
    shared = [] if folder == "" else [f"tinygan.kernels.{name}" for floor in FLOORS[""] for name in floor.split()]
    floors = [floor.split() for floor in FLOORS[folder]]
    (own,) = (i for i, floor in enumerate(floors) if path.stem in floor)
    prefix = f"tinygan.kernels.{folder}".rstrip(".")
    return {*shared, *(f"{prefix}.{name}" for floor in floors[:own] for name in floor)}


@pytest.mark.parametrize(
    "path", [p for p in KERNELS if p.stem != "__init__"], ids=lambda path: "/".join(path.parts[-2:])
)
def test_imports_in_kernels_run_one_way(path):
    modules = {
        f"tinygan.kernels.{f'{folder}.' if folder else ''}{name}"
        for folder, floors in FLOORS.items()
        for floor in floors
        for name in floor.split()
    }
    assert {m for m in imports(path) if m in modules} <= before(path)


@pytest.mark.parametrize("path", [p for p in KERNELS if p.stem == "__init__"], ids=lambda path: path.parts[-2])
def test_a_package_of_kernels_imports_nothing(path):
    """So that a module of it can be loaded without Numba or CuPy."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) and len(tree.body) == 1


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


def test_importing_every_module_loads_nothing_optional(tmp_path):
    names = [n.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for n in FILES if "__main__" not in n]
    modules = ", ".join([*names, "tinygan.kernels.reference"])
    code = f"import sys, {modules}; print(sorted({OPTIONAL!r} & sys.modules.keys()))"
    path = f"import sys; sys.path.insert(0, {str(ROOT.parent)!r}); "  # also where the parent folder holds a clone
    done = subprocess.check_output([sys.executable, "-W", "error", "-c", path + code], text=True, cwd=tmp_path)
    assert done.strip() == "[]"
