"""The training loop: batches in, steps, and what is written along the way.

Every random number of step t comes from a generator of its own, ``default_rng([seed, Stream.STEP, t])``, and its data from the
position t · (images a step) in an order that the seed fixes. So (seed, t) is the state of every generator and of the data:
a checkpoint holds it exactly, and a resumed run continues bit for bit.
"""

from __future__ import annotations

import time

import numpy as np

from tinygan.core.streams import Stream
from tinygan.data import Batch, Dataset
from tinygan.data.prefetch import Prefetch
from tinygan.data.sampler import Sampler
from tinygan.errors import UsageError
from tinygan.recipes import Generative, Recipe
from tinygan.training.checkpoint import latest_checkpoint
from tinygan.training.execution import GraphExecutor, HostExecutor
from tinygan.training.finite import require_finite
from tinygan.training.interrupt import Interrupt
from tinygan.training.loading import labelled_subset, training_set
from tinygan.training.pictures import GRID, next_picture, write_grid, write_samples
from tinygan.training.progress import NoProgress, Progress
from tinygan.training.provenance import fingerprint
from tinygan.training.resumption import checkpoint_facts, first_or_latest, save
from tinygan.training.run import Run


def run_training(run: Run, recipe: Recipe, data: Dataset, interrupt: Interrupt, *, progress: bool = True) -> int:
    """Train ``run`` to its last step or until ``interrupt``; returns the step reached, which is saved.

    ``progress``: whether it is printed for a person.
    Raises Diverged at the first NaN or infinity; the checkpoints before it are kept.
    """
    config = run.config
    run.hold()
    data = training_set(recipe, data)
    order = Sampler(data.size, config.seed)
    taken = config.batch * recipe.batches
    facts = checkpoint_facts(config, data, recipe)
    state, step = first_or_latest(run, recipe, data, facts)
    if step > config.steps:
        raise UsageError(f"{run.path} is at step {step} already: ask for more than --steps {config.steps}")
    run.rewind(step)
    if step == 0 and isinstance(recipe, Generative):
        write_grid(run, "real", data.batch(order.indices(0, min(GRID, data.size or GRID)))[0])
    run.log(f"train from step {step} to {config.steps}: {fingerprint(config.backend)}")
    executor = (GraphExecutor if config.backend == "cuda" else HostExecutor)(recipe, state)
    saved = step if latest_checkpoint(run.checkpoints) else None

    labelled = labelled_subset(recipe, data, config.seed)

    def batch_of(step: int) -> Batch:
        batch = Batch(*data.batch(order.indices(step * taken, taken)))
        return labelled.prepend(step, batch) if labelled else batch

    with (
        (Progress if progress else NoProgress)(step, config.steps) as shown,
        Prefetch(batch_of, range(step, config.steps)) as batches,
    ):
        shown.say(next_picture(run, recipe, step))
        tick, began, waited = step, time.perf_counter(), 0.0
        while step < config.steps and not interrupt:
            batch = next(batches)
            with np.errstate(all="ignore"):  # require_finite reports a NaN or an infinity
                executor.step(batch, np.random.default_rng([config.seed, Stream.STEP, step]))
            step += 1
            due = step % config.log_every == 0 or step == config.steps
            if due or executor.logs_every_step:
                log = executor.log()
                require_finite(step, log, lambda: executor.state, recipe)
            if due:
                now = time.perf_counter()
                speed = (step - tick) * taken / (now - began)
                share = round((batches.waited - waited) / (now - began), 5)
                times = {"images/s": round(speed, 1), "seconds": round(now - began, 3), "waited": share}
                run.tick({"step": step, **log, **times})
                shown.show(step, log, speed)
                tick, began, waited = step, now, batches.waited
            if step % config.sample_every == 0:
                write_samples(run, recipe, executor.state, step)
                shown.say(next_picture(run, recipe, step))
            if step % config.save_every == 0:
                saved = save(run, recipe, executor.state, step, facts)
    if saved != step:
        save(run, recipe, executor.state, step, facts)
    if not (run.samples / f"{step:06d}.png").exists():
        write_samples(run, recipe, executor.state, step)
    run.log(f"{'interrupted' if interrupt else 'done'} at step {step}")
    return step
