// The groups of a normalisation, and what is summed over them. x is (S, R, G, D): S sets of R rows, each of G groups of D
// channels; group q = (s, g) has R·D elements, element e = (row, d) of them at x[s, row, g, d].
#pragma once
#include "divisor.cuh"
#include "flat.cuh"

struct Sizes {
    int size, tangents; // of a row of the bundle
    int groups, count;  // S·G; R·D
    int set;            // elements of a set
    int centre;         // whether z is centred
    Divisor G, D, C, R;

    __device__ int first(int q) const { // where group q starts
        const int s = G.quotient(q);
        return s * set + (q - s * int(G.by)) * int(D.by);
    }
    __device__ int member(int e) const { // where its element e lies from there
        const int row = D.quotient(e);
        return row * int(C.by) + e - row * int(D.by);
    }
    __device__ int channel(int i) const { return i - C.quotient(i) * int(C.by); }
    __device__ int group(int i, int c) const { return R.quotient(C.quotient(i)) * int(G.by) + D.quotient(c); }
};

// How a block's threads share ``width`` groups: neighbours have neighbouring groups, which for D = 1 lie side by side, or
// (``along``) neighbouring elements of one. Block y of the grid has the elements y·run ≤ e < (y + 1)·run of each.
struct Share {
    int width, lanes, run, along;
};

// The group that a thread works for, its lane among those that share it, and the elements that its block sums.
struct Seat {
    int q, lane, apart, start, end;
    bool taken;

    __device__ Seat(const Sizes& sizes, const Share& share) {
        const int t = threadIdx.x, j = share.along ? t / share.lanes : t % share.width;
        lane = share.along ? t % share.lanes : t / share.width;
        apart = share.along ? 1 : share.width;
        q = blockIdx.x * share.width + j;
        start = blockIdx.y * share.run;
        end = min(start + share.run, sizes.count);
        taken = lane < share.lanes && q < sizes.groups;
    }
};

// What ``normalise`` saves of each group, a row for each of (1 + K): ⟨x⟩ is mean + rest to twice float32's digits, so that
// x − ⟨x⟩ is right where the mean is far larger than the deviation. a = ⟨zẋ⟩.
struct Saved {
    float *mean, *rest, *var, *r, *a;

    __device__ float centred(float x, int at) const { return (x - mean[at]) - rest[at]; }
};

// Count, mean and Σ (x − mean)² of some elements, and of each of T tangents the mean and Σ (x − mean) (ẋ − mean). Sets of
// elements are merged as Chan, Golub & LeVeque 1983 do, nothing is ever a difference of two large sums.
template <int T> struct Moments {
    static constexpr int N = T > 0 ? T : 1;
    float n, mean, square, dot_mean[N], product[N];

    __device__ void merge(const Moments& other) {
        if (other.n == 0) return;
        const float whole = n + other.n, part = other.n / whole, d = other.mean - mean, weight = d * n * part;
        n = whole;
        mean = fmaf(d, part, mean);
        square = fmaf(d, weight, square + other.square);
        TG_UNROLL for (int k = 0; k < T; k++) {
            const float d_dot = other.dot_mean[k] - dot_mean[k];
            dot_mean[k] = fmaf(d_dot, part, dot_mean[k]);
            product[k] = fmaf(d_dot, weight, product[k] + other.product[k]);
        }
    }
};

// Σ G, Σ z G, and of each of T tangents the same and Σ G ẋ, ẋ centred.
template <int T> struct Terms {
    static constexpr int N = T > 0 ? T : 1;
    float g, gz, dot_g[N], dot_gz[N], gx[N];

    __device__ void merge(const Terms& other) {
        g += other.g, gz += other.gz;
        TG_UNROLL for (int k = 0; k < T; k++)
            dot_g[k] += other.dot_g[k], dot_gz[k] += other.dot_gz[k], gx[k] += other.gx[k];
    }
};
