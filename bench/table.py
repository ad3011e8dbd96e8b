"""``python -m bench.table``: writes the table of cases in bench/results/README.md from the files there, between two comments.

    <!-- bench: begin --> ... <!-- bench: end -->

The newest line of each case counts, by date and then by place in the files. ``--check`` writes nothing and exits with 1
where the page says something else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.cases import CASES
from bench.record import ROOT, read_cases
from bench.rows import Aim

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
HEAD = ["| case | ours | fastest PyTorch | measured (target) |", "|---|---|---|---|"]


def latest(lines: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The newest line of each case of the best backend, in the order of the table of cases."""
    found = {line["case"]: line for line in sorted(lines, key=lambda line: line["date"])}
    return {name: found[name] for name in CASES if name in found}


def newest(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """The newest line of each case in the result files."""
    lines = [line for file in sorted((root / "bench/results").glob("*.jsonl")) for line in read_cases(file)]
    return latest(line for line in lines if line["backend"] == "jit")


def table(lines: dict[str, dict[str, Any]]) -> str:
    """Markdown."""
    rows = [f"| `{name}` | {' | '.join(cells(line))} |" for name, line in lines.items()]
    return "\n".join([*HEAD, *rows, "", *sources(lines)]) + "\n"


def cells(line: dict[str, Any]) -> tuple[str, str, str]:
    """Ours, theirs, the aims. The times of convolutions are many; they stand in the file."""
    aims = "; ".join(aim(words).words() for words in line["aims"])
    row = line["rows"][0]
    if line["case"].startswith("conv") or "against" not in row:
        return "", "", aims
    ours = next(iter(row["ms"].values()))[0]
    return f"{ours:.0f} ms", f"{row['ms'][row['against']][0]:.0f} ms ({row['against']})", aims


def aim(words: dict[str, Any]) -> Aim:
    return Aim(words["what"], words["got"], words["target"], words["most"], words["unit"])


def sources(lines: dict[str, dict[str, Any]]) -> list[str]:
    """On what, with what, when: one line for each setting that differs."""
    settings = {}
    for name, line in lines.items():
        versions = ", ".join(f"{k} {v}" for k, v in line["versions"].items() if v != "-")
        words = f"{line['machine']}; {line['threads']} threads; {versions}; {line['date']}, {line['commit']}"
        settings.setdefault(words, []).append(name)
    return [f"{', '.join(f'`{name}`' for name in names)}: {words}." for words, names in settings.items()]


def main(argv: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Rewrite the table, or check it."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words not in ([], ["--check"]):
        print(f"bench.table: the only option is --check: got {' '.join(words)}", file=sys.stderr)
        return 2
    page = root / "bench/results/README.md"
    text = page.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        print(f"bench.table: {page} has no lines {BEGIN} and {END} to write between", file=sys.stderr)
        return 2
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    new = f"{before}{BEGIN}\n{table(newest(root))}{END}{after}"
    if words:
        return int(new != text)
    page.write_text(new)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
