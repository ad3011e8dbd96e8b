"""The cards of all systems as a listing, for ``tinygan recipes``, and as a table, for the README."""

from __future__ import annotations

from tinygan.recipes.cards import CARDS, RESULTS, Card


def link(card: Card) -> str:
    return f"{RESULTS}/{card.file}"


def listing() -> str:
    """Four lines a system."""
    return "\n".join(f"{name}: {c.paper}\n  {c.objective}\n  {c.headline}\n  {link(c)}" for name, c in CARDS.items())


def markdown() -> str:
    """The same as the README's table."""
    rows = [f"| `{name}` | {c.paper} | {c.objective} | [{c.headline}]({link(c)}) |" for name, c in CARDS.items()]
    return "\n".join(["| recipe | paper | objective | shown here |", "|---|---|---|---|", *rows])
