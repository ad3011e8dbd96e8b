"""What a run and a result say of what they were computed with: three forms of the same facts."""

import json
import platform

import numpy as np

from tinygan import __version__, kernels
from tinygan.training.provenance import commit, fingerprint, provenance, report


def test_the_three_forms_agree():
    with kernels.on_cpu("reference"), kernels.precision("direct"):
        line, result, lines = fingerprint("reference"), provenance("pip"), report()
    assert line == (
        f"tinygan {__version__}, numpy {np.__version__}, Python {platform.python_version()}, "
        f"backend reference, precision direct, {platform.machine()}"
    )
    assert (result["backend"], result["precision"]) == ("reference", "direct")
    assert lines["backend"].startswith("reference (there are ") and lines["precision"] == "direct"
    assert result["versions"].items() >= {"tinygan": __version__, "numpy": np.__version__}.items()
    assert result["versions"]["pip"] and json.dumps(result)
    assert all("\n" not in text for text in (line, *lines.values()))


def test_a_run_on_a_gpu_says_so():
    assert "backend cuda, " in fingerprint("cuda")


def test_a_commit_is_that_of_the_package_and_not_of_a_project_around_it(tmp_path):
    assert commit(tmp_path) == "unknown"
