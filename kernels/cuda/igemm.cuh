// One matrix product for all:  D[m][n] = Σ_k A[m][k] B[k][n],  whose matrices need not be formed ("implicit GEMM"): a map
// says where an element lies in an array, of channels-last images or another, or that it lies outside and is zero (maps.cuh).
//
//     A block makes a tile of D. Slices of A and B, DEPTH of k at a time, come to shared memory by asynchronous copies,
//     STAGES − 1 slices ahead of the arithmetic. Each warp holds WM x WN sums in registers; lane 4g + t of it owns rows
//     16i + g + 8h and columns 8j + 2t + e, as the tensor cores have it, whatever the arithmetic (arithmetic.cuh).
//     The grid: x tiles of M, y tiles of N, z problems (phases of a strided adjoint) by splits of k.
#pragma once
#include "arithmetic.cuh"
#include "maps.cuh"

template <class A, class B> struct Problem {
    A a;
    B b;
    Place place;
    int M, N, K;
    int biased; // the first rows of D, to which the bias is added
};

template <class A_, class B_, int PROBLEMS> struct Args {
    using A = A_;
    using B = B_;
    Problem<A, B> problem[PROBLEMS];
    const float* bias; // null: none
    float* out;
    int size;        // of the output; split z writes its part z·size further on
    int splits, run; // of k, and how much of k a split takes: a multiple of DEPTH
};

template <int M_, int N_, int WM_, int WN_> struct Tile {
    static constexpr int M = M_, N = N_, WM = WM_, WN = WN_, DEPTH = 32, STAGES = 3;
    static constexpr int WARPS_M = M / WM, THREADS = 32 * WARPS_M * (N / WN);
};
using Large = Tile<128, 128, 64, 32>;
using Small = Tile<64, 64, 32, 32>;
using Narrow = Tile<64, 16, 16, 16>;

// Copies slices of one matrix; V elements at a time. The threads run along a line of the slice and then down its lines, so a
// thread has one place in the line: with depth running fastest one k and several rows, which it works out once for all.
template <class Map, int ROWS, int DEPTH, int V, int THREADS> struct Loader {
    using S = Slice<Map::DEPTH_FASTEST, ROWS, DEPTH>;
    static constexpr int PER_LINE = S::LENGTH / V, STEP = THREADS / PER_LINE, COPIES = S::LINES / STEP;
    static constexpr int KEPT = Map::DEPTH_FASTEST ? COPIES : 1;
    static_assert(THREADS % PER_LINE == 0 && S::LINES % STEP == 0, "every thread copies the same number of times");

    const Map& map;
    const int place, line;
    typename Map::Row row[KEPT];

    __device__ Loader(const Map& map, int first_row)
        : map(map), place(int(threadIdx.x) % PER_LINE * V), line(int(threadIdx.x) / PER_LINE) {
        TG_UNROLL for (int i = 0; i < KEPT; i++)
            row[i] = map.row(first_row + (Map::DEPTH_FASTEST ? line + i * STEP : place));
    }
    __device__ void fetch(S& slice, int k) const {
        if constexpr (Map::DEPTH_FASTEST) {
            const typename Map::Depth depth = map.depth(k + place);
            TG_UNROLL for (int i = 0; i < COPIES; i++) copy(slice, line + i * STEP, row[i], depth);
        } else {
            TG_UNROLL for (int i = 0; i < COPIES; i++) copy(slice, line + i * STEP, row[0], map.depth(k + line + i * STEP));
        }
    }
    __device__ void copy(S& slice, int line, typename Map::Row r, typename Map::Depth d) const {
        tg::copy_async<4 * V>(&slice.word[line][place], map.at + Map::offset(r, d), map.inside(r, d));
    }
};

// A block's tile of one problem, of a split's part of k, to the matrix number ``item`` of the output.
template <class T, class Arithmetic, int V, class P>
__device__ __forceinline__ void product(const P& args, const Problem<typename P::A, typename P::B>& problem, int split,
                                        int item) {
    using LoaderA = Loader<typename P::A, T::M, T::DEPTH, V, T::THREADS>;
    using LoaderB = Loader<typename P::B, T::N, T::DEPTH, V, T::THREADS>;
    struct Shared {
        typename LoaderA::S a[T::STAGES];
        typename LoaderB::S b[T::STAGES];
    };
    TG_SHARED(Shared, shared);

    const int m0 = blockIdx.x * T::M, n0 = blockIdx.y * T::N;
    if (m0 >= problem.M) return; // a smaller phase than its neighbours
    const int first = split * args.run, last = min(problem.K, first + args.run);
    const int slices = last > first ? (last - first + T::DEPTH - 1) / T::DEPTH : 0;

    const LoaderA a(problem.a, m0);
    const LoaderB b(problem.b, n0);
    const auto fetch = [&](int i) { // an empty group beyond the end, so that wait() may count
        if (i < slices) {
            a.fetch(shared.a[i % T::STAGES], first + i * T::DEPTH);
            b.fetch(shared.b[i % T::STAGES], first + i * T::DEPTH);
        }
        tg::commit();
    };

    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
    const int wm = warp % T::WARPS_M * T::WM, wn = warp / T::WARPS_M * T::WN;
    float sum[T::WM / 16][T::WN / 8][4] = {};

    for (int i = 0; i < T::STAGES - 1; i++) fetch(i);
    for (int i = 0; i < slices; i++) {
        tg::wait<T::STAGES - 2>();
        __syncthreads(); // slice i is there for all, and all are done with slice i − 1, whose place is next to be written
        fetch(i + T::STAGES - 1);
        Arithmetic::multiply(sum, shared.a[i % T::STAGES], shared.b[i % T::STAGES], wm, wn, g, t);
    }

    float* out = args.out + (long long)split * args.size + item * problem.M * problem.N;
    TG_UNROLL for (int i = 0; i < T::WM / 16; i++) {
        TG_UNROLL for (int h = 0; h < 2; h++) {
            const int m = m0 + wm + 16 * i + 8 * h + g;
            if (m >= problem.M) continue;
            float* line = out + problem.place.offset(m);
            const bool biased = args.bias != nullptr && m < problem.biased;
            TG_UNROLL for (int j = 0; j < T::WN / 8; j++) {
                TG_UNROLL for (int e = 0; e < 2; e++) {
                    const int n = n0 + wn + 8 * j + 2 * t + e;
                    if (n < problem.N) line[n] = biased ? sum[i][j][2 * h + e] + args.bias[n] : sum[i][j][2 * h + e];
                }
            }
        }
    }
}

template <class T, class Arithmetic, int V, class P> __device__ __forceinline__ void igemm(const P& args) {
    product<T, Arithmetic, V>(args, args.problem[blockIdx.z / args.splits], blockIdx.z % args.splits, 0);
}

constexpr int JOIN_THREADS = 256;

// out[e] = Σ_z part[z][e] in this order, + bias[e mod channels] in the first ``biased``: the splits of a product, joined. Each
// element is one thread's, so the result does not depend on which block ends first.
struct JoinArgs {
    const float* part;
    const float* bias;
    float* out;
    int size, splits, biased;
    Divisor channels;
};

__device__ __forceinline__ void join(const JoinArgs& args) {
    const int e = blockIdx.x * JOIN_THREADS + threadIdx.x;
    if (e >= args.size) return;
    float sum = args.part[e];
    for (int z = 1; z < args.splits; z++) sum += args.part[(long long)z * args.size + e];
    if (args.bias != nullptr && e < args.biased) sum += args.bias[e - args.channels.quotient(e) * args.channels.by];
    args.out[e] = sum;
}
