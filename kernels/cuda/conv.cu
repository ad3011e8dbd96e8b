// The convolutions of reference.py on channels-last float32 images, as matrix products (igemm.cuh). Of the form
// ⟨w ⋆ x, y⟩ = Σ x[n, s·i+u−p, s·j+v−q, c] w[u, v, c, o] y[n, i, j, o], the three contractions:
//
//     conv2d      D = patches(x) w          M = N·P·Q pixels,  N = O,  K = (u, v, c)
//     conv2d_dx   the same for each phase (a, b) of x̄, a convolution of ȳ by the taps a, a + s, ... last first, stride 1:
//                 D = patches(ȳ) taps(w)    M = pixels of x̄ in the phase,  N = C,  K = (u, v, o);  four phases a launch
//     conv2d_dw   D = patches(x)ᵀ ȳ         M = (u, v, c),  N = O,  K = N·P·Q pixels
//
// A kernel is named operation_arithmetic_tileV: V = 4 where the channels that it copies are multiples of four, else 1. A bundle
// of points and tangents is a batch of (1 + K) N samples, the bias goes to the points. Sums are float32, in an order that
// depends on the shapes alone. plan_conv.py chooses tiles and splits, and fills the arguments in.
#include "igemm.cuh"

using ConvArgs = Args<Patches, Matrix, 1>;
using ConvDxArgs = Args<Patches, Taps, 4>;
using ConvDwArgs = Args<PatchesTransposed, Matrix, 1>;

#define TILES(NAME, ARGS, ARITHMETIC)                                                     \
    TG_KERNEL(NAME##_large4, ARGS, Large::THREADS, igemm<Large, ARITHMETIC, 4, ARGS>)    \
    TG_KERNEL(NAME##_small4, ARGS, Small::THREADS, igemm<Small, ARITHMETIC, 4, ARGS>)    \
    TG_KERNEL(NAME##_small1, ARGS, Small::THREADS, igemm<Small, ARITHMETIC, 1, ARGS>)    \
    TG_KERNEL(NAME##_narrow4, ARGS, Narrow::THREADS, igemm<Narrow, ARITHMETIC, 4, ARGS>) \
    TG_KERNEL(NAME##_narrow1, ARGS, Narrow::THREADS, igemm<Narrow, ARITHMETIC, 1, ARGS>)

#define ARITHMETICS(NAME, ARGS)          \
    TILES(NAME##_fp32, ARGS, Fp32)       \
    TILES(NAME##_tf32, ARGS, Tf32)       \
    TILES(NAME##_tf32x3, ARGS, Tf32x3)

ARITHMETICS(conv2d, ConvArgs)
ARITHMETICS(conv2d_dx, ConvDxArgs)
ARITHMETICS(conv2d_dw, ConvDwArgs)

TG_KERNEL(join_splits, JoinArgs, JOIN_THREADS, join)
