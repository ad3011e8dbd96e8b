"""tinygan reproduce: what is done is not done again, what falls short is said, two processes share a table."""

import json
import subprocess
import sys
from subprocess import PIPE

import numpy as np
import pytest

from tinygan.cli import main
from tinygan.cli.reproduce import claimed, table
from tinygan.data.toys import _circle, _roll
from tinygan.errors import Diverged, FormatError, UsageError
from tinygan.reproduce import SYSTEMS, Claim, Experiment, Result, Work, experiments
from tinygan.reproduce.harness.experiment import Stopped
from tinygan.reproduce.harness.table import read_results, save_claims
from tinygan.reproduce.papers.lgan_curves import tangent
from tinygan.training.checkpoint import flatten
from tinygan.training.interrupt import Interrupt

DONE = []  # the jobs that ran


def run(job, work):
    DONE.append(job["seed"])
    return {"error": 0.25 * job["seed"]}


def claims(results):
    return [Claim("the greatest error", max(r.figures["error"] for r in results), "<=", 0.5, "0.1 (a paper)")]


def toy(seeds, settings=None, run=run):
    jobs = [{"seed": seed} for seed in range(seeds)]
    return Experiment("toy", "errors of seeds", settings or {}, jobs, run, claims)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty working directory, where one system has one experiment of three jobs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinygan.cli.reproduce.experiments", lambda system, only=(): [toy(3)])
    DONE.clear()
    return tmp_path


def test_a_job_writes_one_line_and_runs_once(home, capsys):
    assert main(["reproduce", "lgan"]) == 0
    printed = capsys.readouterr().out
    assert "  the greatest error\n        0.5; bound <= 0.5: passed; published 0.1 (a paper)\n" in printed
    lines = [json.loads(line) for line in (home / "bench/results/reproduce/lgan.jsonl").read_text().splitlines()]
    assert [line["job"] for line in lines] == [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    assert {"experiment", "figures", "seconds", "command", "commit", "machine", "versions", "date"} <= set(lines[0])
    assert main(["reproduce", "lgan"]) == 0
    assert DONE == [0, 1, 2]
    claims = json.loads((home / "bench/results/reproduce/lgan.json").read_text())
    assert claims["toy"][0]["met"] is True


def test_an_interrupted_experiment_resumes(home, monkeypatch):
    monkeypatch.setattr("tinygan.cli.reproduce.experiments", lambda system, only=(): [toy(2)])
    assert main(["reproduce", "lgan", "--out", "R"]) == 0
    monkeypatch.setattr("tinygan.cli.reproduce.experiments", lambda system, only=(): [toy(3)])
    assert main(["reproduce", "lgan", "--out", "R"]) == 0
    assert DONE == [0, 1, 2]


def test_results_with_other_settings_are_ignored(home, monkeypatch):
    for steps in (1, 2):
        monkeypatch.setattr("tinygan.cli.reproduce.experiments", lambda *_, steps=steps: [toy(1, {"steps": steps})])
        assert main(["reproduce", "lgan"]) == 0
    assert DONE == [0, 0]


def test_a_failed_job_is_reported_and_the_others_run(home, monkeypatch, capsys):
    def fails(job, work):
        if job["seed"] == 1:
            raise Diverged("loss is nan")
        return run(job, work)

    monkeypatch.setattr("tinygan.cli.reproduce.experiments", lambda *_: [toy(3, run=fails)])
    assert main(["reproduce", "lgan"]) == 1
    printed = capsys.readouterr().out
    assert "toy: loss is nan" in printed and "toy (1 of 3)" in printed
    assert DONE == [0, 2]


def test_results_that_cannot_be_written_are_found_before_the_work(home, capsys):
    (home / "FILE").touch()
    assert main(["reproduce", "lgan", "--out", "FILE"]) == 4
    assert "give a place that can be written" in capsys.readouterr().err
    assert DONE == []


def test_a_missed_claim_is_printed_and_gives_status_1(home, monkeypatch, capsys):
    monkeypatch.setattr("tinygan.cli.reproduce.experiments", lambda system, only=(): [toy(4)])
    assert main(["reproduce", "lgan"]) == 1
    assert "0.75; bound <= 0.5: MISSED" in capsys.readouterr().out


def test_jobs_without_a_result_are_printed_and_give_status_1(home, capsys):
    assert main(["reproduce", "lgan", "--show"]) == 1
    assert "toy (3 of 3)" in capsys.readouterr().out
    assert DONE == []


HOLDS = """
import sys
from pathlib import Path
from tinygan.cli.reproduce import claimed
with claimed(Path(sys.argv[1])) as ours:
    print(ours, flush=True)
    sys.stdin.read()
"""


def test_a_job_that_another_process_runs_is_skipped(tmp_path):
    lock = tmp_path / "job.lock"
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(lock)], stdin=PIPE, stdout=PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        with claimed(lock) as ours:
            assert not ours
        other.stdin.close()
    with claimed(lock) as ours:
        assert ours


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        ("lgam", 2, "did you mean lgan?"),
        ("lgan --only digitz", 2, "did you mean digits?"),
        ("lgan --data cifar-10", 2, "--data NAME=PATH"),
        ("lgan --data cifar-11=x", 2, "did you mean cifar-10?"),
    ],
)
def test_a_mistake_is_one_line(words, status, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words.split()]) == status
    error = capsys.readouterr().err
    assert line in error and error.count("\n") == 1


def test_a_claim_that_cannot_be_written_is_not_blamed_on_the_file(tmp_path):
    path = tmp_path / "claims.json"
    save_claims(path, "a", [Claim("x", 1.0)])
    before = path.read_text()
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_claims(path, "b", [Claim("x", np.float32(1))])
    assert path.read_text() == before
    path.write_text("[1, 2]")
    with pytest.raises(FormatError, match="is damaged; expected claims by experiment"):
        save_claims(path, "b", [Claim("x", 1.0)])


@pytest.mark.parametrize("line", [b'{"experiment": "toy"}', b"{", b"\xff", b"[]"])
def test_a_damaged_file_of_results_is_kept_and_named(line, tmp_path):
    path = tmp_path / "lgan.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(FormatError, match="move it away"):
        read_results(path, toy(1))
    assert path.exists()


def test_data_of_another_shape_is_refused_before_training(tmp_path):
    work = Work(tmp_path, tmp_path, Interrupt(), {"fashion-mnist": "strokes", "circle": "strokes"})
    assert work.open("fashion-mnist").name == "strokes"
    with pytest.raises(UsageError, match="circle has samples 2; those at strokes are 28x28x1"):
        work.open("circle")


def test_a_nan_does_not_meet_a_bound():
    claim = Claim("a", float("nan"), "<=", 1.0)
    assert not claim.met and "MISSED" in table([claim])


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_experiment_has_a_name_of_its_own_and_jobs_that_differ(system):
    found = experiments(system)
    assert len({each.name for each in found}) == len(found)
    for each in found:
        assert len({json.dumps(job, sort_keys=True) for job in each.jobs}) == len(each.jobs) > 0


def test_the_list_of_systems_is_printed(capsys):
    assert main(["reproduce"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{name}:" in printed for name in SYSTEMS)


def figures(job):
    """What a job of any experiment of lgan might have found."""
    return {
        "share": 0.95,
        "error": 0.1 + 0.01 * job["seed"],
        "gram": 0.05 if job.get("constraint") == "with" else 0.6,
        "least sigma": 0.6,
        "locality": 0.05,
        "mean rank": 8.0,
        "sigma": [[1.0], [2.0], [3.0]],
        "median of the mean": 50.0,
        "random directions": 85.0,
    }


@pytest.mark.parametrize("each", experiments("lgan"), ids=lambda each: each.name)
def test_every_experiment_makes_claims_of_its_results_and_draws_them(each, tmp_path):
    results = [Result(job, figures(job)) for job in each.jobs]
    claims = each.claims(results)
    assert claims and all(np.isfinite(claim.value) for claim in claims)
    if each.draw:
        pytest.importorskip("matplotlib")
        assert all(path.is_file() for path in each.draw(results, tmp_path))


@pytest.mark.parametrize(("name", "curve"), [("circle", _circle), ("swiss-roll", _roll)])
def test_the_tangent_of_a_curve_is_its_derivative(name, curve):
    t, h = np.linspace(1, 14, 50), 1e-6
    way = curve(t + h) - curve(t - h)
    np.testing.assert_allclose(tangent(name, t), way / np.linalg.norm(way, axis=1, keepdims=True), atol=1e-8)


def test_a_training_resumes_after_a_signal_and_is_not_repeated(tmp_path):
    options = {"steps": 2, "batch": 4, "settings": {"latent": 1, "width": 2, "orthonormal": {"tangents": 1}}}
    interrupt = Interrupt()
    interrupt.code = 130
    work = Work(tmp_path / "runs", tmp_path, interrupt, {})
    with pytest.raises(Stopped):
        work.train("lgan", "circle", **options)
    interrupt.code = 0
    _, state = work.train("lgan", "circle", **options)
    _, again = work.train("lgan", "circle", **options)
    assert all(np.array_equal(a, flatten(again)[name]) for name, a in flatten(state).items())
    assert [line.partition(": ")[2] for line in work.trained()] == ["steps 0 to 2", "steps 2 to 2"]
