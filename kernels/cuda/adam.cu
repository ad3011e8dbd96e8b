// One step of Adam (Kingma & Ba 2015, algorithm 1) on flat float32 vectors, as reference.adam:
//
//     m' = b₁ m + (1 − b₁) g,   v' = b₂ v + (1 − b₂) g²,   θ' = θ − rates[0] m' / (√(v' rates[1]) + ε)
//     rates = (lr / (1 − b₁ᵗ), 1 / (1 − b₂ᵗ)),             adam_ema also: e' = d e + (1 − d) θ'
//
// What changes from step to step, rates, is read from memory of the device, so a graph of launches can be replayed: adam_rates
// makes them of the number of the step, which is there too, in double precision, for 1 − b₂ᵗ cancels. In adam a thread
// reads all of its V elements before it writes one: results may take the operands' places. V is 4 where the length is a
// multiple of four and every address of 16 bytes, else 1.
#include "flat.cuh"

struct AdamArgs {
    const float *theta, *g, *m, *v, *e, *rates;
    float *new_theta, *new_m, *new_v, *new_e;
    int size;
    float b1, c1, b2, c2, eps, d, c; // c: 1 less the b or d before it
};

template <bool EMA, int V> __device__ __forceinline__ void adam(const AdamArgs& args) {
    const float rate = args.rates[0], scale = args.rates[1];
    each<V>(args.size, [&](int i) {
        Words<V> theta = load<V>(args.theta + i), m = load<V>(args.m + i), v = load<V>(args.v + i), e = {};
        const Words<V> g = load<V>(args.g + i);
        if constexpr (EMA) e = load<V>(args.e + i);
        TG_UNROLL for (int j = 0; j < V; j++) {
            m.at[j] = fmaf(args.b1, m.at[j], args.c1 * g.at[j]);
            v.at[j] = fmaf(args.b2, v.at[j], args.c2 * (g.at[j] * g.at[j]));
            theta.at[j] -= rate * m.at[j] / (sqrtf(v.at[j] * scale) + args.eps);
            e.at[j] = fmaf(args.d, e.at[j], args.c * theta.at[j]);
        }
        store<V>(args.new_theta + i, theta);
        store<V>(args.new_m + i, m);
        store<V>(args.new_v + i, v);
        if constexpr (EMA) store<V>(args.new_e + i, e);
    });
}

struct RatesArgs {
    const long long* t;
    const double* schedule; // a learning rate in memory, in place of lr; null: none
    float* rates;
    double lr, b1, b2;
};

__device__ __forceinline__ void adam_rates_of(const RatesArgs& args) {
    if (threadIdx.x > 0) return;
    const double t = double(*args.t), lr = args.schedule ? *args.schedule : args.lr;
    args.rates[0] = float(lr / (1 - pow(args.b1, t)));
    args.rates[1] = float(1 / (1 - pow(args.b2, t)));
}

TG_KERNEL(adam_rates, RatesArgs, 32, adam_rates_of)
TG_KERNEL(adam4, AdamArgs, THREADS, adam<false, 4>)
TG_KERNEL(adam1, AdamArgs, THREADS, adam<false, 1>)
TG_KERNEL(adam_ema4, AdamArgs, THREADS, adam<true, 4>)
TG_KERNEL(adam_ema1, AdamArgs, THREADS, adam<true, 1>)
