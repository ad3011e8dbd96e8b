"""The runner of the benchmarks: right before fast, arithmetic, records, words. PyTorch is not needed here."""

import ast
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
if not (ROOT / "bench/__main__.py").exists():
    pytest.skip("bench/ is in the repository, not in the wheel", allow_module_level=True)
sys.path.insert(0, str(ROOT))

from bench import __main__ as bench  # noqa: E402
from bench import cases, load, race, shapes, systems, table  # noqa: E402
from bench.cases_conv import relative  # noqa: E402
from bench.cases_work import distances  # noqa: E402
from bench.contest import CallCost, contest, fraction  # noqa: E402
from bench.ours import Options  # noqa: E402
from bench.rows import Aim, Row, Times, geometric_mean, per_round  # noqa: E402
from tinygan import kernels  # noqa: E402

FILES = sorted((ROOT / "bench").glob("*.py"))
ALONE = Options(against=False, backend="reference", threads=1, rounds=2)


@pytest.fixture
def small(monkeypatch):
    """One small layer for DCGAN-32, and an environment that stays as it is."""
    monkeypatch.setitem(shapes.NETS, "dcgan32", lambda: [shapes.down("D", 8, 3, 5), shapes.up("G", 4, 5, 3)])
    monkeypatch.setattr(shapes, "BATCH", 3)
    monkeypatch.setattr(bench, "set_threads", lambda *_: None)


def run(*words):
    return bench.main(["conv_dcgan32", "--backend", "reference", "--threads", "1", "--rounds", "1", *words])


# ---------------------------------------------------------------- right, then fast


def test_a_right_kernel_is_timed(small, capsys):
    assert run() == 0
    said = capsys.readouterr().out
    assert all(f"N 3, {which}: reference" in said for which in shapes.PASSES)
    assert said.count(" ms ") == 6
    assert said.splitlines()[-1].startswith("conv_dcgan32: against PyTorch not measured")


@pytest.mark.parametrize("wrong", ["conv2d", "conv2d_dx", "conv2d_dw"])
@pytest.mark.parametrize("off", [1.0001, np.nan], ids=["off", "NaN"])
def test_a_wrong_kernel_is_refused_and_not_timed(small, capsys, monkeypatch, tmp_path, wrong, off):
    right = getattr(kernels, wrong)
    monkeypatch.setattr(kernels, wrong, lambda *a, **k: np.float32(off) * right(*a, **k))
    monkeypatch.setattr(race, "race", lambda *_: pytest.fail("timed"))
    assert run("--json", str(tmp_path / "a.jsonl")) == 1
    assert "wrong, not timed" in capsys.readouterr().out.splitlines()[-1]
    assert not (tmp_path / "a.jsonl").exists()


def test_an_error_is_relative_to_the_largest_value_and_infinite_for_a_nan():
    b = np.array([0.0, -4.0])
    assert relative(b + np.array([0.02, 0]), b) == 0.005
    assert relative(np.array([np.nan, -4]), b) == relative(np.zeros(3), b) == np.inf
    assert distances({"gradient": b + np.array([0.3, 0.4])}, {"gradient": b}) == {"gradient": pytest.approx(0.125)}
    assert distances({}, {"loss": 1.0}) == distances({"loss": np.nan}, {"loss": 1.0}) == {"loss": np.inf}


# ---------------------------------------------------------------- timing


def test_calls_take_turns_and_each_timed_call_follows_an_untimed_one_of_its_own():
    seen = []
    times = race.race({name: lambda name=name: seen.append(name) for name in "AB"}, 3)
    assert "".join(seen) == "AABB" * 3
    assert [len(t) for t in times.values()] == [3, 3]


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    assert per_round((1, 2, 4), (3, 4, 6)) == (3, 2, 1.5)
    assert per_round((1, 2, 4), (3, 4, 6)).median == 2
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2)
    assert Times([1, 2, 3, 4, 5]).quartiles == (2, 4) and Times([1, 2, 3, 4, 5]).spread == pytest.approx(2 / 3)
    assert Times([2.0]).spread == 0
    assert fraction(10, Times([1, 2]), 20, Times([1, 2])) == 0.5


def test_the_ratio_is_against_the_fastest_peer_and_of_the_last_of_ours(monkeypatch):
    seconds = {"direct": 4.0, "chosen": 1.0, "slow": 9.0, "quick": 3.0, "near": 4.0, "ceiling": 1.0}
    calls = {name: lambda name=name: name for name in seconds}
    monkeypatch.setattr("bench.contest.heat", lambda calls: {name: seconds[name] for name in calls})
    monkeypatch.setattr(
        "bench.contest.race", lambda calls, rounds: {name: Times([seconds[name]] * 2) for name in calls}
    )
    monkeypatch.setattr("bench.contest.Others.share", lambda self: None)  # of no time at all, a tick is everything
    peers = {name: calls[name] for name in ("slow", "quick", "near")}
    row = contest("x", {name: calls[name] for name in ("direct", "chosen")}, peers, ALONE, CallCost(8e9, 2e9))
    assert row.against == "quick" and row.ratio.median == 3
    assert "slow" not in row.times and "slow 9000.0 ms" in row.notes[0]
    assert row.figures["GFLOP/s"] == 8 and row.figures["GB/s"] == 2 and row.figures["FLOP/B"] == 4


def test_other_processes_are_seen_and_own_work_is_not_theirs(monkeypatch):
    readings = iter([(0.0, 100.0, 7.0), (10.0, 108.0, 9.0)])  # seconds, all cores' work, own work
    monkeypatch.setattr(load.Others, "now", lambda self: next(readings))
    monkeypatch.setattr(load, "STAT", ROOT)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert load.Others().share() == pytest.approx(6 / 20)


@pytest.mark.parametrize(
    ("got", "target", "most", "met"),
    [
        (2, 2, False, True),
        (1.9, 2, False, False),
        (0.7, 0.7, True, True),
        (0.8, 0.7, True, False),
        (float("nan"), 2, False, False),
        (float("nan"), 2, True, False),
        (None, 2, False, True),
        (1, None, False, True),
    ],
)
def test_a_target_is_met_on_its_good_side_and_never_by_a_nan(got, target, most, met):
    assert Aim("ratio", got, target, most).met == met


# ---------------------------------------------------------------- counts


def test_the_shapes_are_those_of_the_papers():
    """GFLOP at batch 64: shared/KERNELS.md, 6.2."""
    for net, G, D in (("dcgan32", 2.32, 2.25), ("dcgan64", 13.39, 13.29)):
        for letter, total in (("G", G), ("D", D)):
            assert sum(a.flop for a in shapes.layers(net) if a.name[0] == letter) / 1e9 == pytest.approx(total, abs=0.1)
    assert all(a.N == 64 * 9 for a in shapes.layers("sngan32", K=8))


def test_the_operations_of_a_net_are_counted_from_its_layers():
    net = systems.dcgan(32, 128).G
    cost = systems.Cost.of(net, (128,))
    assert 64 * cost.forward / 1e9 == pytest.approx(2.32, abs=0.01)  # 6.2
    assert cost.first == 2 * 128 * 4096
    D = systems.sngan32(4).D
    assert systems.Cost.of(D, (32, 32, 3)).first == 2 * (32 * 32 * 9 + 16 * 16) * 3 * 4  # 3x3, and the shortcut's 1x1


# ---------------------------------------------------------------- words and records


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("conv_dcgan23", "unknown case 'conv_dcgan23' (did you mean conv_dcgan32?)"),
        ("--threads 0", "--threads must be at least 1"),
        ("--rounds 0", "--rounds must be at least 1"),
        ("--rounds three", "--rounds"),
        ("--against jax", "--against"),
        ("--backend jitt", "unknown backend 'jitt'"),
        ("--json no/such/folder/a.jsonl", "the folder no/such/folder does not exist"),
        ("sample --plot a.png", "add a case conv_"),
        ("conv_dcgan32 --plot a.txt", "--plot must end in .png"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(small, capsys, words, part):
    assert bench.main(words.split()) == 2
    said = capsys.readouterr()
    assert said.err.startswith("bench: ") and part in said.err and said.err.count("\n") == 1
    assert not said.out


def test_an_interrupt_is_one_line(small, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cases, "run", interrupted)
    assert run() == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_a_missed_target_is_status_1(small, capsys, monkeypatch):
    monkeypatch.setattr(cases, "run", lambda *_: iter([Row("x"), Aim("ratio", 1.0, 2.0)]))
    assert run() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "conv_dcgan32: ratio 1x (target >= 2x, MISSED)"


def test_a_record_has_everything_that_its_figures_depend_on(small, tmp_path):
    file = tmp_path / "a.jsonl"
    assert run("--json", str(file)) == 0 and run("--json", str(file)) == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(lines) == 2
    fields = "case command date commit machine threads backend precision versions aims met rows"
    assert list(lines[0]) == fields.split()
    assert lines[0]["threads"] == 1 and lines[0]["backend"] == "reference" and lines[0]["met"]
    assert {"python", "numpy", "torch"} <= lines[0]["versions"].keys()
    row = lines[0]["rows"][0]
    low, middle, high = (row["ms"]["reference"][i] for i in (1, 0, 2))
    assert 0 < low <= middle <= high and row["rounds"] == 1 and row["reference error"] <= 2e-5


def line(case, ratio, date, **others):
    row = {"what": case, "ms": {"jit": [50.0, 49, 51], "torch nchw": [50 * ratio, 1, 2]}, "ratio": ratio}
    aim = Aim("against the fastest PyTorch", ratio, 2.2).record()
    about = {"case": case, "command": "", "date": date, "commit": "abc", "machine": "M", "threads": 2, "backend": "jit"}
    about |= {"versions": {"numpy": "2", "numba": "-"}, "aims": [aim], "met": ratio >= 2.2}
    return about | {"rows": [row | {"against": "torch nchw"}]} | others


def test_the_table_of_results_is_made_from_the_newest_lines(tmp_path):
    results = tmp_path / "bench/results"
    results.mkdir(parents=True)
    lines = [line("r1_step", 2.5, "2026-11-02"), line("dcgan32_step", 2.4, "2026-11-03")]
    lines += [line("r1_step", 9.0, "2026-11-01"), {"command": "a note of a person"}]
    lines += [line("sample", 1.0, "2026-11-04", backend="reference")]
    (results / "a.jsonl").write_text("".join(json.dumps(a) + "\n" for a in lines))
    page = results / "README.md"
    page.write_text(f"above\n{table.BEGIN}\nold\n{table.END}\nbelow\n")
    assert table.main(["--check"], tmp_path) == 1
    assert table.main([], tmp_path) == 0 and table.main(["--check"], tmp_path) == 0
    text = page.read_text().splitlines()
    assert text[:4] == ["above", table.BEGIN, *table.HEAD] and text[-2:] == [table.END, "below"]
    assert text[4] == (
        "| `dcgan32_step` | 50 ms | 120 ms (torch nchw) | against the fastest PyTorch 2.4x (target >= 2.2x, met) |"
    )
    assert text[5].startswith("| `r1_step` | 50 ms | 125 ms") and "sample" not in page.read_text()
    assert text[7] == "`dcgan32_step`: M; 2 threads; numpy 2; 2026-11-03, abc."


def test_a_page_without_the_markers_is_not_changed(tmp_path, capsys):
    page = tmp_path / "bench/results/README.md"
    page.parent.mkdir(parents=True)
    page.write_text("words")
    assert table.main([], tmp_path) == 2 and table.main(["--chekc"], tmp_path) == 2
    assert page.read_text() == "words"
    assert capsys.readouterr().err.count("\n") == 2


# ---------------------------------------------------------------- house


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_one_file_imports_torch_and_one_matplotlib(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    assert "torch" not in names or path.name == "peers.py"
    assert "matplotlib" not in names or path.name == "plot.py"
