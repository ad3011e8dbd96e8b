"""``python -m bench.report``: writes bench/results/README.md, all results, from the result files beside it.

The words that no file holds, such as what was trained for how long, are in bench/results/notes/NAME.md. ``--check`` writes
nothing and exits with 1 where the page differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.record import ROOT
from bench.table import BEGIN, END, newest, table
from tinygan.recipes.catalogue import markdown
from tinygan.reproduce import SYSTEMS, experiments

TITLES = {
    "lgan": "Localized GAN",
    "semi": "Semi-supervised GAN",
    "ssgan": "Self-supervised GAN",
    "conditional": "Class-conditional and text-conditional GANs",
    "fgan": "f-GAN",
    "toys": "Modes: ring, grid, Stacked-MNIST",
    "landscape": "Losses, penalties and norms compared",
    "stability": "Stability",
    "infogan": "InfoGAN",
    "began": "BEGAN",
    "lapgan": "LAPGAN",
    "cyclegan": "CycleGAN",
    "gran": "GRAN",
    "flow": "Normalising flow",
    "scratchgan": "ScratchGAN",
    "draw": "DRAW",
    "forgetting": "Forgetting in a stream of tasks",
    "glo": "GLO",
}
LEAST = {1e-09: "> 0", 0.999999999: "< 1"}  # bounds that stand for strict ones
Claim = dict[str, Any]


def page(root: Path = ROOT) -> str:
    """The whole page."""
    results = root / "bench/results"
    claims = {name: json.loads((results / f"reproduce/{name}.json").read_text()) for name in SYSTEMS}
    bounded = [c for each in claims.values() for cs in each.values() for c in cs if c["sign"]]
    reached = sum(c["met"] for c in bounded)
    parts = [
        "<!-- Made by `python -m bench.report` from the files in this folder. -->",
        "# Results",
        "The tables of experiments and of the benchmark are made from the result files in this folder, whose lines hold the "
        "command, commit, date and machine. The notes between them are written by hand. "
        "`tinygan reproduce NAME` repeats an experiment. A value is the median over seeds, with the values of the seeds in "
        f"brackets. **{reached} of {len(bounded)} bounds are reached**; the others are listed below as missed.",
        "## What was reached: one figure a system",
        markdown("../../"),
        "## What was missed",
        "\n".join(["| experiment | measured | value | bound |", "|---|---|---|---|", *missed(claims)]),
    ]
    for name in SYSTEMS:
        parts += section(results, name, claims[name])
    parts += ["## Speed on a CPU, beside PyTorch", note(results, "bench"), f"{BEGIN}\n{table(newest(root))}{END}"]
    parts += ["## On a GPU", note(results, "gpu"), "## Other measurements", note(results, "others"), *others(results)]
    return "\n\n".join(parts) + "\n"


def missed(claims: dict[str, dict[str, list[Claim]]]) -> Iterator[str]:
    """A row for each claim whose bound was not reached; a row for all systems that miss the same bound."""
    for name, each in claims.items():
        for experiment, found in each.items():
            alike: dict[tuple[str, str], list[Claim]] = {}
            for claim in found:
                if not claim["met"]:
                    what = cell(claim["what"])
                    what = what.partition(": ")[2] if name == "stability" else what  # SYSTEM: what
                    alike.setdefault((what, bound(claim)), []).append(claim)
            for (what, limit), of in alike.items():
                values = sorted(c["value"] for c in of)
                value = f"{values[0]:.4g}" if len(of) == 1 else f"{values[0]:.4g} to {values[-1]:.4g}"
                systems = "" if len(of) == 1 else f", {len(of)} systems"
                yield f"| [{name}, {experiment}](#{anchor(name)}) | {what}{systems} | {value} | {limit} |"


def section(results: Path, name: str, claims: dict[str, list[Claim]]) -> Iterator[str]:
    """The experiments of a system: what was measured, notes, pictures."""
    yield f"## {TITLES[name]}"
    yield f"`tinygan reproduce {name}`. {note(results, name)}"
    about = {experiment.name: experiment.about for experiment in experiments(name)}
    for experiment in [e for e in about if e in claims]:
        rows = [
            f"| {cell(c['what'])} | {c['value']:.4g} | {bound(c)} | {cell(c['published'])} | {verdict(c)} |"
            for c in claims[experiment]
        ]
        yield f"**{experiment}**: {about[experiment]}."
        yield "\n".join(["| measured | value | bound | published | |", "|---|---|---|---|---|", *rows])
    folder = results / "reproduce" / name
    links = ", ".join(f"[{p.name}](reproduce/{name}/{p.name})" for p in sorted(folder.glob("*.*")))
    yield f"Files: [jobs](reproduce/{name}.jsonl), [claims](reproduce/{name}.json){f', {links}' if links else ''}."


def bound(claim: Claim) -> str:
    """≥ 90; empty where there is none."""
    sign = {"<=": "≤", ">=": "≥", "": ""}[claim["sign"]]
    return LEAST.get(claim["bound"], f"{sign} {claim['bound']:g}") if sign else ""


def verdict(claim: Claim) -> str:
    return "" if not claim["sign"] else "reached" if claim["met"] else "**missed**"


def others(results: Path) -> Iterator[str]:
    """The lines of the files that are no cases of ``bench``: what, figures, command."""
    yield "[quality.jsonl](quality.jsonl), a measure of 10,000 images; in brackets that of other real images"
    yield from quality(json.loads((results / "quality.jsonl").read_text().splitlines()[0])["scores"])
    for name in ("train", "classifier", "vae", "eval_memory", "loaders"):
        lines = map(json.loads, (results / f"{name}.jsonl").read_text().splitlines())
        rows = [f"| {cell(line.get('what', ''))} | {figures(line)} | {cell(line['command'])} |" for line in lines]
        yield f"[{name}.jsonl]({name}.jsonl)"
        yield "\n".join(["| what | figures | command |", "|---|---|---|", *rows])


def quality(scores: dict[str, dict[str, list[float]]]) -> Iterator[str]:
    """A row for each set of images, a column for each measure."""
    measures = list(next(iter(scores.values())))
    rows = [
        f"| {name} | {' | '.join(f'{v:.3g} ({floor:.3g})' for v, floor in s.values())} |" for name, s in scores.items()
    ]
    yield "\n".join([f"| images | {' | '.join(measures)} |", "|---|" + "---|" * len(measures), *rows])


def figures(line: dict[str, Any]) -> str:
    """What was measured, without the circumstances, which the file holds."""
    left_out = {"command", "what", "commit", "machine", "versions", "date", "sha256", "backend", "precision", "threads"}
    return cell("; ".join(f"{key}: {plain(value)}" for key, value in line.items() if key not in left_out))


def plain(value: Any) -> str:
    """A value in words."""
    if isinstance(value, dict):
        nested = any(isinstance(each, dict) for each in value.values())
        return ("; " if nested else ", ").join(f"{key} {plain(each)}" for key, each in value.items())
    if isinstance(value, list):
        return f"({', '.join(map(plain, value))})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def note(results: Path, name: str) -> str:
    return (results / f"notes/{name}.md").read_text().strip()


def anchor(name: str) -> str:
    """GitHub's name for a heading."""
    kept = "".join(c for c in TITLES[name].lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def cell(text: str) -> str:
    """Text in a table."""
    return text.replace("|", "\\|")


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """Write the page, or check it."""
    if list(argv) not in ([], ["--check"]):
        print(f"bench.report: the only option is --check: got {' '.join(argv)}", file=sys.stderr)
        return 2
    path = root / "bench/results/README.md"
    text = page(root)
    if argv:
        return int(not path.exists() or path.read_text() != text)
    path.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
