"""What a file of ``recipes/systems`` says of its system, in one declaration at its end: ``RECIPE = RecipeSpec(...)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

RESULTS = "bench/results"  # in the repository

# What a system is for; lists show the groups in this order.
Purpose = Literal[
    "images without labels",
    "images of a class or a text",
    "few labels",
    "structure of the data",
    "translation without pairs",
    "strings",
    "likelihood",
    "measuring",
]
PURPOSES: tuple[str, ...] = get_args(Purpose)


class Card(NamedTuple):
    """A system's paper, its objective and its headline result, a text with one figure: "98.8 % of …".

    The figure is the value of one claim in RESULTS/``file``: in ``experiment``, the claim whose name starts with ``claim``.
    A test compares the two.
    """

    paper: str
    objective: str
    headline: str
    file: str
    experiment: str = ""
    claim: str = ""

    @property
    def link(self) -> str:
        """The result file, from the top of the repository."""
        return f"{RESULTS}/{self.file}"


@dataclass(frozen=True)
class RecipeSpec:
    """A system. Its name is that of its file, with "-" for "_".

    ``make(settings, sample)`` makes the recipe from an instance of the dataclass ``settings`` and the kind of sample that the
    data has. ``device``: its steps run on a GPU. ``loop``: defaults of the training loop where they differ from ``Loop``.
    """

    name: str
    make: Any
    settings: Any
    card: Card
    purpose: Purpose
    about: str  # what it is, in one line
    when: str  # when to take it, in one line
    first_choice: bool = False  # lists show it first among the systems of its purpose
    device: bool = True
    loop: Mapping[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, bool, int, str]:
        """Its place in lists: by purpose, the first choice first, then by the year of its paper, then by name."""
        year = re.search(r"\d{4}", self.card.paper)
        return PURPOSES.index(self.purpose), not self.first_choice, int(year[0]) if year else 0, self.name
