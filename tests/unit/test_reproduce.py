"""tinygan reproduce: what is done is not done again, what falls short is said, two processes share a table."""

import json
import multiprocessing

import pytest

from tinygan import reproduce
from tinygan.cli import main
from tinygan.cli_reproduce import claimed
from tinygan.errors import FormatError
from tinygan.reproduce import SYSTEMS, Claim, Experiment, experiments
from tinygan.reproduce.table import read, shown

DONE = []  # the jobs that ran


def run(job, work):
    DONE.append(job["seed"])
    return {"error": 0.25 * job["seed"]}


def judge(results):
    return [Claim("the greatest error", max(r.figures["error"] for r in results), "<=", 0.5, "0.1 (a paper)")]


def toy(seeds):
    jobs = [{"seed": seed} for seed in range(seeds)]
    return Experiment("toy", "errors of seeds", jobs, run, judge)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty working directory, where one system has one experiment of three jobs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinygan.cli_reproduce.experiments", lambda system, only=(): [toy(3)])
    DONE.clear()
    return tmp_path


def test_a_job_is_a_line_and_is_done_once(home, capsys):
    assert main(["reproduce", "lgan"]) == 0
    printed = capsys.readouterr().out
    assert "the greatest error  0.5    <= 0.5  met  0.1 (a paper)" in printed
    lines = [json.loads(line) for line in (home / "bench/results/reproduce/lgan.jsonl").read_text().splitlines()]
    assert [line["job"] for line in lines] == [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    assert {"experiment", "figures", "seconds", "command", "commit", "machine", "versions", "date"} <= set(lines[0])
    assert main(["reproduce", "lgan"]) == 0
    assert DONE == [0, 1, 2]
    claims = json.loads((home / "bench/results/reproduce/lgan.json").read_text())
    assert claims["toy"][0]["met"] is True


def test_an_interrupted_table_goes_on_where_it_was(home, monkeypatch):
    monkeypatch.setattr("tinygan.cli_reproduce.experiments", lambda system, only=(): [toy(2)])
    assert main(["reproduce", "lgan", "--out", "R"]) == 0
    monkeypatch.setattr("tinygan.cli_reproduce.experiments", lambda system, only=(): [toy(3)])
    assert main(["reproduce", "lgan", "--out", "R"]) == 0
    assert DONE == [0, 1, 2]


def test_what_falls_short_is_said_and_is_status_1(home, monkeypatch, capsys):
    monkeypatch.setattr("tinygan.cli_reproduce.experiments", lambda system, only=(): [toy(4)])
    assert main(["reproduce", "lgan"]) == 1
    assert "0.75   <= 0.5  MISSED" in capsys.readouterr().out


def test_what_has_no_result_yet_is_said_and_is_status_1(home, capsys):
    assert main(["reproduce", "lgan", "--show"]) == 1
    assert "toy (3 of 3)" in capsys.readouterr().out
    assert DONE == []


def _hold(path, taken, end):
    with claimed(path) as ours:
        taken.put(ours)
        end.wait(20)


def test_a_job_in_the_hands_of_another_process_is_passed_over(tmp_path):
    context = multiprocessing.get_context("spawn")
    taken, end = context.Queue(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path / "job.lock", taken, end))
    other.start()
    assert taken.get(timeout=60)
    with claimed(tmp_path / "job.lock") as ours:
        assert not ours
    end.set()
    other.join()
    with claimed(tmp_path / "job.lock") as ours:
        assert ours


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        ("lgam", 2, "did you mean lgan?"),
        ("lgan --only digitz", 2, "did you mean digits?"),
        ("lgan --data cifar-10", 2, "--data NAME=PATH"),
    ],
)
def test_a_mistake_is_one_line(words, status, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["reproduce", *words.split()]) == status
    error = capsys.readouterr().err
    assert line in error and error.count("\n") == 1


def test_a_damaged_file_of_results_is_kept_and_named(tmp_path):
    path = tmp_path / "lgan.jsonl"
    path.write_text('{"experiment": "toy"}\n')
    with pytest.raises(FormatError, match="move it away"):
        read(path, "toy")
    assert path.exists()


def test_nan_meets_no_bound():
    claim = Claim("a", float("nan"), "<=", 1.0)
    assert not claim.met and "MISSED" in shown([claim])


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_experiment_has_a_name_of_its_own_and_jobs_that_differ(system):
    found = experiments(system)
    assert len({each.name for each in found}) == len(found)
    for each in found:
        assert len({json.dumps(job, sort_keys=True) for job in each.jobs}) == len(each.jobs) > 0


def test_the_list_of_systems_is_printed(capsys):
    assert main(["reproduce"]) == 0
    assert all(f"{name}:" in capsys.readouterr().out for name in reproduce.SYSTEMS)
