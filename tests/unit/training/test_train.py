"""Training is exact: the same bits again, through interruptions and kills, and never a NaN in a checkpoint."""

import hashlib
import json
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.formats.safetensors import load, save
from tinygan.recipes.shared.unconditional import Unconditional
from tinygan.training.checkpoint import latest_checkpoint

SMALL = ["--batch", "8", "--set", "width=2", "--set", "latent=4", "--set", "sample_every=1000"]
TIMES = {"images/s", "seconds", "waited"}


def tensors(run):
    """step, and the SHA-256 of all tensors of the newest checkpoint."""
    arrays, metadata = load(latest_checkpoint(run / "checkpoints"), digest=True)
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode() + arrays[name].tobytes())
    return int(metadata["step"]), digest.hexdigest()


def rows(run):
    """The statistics, without times."""
    lines = (run / "stats.jsonl").read_text().splitlines()
    return [{key: value for key, value in json.loads(line).items() if key not in TIMES} for line in lines]


def start(*args, **how):
    """A training in a process of its own, which follows the parent's numbers of threads."""
    command = [sys.executable, "-W", "error", "-m", "tinygan", "train", *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)


def finish(process):
    """The exit code and what it said on stderr."""
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    return process.returncode, errors


def wait_for_step(run, step, process):
    """Until the statistics reach ``step``."""
    for _ in range(6000):
        if (run / "stats.jsonl").exists() and len((run / "stats.jsonl").read_bytes().splitlines()) >= step:
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    raise AssertionError(f"no step {step} within 30 s")


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(tmp_path, capsys):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert main(["train", "--steps", "6", "--seed", str(seed), "--out", str(tmp_path / name), *SMALL]) == 0
    assert tensors(tmp_path / "a") == tensors(tmp_path / "b") != tensors(tmp_path / "c")
    assert rows(tmp_path / "a") == rows(tmp_path / "b")


@pytest.mark.parametrize(("stop", "eta"), [(1, 0), (5, 0), (5, 0.1)])
def test_a_run_in_two_parts_equals_one_run_bit_for_bit(tmp_path, stop, eta, capsys):
    every = ["--set", "log_every=1", "--set", f"orthonormal.eta={eta}"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert main(["train", "--steps", "9", "--out", str(whole), *SMALL, *every]) == 0
    assert main(["train", "--steps", str(stop), "--out", str(parts), *SMALL, *every]) == 0
    assert main(["train", "--steps", "9", "--out", str(parts), "--resume"]) == 0
    assert tensors(parts) == tensors(whole)
    assert rows(parts) == rows(whole)


@pytest.mark.slow
def test_killed_at_37_and_resumed_equals_100_steps_in_one_go(tmp_path):
    options = ["--steps", 100, *SMALL, "--set", "log_every=1", "--set", "save_every=10"]
    assert finish(start("--out", tmp_path / "whole", *options))[0] == 0
    victim = start("--out", tmp_path / "killed", *options)
    wait_for_step(tmp_path / "killed", 37, victim)
    victim.kill()
    finish(victim)
    assert 30 <= tensors(tmp_path / "killed")[0] < 100
    assert finish(start("--out", tmp_path / "killed", "--resume"))[0] == 0
    assert tensors(tmp_path / "killed") == tensors(tmp_path / "whole")
    assert rows(tmp_path / "killed") == rows(tmp_path / "whole")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_step_saves_and_says_how_to_go_on(tmp_path, number, code):
    process = start("--out", tmp_path / "run", "--steps", 100_000, *SMALL, "--set", "log_every=1")
    wait_for_step(tmp_path / "run", 3, process)
    process.send_signal(number)
    returned, errors = finish(process)
    assert returned == code
    step, _ = tensors(tmp_path / "run")
    assert step == rows(tmp_path / "run")[-1]["step"]
    assert f"stopped at step {step}, saved in {tmp_path / 'run'}\n" in errors
    assert errors.endswith(f"go on with: tinygan train --resume --out {tmp_path / 'run'}\n")


def test_two_trainings_of_one_run_are_told_apart(tmp_path):
    process = start("--out", tmp_path / "run", "--steps", 100_000, *SMALL, "--set", "log_every=1")
    wait_for_step(tmp_path / "run", 1, process)
    config = (tmp_path / "run/config.toml").read_bytes()
    code, errors = finish(start("--out", tmp_path / "run", "--resume", "--steps", 77))
    assert (tmp_path / "run/config.toml").read_bytes() == config, "a refused training changes nothing"
    process.terminate()
    finish(process)
    assert code == 2
    assert "is being trained by another process" in errors


@pytest.mark.parametrize("logged", [0, 20_000], ids=["room in the log", "the log is full too"])
def test_a_full_disk_is_one_line_and_keeps_the_last_checkpoint(tmp_path, logged):
    assert main(["train", "--steps", "2", "--out", str(tmp_path / "run"), *SMALL]) == 0
    (tmp_path / "run/train.log").write_text("x" * logged)
    before = tensors(tmp_path / "run")

    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    process = start("--out", tmp_path / "run", "--resume", "--steps", 4, preexec_fn=small_files)
    code, errors = finish(process)
    assert code == 4
    message = errors.splitlines()[-1]
    if logged:
        assert message.startswith("tinygan: cannot write") and message.endswith("run again with --resume")
    else:
        assert message.startswith("tinygan: cannot save") and "the previous checkpoint is kept" in message
    assert tensors(tmp_path / "run") == before
    assert not list((tmp_path / "run/checkpoints").glob("*.tmp-*"))


def test_a_nan_stops_the_run_before_a_checkpoint_and_is_named(tmp_path, capsys):
    out = ["--out", str(tmp_path / "run"), *SMALL, "--set", "save_every=1"]
    assert main(["train", "--steps", "2", *out]) == 0
    before = tensors(tmp_path / "run")
    step = Unconditional.step

    def poisoned(self, state, batch, rng):
        state, log = step(self, state, batch, rng)
        theta = state.D.copy()
        self.D.view(theta)["2.conv2d.w"][0, 0, 0, 0] = np.nan
        return state._replace(D=theta), log

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Unconditional, "step", poisoned)
        assert main(["train", "--resume", "--steps", "5", "--out", str(tmp_path / "run")]) == 3
    assert "diverged at step 3: D 2.conv2d.w is not finite" in capsys.readouterr().err
    assert tensors(tmp_path / "run") == before


def test_too_large_a_learning_rate_diverges_with_exit_code_3(tmp_path, capsys):
    code = main(["train", "--steps", "20", "--out", str(tmp_path / "run"), *SMALL, "--set", "adam_D.lr=1e30"])
    errors = capsys.readouterr().err
    assert code == 3
    assert "diverged at step" in errors and "with a lower learning rate" in errors
    assert latest_checkpoint(tmp_path / "run/checkpoints") is None


def test_a_start_that_was_killed_at_once_does_not_block_the_next(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.config.toml.tmp-999999999-0123abcd").write_bytes(b"recipe")
    assert main(["train", "--steps", "1", "--out", str(tmp_path / "run"), *SMALL]) == 0
    assert not list((tmp_path / "run").glob(".*"))


def test_a_cut_off_line_of_statistics_is_dropped(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "--steps", "3", "--out", str(run), *SMALL, "--set", "log_every=1"]) == 0
    with (run / "stats.jsonl").open("a") as file:
        file.write('{"step": 4, "loss')
    assert main(["train", "--steps", "5", "--out", str(run), "--resume"]) == 0
    assert [row["step"] for row in rows(run)] == [1, 2, 3, 4, 5]


def test_a_checkpoint_from_before_classes_and_tangents_were_kept_is_sampled_and_resumed(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "--steps", "1", "--out", str(run), *SMALL]) == 0
    path = latest_checkpoint(run / "checkpoints")
    arrays, metadata = load(path, digest=True)
    assert metadata.pop("classes") == "10" and arrays.pop("tangent") == 0
    save(path, arrays, metadata)
    assert main(["sample", str(run)]) == 0
    assert main(["train", "--steps", "2", "--out", str(run), "--resume"]) == 0
    assert load(latest_checkpoint(run / "checkpoints"))[1]["classes"] == "10"


def test_a_classifier_is_trained_and_resumed_bit_for_bit_and_has_no_pictures(tmp_path, capsys):
    small = ["classifier", "--batch", "8", "--set", "width=2", "--set", "flip=true"]
    assert main(["train", "--steps", "4", "--out", str(tmp_path / "whole"), *small]) == 0
    assert main(["train", "--steps", "2", "--out", str(tmp_path / "parts"), *small]) == 0
    assert main(["train", "--steps", "4", "--out", str(tmp_path / "parts"), "--resume"]) == 0
    assert tensors(tmp_path / "parts") == tensors(tmp_path / "whole")
    assert not list((tmp_path / "whole/samples").iterdir())
    assert main(["sample", str(tmp_path / "whole")]) == 2
    assert "classifier makes no samples" in capsys.readouterr().err


def test_a_local_generator_of_points_is_trained_and_drawn(tmp_path, capsys):
    run = tmp_path / "run"
    points = ["--data", "circle", "--set", "latent=1", "--set", "orthonormal.tangents=1", "--set", "width=4"]
    assert main(["train", "lgan", "--steps", "2", "--out", str(run), *points]) == 0
    assert (run / "samples/real.png").is_file()
    assert (run / "samples/000002.png").is_file()


def test_more_labels_than_there_are_leave_no_run_behind(tmp_path, capsys):
    few = ["--data", "moons", "--set", "judge.labels=100000"]
    assert main(["train", "sgan", "--steps", "1", "--out", str(tmp_path / "run"), *few]) == 2
    assert "choose fewer labels" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_pack_that_does_not_divide_the_batch_leaves_no_run_behind(tmp_path, capsys):
    packed = ["--data", "ring", "--batch", "6", "--set", "pack=4"]
    assert main(["train", "gan", "--steps", "1", "--out", str(tmp_path / "run"), *packed]) == 2
    assert "pack is 4, which does not divide a batch of 6" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("recipe", ["sgan", "lgan-semi"])
def test_a_system_of_few_labels_is_trained_resumed_bit_for_bit_and_judged(recipe, tmp_path, capsys):
    sizes = ["judge.width=3", "judge.labels=2", "judge.labelled=4", "latent=4", "width=4"]
    options = ["--batch", "6", *(word for size in sizes for word in ("--set", size))]
    assert main(["train", recipe, "--steps", "4", "--out", str(tmp_path / "whole"), *options]) == 0
    assert main(["train", recipe, "--steps", "2", "--out", str(tmp_path / "parts"), *options]) == 0
    assert main(["train", "--resume", "--steps", "4", "--out", str(tmp_path / "parts")]) == 0
    assert tensors(tmp_path / "parts") == tensors(tmp_path / "whole")
    capsys.readouterr()
    assert main(["eval", str(tmp_path / "whole"), "-n", "50"]) == 0
    assert "%\non 50 images of the test split of strokes" in capsys.readouterr().out
    assert main(["sample", str(tmp_path / "whole"), "-n", "4"]) == 0
