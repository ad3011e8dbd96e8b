// The device as g++ sees it: a CUDA kernel, compiled as host code, runs on a fiber for each of its threads (tg_emu.cpp).
//
// Honest about indices, bounds, alignment, barriers, shared-memory layouts, the accounting of asynchronous copies, the layout
// of fragments, float32 arithmetic. Silent about speed, bank conflicts, races between blocks (they run one after another) and
// the last bits of the tensor cores, whose sums are cut off here after each product of depth 8, the worst that they may do, and
// of expf, expm1f, log1pf, tanhf, which are the C library's here.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define TG_UNROLL
#define TG_SHARED(TYPE, NAME) TYPE& NAME = *static_cast<TYPE*>(tg::shared_memory(sizeof(TYPE)))

// Beside the kernel, what its launch must agree with.
#define TG_KERNEL(NAME, ARGS, THREADS, ...)                                                     \
    extern "C" {                                                                                \
    extern const unsigned NAME##_args = sizeof(ARGS), NAME##_threads = THREADS;                 \
    void NAME(const void* args) { __VA_ARGS__(*static_cast<const ARGS*>(args)); }               \
    }

struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) float4 {
    float x, y, z, w;
};

inline float __uint_as_float(unsigned u) {
    float f;
    memcpy(&f, &u, 4);
    return f;
}
inline unsigned __float_as_uint(float f) {
    unsigned u;
    memcpy(&u, &f, 4);
    return u;
}

inline int min(int a, int b) { return a < b ? a : b; }

namespace tg {

extern uint3 thread, block, grid; // of the fiber that runs; blocks along each axis

void barrier(int line);
void* shared_memory(size_t bytes); // fails unless the launch gave just as much
void copy(void* to, const void* from, bool there, int bytes, int line);
void commit();
void wait_for(size_t groups);
void warp_mma(float* d, const unsigned* a, const unsigned* b, int I, int J, int line);

template <int BYTES> void copy_async(void* to, const void* from, bool there, int line = __builtin_LINE()) {
    copy(to, from, there, BYTES, line);
}
template <int N> void wait() { wait_for(N); }
template <int I, int J>
void mma(float (&d)[I][J][4], const unsigned (&a)[I][4], const unsigned (&b)[J][2], int line = __builtin_LINE()) {
    warp_mma(&d[0][0][0], &a[0][0], &b[0][0], I, J, line);
}

} // namespace tg

#define threadIdx (tg::thread)
#define blockIdx (tg::block)
#define gridDim (tg::grid)
#define __syncthreads() tg::barrier(__LINE__)
