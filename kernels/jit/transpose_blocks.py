"""The transpose of a block of vectors, and products L x Lᵀ with a small matrix on both sides of a grid of vectors."""

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from tinygan.kernels.jit.vector import I32, integer, loop


def transpose(v):
    """target[j · step + i] = source[i · stride + j], i, j < lanes: log₂(lanes) perfect shuffles turn the index's bits."""
    half = v.lanes // 2

    @intrinsic
    def transpose(typing_context, source, stride, target, step):
        def codegen(context, b, signature, args):
            source, stride, target, step = args
            order = [[o + k // 2 + k % 2 * v.lanes for k in range(v.lanes)] for o in (0, half)]
            masks = [ir.Constant(ir.VectorType(I32, v.lanes), o) for o in order]
            r = [v.load(b, b.gep(source, [b.mul(stride, integer(i))])) for i in range(v.lanes)]
            for _ in range(v.lanes.bit_length() - 1):
                r = [b.shuffle_vector(r[i // 2], r[i // 2 + half], masks[i % 2]) for i in range(v.lanes)]
            for i, value in enumerate(r):
                v.store(b, value, b.gep(target, [b.mul(step, integer(i))]))
            return context.get_dummy_value()

        return types.void(source, types.intp, target, types.intp), codegen

    return transpose


def sandwich(v, L):
    """y = L x Lᵀ on grids of channel vectors: x[r, s] at source + r·row + s·column, y[i, j] at target + i·down + j·right.

    ``count`` vectors, lying lanes apart in the source and ``step`` apart in the target.
    """
    m, n = len(L), len(L[0])

    @intrinsic
    def sandwich(typing_context, source, row, column, target, down, right, count, step):
        def codegen(context, b, signature, args):
            source, row, column, target, down, right, count, step = args

            def place(p, i, r, j, c):
                return b.gep(p, [b.add(b.mul(r, integer(i)), b.mul(c, integer(j)))])

            inputs = [[place(source, r, row, s, column) for s in range(n)] for r in range(n)]
            outputs = [[place(target, i, down, j, right) for j in range(m)] for i in range(m)]

            def vector(k, _):
                here, there = b.mul(k, integer(v.lanes)), b.mul(k, step)
                x = [[v.load(b, b.gep(p, [here])) for p in line] for line in inputs]
                half = [[v.combine(b, L[i], [x[r][s] for r in range(n)]) for s in range(n)] for i in range(m)]
                for i in range(m):
                    for j in range(m):
                        v.store(b, v.combine(b, L[j], half[i]), b.gep(outputs[i][j], [there]))
                return []

            loop(b, vector, count, [])
            return context.get_dummy_value()

        return types.void(source, types.intp, types.intp, target, *[types.intp] * 4), codegen

    return sandwich
