"""Operations on the CPU, compiled by Numba. Nothing is imported here, so that a module can be loaded alone."""
