// What a kernel may use of the machine. nvcc and NVRTC find the device's own instructions here; g++ takes the emulator of
// tests/emu instead (tg_emu.h on its include path) and runs the same text on the CPU, so that indices, bounds, barriers
// and asynchronous copies are tested where there is no GPU.
#pragma once

#if !defined(__CUDACC__) && !defined(__CUDACC_RTC__)
#include "tg_emu.h"
#else

#define TG_UNROLL _Pragma("unroll")

// The block's shared memory, whose size the launch gives, as one TYPE.
#define TG_SHARED(TYPE, NAME)                                   \
    extern __shared__ __align__(16) unsigned char tg_shared[];  \
    TYPE& NAME = *reinterpret_cast<TYPE*>(tg_shared)

// A kernel under a plain name: it takes one struct by value and hands it to the function that comes last.
#define TG_KERNEL(NAME, ARGS, THREADS, ...)                                                               \
    extern "C" __global__ void __launch_bounds__(THREADS) NAME(const __grid_constant__ ARGS args) {      \
        __VA_ARGS__(args);                                                                                \
    }

namespace tg {

// BYTES (4, or 16 where both addresses are multiples of 16) from global to shared memory; zeros unless ``there``, and then
// nothing is read. The bytes have come when wait() says so, to the thread that asked, and after a barrier to all.
template <int BYTES> __device__ __forceinline__ void copy_async(void* to, const void* from, bool there) {
    const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(to));
    const int bytes = there ? BYTES : 0;
    if constexpr (BYTES == 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(from), "r"(bytes) : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(address), "l"(from), "r"(bytes) : "memory");
}

// The copies since the last commit() are a group.
__device__ __forceinline__ void commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Until at most N of this thread's groups are on their way.
template <int N> __device__ __forceinline__ void wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

// D += A B on the tensor cores, by a whole warp: I tiles of 16 rows by J tiles of 8 columns, depth 8 (PTX: mma.m16n8k8).
// Lane 4g + t holds, of a tile, a = A[g][t], A[g+8][t], A[g][t+4], A[g+8][t+4];  b = B[t][g], B[t+4][g];
// d = D[g][2t], D[g][2t+1], D[g+8][2t], D[g+8][2t+1]. Of a and b the last 13 bits are not read; sums are cut off, not rounded.
template <int I, int J>
__device__ __forceinline__ void mma(float (&d)[I][J][4], const unsigned (&a)[I][4], const unsigned (&b)[J][2]) {
    TG_UNROLL for (int i = 0; i < I; i++)
        TG_UNROLL for (int j = 0; j < J; j++)
            asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                         "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                         : "+f"(d[i][j][0]), "+f"(d[i][j][1]), "+f"(d[i][j][2]), "+f"(d[i][j][3])
                         : "r"(a[i][0]), "r"(a[i][1]), "r"(a[i][2]), "r"(a[i][3]), "r"(b[j][0]), "r"(b[j][1]));
}

} // namespace tg
#endif
