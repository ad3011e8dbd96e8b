// What kernels on long arrays share: V floats a thread and access, a loop over more elements than threads, and a block's
// reduction in an order that depends on its shape alone.
#pragma once
#include "tg.cuh"

constexpr int THREADS = 256; // of every block

// V neighbours, read and written in one access: their address is a multiple of 4 V bytes.
template <int V> struct alignas(4 * V) Words {
    float at[V];
};

template <int V> __device__ __forceinline__ Words<V> load(const float* from) {
    return *reinterpret_cast<const Words<V>*>(from);
}
template <int V> __device__ __forceinline__ void store(float* to, const Words<V>& words) {
    *reinterpret_cast<Words<V>*>(to) = words;
}

// body(i) for every V-th i below ``size``, a multiple of V, each by one thread of the grid.
template <int V, class Body> __device__ __forceinline__ void each(int size, const Body& body) {
    const unsigned step = gridDim.x * THREADS * V;
    for (unsigned i = (blockIdx.x * THREADS + threadIdx.x) * V; i < unsigned(size); i += step) body(int(i));
}

// ``mine`` of a block's threads, merged over ``lanes`` of them that lie ``apart`` threads from each other: halves meet, then
// halves of halves. Lane 0 has the result; threads that are no lane have a number from ``lanes`` on.
template <class T> __device__ __forceinline__ T reduce(T (&shared)[THREADS], const T& mine, int lane, int lanes, int apart) {
    const int t = threadIdx.x;
    shared[t] = mine;
    __syncthreads(); // all values are there
    for (int n = lanes; n > 1;) {
        const int half = (n + 1) / 2;
        if (lane + half < n) shared[t].merge(shared[t + half * apart]);
        __syncthreads(); // this round is over
        n = half;
    }
    return shared[t];
}

struct Sum {
    float value;
    __device__ void merge(const Sum& other) { value += other.value; }
};

template <class T> struct Shared {
    T of[THREADS];
};

// out[y][c] = Σ a[r][c] over the rows y·run ≤ r < (y + 1)·run. A block has ``width`` neighbouring columns, so that its threads
// read along rows, and as many rows at a time as its threads allow.
struct ColumnSumArgs {
    const float* a;
    float* out;
    int rows, columns, run, width;
};

__device__ __forceinline__ void sum_columns(const ColumnSumArgs& args) {
    TG_SHARED(Shared<Sum>, shared);
    const int lane = int(threadIdx.x) / args.width, lanes = THREADS / args.width;
    const int c = blockIdx.x * args.width + int(threadIdx.x) % args.width;
    const int first = blockIdx.y * args.run, last = min(first + args.run, args.rows);
    Sum sum = {0};
    if (lane < lanes && c < args.columns)
        for (int r = first + lane; r < last; r += lanes) sum.value += args.a[r * args.columns + c];
    sum = reduce(shared.of, sum, lane, lanes, args.width);
    if (lane == 0 && c < args.columns) args.out[blockIdx.y * args.columns + c] = sum.value;
}
