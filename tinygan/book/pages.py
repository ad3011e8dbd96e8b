"""Which pages there are, and what each is made from."""

from __future__ import annotations

from tinygan.book.commands import commands
from tinygan.book.definitions import definitions, surface
from tinygan.book.systems import systems

MADE = "<!-- Made by `python -m tinygan.book` from the code: edit the docstrings, not this page. -->\n\n"
API = {  # a page of a public module: its title
    "layers": "Layers and their formulas",
    "losses": "Losses and divergences",
    "penalties": "Penalties and regularisation",
    "optim": "Optimisers",
    "models": "Nets of the papers",
    "metrics": "Measures",
    "geometry": "Geometry of a generator's images",
    "data": "Data sets",
    "kernels": "Kernels",
}
ABOUT = {  # the pages that are not made from a public module
    "tour.md": "Examples",
    "recipes.md": "Systems and their settings",
    "commands.md": "Commands and their options",
    "tinygan.md": "The package `tinygan`: nets, layers, training",
    "statistics.md": "Statistics in `stats.jsonl`",
    "files.md": "Files: runs, checkpoints, pictures, results",
    "environment.md": "Exit codes and environment variables",
    "gpu.md": "On a GPU",
}


def pages() -> dict[str, str]:
    """The text of every page that is made, by file name."""
    made = {"commands.md": commands(), "recipes.md": systems(), "tinygan.md": surface(ABOUT["tinygan.md"])}
    made |= {f"{name}.md": definitions(name, title) for name, title in API.items()}
    return {name: MADE + text for name, text in made.items()} | {"README.md": contents()}


def contents() -> str:
    """The list of all pages."""
    rows = [f"* [{title}]({name})" for name, title in ABOUT.items()]
    rows += [f"* [{title}]({name}.md), `tinygan.{name}`" for name, title in API.items()]
    return "# Reference\n\n" + "\n".join(rows) + "\n"
