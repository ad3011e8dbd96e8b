"""The table of cases: name, module, and arguments of the module's ``run``. A module is imported when its case runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

CASES = {
    "conv_dcgan32": ("bench.cases_conv", ("dcgan32", 0)),
    "conv_dcgan64": ("bench.cases_conv", ("dcgan64", 0)),
    "conv_sngan32": ("bench.cases_conv", ("sngan32", 0)),
    "conv_dcgan32_k8": ("bench.cases_conv", ("dcgan32", 8)),
    "conv_dcgan64_k8": ("bench.cases_conv", ("dcgan64", 8)),
    "conv_sngan32_k8": ("bench.cases_conv", ("sngan32", 8)),
    "dcgan32_step": ("bench.cases_work", ("dcgan32_step",)),
    "dcgan64_step": ("bench.cases_work", ("dcgan64_step",)),
    "wgan_gp_step": ("bench.cases_work", ("wgan_gp_step",)),
    "r1_step": ("bench.cases_work", ("r1_step",)),
    "sngan32_step": ("bench.cases_work", ("sngan32_step",)),
    "orthonormal_k8": ("bench.cases_work", ("orthonormal_k8",)),
    "sample": ("bench.cases_work", ("sample",)),
    "import": ("bench.start", ()),
}


def run(name: str, options: Any) -> Iterator[Any]:
    """The rows of a case as they are measured, then its targets (aims)."""
    module, arguments = CASES[name]
    yield from importlib.import_module(module).run(options, *arguments)
