"""``tinygan eval``: what to measure against what, the table, and a line of metrics.jsonl."""

from __future__ import annotations

import argparse
from pathlib import Path

from tinygan.cli.options import add_seed, completes, whole
from tinygan.cli.terminal import paragraph, plural
from tinygan.data import open_data
from tinygan.errors import UsageError
from tinygan.evaluation.accuracy import classifier_accuracy
from tinygan.evaluation.evaluate import MOST, Evaluation, open_images, record
from tinygan.interface.evaluate import evaluate
from tinygan.metrics.streaming import DEFAULT, MEASURES
from tinygan.recipes import Classifies, Generative
from tinygan.training.loading import load_state
from tinygan.training.run import Run

ABOUT = """
    Evaluate samples: compare the images of a run, or any images, with real ones, by Frechet distance, KID and other
    measures on the features of a classifier. Each value stands beside that of real images against other real images,
    which is the best to be hoped for. For a run of a classifier, measure its accuracy on the test split.

    The features are this package's own (a small classifier of Fashion-MNIST), so that values compare systems here, not
    with values in papers, which use Inception.
"""
EXAMPLES = [
    ("tinygan eval runs/dcgan-strokes", "a run against the data it was trained on"),
    ("tinygan eval made.npy --data fashion-mnist --metrics all", "images from elsewhere, all measures"),
]


def add_options(p: argparse.ArgumentParser) -> None:
    """The options."""
    completes(
        p.add_argument(
            "what", metavar="RUN|FOLDER|FILE.npy|NAME", help="what is evaluated: a run, images, or a data set by name"
        ),
        "data",
    )
    completes(
        p.add_argument("against", nargs="?", metavar="AGAINST", help="a second set of images, taken as the real ones"),
        "data",
    )
    completes(
        p.add_argument("--data", metavar="NAME|PATH", help="the real images (default: the data of the run)"), "data"
    )
    p.add_argument(
        "--metrics",
        metavar="A,B",
        help=f"all, or some of {', '.join(MEASURES)} (default: {', '.join(DEFAULT)})",
    )
    p.add_argument(
        "-n",
        type=whole,
        metavar="N",
        help=f"images of each set, 2 or more (default: as many as there are, at most {MOST})",
    )
    add_seed(p, "which images are generated and chosen")
    completes(
        p.add_argument(
            "--features",
            metavar="NAME|RUN|FILE",
            help="the classifier whose features are compared: fashion-mnist, a run of a classifier or its file "
            "(default: fashion-mnist)",
        ),
        "files",
    )
    completes(
        p.add_argument(
            "--out", type=Path, metavar="FILE.jsonl", help="add a line of results to it (default: RUN/metrics.jsonl)"
        ),
        "files",
    )


def run(args: argparse.Namespace) -> int:
    """Measure."""
    if args.seed < 0 or (args.n is not None and args.n < 2):
        raise UsageError(f"-n is at least 2 and --seed at least 0: got {args.n} and {args.seed}")
    run = Run.open(Path(args.what)) if (Path(args.what) / "config.toml").is_file() else None
    out = args.out or (run.path / "metrics.jsonl" if run else None)
    if run and not args.against and asks_for_accuracy(run, bool(args.metrics or args.features)):
        data = args.data or run.config.data
        with run.config.numerics():
            share, n = classifier_accuracy(run, open_data(data, split="test"), args.n)
        print(f"{run.path}: accuracy {share:.2%}\non {plural(n, 'image')} of the test split of {data}")
        facts = {"what": args.what, "data": data, "split": "test", "n": n, "accuracy": share}
    else:
        made = measured(args, run)
        print(table(made), end="")
        facts = {"what": args.what, "against": made.against, "features": made.features}
        facts |= {"n": made.n, "n_real": made.n, "n_floor": made.m, "seed": args.seed}
        facts["values"] = {value.name.strip(): [value.value, value.floor] for value in made.values}
    if out:
        record(out, run, facts)
        print(f"{out}: one line added")
    return 0


def asks_for_accuracy(run: Run, of_images: bool) -> bool:
    """Whether the accuracy is measured: of a classifier's run, unless it makes images too and these are evaluated."""
    recipe, _ = load_state(run)
    return isinstance(recipe, Classifies) and not (of_images and isinstance(recipe, Generative))


def measured(args: argparse.Namespace, run: Run | None) -> Evaluation:
    """The evaluation that the options describe."""
    if args.against and args.data:
        raise UsageError(f"{args.what} against {args.against} or against --data {args.data}: give one of the two")
    against = args.against or args.data or (run.config.data if run else None)
    if against is None:
        open_images(args.what, args.seed)  # raises where there is no such thing
        raise UsageError(f"{args.what} against what? Add --data NAME, or a second RUN, folder or .npy file")
    return evaluate(
        args.what,
        against,
        metrics=args.metrics or DEFAULT,
        n=args.n,
        seed=args.seed,
        features=args.features or "fashion-mnist",
    )


def table(made: Evaluation) -> str:
    """The values, each beside that of real images; the features, which the names of all scores repeat, are said once."""
    head = [
        paragraph(f"{made.what} against {made.against}: {made.n} images of each"),
        paragraph(f"real: {made.m} images of {made.against} against {made.m} others, the best to be hoped for"),
        paragraph(f"features: {made.features}"),
    ]
    names = [value.name.replace(f" ({made.features})", "").replace(" 1 blocks", " 1 block") for value in made.values]
    width = max(map(len, names))
    lines = [f"{'':{width}s} {'value':>12s} {'real':>12s}  better"]
    lines += [
        f"{name:{width}s} {v.value:12.6g} {v.floor:12.6g}  {v.better}".rstrip()
        for name, v in zip(names, made.values, strict=True)
    ]
    return "\n".join([*head, *lines]) + "\n"
