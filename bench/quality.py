"""``python -m bench.quality [RUN ...] --json FILE``: do the measures rank sets of images as a person does?

Each set is compared with real images of Fashion-MNIST. From good to bad the expected order is: other real images (the test
split), the samples of each RUN from the best to the worst, blurred real images (Gaussian, σ = 1 pixel), noise. The exit status
is 1 if the Frechet distance gives another order.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy import ndarray as Array

from bench.record import append
from tinygan.data import Dataset, open_data
from tinygan.evaluation.evaluate import Evaluation, measure, open_images
from tinygan.evaluation.extractors import open_features
from tinygan.training.provenance import provenance

N, DATA, METRICS = 10_000, "fashion-mnist", ("frechet", "kid", "precision-recall")


class ChangedImages:
    """The images of a data set, changed by a function."""

    def __init__(self, name: str, of: Dataset, change) -> None:
        self.name, self.shape, self.classes, self.size = name, of.shape, of.classes, of.size
        self._of, self._change = of, change

    def batch(self, index: Array) -> tuple[Array, dict[str, Array]]:
        x, labels = self._of.batch(index)
        return self._change(x, index), labels


def blurred(x: Array, index: Array, sigma: float = 1.0) -> Array:
    k = np.exp(-0.5 * (np.arange(-3, 4) / sigma) ** 2)
    for axis in (1, 2):
        padded = np.pad(x, [(3, 3) if a == axis else (0, 0) for a in range(4)], mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 7, axis=axis)
        x = (windows @ (k / k.sum()).astype(np.float32)).astype(np.float32)
    return x


def noise(x: Array, index: Array) -> Array:
    return np.random.default_rng(int(index[0])).uniform(-1, 1, x.shape).astype(np.float32)


def main(argv: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m bench.quality")
    p.add_argument("runs", nargs="*", metavar="RUN", help="from the best to the worst")
    p.add_argument("--json", type=Path, metavar="FILE")
    args = p.parse_args(argv)
    real, test = open_data(DATA), open_data(DATA, split="test")
    extractor, names = open_features(DATA)
    sets = [("real, test split", test), *((run, open_images(run)) for run in args.runs)]
    sets += [("real, blurred", ChangedImages("blurred", test, blurred)), ("noise", ChangedImages("noise", test, noise))]
    scores = {}
    for name, images in sets:
        made: Evaluation = measure(images, real, extractor, names, METRICS, N)
        scores[name] = {value.name: [value.value, value.floor] for value in made.values}
        print(name, *(f"\n    {v.name} {v.value:.4g} (real {v.floor:.4g})" for v in made.values), flush=True)
    distances = [next(iter(values.values()))[0] for values in scores.values()]
    ordered = distances == sorted(distances)
    print("in the order that is expected" if ordered else "NOT in the order that is expected")
    if args.json:
        line = {
            "command": " ".join(["python -m bench.quality", *(sys.argv[1:] if argv is None else argv)]),
            **provenance("torch"),
            "n": N,
            "ordered": ordered,
            "scores": scores,
        }
        append(args.json, line)
    return 0 if ordered else 1


if __name__ == "__main__":
    raise SystemExit(main())
