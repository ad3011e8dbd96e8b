"""Where compiled kernels are kept."""

import os
from pathlib import Path


def cache_folder():
    """$TINYGAN_CACHE, else the user's cache; None where there is neither."""
    asked, shared = (os.environ.get(name, "") for name in ("TINYGAN_CACHE", "XDG_CACHE_HOME"))
    if asked:
        return Path(asked).absolute()
    if Path(shared).is_absolute():
        return Path(shared) / "tinygan"
    try:
        return Path.home() / ".cache" / "tinygan"
    except RuntimeError:  # a user without a home
        return None
