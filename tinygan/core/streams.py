"""The streams of random numbers that come from one seed: ``np.random.default_rng([seed, Stream.STEP, t])``.

Each purpose has a number of its own, so that two purposes never share random numbers. Checkpoints and results depend on these
numbers: a value never changes, and a new purpose takes a new number.
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Stream(IntEnum):
    """The purposes of a run's seed, and what follows the number."""

    INIT = 1  # the first weights
    STEP = 2  # step t of training: latents, dropout, noise
    PICTURE = 3  # the latents of the sample pictures
    ORDER = 4  # epoch e: the order of the data
    SAMPLE = 5  # latents of samples: all of a request, or sample i
    SPLIT = 6  # a random split of the data, of class c or of all
    STANDING = 7  # the latents from which standing statistics are measured


@unique
class ExperimentStream(IntEnum):
    """The purposes of an experiment's seed (``tinygan reproduce``) beyond those of a run. Their numbers were chosen with each
    experiment; they differ from those of Stream only where one experiment uses both."""

    TASKS = 7  # step t: the batch of a task in a stream of tasks
    GAME = 8  # samples and latents of one-dimensional games
    ESTIMATOR = 16  # weights and strings from which a gradient estimator is measured
    LABELLED = 300  # new weights, and which labelled images are mirrored
    STRINGS = 6000  # the latents of the strings that are read
