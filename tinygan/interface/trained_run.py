"""A trained run as an object: its recipe, its weights, its samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinygan.core.layer import Array
from tinygan.core.net import Net
from tinygan.data import open_data
from tinygan.errors import UsageError
from tinygan.evaluation.accuracy import classifier_accuracy
from tinygan.recipes import Generative, Recipe
from tinygan.sampling.generated import GeneratedDataset
from tinygan.sampling.request import SampleRequest
from tinygan.sampling.sample import sample_state
from tinygan.training.checkpoint import latest_checkpoint
from tinygan.training.config import as_mapping
from tinygan.training.interrupt import Interrupt
from tinygan.training.launch import configure, launch, ready
from tinygan.training.loading import load_average, load_state
from tinygan.training.run import Config, Run


class TrainedRun:
    """A run directory, with the recipe and the state of its newest checkpoint in memory.

        run = tinygan.load("runs/dcgan-strokes")
        x = run.sample(16, seed=1)              # x = G(z), (16, H, W, C) float32 in [-1, 1]
        run.weights("G")                        # {"0.linear.w": (O, I), ...}, views into θ of G
        run = run.resume(steps=4000)            # continue training, bit for bit

    ``path``    the run directory
    ``config``  the settings: those of the loop, and in ``config.settings`` those of the recipe
    ``recipe``  the recipe, with its nets in ``nets``
    ``state``   all arrays that training changes, a NamedTuple; ``state.G`` is θ of the net "G"
    ``step``    the number of training steps behind it
    """

    def __init__(self, run: Run, recipe: Recipe, state: Any, step: int) -> None:
        self.path: Path = run.path
        self.config: Config = run.config
        self.recipe, self.state, self.step = recipe, state, step

    def __repr__(self) -> str:
        return f"TrainedRun({str(self.path)!r}: {self.config.recipe} on {self.config.data}, step {self.step})"

    @property
    def nets(self) -> dict[str, Net]:
        """The nets by name: for a GAN "G" and "D". The field of ``state`` with that name is θ."""
        return self.recipe.nets

    def weights(self, net: str = "G") -> dict[str, Array]:
        """The weights of a net by the names of its layers: views into θ. Raises UsageError for an unknown net."""
        if net not in self.nets:
            raise UsageError(f"{self.config.recipe} has no net {net!r}; its nets are {', '.join(self.nets)}")
        return self.nets[net].view(getattr(self.state, net))

    def sample(
        self,
        n: int = 64,
        seed: int = 0,
        *,
        label: int | None = None,
        text: str | None = None,
        truncation: float | None = None,
        standing: int | None = None,
        sweep: str | None = None,
        average: int | None = None,
        sequence: bool = False,
    ) -> Array:
        """n samples x = G(z), float32 (n, H, W, C) with pixels in [-1, 1], or points (n, d). The seed fixes z.

        ``label``       samples of this class, from 0, by a class-conditional recipe
        ``text``        samples of this text, by a text-conditional recipe
        ``truncation``  each number of z within ±truncation (Brock et al. 2019, §3.1)
        ``standing``    batch-norm statistics measured anew over so many batches of 64 (Brock et al. 2019, appendix)
        ``sweep``       (rows, columns, H, W, C): the code of this name, as "c1", runs from end to end along each row
        ``average``     the mean of the weights of so many checkpoints, the newest (Izmailov et al. 2018)
        ``sequence``    (n, steps, H, W, C): each sample after each step of a recipe that draws in steps

        Raises UsageError where the recipe does not support the request.
        """
        if n < 1 or seed < 0:
            raise UsageError(f"n is at least 1 and seed at least 0: got {n} and {seed}")
        request = SampleRequest(label, text, truncation, standing, sweep, average, sequence)
        recipe, state = self.recipe, self.state
        with self.config.numerics():
            if average is not None:
                recipe, state = load_average(self._run(), average)
            return sample_state(recipe, state, self.config.recipe, n, seed, request)

    def generated(self, seed: int = 0) -> GeneratedDataset:
        """The samples as an endless data set, for ``tinygan.evaluate``: sample i of a seed is the same in every batch. Raises
        UsageError where the recipe makes no samples."""
        if not isinstance(self.recipe, Generative):
            raise UsageError(f"{self.path} is a run of {self.config.recipe}, which makes no images")
        return GeneratedDataset(str(self.path), self.recipe, self.state, seed)

    def statistics(self) -> list[dict[str, float]]:
        """The lines of stats.jsonl, one for each ``log_every`` steps: step, losses, gradient norms, images/s, seconds."""
        path = self.path / "stats.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def accuracy(self, data: str | Path | None = None, n: int | None = None) -> float:
        """The share, 0 to 1, of the first n images of the test split that the run's classifier puts in their class.

        ``data`` None: the data that the run was trained on; n None: all images, at most 10,000 of an endless set.
        Raises UsageError where the recipe has no classifier, or for images of another shape.
        """
        with self.config.numerics():
            test = open_data(data or self.config.data, split="test")
            return classifier_accuracy(self._run(), test, n)[0]

    def resume(self, steps: int | None = None, *, progress: bool = True, **changes: Any) -> TrainedRun:
        """Continue training to ``steps`` steps in all; returns the run at its last step. The result is that of one training.

        ``changes`` may be log_every, save_every, keep and the settings of pictures. Ctrl-C saves the run and raises
        KeyboardInterrupt.
        Raises UsageError for any other change, or where another process trains the run; Diverged.
        """
        with Interrupt() as interrupt:
            run = self._run()
            config = ready(configure(as_mapping(run.config), {"steps": steps, **changes}))
            run.change(config)
            run, step = launch(config, None, run, interrupt, progress=progress)
        return finished(run, step, interrupt)

    def _run(self) -> Run:
        return Run.open(self.path)


def load(run: str | Path | Run | TrainedRun) -> TrainedRun:
    """Open a run directory with its newest checkpoint.

        run = tinygan.load("runs/dcgan-strokes")
        x = run.sample(16)                      # x = G(z), (16, H, W, C) float32 in [-1, 1]

    Raises DataError where there is no run, FormatError where it has no checkpoint or a damaged one.
    """
    if isinstance(run, TrainedRun):
        return run
    run = run if isinstance(run, Run) else Run.open(Path(run))
    recipe, state = load_state(run)
    newest = latest_checkpoint(run.checkpoints)
    return TrainedRun(run, recipe, state, int(newest.stem) if newest else 0)


def finished(run: Run, step: int, interrupt: Interrupt) -> TrainedRun:
    """The run after a training. Raises KeyboardInterrupt or, after SIGTERM, SystemExit where a signal stopped it."""
    if step < run.config.steps:
        text = f"stopped at step {step}, saved; go on with tinygan.load({str(run.path)!r}).resume()"
        raise KeyboardInterrupt(text) if interrupt.code == 130 else SystemExit(interrupt.code)
    return load(run)
