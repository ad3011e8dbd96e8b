"""Measures of a generator, in NumPy alone: a file a measure, pure functions on arrays.

Features are (n, d), logits (n, C), images (n, H, W, C) in [-1, 1], points (n, 2). Sums are float64. Two sets are always
(real, fake) where the order matters. Work goes by blocks, so memory does not grow with n² and, in the streaming forms
(``moments``, ``kid.over_blocks``, ``inception_score``), not with n either. What does not fit is a UsageError of one line.

    from tinygan.metrics.frechet import frechet
    frechet(real, fake)    # |μ − ν|² + tr(S + T − 2 (S T)^½) of features (n, d)
"""

from tinygan.metrics import (
    agreement,
    collapse,
    features,
    frechet,
    gam,
    inception,
    inception_score,
    ink,
    kid,
    manifold,
    matching,
    memorisation,
    modes,
    moments,
    ms_ssim,
    parzen,
    probe,
    statistics,
)

__all__ = [
    "agreement",
    "collapse",
    "features",
    "frechet",
    "gam",
    "inception",
    "inception_score",
    "ink",
    "kid",
    "manifold",
    "matching",
    "memorisation",
    "modes",
    "moments",
    "ms_ssim",
    "parzen",
    "probe",
    "statistics",
]
