"""Runs that version 9d216fb made open, go on bit for bit and give the same samples."""

import json
import shutil

import numpy as np
import pytest

from tinygan import kernels
from tinygan.cli import main
from tinygan.formats.safetensors import load
from tinygan.recipes import RECIPES
from tinygan.training.checkpoint import latest_checkpoint

from . import earlier

COMPILED = ("gan", "dcgan, pressed", "wgan-gp", "ssgan", "pcgan", "vae", "lgan")  # of all kinds of kernels
TIMES = {"images/s", "seconds", "waited"}


@pytest.fixture(scope="session")
def made(request, tmp_path_factory):
    """The folder with the earlier version's runs of the cases that this session tests."""
    asked = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    folder = tmp_path_factory.mktemp("earlier") / "runs"
    earlier.make(folder, [name for name in earlier.CASES if name in asked])
    return folder


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """The same for runs on compiled kernels: each version compiles its own."""
    pytest.importorskip("numba")
    folder = tmp_path_factory.mktemp("compiled") / "runs"
    earlier.make(folder, COMPILED, "jit")
    return folder


def statistics(run):
    """The lines of stats.jsonl without times."""
    lines = (run / "stats.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]


def newest(run):
    """The tensors of a run's newest checkpoint, as types, shapes and bits, and its metadata."""
    tensors, metadata = load(latest_checkpoint(run / "checkpoints"), digest=True)
    return {name: (str(a.dtype), a.shape, a.tobytes()) for name, a in tensors.items()}, metadata


def check_samples(name, made, folder):
    """Samples of a case's run of the earlier version, by this version, have the same bits."""
    slug = earlier.slug(name)
    for i, command in enumerate(earlier.sampling(name, str(made / "last" / slug), str(folder))):
        assert main(command) == 0
        ours, theirs = (np.load(of / f"{slug}-{i}.npy") for of in (folder, made / "samples"))
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert ours.tobytes() == theirs.tobytes()
        assert np.ptp(ours) > 0, "samples are not constant"


def check_run(name, made, tmp_path):
    """A case's first run goes on to the bits of its last one, whose samples are the same."""
    first, last = (made / at / earlier.slug(name) for at in ("first", "last"))
    shutil.copytree(first, tmp_path / "run", symlinks=True)
    before = newest(tmp_path / "run")
    assert main(["train", "--resume", "--steps", str(earlier.MORE), "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run/config.toml").read_text() == (last / "config.toml").read_text()
    assert statistics(tmp_path / "run") == statistics(last)
    assert newest(tmp_path / "run") == newest(last) != before
    check_samples(name, made, tmp_path)


def test_every_system_has_a_case():
    assert {case.recipe for case in earlier.CASES.values()} == set(RECIPES)


@pytest.mark.parametrize("name", earlier.CASES)
def test_a_run_of_the_earlier_version_goes_on_bit_for_bit(name, made, tmp_path, capsys):
    check_run(name, made, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_so_does_a_run_of_compiled_kernels(name, compiled, tmp_path, capsys):
    check_run(name, compiled, tmp_path)


@pytest.mark.parametrize("name", earlier.CASES)
def test_a_new_run_has_the_bits_of_the_earlier_version(name, made, tmp_path, capsys):
    run, last = tmp_path / "run", made / "last" / earlier.slug(name)
    words = [*earlier.training(name, "reference"), "--steps", str(earlier.MORE), "--out", str(run)]
    assert main([str(made / "clothes") if word == "clothes" else word for word in words]) == 0
    assert statistics(run) == statistics(last)
    assert len({str(line) for line in statistics(run)}) == earlier.MORE, "steps differ from each other"
    assert newest(run) == newest(last)


@pytest.mark.parametrize("name", [name for name, case in earlier.CASES.items() if case.measured])
def test_a_run_of_the_earlier_version_is_measured_as_before(name, made, tmp_path, capsys):
    with kernels.on_cpu("reference"):
        assert main(earlier.measuring(name, str(made / "last" / earlier.slug(name)), str(tmp_path))) == 0
    ours, theirs = (json.loads((at / f"{earlier.slug(name)}.jsonl").read_text()) for at in (tmp_path, made / "samples"))
    assert {key: value for key, value in ours.items() if key not in ("time", "what")} == {
        key: value for key, value in theirs.items() if key not in ("time", "what")
    }


def test_configurations_of_the_earlier_version_start_the_same_runs(made, tmp_path, capsys):
    for folder in (made / "first").iterdir():
        assert main(["train", "--config", str(folder / "config.toml"), "--dry-run"]) == 0
        assert capsys.readouterr().out == (folder / "config.toml").read_text()
