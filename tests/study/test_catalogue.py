"""What a card says of a system is what was measured, and the page of results says the same."""

import json
import re
from pathlib import Path

import pytest

from tinygan.recipes import RECIPES
from tinygan.recipes.catalogue import by_purpose, markdown

ROOT = Path(__file__).parents[2]
RESULTS = pytest.mark.skipif(not (ROOT / "bench").is_dir(), reason="results are of a checkout")
CARDS = {name: spec.card for name, spec in RECIPES.items()}
CLAIMED = [name for name, card in CARDS.items() if card.claim]


def test_every_system_is_listed_once_by_its_purpose():
    assert sorted(spec.name for specs in by_purpose().values() for spec in specs) == list(RECIPES)


@RESULTS
def test_the_page_of_results_has_the_table():
    assert markdown("../../") in (ROOT / "bench/results/README.md").read_text()


@RESULTS
def test_every_result_file_is_there():
    for card in CARDS.values():
        assert (ROOT / card.link).is_file()


@RESULTS
@pytest.mark.parametrize("name", CLAIMED)
def test_a_figure_is_the_measured_one(name):
    card = CARDS[name]
    claims = json.loads((ROOT / card.link).read_text())[card.experiment]
    (claim,) = [claim for claim in claims if claim["what"].startswith(card.claim)]
    numbers = re.findall(r"[−-]?\d[\d,]*(?:\.\d+)?", card.headline)
    plain = [number.replace("−", "-").replace(",", "") for number in numbers]
    assert any(float(n) == round(claim["value"], len(n.partition(".")[2])) for n in plain)
    assert claim["met"] or "MISSED" in card.headline
