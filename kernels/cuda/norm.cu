// Batch, instance, group and layer norm of bundles, float32 (reference.normalise):
//
//     z = (x − μ) r,  y = γ z + β,  ẏ = γ r (ẋ − ⟨ẋ⟩ − z a),  r = (⟨(x − μ)²⟩ + ε)^-½,  a = ⟨zẋ⟩
//
// Three launches: moments of parts of the groups, whose number depends on the shapes alone; the parts joined in order; the
// elements. T tangents are summed at a time, beside the point, which all of them need. Moments are taken of x less its
// group's first element, exact where the mean is large. With D = 1 a thread's neighbours read neighbouring channels, else
// neighbouring elements of a group. A name ends in T, or in V: 4 where channels are multiples of four.
#include "norm.cuh"

constexpr int BATCH = 4; // elements of a thread that are read before any is used

// ---------------------------------------------------------------- statistics

struct MomentsArgs {
    const float* x;
    float* part; // [y][2 + 2K][q]: mean, square; of each tangent mean, product
    Sizes sizes;
    Share share;
};

__device__ __forceinline__ float pivot(const float* x, const Sizes& sizes, int at) {
    return sizes.centre && sizes.count ? x[at] : 0;
}

template <int T> __device__ __forceinline__ void moments(const MomentsArgs& args) {
    TG_SHARED(Shared<Moments<T>>, shared);
    const Seat seat(args.sizes, args.share);
    const int first = blockIdx.z * T, left = args.sizes.tangents - first; // tangents of this block and later ones
    Moments<T> all = {};
    if (seat.taken) {
        const int at = args.sizes.first(seat.q);
        int row[T + 1];
        float zero[T + 1], x[T + 1][BATCH];
        TG_UNROLL for (int k = 0; k <= T; k++) {
            row[k] = k == 0 ? at : at + (k <= left ? first + k : 0) * args.sizes.size; // beyond the last: the point, unused
            zero[k] = pivot(args.x, args.sizes, row[k]);
        }
        for (int e = seat.start + seat.lane; e < seat.end; e += BATCH * args.share.lanes) {
            Moments<T> some = {};
            TG_UNROLL for (int b = 0; b < BATCH; b++) {
                const int i = e + b * args.share.lanes;
                const int member = args.sizes.member(i);
                some.n += i < seat.end ? 1 : 0;
                TG_UNROLL for (int k = 0; k <= T; k++) x[k][b] = i < seat.end ? args.x[row[k] + member] - zero[k] : 0;
            }
            const float share = args.sizes.centre ? 1 / some.n : 0;
            TG_UNROLL for (int b = 0; b < BATCH; b++) {
                some.mean += x[0][b];
                TG_UNROLL for (int k = 0; k < T; k++) some.dot_mean[k] += x[k + 1][b];
            }
            some.mean *= share;
            TG_UNROLL for (int k = 0; k < T; k++) some.dot_mean[k] *= share;
            TG_UNROLL for (int b = 0; b < BATCH; b++) {
                const float d = b < int(some.n) ? x[0][b] - some.mean : 0;
                some.square = fmaf(d, d, some.square);
                TG_UNROLL for (int k = 0; k < T; k++)
                    some.product[k] = fmaf(d, x[k + 1][b] - some.dot_mean[k], some.product[k]);
            }
            all.merge(some);
        }
    }
    all = reduce(shared.of, all, seat.lane, args.share.lanes, seat.apart);
    if (seat.lane != 0 || !seat.taken) return;
    const int groups = args.sizes.groups;
    float* part = args.part + blockIdx.y * (2 + 2 * args.sizes.tangents) * groups + seat.q;
    if (first == 0) part[0] = all.mean, part[groups] = all.square;
    TG_UNROLL for (int k = 0; k < T; k++)
        if (k < left) {
            part[(2 + 2 * (first + k)) * groups] = all.dot_mean[k];
            part[(3 + 2 * (first + k)) * groups] = all.product[k];
        }
}

TG_KERNEL(norm_moments0, MomentsArgs, THREADS, moments<0>)
TG_KERNEL(norm_moments1, MomentsArgs, THREADS, moments<1>)
TG_KERNEL(norm_moments4, MomentsArgs, THREADS, moments<4>)

struct JoinMomentsArgs {
    const float *x, *part;
    Saved saved;
    Sizes sizes;
    int parts, run;
    float eps;
};

// mean + rest = a + b, exactly (Knuth's two-sum).
__device__ __forceinline__ void two_sum(float a, float b, float& mean, float& rest) {
    mean = a + b;
    const float other = mean - a;
    rest = (a - (mean - other)) + (b - other);
}

// A thread a group and tangent; those of the first tangent write what belongs to the point.
__device__ __forceinline__ void join_moments(const JoinMomentsArgs& args) {
    const Sizes& sizes = args.sizes;
    const int q = blockIdx.x * THREADS + threadIdx.x, k = blockIdx.y, groups = sizes.groups;
    if (q >= groups) return;
    Moments<1> all = {};
    for (int y = 0; y < args.parts; y++) {
        const float* part = args.part + y * (2 + 2 * sizes.tangents) * groups + q;
        Moments<1> some = {float(min(args.run, sizes.count - y * args.run)), part[0], part[groups], {0}, {0}};
        if (k < sizes.tangents) some.dot_mean[0] = part[(2 + 2 * k) * groups], some.product[0] = part[(3 + 2 * k) * groups];
        all.merge(some);
    }
    const int at = sizes.first(q), row = k + 1;
    const float count = sizes.count > 0 ? sizes.count : 1, var = all.square / count, r = 1 / sqrtf(var + args.eps);
    if (k == 0) {
        two_sum(pivot(args.x, sizes, at), all.mean, args.saved.mean[q], args.saved.rest[q]);
        args.saved.var[q] = var;
        args.saved.r[q] = r;
    }
    if (k >= sizes.tangents) return;
    const int to = row * groups + q;
    two_sum(pivot(args.x, sizes, row * sizes.size + at), all.dot_mean[0], args.saved.mean[to], args.saved.rest[to]);
    args.saved.a[k * groups + q] = r * (all.product[0] / count);
}

TG_KERNEL(norm_join, JoinMomentsArgs, THREADS, join_moments)

// ---------------------------------------------------------------- normalise

struct NormaliseArgs {
    const float *x, *gamma, *beta; // γ null: y = z
    float* y;
    Saved saved;
    Sizes sizes;
};

template <int V> __device__ __forceinline__ void normalise(const NormaliseArgs& args) {
    const Sizes& sizes = args.sizes;
    each<V>(sizes.size, [&](int i) {
        const int c = sizes.channel(i);
        Words<V> x = load<V>(args.x + i), z, scale;
        int q[V];
        TG_UNROLL for (int j = 0; j < V; j++) {
            q[j] = sizes.group(i, c + j);
            const float r = args.saved.r[q[j]], gamma = args.gamma ? args.gamma[c + j] : 1;
            z.at[j] = args.saved.centred(x.at[j], q[j]) * r;
            x.at[j] = args.gamma ? fmaf(gamma, z.at[j], args.beta[c + j]) : z.at[j];
            scale.at[j] = gamma * r;
        }
        store<V>(args.y + i, x);
        for (int k = 1; k <= sizes.tangents; k++) {
            Words<V> dot = load<V>(args.x + k * sizes.size + i);
            TG_UNROLL for (int j = 0; j < V; j++) {
                const float a = args.saved.a[(k - 1) * sizes.groups + q[j]];
                dot.at[j] = scale.at[j] * fmaf(-z.at[j], a, args.saved.centred(dot.at[j], k * sizes.groups + q[j]));
            }
            store<V>(args.y + k * sizes.size + i, dot);
        }
    });
}

TG_KERNEL(normalise4, NormaliseArgs, THREADS, normalise<4>)
TG_KERNEL(normalise1, NormaliseArgs, THREADS, normalise<1>)
