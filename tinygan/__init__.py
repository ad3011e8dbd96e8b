"""tinygan: generative adversarial networks from scratch, every derivative by hand.

    import numpy as np
    import tinygan
    from tinygan.layers import Linear, Tanh

    run = tinygan.train("dcgan", "strokes", steps=1200)        # digits, in about two minutes
    images = run.sample(64)                                    # (64, 28, 28, 1) float32 in [-1, 1]

    net = tinygan.Net(Linear(2, 16), Tanh(), Linear(16, 1))    # y = f(x; θ)
    theta = net.init(np.random.default_rng(0))                 # θ, one flat vector
    y, y_dot, saved = net.jvp(theta, x, x_dot)                 # y = f(x), ẏ = J ẋ

The public names are those of ``tinygan.__all__``, and of ``__all__`` in the public modules. Everything else may change
between versions. A name is loaded when it is first used: ``import tinygan`` itself loads nothing but the standard library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tinygan.core import moved

if TYPE_CHECKING:  # the same names as in _HOME, for editors and type checkers
    from tinygan import data, geometry, kernels, layers, losses, metrics, models, optim, penalties, recipes
    from tinygan.checks.check import CheckFailed, check_layer, check_net
    from tinygan.core.compose import Concat, Residual, Sequential
    from tinygan.core.condition import Conditioned
    from tinygan.core.layer import Layer
    from tinygan.core.net import Net
    from tinygan.data import open_data
    from tinygan.errors import DataError, Diverged, FormatError, ShapeError, TinyganError, UsageError
    from tinygan.interface.evaluate import evaluate
    from tinygan.interface.sample import sample
    from tinygan.interface.train import train
    from tinygan.interface.trained_run import TrainedRun, load
    from tinygan.objectives.penalties import through_jvp, through_vjp
    from tinygan.recipes import get_recipe, list_recipes

__version__ = "0.1.0"

__all__ = [
    "CheckFailed",
    "Concat",
    "Conditioned",
    "DataError",
    "Diverged",
    "FormatError",
    "Layer",
    "Net",
    "Residual",
    "Sequential",
    "ShapeError",
    "TinyganError",
    "TrainedRun",
    "UsageError",
    "__version__",
    "check_layer",
    "check_net",
    "data",
    "evaluate",
    "geometry",
    "get_recipe",
    "kernels",
    "layers",
    "list_recipes",
    "load",
    "losses",
    "metrics",
    "models",
    "open_data",
    "optim",
    "penalties",
    "recipes",
    "sample",
    "through_jvp",
    "through_vjp",
    "train",
]

_HOME = {  # the module that defines each name; a name that is missing here is a module of its own
    "CheckFailed": "checks.check",
    "Concat": "core.compose",
    "Conditioned": "core.condition",
    "DataError": "errors",
    "Diverged": "errors",
    "FormatError": "errors",
    "Layer": "core.layer",
    "Net": "core.net",
    "Residual": "core.compose",
    "Sequential": "core.compose",
    "ShapeError": "errors",
    "TinyganError": "errors",
    "TrainedRun": "interface.trained_run",
    "UsageError": "errors",
    "check_layer": "checks.check",
    "check_net": "checks.check",
    "evaluate": "interface.evaluate",
    "get_recipe": "recipes",
    "list_recipes": "recipes",
    "load": "interface.trained_run",
    "open_data": "data",
    "sample": "interface.sample",
    "through_jvp": "objectives.penalties",
    "through_vjp": "objectives.penalties",
    "train": "interface.train",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'tinygan' has no attribute {name!r}")
    home = _HOME.get(name)
    found = (
        getattr(importlib.import_module(f"tinygan.{home}"), name)
        if home
        else importlib.import_module(f"tinygan.{name}")
    )
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)


moved.install()
