// The adjoint of norm.cu's pair map, float32 (reference.normalise_vjp):
//
//     x̄ = P r (γȳ − z⟨zγȳ⟩) − Σₖ r² (a Pu + c ẋ + (⟨uẋ⟩ − 3ac) z),   ẋ̄ = P r (u − z c),   u = γẏ̄ₖ,  c = ⟨zu⟩
//     γ̄ = Σ ȳz + Σₖ Σ ẏ̄ż,   β̄ = Σ ȳ;   ẋ centred, P u = u − ⟨u⟩, both as they are without centring
//
// Three launches: the sums of parts of the groups, the parts joined by column_sum, the elements. With D = 1 γ is one number in
// a group, so it is left out of the sums and γ̄, β̄ come of them too; else a pass of its own has these, channel by channel.
#include "norm.cuh"

// ---------------------------------------------------------------- sums of groups

struct TermsArgs {
    const float *x, *g, *gamma; // γ null: sums of G itself
    float* part;                // [y][2 + 3K][q]: Σ G, then Σ z G of each of 1 + K rows, then Σ G ẋ of each tangent
    Saved saved;
    Sizes sizes;
    Share share;
};

template <int T> __device__ __forceinline__ void terms(const TermsArgs& args) {
    TG_SHARED(Shared<Terms<T>>, shared);
    const Sizes& sizes = args.sizes;
    const Seat seat(sizes, args.share);
    const int first = blockIdx.z * T, left = sizes.tangents - first, groups = sizes.groups;
    Terms<T> all = {};
    if (seat.taken) {
        const int start = sizes.first(seat.q);
        const float r = args.saved.r[seat.q];
        for (int e = seat.start + seat.lane; e < seat.end; e += args.share.lanes) {
            const int at = start + sizes.member(e);
            const float gamma = args.gamma ? args.gamma[sizes.channel(at)] : 1;
            const float z = args.saved.centred(args.x[at], seat.q) * r, g = gamma * args.g[at];
            all.g += g;
            all.gz = fmaf(g, z, all.gz);
            TG_UNROLL for (int k = 0; k < T; k++) {
                if (k >= left) continue;
                const int row = first + k + 1, there = row * sizes.size + at;
                const float u = gamma * args.g[there];
                all.dot_g[k] += u;
                all.dot_gz[k] = fmaf(u, z, all.dot_gz[k]);
                all.gx[k] = fmaf(u, args.saved.centred(args.x[there], row * groups + seat.q), all.gx[k]);
            }
        }
    }
    all = reduce(shared.of, all, seat.lane, args.share.lanes, seat.apart);
    if (seat.lane != 0 || !seat.taken) return;
    const int K = sizes.tangents;
    float* part = args.part + blockIdx.y * (2 + 3 * K) * groups + seat.q;
    if (first == 0) part[0] = all.g, part[(1 + K) * groups] = all.gz;
    TG_UNROLL for (int k = 0; k < T; k++)
        if (k < left) {
            part[(first + k + 1) * groups] = all.dot_g[k];
            part[(first + k + 2 + K) * groups] = all.dot_gz[k];
            part[(first + k + 2 + 2 * K) * groups] = all.gx[k];
        }
}

TG_KERNEL(norm_terms0, TermsArgs, THREADS, terms<0>)
TG_KERNEL(norm_terms1, TermsArgs, THREADS, terms<1>)
TG_KERNEL(norm_terms4, TermsArgs, THREADS, terms<4>)
TG_KERNEL(column_sum, ColumnSumArgs, THREADS, sum_columns)

// ---------------------------------------------------------------- x̄

struct VjpArgs {
    const float *x, *g, *gamma, *terms; // terms: the sums of TermsArgs, joined
    float* out;
    Saved saved;
    Sizes sizes;
    int weighted; // whether γ is in the sums
    float share;  // 1 / (R·D)
};

template <int V> __device__ __forceinline__ void vjp(const VjpArgs& args) {
    const Sizes& sizes = args.sizes;
    const int K = sizes.tangents, groups = sizes.groups;
    each<V>(sizes.size, [&](int i) {
        const int c0 = sizes.channel(i);
        Words<V> x = load<V>(args.x + i), g = load<V>(args.g + i), z, r, gamma, share, curve = {};
        int q[V];
        TG_UNROLL for (int j = 0; j < V; j++) {
            q[j] = sizes.group(i, c0 + j);
            r.at[j] = args.saved.r[q[j]];
            z.at[j] = args.saved.centred(x.at[j], q[j]) * r.at[j];
            gamma.at[j] = args.gamma ? args.gamma[c0 + j] : 1;
            share.at[j] = args.weighted ? args.share : args.share * gamma.at[j];
        }
        // P u, and u's part along z
        const auto centred = [&](float u, int j, int row) {
            return sizes.centre ? fmaf(gamma.at[j], u, -args.terms[row * groups + q[j]] * share.at[j]) : gamma.at[j] * u;
        };
        const auto along = [&](int j, int row) { return args.terms[(1 + K + row) * groups + q[j]] * share.at[j]; };
        for (int k = 1; k <= K; k++) {
            const Words<V> dot = load<V>(args.x + k * sizes.size + i);
            Words<V> bar = load<V>(args.g + k * sizes.size + i);
            TG_UNROLL for (int j = 0; j < V; j++) {
                const float u = centred(bar.at[j], j, k), c = along(j, k), a = args.saved.a[(k - 1) * groups + q[j]];
                const float e = args.terms[(1 + 2 * K + k) * groups + q[j]] * share.at[j];
                const float x_dot = args.saved.centred(dot.at[j], k * groups + q[j]);
                curve.at[j] += fmaf(a, u, fmaf(c, x_dot, fmaf(-3 * a, c, e) * z.at[j]));
                bar.at[j] = r.at[j] * fmaf(-z.at[j], c, u);
            }
            store<V>(args.out + k * sizes.size + i, bar);
        }
        TG_UNROLL for (int j = 0; j < V; j++) {
            const float first = fmaf(-z.at[j], along(j, 0), centred(g.at[j], j, 0));
            x.at[j] = r.at[j] * fmaf(-r.at[j], curve.at[j], first);
        }
        store<V>(args.out + i, x);
    });
}

TG_KERNEL(norm_vjp4, VjpArgs, THREADS, vjp<4>)
TG_KERNEL(norm_vjp1, VjpArgs, THREADS, vjp<1>)

// ---------------------------------------------------------------- γ̄, β̄

struct ParametersArgs {
    const float *x, *g, *terms; // D = 1: terms alone is read; else x and g
    float* out;                 // [y][2][C]: γ̄, β̄ of the rows y·run ≤ row < (y + 1)·run of all sets
    Saved saved;
    Sizes sizes;
    int rows, run, width; // S·R, and columns of a block
};

// Σ ẏ̄ż = r (Σ ẏ̄ẋ − a Σ ẏ̄z).
__device__ __forceinline__ void parameters(const ParametersArgs& args) {
    const int c = blockIdx.x * THREADS + threadIdx.x, C = args.sizes.C.by, K = args.sizes.tangents, groups = args.sizes.groups;
    if (c >= C) return;
    float gamma = 0, beta = 0;
    for (int q = c; q < groups; q += C) {
        float sum = args.terms[(1 + K) * groups + q];
        for (int k = 0; k < K; k++) {
            const float gx = args.terms[(2 + 2 * K + k) * groups + q], gz = args.terms[(2 + K + k) * groups + q];
            sum = fmaf(args.saved.r[q], fmaf(-args.saved.a[k * groups + q], gz, gx), sum);
        }
        gamma += sum;
        beta += args.terms[q];
    }
    args.out[c] = gamma;
    args.out[C + c] = beta;
}

TG_KERNEL(norm_parameters, ParametersArgs, THREADS, parameters)

struct Pair {
    float gamma, beta;
    __device__ void merge(const Pair& other) { gamma += other.gamma, beta += other.beta; }
};

__device__ __forceinline__ void parameter_sums(const ParametersArgs& args) {
    TG_SHARED(Shared<Pair>, shared);
    const Sizes& sizes = args.sizes;
    const int lane = int(threadIdx.x) / args.width, lanes = THREADS / args.width, C = sizes.C.by;
    const int c = blockIdx.x * args.width + int(threadIdx.x) % args.width;
    const int first = blockIdx.y * args.run, last = min(first + args.run, args.rows);
    Pair sum = {0, 0};
    if (lane < lanes && c < C)
        for (int row = first + lane; row < last; row += lanes) {
            const int at = row * C + c, q = sizes.group(at, c);
            const float r = args.saved.r[q], z = args.saved.centred(args.x[at], q) * r, g = args.g[at];
            sum.beta += g;
            sum.gamma = fmaf(g, z, sum.gamma);
            for (int k = 1; k <= sizes.tangents; k++) {
                const int there = k * sizes.size + at, saved = k * sizes.groups + q;
                const float x_dot = args.saved.centred(args.x[there], saved);
                const float z_dot = r * fmaf(-z, args.saved.a[saved - sizes.groups], x_dot);
                sum.gamma = fmaf(args.g[there], z_dot, sum.gamma);
            }
        }
    sum = reduce(shared.of, sum, lane, lanes, args.width);
    if (lane != 0 || c >= C) return;
    float* out = args.out + blockIdx.y * 2 * C + c;
    out[0] = sum.gamma;
    out[C] = sum.beta;
}

TG_KERNEL(norm_parameter_sums, ParametersArgs, THREADS, parameter_sums)
