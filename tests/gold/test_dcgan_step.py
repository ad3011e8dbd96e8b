"""Whole steps of the DCGAN recipe, against autograd and torch.optim.Adam."""

import numpy as np
import pytest

from tinygan.data import Batch, Sample
from tinygan.optim import Adam
from tinygan.recipes.shared.tangents import Orthonormal
from tinygan.recipes.shared.unconditional import Unconditional
from tinygan.recipes.systems.dcgan import Settings

from .game_nets import Convolutional
from .game_twin import AVERAGE, moments
from .test_native_norms import AFFECTED, NORMS, WRONG
from .twins import SECOND, agree, batch_norm, doubled, push_tangents, relative

torch = pytest.importorskip("torch")

N, SHAPE, LATENT, WIDTH, STEPS = 4, (12, 12, 3), 6, 4, 3
ETA = 0.3
OF_TANGENTS = 0.99  # of the running mean of ‖J eₖ‖²


class Twin(Convolutional):
    """The same system in torch; ``norm`` is that of G's tangents."""

    def __init__(self, recipe, state, norm=batch_norm):
        super().__init__(recipe, state)
        self.norm, self.tangent = norm, None

    def terms_G(self, y, fake, label):
        return self.settings.orthonormal.eta * self.constraint() if self.settings.orthonormal.eta else 0.0

    def constraint(self):
        """An estimate of E‖JᵀJ − s²I‖²_F from K axes: each entry of the K x K part over the chance to see it."""
        s = self.recipe.settings.orthonormal
        K, z = s.tangents, self.row[: s.samples]
        norms = [self.norm] * 2
        if s.statistics == "frozen":
            norms = [frozen(*part.chunk(2)) for part in self.G_running.split([4 * WIDTH, 2 * WIDTH])]
        axes = torch.eye(LATENT, dtype=z.dtype)[self.rng.permutation(LATENT)[:K]]
        T = push_tangents(lambda z: self.images(z, *norms), z, axes[:, None].expand(K, *z.shape)).flatten(2)
        gram = torch.einsum("knd,lnd->nkl", T, T)
        length2 = gram.detach().diagonal(dim1=1, dim2=2).mean()
        before = length2 if self.tangent is None else self.tangent
        self.tangent = OF_TANGENTS * before + (1 - OF_TANGENTS) * length2
        M = (gram - (s.scale**2 or before) * torch.eye(K, dtype=gram.dtype)).pow(2).mean(0)
        on = M.diagonal().sum()
        return LATENT / K * on + LATENT * (LATENT - 1) / (K * (K - 1)) * (M.sum() - on)


def frozen(mean, var):
    """A norm with these statistics."""
    return lambda x, gamma, beta: gamma * (x - mean) * (var + 1e-5).rsqrt() + beta


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("penalty", ["none", "r1", "r2", "wgan-gp"])
def test_steps_of_the_recipe_are_those_of_autograd_and_adam(penalty, norm):
    settings = Settings(
        latent=LATENT,
        width=WIDTH,
        penalty=penalty,
        norm_D=norm,
        ema=AVERAGE,
        adam_G=Adam(lr=1e-2, b1=0.5, b2=0.9),
        adam_D=Adam(lr=2e-2, b1=0.4, b2=0.99),
    )
    compare(settings)


@pytest.mark.parametrize(("statistics", "scale"), [("batch", 0.0), ("batch", 0.5), ("frozen", 0.0)])
def test_steps_with_orthonormal_tangents_are_those_of_autograd_and_adam(statistics, scale):
    constraint = Orthonormal(eta=ETA, tangents=3, samples=3, scale=scale, statistics=statistics)
    compare(Settings(latent=LATENT, width=WIDTH, orthonormal=constraint, ema=AVERAGE))


def test_the_same_step_with_native_norms_in_torch_has_a_wrong_gradient():
    constraint = Orthonormal(eta=ETA, tangents=3, samples=3, scale=0.0, statistics="batch")
    recipe = Unconditional(Settings(latent=LATENT, width=WIDTH, orthonormal=constraint), Sample(SHAPE))
    state = doubled(recipe.init(np.random.default_rng(0)))
    real = np.random.default_rng(1).uniform(-1, 1, size=(N, *SHAPE))
    right, native = Twin(recipe, state), Twin(recipe, state, NORMS["batch norm"][1])
    for twin in (right, native):
        twin.step(batch_of(real), np.random.default_rng(2))
    state, _ = recipe.step(state, batch_of(real), np.random.default_rng(2))
    m = state.G_memory.m
    agree(SECOND, composite=(moments(right.adam_G)[0].numpy(), m))
    error = relative(moments(native.adam_G)[0].numpy(), m)
    print(f"native {error:.1e}")
    assert error >= WRONG or not AFFECTED


def batch_of(real):
    return Batch(real, {"class": np.zeros(len(real), np.int64)})


def compare(settings):
    """STEPS steps of the recipe and of its twin."""
    recipe = Unconditional(settings, Sample(SHAPE))
    state = doubled(recipe.init(np.random.default_rng(0)))
    twin = Twin(recipe, state)
    images = np.random.default_rng(1).uniform(-1, 1, size=(STEPS, N, *SHAPE))
    rng, same = np.random.default_rng(2), np.random.default_rng(2)
    for real in images:
        before = state
        state, _ = recipe.step(state, batch_of(real), rng)
        twin.step(batch_of(real), same)
        twin.agrees(state, tangent=(state.tangent, twin.tangent or 0.0))
        assert all((a != b).any() for a, b in zip(state[:5], before[:5], strict=True) if a.size)
