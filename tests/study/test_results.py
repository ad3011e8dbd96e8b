"""The page of results is what the result files say."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench/results"
pytestmark = pytest.mark.skipif(not RESULTS.is_dir(), reason="results are of a checkout")


def test_the_page_is_what_the_files_make():
    report = pytest.importorskip("bench.report")
    assert (RESULTS / "README.md").read_text() == report.page(ROOT), "run python -m bench.report"


def test_a_changed_page_is_found(tmp_path):
    report = pytest.importorskip("bench.report")
    assert report.main(["--check"]) == 0
    assert report.main(["--chekc"]) == 2


def test_every_claim_is_on_the_page():
    text = (RESULTS / "README.md").read_text()
    for path in RESULTS.glob("reproduce/*.json"):
        for claims in json.loads(path.read_text()).values():
            for claim in claims:
                row = f"| {claim['what'].replace('|', chr(92) + '|')} | {claim['value']:.4g} |"
                assert row in text, f"{path.name}: {claim['what']}"


def test_every_file_on_the_page_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", (RESULTS / "README.md").read_text())
    assert len(links) > 100
    assert not [link for link in links if not (RESULTS / link).is_file()]


def test_every_heading_that_is_linked_is_there():
    text = (RESULTS / "README.md").read_text()
    anchors = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^## (.*)$", text, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
