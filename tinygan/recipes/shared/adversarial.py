"""A generator G and a discriminator D trained against each other, with the losses and penalties of the literature by choice.

One step (Goodfellow et al. 2014, alg. 1, with Adam):

    n_critic times:  z ~ N(0, I);   θ_D ← θ_D − Adam ∇( L_D(D(x), D(G(z))) + γ penalty )
    once, same z:    θ_G ← θ_G − Adam ∇( L_G(D(G(z))) + η ‖JᵀJ − s²I‖²_F + β R(θ_G) );   θ̄ ← d θ̄ + (1 − d) θ_G

with J = ∂G/∂z at some of the z (``tangents.py``) and R of ``objectives/orthogonal.py``, neither by default. A system derives
from ``AdversarialRecipe`` and may change what D is given, as named groups of inputs, and both losses. The first output of D is
always the logit of real against generated:

    d_inputs (batch, c, fake) ↦ {"real": …, "fake": …, …},   objective_D (D's output on each group) ↦ (log, cotangents)
    g_inputs (c, fake)        ↦ {"fake": …, …},              objective_G likewise; g_inputs_adjoint leads back to the images

A conditional system has a condition c (n, d) for the samples of a batch, and generates samples for the same conditions. G takes
rows [c, z]; a conditional D takes rows [image, c] (``core/condition.py``).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from tinygan.core.layer import Array, Saved
from tinygan.core.net import Net
from tinygan.core.scalar import Log, Scalar, scalar
from tinygan.data import Batch, Sample
from tinygan.errors import UsageError
from tinygan.objectives.losses import LOSSES
from tinygan.objectives.orthogonal import orthogonal
from tinygan.objectives.penalties import (
    OnGradient,
    gradient_penalty,
    interpolate,
    of_first,
    one_centred,
    perturb,
    weighted,
    zero_centred,
)
from tinygan.optim import Moments, clip_norm, ema, norm
from tinygan.recipes.shared.trained import TrainedGAN

Groups = dict[str, Array]


class State(NamedTuple):
    """Everything that a step changes: weights, running values, the average of G, the optimisers' memories."""

    G: Array
    D: Array
    G_running: Array
    D_running: Array
    G_ema: Array
    G_memory: Moments
    D_memory: Moments
    tangent: Scalar = 0.0  # the running mean of ‖J eₖ‖²; 0: none yet
    more: Any = ()  # further state of a system


class Generated(NamedTuple):
    """Generated images, the rows [c, z] that they come from, and what G's backward needs."""

    x: Array
    z: Array
    saved: Saved


class AdversarialRecipe(TrainedGAN):
    """An unconditional system of the nets G and D, for samples of the shape of ``sample``."""

    def __init__(self, settings: Any, sample: Sample, G: Net, D: Net) -> None:
        self.settings, self.shape, self.G, self.D = settings, sample.shape, G, D
        self.nets = {"D": D, "G": G}
        self.batches = settings.n_critic
        self.loss = LOSSES[settings.loss]

    def init(self, rng: np.random.Generator) -> State:
        g, d = self.G.init(rng), self.D.init(rng)
        s = self.settings
        return State(
            g, d, self.G.init_running(g, rng), self.D.init_running(d, rng), g, s.adam_G.init(g), s.adam_D.init(d)
        )

    # ---------------------------------------------------------------- what a system may change

    def condition(self, batch: Batch) -> Array:
        """c (n, cond_dim) of the samples of a batch."""
        return np.zeros((len(batch.x), 0), np.float32, like=batch.x)

    def d_inputs(self, batch: Batch, c: Array, fake: Array) -> Groups:
        """The inputs of D in its step."""
        return {"real": self.d_view(batch.x, c), "fake": self.d_view(fake, c)}

    def objective_D(self, y: Groups, batch: Batch) -> tuple[Log, Groups]:
        """D's loss at its outputs ``y`` on each group: the log and the cotangents of y."""
        real, fake = y["real"][:, :1], y["fake"][:, :1]
        loss, g_real, g_fake = self.loss.discriminator(real, fake)
        s = self.settings.smoothing
        loss, g_real = loss + s * scalar(real.mean()), g_real + s / real.size  # −s log(1 − D) + s log D = s d
        log = {"loss_D": loss, "D_real": scalar(real.mean()), "D_fake": scalar(fake.mean())}
        return log, {"real": from_first_column(g_real, y["real"]), "fake": from_first_column(g_fake, y["fake"])}

    def g_inputs(self, c: Array, fake: Array) -> Groups:
        """The inputs of D in G's step."""
        return {"fake": self.d_view(fake, c)}

    def objective_G(self, y: Groups, batch: Batch, t: int) -> tuple[Log, Groups]:
        """G's loss at D's outputs in step ``t``: the log and the cotangents of y."""
        loss, g = self.loss.generator(y["fake"][:, :1])
        return {"loss_G": loss}, {"fake": from_first_column(g, y["fake"])}

    def g_inputs_adjoint(self, g: Groups) -> Array:
        """The adjoint of ``g_inputs`` in the images."""
        return self.d_view_adjoint(g["fake"])

    # ---------------------------------------------------------------- the step

    def step(self, state: State, batch: Batch, rng: np.random.Generator) -> tuple[State, Log]:
        """n_critic steps of D, each on N of the n_critic N samples of ``batch``, then one step of G.

        G's step reuses the latents and images of D's last step, as most published code does. Raises UsageError where n_critic
        does not divide the batch.
        """
        log: Log = {}
        n, left = divmod(len(batch.x), self.batches)
        if left or not n:
            raise UsageError(f"a step takes n_critic = {self.batches} batches of one size: got {len(batch.x)} images")
        for i in range(0, len(batch.x), n):
            part = Batch(batch.x[i : i + n], {name: a[i : i + n] for name, a in batch.labels.items()})
            made = self.generate(state, np.concatenate([self.condition(part), self.noise(n, rng)], axis=1))
            state, log = self.step_D(state, part, made, rng)
        state, log_G = self.step_G(state, part, made, rng)
        return state, log | log_G

    def generate(self, state: State, z: Array) -> Generated:
        x, saved = self.G.bind(state.G_running).forward(state.G, z)
        return Generated(x, z, saved)

    def step_D(self, state: State, batch: Batch, made: Generated, rng: np.random.Generator) -> tuple[State, Log]:
        s, D, theta, c = self.settings, self.D.bind(state.D_running, rng), state.D, made.z[:, : self.cond_dim]
        groups, running, g = self.d_inputs(batch, c, made.x), state.D_running, np.zeros_like(theta)
        on = {name: D.forward(theta, x) for name, x in groups.items()}
        log, gy = self.objective_D({name: y for name, (y, _) in on.items()}, batch)
        penalty: Scalar = 0.0
        for name, x in groups.items():
            primal = on.pop(name)  # frees what it saved before the next group
            # Running statistics follow each batch of samples, but not the points of a penalty, which are no samples.
            running = D.update(running, theta, primal[1])
            if (name, s.penalty) in (("real", "r1"), ("fake", "r2")):
                penalty, part = self.penalty(D, theta, x, zero_centred, primal=primal, gy=gy[name])
            else:
                part = D.backward(theta, primal[1], gy[name], wrt_x=False).theta
            g = g + part
        if s.penalty in ("wgan-gp", "dragan"):
            if s.penalty == "wgan-gp":  # on straight lines between D's inputs: one ε for a pack
                x = interpolate(self.d_view(batch.x, c), self.d_view(made.x, c), rng)
            else:
                x = self.d_view(perturb(batch.x, rng), c)
            penalty, part = self.penalty(D, theta, x, one_centred)
            g = g + part
        if s.penalty != "none":
            log["penalty"] = penalty
        log["grad_D"] = norm(g)
        theta, memory = s.adam_D.step(theta, self.clip(g), state.D_memory)
        G_running = self.G.update(state.G_running, state.G, made.saved)
        return state._replace(D=theta, D_memory=memory, D_running=running, G_running=G_running), log

    def penalty(self, D: Net, theta: Array, x: Array, objective: OnGradient, **shared: Any) -> tuple[Scalar, Array]:
        """The value of an objective of ∇d, and γ times its gradient in θ_D.

        d is the first output of D; ∇ is taken in the image, not in its condition. ``shared`` is the forward pass at x and the
        cotangent of the loss there, where the gradient of the loss is to be added.
        """
        objective = weighted(self.settings.gamma, objective)
        if self.conditional_d:
            objective = of_first(math.prod(self.shape), objective)
        shape, u = D.out_shape(x.shape[1:]), None
        if shape != (1,):
            u = np.zeros((len(x), *shape), x.dtype, like=x)
            u[:, 0] = 1
        value, pulled = gradient_penalty(D, theta, x, objective, u=u, wrt_x=False, **shared)
        return value, pulled.theta

    def step_G(self, state: State, batch: Batch, made: Generated, rng: np.random.Generator) -> tuple[State, Log]:
        s, D, z = self.settings, self.D.bind(state.D_running, rng), made.z
        on = {name: D.forward(state.D, x) for name, x in self.g_inputs(z[:, : self.cond_dim], made.x).items()}
        log, gy = self.objective_G({name: y for name, (y, _) in on.items()}, batch, state.G_memory.t)
        g_image = self.g_inputs_adjoint(
            {name: D.backward(state.D, saved, gy[name], wrt_theta=False).x for name, (_, saved) in on.items()}
        )
        g = self.G.bind(state.G_running).backward(state.G, made.saved, g_image, wrt_x=False).theta
        tangent = state.tangent
        if s.orthonormal.eta:
            value, tangent, pulled = s.orthonormal.step(
                self.G, state.G_running, state.G, z, s.latent, tangent, rng, wrt_x=False
            )
            g = g + pulled.theta
            log["orthonormal"] = value
            if not s.orthonormal.scale:
                log["scale"] = scalar(np.sqrt(tangent))
        if s.ortho:
            log["ortho"], g_ortho = orthogonal(self.G, state.G, s.ortho_form)
            g = g + s.ortho * g_ortho
        log["grad_G"] = norm(g)
        theta, memory = s.adam_G.step(state.G, self.clip(g), state.G_memory)
        average = ema(state.G_ema, theta, s.ema)
        return state._replace(G=theta, G_memory=memory, G_ema=average, tangent=tangent), log

    def clip(self, g: Array) -> Array:
        return clip_norm(g, self.settings.clip) if self.settings.clip else g


def from_first_column(g: Array, y: Array) -> Array:
    """The cotangent of y (n, d) from that of its first column."""
    wide = np.zeros_like(y)
    wide[:, :1] = g
    return wide
