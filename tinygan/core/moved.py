"""Modules that moved between versions 0.1.0 and 0.2: their old names work for one version, with a DeprecationWarning.

``import tinygan.penalty`` finds no file, so Python asks the finder below, which makes a module that forwards every name
to the modules that hold it now.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from functools import update_wrapper
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# The old module, and the modules that hold its names now; all below ``tinygan``.
MOVED: dict[str, str] = {
    "battle": "evaluation.battle",
    "cases": "checks.cases",
    "check": "checks.check",
    "checkpoint": "training.checkpoint",
    "compare": "checks.compare",
    "compose": "core.compose",
    "condition": "core.condition",
    "config": "training.config",
    "data.known": "data.registry",
    "data_init": "models.data_init",
    "divergence": "objectives.divergences",
    "editing": "sampling.traversal",
    "evaluate": "evaluation.evaluate evaluation.extractors evaluation.accuracy",
    "grid": "images.grid",
    "info": "training.provenance",
    "init": "core.init",
    "latent": "sampling.truncation",
    "layer": "core.layer",
    "loss": "objectives.losses",
    "measures": "metrics.streaming",
    "mixing": "sampling.interpolation",
    "net": "core.net",
    "number": "core.scalar",
    "orthogonal": "objectives.orthogonal",
    "penalty": "objectives.penalties",
    "place": "training.execution",
    "pyramid": "images.pyramid",
    "recipes.game": "recipes.shared.adversarial",
    "rotation": "images.rotation",
    "run": "training.run",
    "safetensors": "formats.safetensors",
    "standing": "sampling.standing",
    "toml": "formats.toml",
    "train": "training.loop training.loading interface.sample",
}


class Moved(ModuleType):
    """A module under its old name: every attribute is that of the modules that hold it now."""

    def __init__(self, name: str, places: tuple[str, ...]) -> None:
        super().__init__(name, f"Moved to {' and '.join(places)}.")
        self.places = places

    def __getattr__(self, name: str) -> Any:
        for place in self.places:
            module = importlib.import_module(place)
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"module {self.__name__!r}, now {' and '.join(self.places)}, has no attribute {name!r}")


class MovedBesideFunction(Moved):
    """``tinygan.train`` or ``tinygan.evaluate`` as a module. Once imported it hides the public function of that name,
    so that calling it calls the function."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.__wrapped__(*args, **options)


class Finder:
    """The last entry of ``sys.meta_path``: it is asked for names that no file has."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """The specification of an old module; None for any other name."""
        old = name.removeprefix("tinygan.")
        return ModuleSpec(name, self) if old in MOVED and old != name else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module that forwards."""
        old = spec.name.removeprefix("tinygan.")
        places = tuple(f"tinygan.{place}" for place in MOVED[old].split())
        home = sys.modules["tinygan"].__dict__["_HOME"].get(old)
        if home is None:
            return Moved(spec.name, places)
        function = getattr(importlib.import_module(f"tinygan.{home}"), old)
        module = MovedBesideFunction(spec.name, places)
        update_wrapper(module, function, assigned=("__doc__",), updated=())
        return module

    def exec_module(self, module: Moved) -> None:
        """Warn once: Python keeps the module."""
        new = " and ".join(module.places)
        message = f"{module.__name__} is now {new}: the next version drops the old name"
        warnings.warn(message, DeprecationWarning, stacklevel=2)


def install() -> None:
    """Let ``import`` find the old names."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
