"""Results that were measured before this version are read, and give the claims that stand beside them."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from tinygan.cli import main
from tinygan.reproduce import SYSTEMS

FOLDER = Path(__file__).parents[2] / "bench/results/reproduce"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="results are of a checkout")


def by_name(path):
    """The claims in a file, of each experiment by what they claim: systems may come in another order."""
    experiments = json.loads(path.read_text())
    found = {name: {claim["what"]: claim for claim in claims} for name, claims in experiments.items()}
    assert all(len(found[name]) == len(claims) for name, claims in experiments.items())
    return found


@pytest.mark.parametrize("system", SYSTEMS)
def test_claims_of_earlier_results_are_printed_and_are_those_kept(system, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # claims alone, no pictures
    shutil.copy(FOLDER / f"{system}.jsonl", tmp_path)
    code = main(["reproduce", system, "--show", "--out", str(tmp_path), "--runs", str(tmp_path / "runs")])
    printed = capsys.readouterr().out
    found, kept = (by_name(folder / f"{system}.json") for folder in (tmp_path, FOLDER))
    assert found == kept
    claims = [claim for experiment in kept.values() for claim in experiment.values()]
    assert code == (0 if all(claim["met"] for claim in claims) else 1)
    printed = "".join(printed.split())  # wherever its lines break
    for claim in claims:
        assert "".join(claim["what"].split()) in printed
        assert f"{claim['value']:.4g}" in printed


def test_every_kept_result_is_of_a_system_that_is_known():
    assert (
        {path.stem for path in FOLDER.glob("*.jsonl")} == {path.stem for path in FOLDER.glob("*.json")} == set(SYSTEMS)
    )
