"""Print the results of a GPU as a short table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def print_results(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    parts: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        parts.setdefault(line["part"], []).append(line)
    for line in parts.get("about", []):
        print(*(line[key] for key in ("device", "arch", "compiler", "versions")))
    if found := parts.get("parity"):
        right = sum(line["right"] for line in found)
        bits = sum(line["bits of the emulator"] for line in found if "splits" in line and "fp32" in line["kernel"])
        print(f"parity: {right} of {len(found)} right; {bits} of FP32 with the emulator's bits")
        print(*(f"  {a}: worst {worst(found, a):.1e}" for a in ("fp32", "tf32", "tf32x3")), sep="\n")
        if arrays := [line for line in found if "splits" not in line]:
            bits = sum(line["bits of the emulator"] for line in arrays)
            print(
                f"  {len(arrays)} others: worst {max(line['error'] for line in arrays):.1e}, {bits} with the same bits"
            )
    for name in ("small", "ceilings", "ours", "step", "compile", "tangents", "tangents_torch", "norms"):
        for line in parts.get(name, []):
            hidden = {"part", "device", "command", "commit", "versions"}
            print(name, *(f"{k} {shown(v)}" for k, v in line.items() if k not in hidden), sep=" | ")
    against(parts)
    layers(parts.get("layers", []))


def against(parts: dict[str, list[dict[str, Any]]]) -> None:
    """The time of PyTorch in TF32 over that of tinygan's graphs."""
    for ours in parts.get("ours", []):
        theirs = {
            line["way"]: line["us"]
            for name in ("step", "compile")
            for line in parts.get(name, [])
            if (line["system"], line["tf32"], line["device"]) == (ours["system"], True, ours["device"])
        }
        ratios = (f"{way} {us / ours['us']:.2f}x" for way, us in theirs.items())
        print(f"{ours['system']}, {ours['precision']}: {ours['us']:.0f} us", *ratios, sep=" | ")


def worst(found: list[dict[str, Any]], arithmetic: str) -> float:
    return max((line["error"] for line in found if f"_{arithmetic}_" in line["kernel"]), default=float("nan"))


def shown(v: Any) -> str:
    return f"{v:.3g}" if isinstance(v, float) else str(v)


def layers(found: list[dict[str, Any]]) -> None:
    """Microseconds of each layer; for tinygan, of the plan's choice and of the best tile and split."""
    print("layer, operation | cudnn fp32, tf32 | fp32 | tf32x3 | tf32: ours, best (tile/splits), TFLOP/s")
    for line in found:
        cells = [f"{line['cudnn fp32 us']:.1f} {line['cudnn tf32 us']:.1f}"]
        for name in ("fp32", "tf32x3", "tf32"):
            (tile, _, splits), best = line[f"{name} best"], line[f"{name} best us"]
            rate = 1e3 * line["GFLOP"] / best
            cells.append(f"{line[f'{name} us']:.1f} {best:.1f} ({tile[0]}/{splits}) {rate:.0f}")
        print(f"{line['layer'][:34]} {line['operation'][4:]}", *cells, sep=" | ")
    for ours, peer in (("fp32", "cudnn fp32"), ("tf32x3", "cudnn fp32"), ("tf32", "cudnn tf32")):
        if found:
            ratios = [line[f"{peer} us"] / line[f"{ours} best us"] for line in found]
            mean = float(np.exp(np.mean(np.log(ratios))))
            print(f"{ours} against {peer}: geometric mean {mean:.2f}x, {min(ratios):.2f} to {max(ratios):.2f}")
