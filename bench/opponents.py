"""The PyTorch implementations with which a case of training steps, tangents or samples is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.systems import OURS, STEPS


def peers_of(name: str) -> dict[str, Callable[[], Any]]:
    """The implementations by name, with the weights and data of tinygan's side."""
    if name in STEPS:
        from bench.peers_steps import games

        ours = OURS[name]()
        return games(ours.system, ours.state, ours.real, whole=ours.whole)
    if name == "sample":
        from bench.peers_steps import samplers

        ours = OURS[name]()
        return samplers(ours.system.G, ours.state.G_ema, ours.state.G_running, ours.z, ours.CHUNK)
    from bench.peers_tangents import orthonormals

    ours = OURS[name]()
    return orthonormals(ours.net, ours.theta, ours.z, ours.E)
