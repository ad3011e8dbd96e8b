"""What the systems on SNGAN's residual nets share: what can be chosen of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from tinygan.errors import UsageError
from tinygan.models import sngan
from tinygan.optim import Adam, require
from tinygan.recipes.shared.options import AdversarialSettings

ADAM = Adam(lr=2e-4, b1=0.5, b2=0.999)


@dataclass(frozen=True)
class ResidualSettings(AdversarialSettings):
    """Nets and optimisers; "paper" is Miyato et al. 2018, table 4, for 32x32 images."""

    latent: int = 128
    width_G: int = 64  # channels of G's finest block; 256 in the paper
    width_D: int = 64  # of D's first; 128 in the paper
    spectral: bool = True  # spectral normalisation of every weight of D
    pool: Literal["sum", "mean"] = "sum"  # of D's last features over pixels; "mean" in the code of Chen et al. 2019
    attention: int = 0  # side of the images in both nets behind which self-attention stands; 0: none
    ema: float = 0.999
    adam_G: Adam = ADAM
    adam_D: Adam = ADAM

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("width_G", "width_D"):
            require(name, getattr(self, name), 1, 2**11 + 1)
        require("attention", self.attention, 0, 2**7)

    def fits(self, shape: tuple[int, ...]) -> None:
        """UsageError where no block of both nets ends in images of the side ``attention``."""
        sides = [shape[0] >> i for i in range(1, sngan.levels(shape))]
        if self.attention and self.attention not in sides:
            raise UsageError(f"attention is a side of {', '.join(map(str, sides))} here, or 0: got {self.attention}")

    @property
    def of_D(self) -> dict[str, Any]:
        """What D's net takes of these."""
        return {"width": self.width_D, "spectral": self.spectral, "pool": self.pool, "attention": self.attention}
