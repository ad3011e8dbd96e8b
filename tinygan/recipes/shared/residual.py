"""Settings of the systems whose nets are SNGAN's residual nets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tinygan.core.settings import setting
from tinygan.errors import UsageError
from tinygan.models import sngan
from tinygan.optim import Adam
from tinygan.recipes.shared.options import AdversarialSettings

ADAM = Adam(lr=2e-4, b1=0.5, b2=0.999)


@dataclass(frozen=True)
class ResidualSettings(AdversarialSettings):
    """Residual nets and their optimisers. "Paper" is Miyato et al. 2018, table 4, for 32x32 images."""

    latent: int = 128
    width_G: int = setting(64, "channels of G's finest block; paper: 256", least=1, most=2**11)
    width_D: int = setting(64, "channels of D's first block; paper: 128", least=1, most=2**11)
    spectral: bool = setting(True, "spectral normalisation of all weights of D")
    pool: Literal["sum", "mean"] = setting(
        "sum", "how D's last features are pooled over pixels; mean in the code of Chen et al. 2019"
    )
    attention: int = setting(
        0,
        "side in pixels of the feature maps after which both nets have self-attention; 0: none",
        least=0,
        most=2**7 - 1,
    )
    ema: float = 0.999
    adam_G: Adam = ADAM
    adam_D: Adam = ADAM

    def fits(self, shape: tuple[int, ...]) -> None:
        """Raises UsageError where the feature maps of no block of both nets have the side ``attention``."""
        sides = [shape[0] >> i for i in range(1, sngan.levels(shape))]
        if self.attention and self.attention not in sides:
            raise UsageError(
                f"attention is {self.attention}; expected 0 or a side of these nets' feature maps, {', '.join(map(str, sides))}"
            )

    @property
    def of_D(self) -> dict[str, Any]:
        """The options of D's net."""
        return {"width": self.width_D, "spectral": self.spectral, "pool": self.pool, "attention": self.attention}
