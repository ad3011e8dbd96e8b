"""``tinygan eval``: what to measure against what, the table, and a line of metrics.jsonl."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygan import kernels
from tinygan.data import open_data
from tinygan.errors import UsageError
from tinygan.evaluation.evaluate import Evaluation, accuracy, evaluate, open_features, open_images, record
from tinygan.metrics.streaming import DEFAULT, MEASURES
from tinygan.recipes import Classifying, Generative
from tinygan.training.loop import restored
from tinygan.training.run import Run


def run_eval(args: argparse.Namespace) -> int:
    """``tinygan eval``."""
    if args.seed < 0 or (args.n is not None and args.n < 2):
        raise UsageError(f"-n is at least 2 and --seed at least 0: got {args.n} and {args.seed}")
    run = Run.open(Path(args.what)) if (Path(args.what) / "config.toml").is_file() else None
    out = args.out or (run.path / "metrics.jsonl" if run else None)
    backend, precision = (run.config.backend, run.config.precision) if run else ("auto", "auto")
    with kernels.on_cpu(backend), kernels.precision(precision):
        if run and not args.against and asks_for_error(run, bool(args.metrics or args.features)):
            share, n = accuracy(run, open_data(args.data or run.config.data, split="test"), args.n)
            data = args.data or run.config.data
            print(f"{run.path}: {share:.2%} of {n} images of the test split of {data} are classified rightly")
            facts = {"what": args.what, "data": data, "split": "test", "n": n, "accuracy": share}
        else:
            made = measured(args, run)
            print(table(made), end="")
            facts = {"what": args.what, "against": made.against, "features": made.features}
            facts |= {"n": made.n, "n_real": made.n, "n_floor": made.m, "seed": args.seed}
            facts["values"] = {value.name.strip(): [value.value, value.floor] for value in made.values}
    if out:
        record(out, run, facts)
        print(f"{out}: a line added")
    return 0


def asks_for_error(run: Run, of_images: bool) -> bool:
    """Whether a run is of a classifier, whose error is asked for; of one that makes images too, unless these are."""
    recipe, _ = restored(run)
    return isinstance(recipe, Classifying) and not (of_images and isinstance(recipe, Generative))


def measured(args: argparse.Namespace, run: Run | None) -> Evaluation:
    """The evaluation that the options ask for."""
    if args.against and args.data:
        raise UsageError(f"{args.what} against {args.against} or against --data {args.data}: give one of the two")
    against = args.against or args.data or (run.config.data if run else None)
    if against is None:
        raise UsageError(f"{args.what} against what? Add --data NAME, or a second RUN, folder or .npy file")
    metrics = tuple(MEASURES) if args.metrics == "all" else args.metrics.split(",") if args.metrics else DEFAULT
    images, real = open_images(args.what, args.seed), open_images(against, args.seed + 1)
    return evaluate(images, real, *open_features(args.features or "fashion-mnist"), metrics, args.n, args.seed)


def table(made: Evaluation) -> str:
    """The values, each beside that of real images."""
    head = (
        f"{made.what} against {made.against}: {made.n} images of each\n"
        f"real: {made.m} images of {made.against} against {made.m} others, the best to be hoped for\n"
    )
    width = max(len(value.name) for value in made.values)
    lines = [f"{'':{width}s} {'value':>12s} {'real':>12s}  better"]
    lines += [f"{v.name:{width}s} {v.value:12.6g} {v.floor:12.6g}  {v.better}".rstrip() for v in made.values]
    return head + "\n".join(lines) + "\n"
