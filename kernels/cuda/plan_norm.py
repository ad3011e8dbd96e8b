"""How the kernels of norm.cu and norm_vjp.cu are launched: any normalisation over (S, R, G, D), with its tangents."""

from __future__ import annotations

from ctypes import c_float as Float
from math import prod
from typing import Any

from tinygan.kernels.cuda.args import Divisor, divisors, ints, structure
from tinygan.kernels.cuda.plan import LARGEST, At, Launch, up
from tinygan.kernels.cuda.plan_flat import BLOCKS, THREADS, Operation, addresses, blocks, columns, summed, vector
from tinygan.kernels.shapes import Pair, Shape, fit

BATCH = 4  # elements that a thread reads at a time
SAVED = ("mean", "rest", "var", "r", "a")  # of the forward, for the adjoint

Sizes = structure("Sizes", **ints("size tangents groups count set centre"), **divisors("G D C R"))
Share = structure("Share", **ints("width lanes run along"))
Saved = structure("Saved", **addresses(" ".join(SAVED)))
MomentsArgs = structure("MomentsArgs", **addresses("x part"), sizes=Sizes, share=Share)
JoinMomentsArgs = structure(
    "JoinMomentsArgs", **addresses("x part"), saved=Saved, sizes=Sizes, **ints("parts run"), eps=Float
)
NormaliseArgs = structure("NormaliseArgs", **addresses("x gamma beta y"), saved=Saved, sizes=Sizes)
TermsArgs = structure("TermsArgs", **addresses("x g gamma part"), saved=Saved, sizes=Sizes, share=Share)
VjpArgs = structure(
    "VjpArgs", **addresses("x g gamma terms out"), saved=Saved, sizes=Sizes, **ints("weighted"), share=Float
)
ParametersArgs = structure(
    "ParametersArgs", **addresses("x g terms out"), saved=Saved, sizes=Sizes, **ints("rows run width")
)


class Groups:
    """The groups of a bundle's shape X seen as sizes (S, R, G, D), and how blocks share them: enough to fill a chip."""

    def __init__(self, X: Shape, sizes: Shape, centre: bool) -> None:
        self.K, (S, R, G, D) = X[0] - 1, sizes
        fit(X[0] >= 1 and prod(X[1:]) == prod(sizes) and prod(X) <= LARGEST, X, sizes)
        self.C, self.Q, self.count, self.size, self.rows = G * D, S * G, R * D, prod(sizes), S * R
        self.D = D
        by = (Divisor.of(n) for n in (G, D, self.C, R))
        self.sizes = Sizes(self.size, self.K, self.Q, self.count, R * self.C, centre, *by)
        along = D > 1 or G == 1  # a group's elements lie side by side, or else those of neighbouring groups
        lanes = 32 if self.count <= 4 * 32 else THREADS
        width = THREADS // lanes if along else min(self.Q, 32) or 1
        lanes = lanes if along else THREADS // width
        most = max(min(BLOCKS // 2 // up(self.Q, width) if self.Q else 1, up(self.count, 4 * BATCH * lanes)), 1)
        run = max(up(self.count, most), 1)
        self.parts, self.width = max(up(self.count, run), 1), width
        fit((2 + 3 * self.K) * self.Q * self.parts <= LARGEST, X, sizes)
        self.share = Share(width, lanes, run, along)

    def summed(self, kernel: str, args: Any, floats: Pair) -> Launch:
        """A launch that sums over parts of groups, T tangents at a time. ``floats`` of a thread: of the point, of a tangent."""
        T = min(self.K, 1) if self.K <= 1 else 4
        grid = (up(self.Q, self.width), self.parts, up(self.K, T) if T else 1)
        return Launch(f"{kernel}{T}", grid, THREADS, 4 * THREADS * (floats[0] + max(T, 1) * floats[1]), args)

    def shapes(self) -> dict[str, Shape]:
        """Of what the forward saves."""
        S, G = (self.Q // self.sizes.G.by, self.sizes.G.by) if self.Q else (0, self.sizes.G.by)
        return dict(zip(SAVED, ((1 + self.K, S, G), (1 + self.K, S, G), (S, G), (S, G), (self.K, S, G)), strict=True))


def saved(at: At) -> Any:
    return Saved(*(at[name] for name in SAVED))


def normalise(X: Shape, sizes: Shape, eps: float, *, centre: bool) -> Operation:
    """Reads x and, unless y = z, gamma and beta; writes y and what is SAVED, each (..., S, G)."""
    n = Groups(X, sizes, centre)

    def launches(at: At) -> list[Launch]:
        if not n.Q:
            return []
        part, x, s = at["workspace"], at["x"], saved(at)
        grid = (up(n.Q, THREADS), max(n.K, 1), 1)
        join = JoinMomentsArgs(x, part, s, n.sizes, n.parts, n.share.run, eps)
        done = [
            n.summed("norm_moments", MomentsArgs(x, part, n.sizes, n.share), (3, 2)),
            Launch("norm_join", grid, THREADS, 0, join),
        ]
        if n.size:
            V = vector(n.C, {"x": x, "y": at["y"]})
            args = NormaliseArgs(x, at.get("gamma"), at.get("beta"), at["y"], s, n.sizes)
            done.append(Launch(f"normalise{V}", (blocks(n.size, V), 1, 1), THREADS, 0, args))
        return done

    return Operation({"y": tuple(X), **n.shapes()}, n.parts * (2 + 2 * n.K) * n.Q, launches)


def normalise_vjp(X: Shape, sizes: Shape, *, centre: bool, wrt_x: bool = True, wrt_p: bool = True) -> Operation:
    """Reads x, g, gamma where there is one, and SAVED; writes out, x̄ and ẋ̄, and parameters, (γ̄, β̄) (2, C)."""
    n = Groups(X, sizes, centre)
    fields = (2 + 3 * n.K) * n.Q
    width, run, parts = columns(n.rows, n.C)
    sums = n.Q > 0 and (wrt_x or n.D == 1)
    here = fields * n.parts if n.parts > 1 else 0  # floats of the workspace before the joined sums
    more = parts * 2 * n.C if parts > 1 and n.D > 1 else 0

    def launches(at: At) -> list[Launch]:
        s, x, g, done = saved(at), at["x"], at["g"], []
        gamma, terms = at.get("gamma"), (at["workspace"] or 0) + 4 * here
        if sums:
            part = at["workspace"] if here else terms
            args = TermsArgs(x, g, gamma if n.D > 1 else None, part, s, n.sizes, n.share)
            done.append(n.summed("norm_terms", args, (2, 3)))
            if here:
                done.append(summed(part, terms, n.parts, fields, n.parts, min(fields, 32)))
        if wrt_x and n.size:
            V = vector(n.C, {"x": x, "g": g, "out": at["out"]})
            args = VjpArgs(x, g, gamma, terms, at["out"], s, n.sizes, n.D > 1, 1 / n.count)
            done.append(Launch(f"norm_vjp{V}", (blocks(n.size, V), 1, 1), THREADS, 0, args))
        if wrt_p and n.C:
            done += parameters(at["parameters"], terms, x, g, s)
        return done

    def parameters(out: Any, terms: int, x: Any, g: Any, s: Any) -> list[Launch]:
        if n.D == 1:
            args = ParametersArgs(x, g, terms, out, s, n.sizes, n.rows, run, width)
            return [Launch("norm_parameters", (up(n.C, THREADS), 1, 1), THREADS, 0, args)]
        part = terms + 4 * fields if more else out
        args = ParametersArgs(x, g, None, part, s, n.sizes, n.rows, run, width)
        first = Launch("norm_parameter_sums", (up(n.C, width), parts, 1), THREADS, 8 * THREADS, args)
        return [first, summed(part, out, parts, 2 * n.C, parts, min(2 * n.C, 32))] if more else [first]

    writes = ({"out": tuple(X)} if wrt_x else {}) | ({"parameters": (2, n.C)} if wrt_p else {})
    return Operation(writes, here + fields + more, launches)
