// Products of matrices, many in one launch (igemm.cuh):  out[p, i] = a[p, i] b[p, i],  p < outer, i < inner. Along either axis
// an operand may stay where it is, step 0. A kernel is named matmul_form_arithmetic_tileV: of the form nn the rows of b are
// contiguous, of nt its columns, so that a cᵀ needs no copy of c. V as in conv.cu. plan_matmul.py fills the arguments in.
#include "igemm.cuh"

template <class B> struct BatchArgs {
    Args<Lines, B, 1> one; // the first
    Divisor inner;
    int a_outer, a_inner, b_outer, b_inner; // steps, in elements
};

template <class T, class Arithmetic, int V, class P> __device__ __forceinline__ void batched(const P& args) {
    const int z = blockIdx.z / args.one.splits, split = blockIdx.z % args.one.splits;
    const int outer = args.inner.quotient(z), inner = z - outer * args.inner.by;
    auto problem = args.one.problem[0];
    problem.a.at += outer * args.a_outer + inner * args.a_inner;
    problem.b.at += outer * args.b_outer + inner * args.b_inner;
    product<T, Arithmetic, V>(args.one, problem, split, z);
}

#define TILES(NAME, B, ARITHMETIC)                                                                        \
    TG_KERNEL(NAME##_small4, BatchArgs<B>, Small::THREADS, batched<Small, ARITHMETIC, 4, BatchArgs<B>>)   \
    TG_KERNEL(NAME##_small1, BatchArgs<B>, Small::THREADS, batched<Small, ARITHMETIC, 1, BatchArgs<B>>)   \
    TG_KERNEL(NAME##_narrow4, BatchArgs<B>, Narrow::THREADS, batched<Narrow, ARITHMETIC, 4, BatchArgs<B>>) \
    TG_KERNEL(NAME##_narrow1, BatchArgs<B>, Narrow::THREADS, batched<Narrow, ARITHMETIC, 1, BatchArgs<B>>)

TILES(matmul_nn_fp32, Matrix, Fp32)
TILES(matmul_nt_fp32, Lines, Fp32)
TILES(matmul_nn_tf32x3, Matrix, Tf32x3)
TILES(matmul_nt_tf32x3, Lines, Tf32x3)

TG_KERNEL(join_splits, JoinArgs, JOIN_THREADS, join)
