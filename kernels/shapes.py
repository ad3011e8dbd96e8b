"""Which shapes fit, how large a convolution is, and the phases of its adjoint: the same for every backend."""

from itertools import product


def fit(fits, *shapes):
    """ValueError with the shapes where they do not fit."""
    if not fits:
        raise ValueError(f"shapes do not fit: {', '.join(map(str, shapes))}")


def phases(size, kernel, stride, pad, out):
    """The phases of the adjoint: pairs, of rows and of columns, of (a, those of x̄, taps, padding of ȳ, perhaps negative).

    x̄[i] = Σ_t ȳ[q − t] w[a + s·t] with i + p = s·q + a: rows i₀, i₀+s, ... read ȳ from q₀ − taps + 1 to q₀ + count − 1.
    """

    def along(n, k, s, p, n_out):
        for a in range(min(s, k)):
            if rows := range((a - p[0]) % s, n, s):
                taps, first = len(range(a, k, s)), (rows.start + p[0] - a) // s
                yield a, rows, taps, (taps - 1 - first, first + len(rows) - n_out)

    return product(*map(along, size, kernel, stride, pad, out))


def outputs(size, kernel, stride, pad):
    """(P, Q) of a convolution."""
    found = tuple((n + sum(p) - k) // s + 1 for n, p, k, s in zip(size, pad, kernel, stride, strict=True))
    fit(min(found) >= 0, size, kernel)
    return found
