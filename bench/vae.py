"""``python -m bench.vae [--json FILE]``: compare the variational autoencoder with an independent one in PyTorch.

Both are 784-400-20 networks with ReLUs, trained by Adam with rate 1e-3 for EPOCHS on the same synthetic digits, with pixels
binarised anew at each step. Weights, sample order and noise differ. The measure is −ELBO in nats on the same binarised test
images. The exit status is 1 if the medians over SEEDS differ by more than APART nats.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median

import numpy as np
from numpy import ndarray as Array

from bench.peers import F, nn, set_threads, torch
from bench.record import append
from tinygan.data import Batch, Sample, open_data
from tinygan.recipes.systems.vae import VAE, Settings
from tinygan.training.provenance import provenance

SEEDS, EPOCHS, BATCH, TRAIN, TEST, DRAWS, APART = 3, 20, 100, 20_000, 5_000, 10, 3.0
LATENT, WIDTH, RATE = 20, 400, 1e-3


def ours(train: Array, test: Array, seed: int) -> float:
    """−ELBO of binary images ``test`` (n, 784) after training on grey images ``train``."""
    rng = np.random.default_rng(seed)
    image = (28, 28, 1)
    recipe = VAE(Settings(latent=LATENT, width=WIDTH), Sample(image))
    state = recipe.init(rng)
    for _ in range(EPOCHS):
        for index in np.split(rng.permutation(len(train)), len(train) // BATCH):
            state, _ = recipe.step(state, Batch(2 * train[index].reshape(-1, *image) - 1, {}), rng)
    x = test.reshape(-1, *image)
    return -float(np.mean([recipe.bound(state, x, recipe.latents(len(x), rng)).ELBO for _ in range(DRAWS)]))


def theirs(train: Array, test: Array, seed: int) -> float:
    """The same in PyTorch, by autograd."""
    torch.manual_seed(seed)
    E = nn.Sequential(nn.Linear(784, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 2 * LATENT))
    G = nn.Sequential(nn.Linear(LATENT, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 784))
    adam = torch.optim.Adam([*E.parameters(), *G.parameters()], lr=RATE)

    def loss(x: torch.Tensor) -> torch.Tensor:
        mu, log_var = E(x).chunk(2, 1)
        z = mu + (log_var / 2).exp() * torch.randn_like(mu)
        KL = (mu**2 + log_var.exp() - 1 - log_var).sum() / 2
        return (F.binary_cross_entropy_with_logits(G(z), x, reduction="sum") + KL) / len(x)

    grey = torch.tensor(train)
    for _ in range(EPOCHS):
        for index in torch.randperm(len(grey)).split(BATCH):
            adam.zero_grad()
            loss(torch.bernoulli(grey[index])).backward()
            adam.step()
    with torch.no_grad():
        return float(np.mean([loss(torch.tensor(test)).item() for _ in range(DRAWS)]))


def main(argv: list[str] | None = None) -> int:
    p = argparse.ArgumentParser(prog="python -m bench.vae")
    p.add_argument("--json", type=Path, metavar="FILE")
    args = p.parse_args(argv)
    set_threads(1)
    digits = open_data("strokes")
    x = (np.concatenate([digits.batch(np.arange(i, i + 1000))[0] for i in range(0, TRAIN + TEST, 1000)]) + 1) / 2
    x = x.reshape(len(x), -1).astype(np.float32)
    train, test = x[:TRAIN], (x[TRAIN:] > np.random.default_rng(0).random(x[TRAIN:].shape)).astype(np.float32)
    found: dict[str, list[float]] = {}
    for name, side in (("tinygan", ours), ("torch", theirs)):
        start = time.perf_counter()
        found[name] = [side(train, test, seed) for seed in range(SEEDS)]
        print(name, *(f"{nats:.2f}" for nats in found[name]), f"nats, {time.perf_counter() - start:.0f} s", flush=True)
    apart = median(found["tinygan"]) - median(found["torch"])
    met = abs(apart) <= APART
    print(f"medians {apart:+.2f} nats apart (bound {APART:g}): {'met' if met else 'MISSED'}")
    if args.json:
        about = {
            "command": "python -m bench.vae",
            **provenance("torch"),
            "epochs": EPOCHS,
            "images": TRAIN,
            "batch": BATCH,
        }
        append(args.json, about | {"−ELBO, nats": found, "apart": apart, "bound": APART, "met": met})
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
