"""States of recipes for tests."""

import numpy as np


def exact(state):
    """A state in float64."""
    if isinstance(state, tuple):
        return type(state)(*map(exact, state))
    return state.astype(np.float64) if isinstance(state, np.ndarray) else state
