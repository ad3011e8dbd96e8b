"""The public surface: which names there are, how they are called, that they say what they do, and that they load lazily.

A change of the surface is a decision: ``python tests/unit/test_public.py`` writes the stored list anew.
"""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import tinygan
from tinygan.book.definitions import public, signature

STORED = Path(__file__).with_suffix(".txt")
MODULES = [name for name in tinygan.__all__ if isinstance(getattr(tinygan, name), ModuleType)]
OF_MODULES = {"models", "metrics"}  # their public names are modules themselves


def members(path, found):
    """(name, object) of what a public name gives access to."""
    if inspect.isclass(found) and not issubclass(found, Exception):
        for name, f in sorted(vars(found).items()):
            if inspect.isfunction(f) and not name.startswith("_"):
                yield f"{path}.{name}", f
    if isinstance(found, ModuleType):
        inner = path.count(".") > 1  # a module of nets or measures, which lists nothing
        for name, f in sorted(public(found) if inner else ((name, getattr(found, name)) for name in found.__all__)):
            yield f"{path}.{name}", f


def surface():
    """Every public name and its object: those of ``tinygan``, of its classes, and of its public modules."""
    found = {}
    for name in sorted(tinygan.__all__):
        found[f"tinygan.{name}"] = getattr(tinygan, name)
    for path, f in list(found.items()):
        found |= dict(members(path, f))
    for path, f in list(found.items()):
        if path.split(".")[1] in OF_MODULES and path.count(".") == 2:
            found |= dict(members(path, f))
    return found


def lines():
    return [path + ("" if isinstance(f, ModuleType) else signature(f)) for path, f in sorted(surface().items())]


SURFACE = surface()


def test_the_surface_is_the_stored_one():
    stored = STORED.read_text().splitlines()
    missing, new = sorted(set(stored) - set(lines())), sorted(set(lines()) - set(stored))
    assert not missing and not new, f"gone: {missing}; new: {new}; if this is meant: python tests/unit/test_public.py"


@pytest.mark.parametrize("path", [path for path, f in SURFACE.items() if callable(f) or isinstance(f, ModuleType)])
def test_a_public_name_says_what_it_does(path):
    text = inspect.getdoc(SURFACE[path])
    assert text
    if path.count(".") == 1 and not issubclass(type(SURFACE[path]), type(Exception)):  # an example or a formula
        assert re.search(r"^ {4}\S|>>>|[=→↦⟨∂Σ]", text, re.MULTILINE), text


def test_what_a_type_checker_reads_is_what_is_loaded():
    """The names imported under TYPE_CHECKING, the table of homes and __all__ agree."""
    source = Path(tinygan.__file__).read_text()
    block = source.split("if TYPE_CHECKING:")[1].split("\n__version__")[0]
    typed = {}
    for module, names in re.findall(r"from (tinygan[\w.]*) import \(?([^)]*?)\)?\n(?=    from|\n|$)", block):
        typed |= dict.fromkeys(re.findall(r"\w+", names), module)
    assert sorted([*typed, "__version__"]) == sorted(tinygan.__all__)
    homes = {name: "tinygan" if name in MODULES else f"tinygan.{tinygan._HOME[name]}" for name in typed}
    assert typed == homes


def test_dir_lists_the_surface_and_an_unknown_name_is_an_attribute_error():
    assert dir(tinygan) == sorted(tinygan.__all__)
    with pytest.raises(AttributeError, match="module 'tinygan' has no attribute 'nets'"):
        tinygan.nets  # noqa: B018


def test_every_public_module_lists_its_names():
    for name in MODULES:
        module = importlib.import_module(f"tinygan.{name}")
        assert module.__doc__ and sorted(set(module.__all__)) == sorted(module.__all__)
        assert all(hasattr(module, inside) for inside in module.__all__)


def test_importing_tinygan_loads_three_of_its_modules_and_not_even_numpy():
    """Counted, not timed: time on a busy machine says little."""
    code = "import sys; before = set(sys.modules); import tinygan; print(*sorted(set(sys.modules) - before))"
    path = f"import sys; sys.path.insert(0, {str(Path(tinygan.__file__).parents[1])!r}); "
    loaded = subprocess.check_output([sys.executable, "-I", "-c", path + code], text=True).split()
    assert [name for name in loaded if name.startswith("tinygan")] == ["tinygan", "tinygan.core", "tinygan.core.moved"]
    assert "numpy" not in loaded
    assert len(loaded) < 40


if __name__ == "__main__":
    STORED.write_text("\n".join(lines()) + "\n")
