"""f-GAN (Nowozin et al. 2016): a GAN whose value, at the optimum of D, is an f-divergence by choice.

    max_D min_G  F = E g_f(D(x)) − E f*(g_f(D(G(z))))  ≤  D_f(P‖Q)        (eq. 6; g_f, f*: ``objectives/divergences.py``)

G minimises F or, non-saturating, maximises E g_f(D(G(z))) (§3.2). At the optimum of D the first descends D_f itself. The second
has another fixed point where G cannot represent the data: with KL it descends the reverse KL, as ∇E_Q log p/q = −∇KL(Q‖P).
"""

from __future__ import annotations

from dataclasses import dataclass

from tinygan.core.scalar import Log, scalar
from tinygan.core.settings import setting
from tinygan.data import Batch
from tinygan.errors import UsageError
from tinygan.models.normalise import Norm
from tinygan.objectives.divergences import Divergence, Name, divergence
from tinygan.recipes.shared.adversarial import Groups
from tinygan.recipes.shared.unconditional import Unconditional, UnconditionalSettings
from tinygan.recipes.spec import Card, RecipeSpec


@dataclass(frozen=True)
class Settings(UnconditionalSettings):
    """The divergence is the loss of both nets.

    F bounds the divergence only where D classifies each sample by itself, so D has no batch normalisation by default.
    """

    divergence: Name = setting("jensen-shannon", "f-divergence of the data and G's samples")
    alpha: float = setting(0.5, "parameter of divergence=alpha", values="any number but 0 and 1")
    pi: float = setting(0.5, "weight of the data in divergence=weighted-jensen-shannon", values="above 0 and below 1")
    saturating: bool = setting(False, "G minimises F itself; false: G maximises E g_f(D(G(z)))")
    norm_D: Norm = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.row  # raises UsageError for a parameter outside its range
        if self.loss != "non-saturating" or self.smoothing:
            raise UsageError("fgan's loss is its divergence: set divergence and saturating, not loss or smoothing")

    @property
    def row(self) -> Divergence:
        """The row of the table. Raises UsageError where its parameter is out of range."""
        return divergence(self.divergence, alpha=self.alpha, pi=self.pi)


class FGAN(Unconditional):
    """An f-GAN of points or images."""

    d_boundary = None  # D estimates a divergence

    def objective_D(self, y: Groups, batch: Batch) -> tuple[Log, Groups]:
        (g, g_slope), (h, h_slope) = self.settings.row.g(y["real"]), self.settings.row.h(y["fake"])
        bound = scalar(g.mean()) - scalar(h.mean())
        log = {"loss_D": -bound, "bound": bound}
        log |= {f"D_{name}": scalar(y[name].mean()) for name in ("real", "fake")}
        return log, {"real": -g_slope / g.size, "fake": h_slope / h.size}

    def objective_G(self, y: Groups, batch: Batch, t: int) -> tuple[Log, Groups]:
        v, slope = (self.settings.row.h if self.settings.saturating else self.settings.row.g)(y["fake"])
        return {"loss_G": -scalar(v.mean())}, {"fake": -slope / v.size}


RECIPE = RecipeSpec(
    name="fgan",
    make=FGAN,
    settings=Settings,
    purpose="images without labels",
    about="GAN for an f-divergence of choice: KL, reverse KL, Pearson, alpha, … (Nowozin et al. 2016)",
    when="to study how the divergence changes what G learns",
    card=Card(
        paper="Nowozin et al. 2016",
        objective=(
            "total variation, KL, reverse KL, Pearson, Neyman, squared Hellinger, Jeffrey, (weighted) "
            "Jensen-Shannon, GAN or alpha"
        ),
        headline="a Gaussian fitted by KL is within 0.007 of the best fit",
        file="reproduce/fgan.json",
        experiment="mixture",
        claim="kl: larger error of μ, σ",
    ),
)
