// A slice of a matrix in shared memory, and three ways to multiply slices: FP32, TF32, and FP32 out of three TF32 products.
#pragma once
#include "tg.cuh"

// ROWS x DEPTH elements in lines as they lie in global memory: depth runs fastest, or rows do. The padding puts the 32 words
// that a warp reads for a fragment, rows g < 8 by depths t < 4, in 32 different banks: a pitch of 4 mod 32 along depth, of 8
// or 24 mod 32 along rows.
template <bool DEPTH_FASTEST, int ROWS, int DEPTH> struct Slice {
    static constexpr int LENGTH = DEPTH_FASTEST ? DEPTH : ROWS, LINES = DEPTH_FASTEST ? ROWS : DEPTH;
    static constexpr int PITCH = LENGTH + (DEPTH_FASTEST ? 4 : 8), K = DEPTH;

    alignas(16) float word[LINES][PITCH];

    __device__ float at(int row, int k) const { return DEPTH_FASTEST ? word[row][k] : word[k][row]; }
    __device__ void four(float (&out)[4], int row, int k) const { // depths k … k + 3
        if constexpr (DEPTH_FASTEST) {
            const float4 v = *reinterpret_cast<const float4*>(&word[row][k]);
            out[0] = v.x, out[1] = v.y, out[2] = v.z, out[3] = v.w;
        } else {
            TG_UNROLL for (int q = 0; q < 4; q++) out[q] = word[k + q][row];
        }
    }
};

// sum += A B in float32, k ascending, one rounding a term (fmaf): the same bits on every machine.
struct Fp32 {
    template <int I, int J, class A, class B>
    __device__ static void multiply(float (&sum)[I][J][4], const A& a, const B& b, int m, int n, int g, int t) {
        TG_UNROLL for (int k = 0; k < A::K; k += 4) {
            float left[2 * I][4];
            TG_UNROLL for (int i = 0; i < 2 * I; i++) a.four(left[i], m + 8 * i + g, k);
            TG_UNROLL for (int q = 0; q < 4; q++) {
                float right[J][2];
                TG_UNROLL for (int j = 0; j < J; j++)
                    TG_UNROLL for (int e = 0; e < 2; e++) right[j][e] = b.at(n + 8 * j + 2 * t + e, k + q);
                TG_UNROLL for (int i = 0; i < I; i++)
                    TG_UNROLL for (int j = 0; j < J; j++)
                        TG_UNROLL for (int e = 0; e < 4; e++)
                            sum[i][j][e] = fmaf(left[2 * i + e / 2][q], right[j][e % 2], sum[i][j][e]);
            }
        }
    }
};

// To 11 bits, to nearest, ties away from zero: half of the last bit that counts is added, and mma() reads no further. Not to a
// NaN: that of a GPU, 0x7fffffff, would become −0.
__device__ __forceinline__ unsigned tf32(float x) { return x == x ? __float_as_uint(x) + 0x1000u : __float_as_uint(x); }

// Rows 16i + g (+8) by depths t (+4) of A, or columns 8j + g of B, as mma() wants them; ``as`` says which bits of each.
template <int I, class A, class As>
__device__ __forceinline__ void fragments(unsigned (&left)[I][4], const A& a, int m, int k, int g, int t, As as) {
    TG_UNROLL for (int i = 0; i < I; i++)
        TG_UNROLL for (int e = 0; e < 4; e++) left[i][e] = as(a.at(m + 16 * i + g + 8 * (e % 2), k + t + 4 * (e / 2)));
}
template <int J, class B, class As>
__device__ __forceinline__ void fragments(unsigned (&right)[J][2], const B& b, int n, int k, int g, int t, As as) {
    TG_UNROLL for (int j = 0; j < J; j++)
        TG_UNROLL for (int e = 0; e < 2; e++) right[j][e] = as(b.at(n + 8 * j + g, k + t + 4 * e));
}

// sum += A B on the tensor cores, the factors rounded to TF32: errors of 3e-4.
struct Tf32 {
    template <int I, int J, class A, class B>
    __device__ static void multiply(float (&sum)[I][J][4], const A& a, const B& b, int m, int n, int g, int t) {
        TG_UNROLL for (int k = 0; k < A::K; k += 8) {
            unsigned left[I][4], right[J][2];
            fragments(left, a, m, k, g, t, tf32);
            fragments(right, b, n, k, g, t, tf32);
            tg::mma(sum, left, right);
        }
    }
};

// The same as accurate as FP32 ("3xTF32"): x = high + low, the bits of x that mma() reads and the rest, rounded to 11 bits, and
// A B ≈ Ah Bh + Ah Bl + Al Bh, small terms first. A NaN is one in ``high``. The tensor cores cut sums off, a bias that grows with
// their number, so they sum one slice at a time, and slices are added in rounded float32 (Ootomo & Yokota 2022, §3).
struct Tf32x3 {
    __device__ static unsigned high(float x) { return __float_as_uint(x); }
    __device__ static unsigned low(float x) { return __float_as_uint(x - __uint_as_float(high(x) & ~0x1fffu)) + 0x1000u; }

    template <int I, int J, class A, class B>
    __device__ static void multiply(float (&sum)[I][J][4], const A& a, const B& b, int m, int n, int g, int t) {
        float part[I][J][4] = {};
        TG_UNROLL for (int k = 0; k < A::K; k += 8) {
            unsigned left[I][4], left_low[I][4], right[J][2], right_low[J][2];
            fragments(left_low, a, m, k, g, t, low);
            fragments(right, b, n, k, g, t, high);
            tg::mma(part, left_low, right);
            fragments(left, a, m, k, g, t, high);
            fragments(right_low, b, n, k, g, t, low);
            tg::mma(part, left, right_low);
            tg::mma(part, left, right);
        }
        TG_UNROLL for (int i = 0; i < I; i++)
            TG_UNROLL for (int j = 0; j < J; j++)
                TG_UNROLL for (int e = 0; e < 4; e++) sum[i][j][e] += part[i][j][e];
    }
};
