// Activations over bundles, and the operations on flat vectors and channels of reference.py, float32.
//
//     pointwise_f        y = φ(x), ẏₖ = φ' ẋₖ                          one launch for a bundle: a thread takes the point,
//     pointwise_dx_f     x̄ = φ' ȳ + φ'' Σₖ ẋₖ ẏ̄ₖ, ẋ̄ₖ = φ' ẏ̄ₖ          then walks its tangents; φ'' ẋ = (φ''/φ') ẏ
//     combine            a x + b y
//     scale_shift        y = scale x + shift, ẏₖ = scale ẋₖ             scale, shift of the last axis
//     flatten            arrays, one after another, in a vector
//     column_sum, dot    Σ over rows, Σ x y: a sum for each block, then column_sum over these; no atomics
//
// A name may end in V, the floats of an access: 4 where rows, or channels, are multiples of four and addresses of 16, else 1.
// ``slope`` is φ', ``curve`` φ''/φ', functions of y; of silu they are φ' and φ'' of x. A NaN is passed on. On the CPU expf, log1pf,
// expm1f, tanhf are those of its C library, which differ from the device's in the last bits; all else is IEEE arithmetic with its
// fused products written out.
#include "divisor.cuh"
#include "flat.cuh"

// ---------------------------------------------------------------- activations

struct Relu {
    static constexpr bool OF_X = false, CURVED = false;
    __device__ static float value(float x, float) { return x < 0 ? 0 : x; }
    __device__ static float slope(float y, float) { return y > 0 ? 1 : 0; }
    __device__ static float curve(float, float) { return 0; }
};

struct LeakyRelu {
    static constexpr bool OF_X = false, CURVED = false;
    __device__ static float value(float x, float a) { return x < 0 ? a * x : x; }
    __device__ static float slope(float y, float a) { return y > 0 ? 1 : a; }
    __device__ static float curve(float, float) { return 0; }
};

struct Elu {
    static constexpr bool OF_X = false, CURVED = true;
    __device__ static float value(float x, float a) { return x > 0 ? x : a * expm1f(x); }
    __device__ static float slope(float y, float a) { return y > 0 ? 1 : y + a; }
    __device__ static float curve(float y, float) { return y > 0 ? 0 : 1; }
};

struct Sigmoid {
    static constexpr bool OF_X = false, CURVED = true;
    __device__ static float value(float x, float) { return 1 / (1 + expf(-x)); }
    __device__ static float slope(float y, float) { return y * (1 - y); }
    __device__ static float curve(float y, float) { return fmaf(-2.0f, y, 1.0f); }
};

struct Silu {
    static constexpr bool OF_X = true, CURVED = true;
    __device__ static float value(float x, float a) { return x * Sigmoid::value(x, a); }
    __device__ static float slope(float x, float a) {
        const float s = Sigmoid::value(x, a);
        return s * fmaf(x, 1 - s, 1.0f);
    }
    __device__ static float curve(float x, float a) {
        const float s = Sigmoid::value(x, a);
        return s * (1 - s) * fmaf(x, fmaf(-2.0f, s, 1.0f), 2.0f);
    }
};

struct Softplus {
    static constexpr bool OF_X = false, CURVED = true;
    __device__ static float value(float x, float) { return (x < 0 ? 0 : x) + log1pf(expf(-fabsf(x))); }
    __device__ static float slope(float y, float) { return -expm1f(-y); }
    __device__ static float curve(float y, float) { return expf(-y); }
};

struct Tanh {
    static constexpr bool OF_X = false, CURVED = true;
    __device__ static float value(float x, float) { return tanhf(x); }
    __device__ static float slope(float y, float) { return fmaf(-y, y, 1.0f); }
    __device__ static float curve(float y, float) { return -2 * y; }
};

struct PointwiseArgs {
    const float* s; // X, or for the adjoint what pointwise saved: Y, or X where OF_X
    const float* g; // the adjoint's cotangents
    float* out;
    int size, tangents; // of a row
    float a;
};

template <class F, int V> __device__ __forceinline__ void pointwise(const PointwiseArgs& args) {
    each<V>(args.size, [&](int i) {
        const Words<V> x = load<V>(args.s + i);
        Words<V> y, slope;
        TG_UNROLL for (int j = 0; j < V; j++) y.at[j] = F::value(x.at[j], args.a);
        store<V>(args.out + i, y);
        if (args.tangents == 0) return;
        TG_UNROLL for (int j = 0; j < V; j++) slope.at[j] = F::slope(F::OF_X ? x.at[j] : y.at[j], args.a);
        for (int k = 1; k <= args.tangents; k++) {
            const int at = k * args.size + i;
            Words<V> dot = load<V>(args.s + at);
            TG_UNROLL for (int j = 0; j < V; j++) dot.at[j] *= slope.at[j];
            store<V>(args.out + at, dot);
        }
    });
}

template <class F, int V> __device__ __forceinline__ void pointwise_dx(const PointwiseArgs& args) {
    each<V>(args.size, [&](int i) {
        const Words<V> s = load<V>(args.s + i), g = load<V>(args.g + i);
        Words<V> slope, sum = {}, x;
        TG_UNROLL for (int j = 0; j < V; j++) slope.at[j] = F::slope(s.at[j], args.a);
        for (int k = 1; k <= args.tangents; k++) {
            const int at = k * args.size + i;
            Words<V> bar = load<V>(args.g + at);
            if constexpr (F::CURVED) {
                const Words<V> dot = load<V>(args.s + at);
                TG_UNROLL for (int j = 0; j < V; j++) sum.at[j] = fmaf(dot.at[j], bar.at[j], sum.at[j]);
            }
            TG_UNROLL for (int j = 0; j < V; j++) bar.at[j] *= slope.at[j];
            store<V>(args.out + at, bar);
        }
        TG_UNROLL for (int j = 0; j < V; j++) {
            x.at[j] = slope.at[j] * g.at[j];
            if (F::CURVED && args.tangents > 0) x.at[j] = fmaf(F::curve(s.at[j], args.a), sum.at[j], x.at[j]);
        }
        store<V>(args.out + i, x);
    });
}

#define ACTIVATION(NAME, F)                                                              \
    TG_KERNEL(pointwise_##NAME##4, PointwiseArgs, THREADS, pointwise<F, 4>)              \
    TG_KERNEL(pointwise_##NAME##1, PointwiseArgs, THREADS, pointwise<F, 1>)              \
    TG_KERNEL(pointwise_dx_##NAME##4, PointwiseArgs, THREADS, pointwise_dx<F, 4>)        \
    TG_KERNEL(pointwise_dx_##NAME##1, PointwiseArgs, THREADS, pointwise_dx<F, 1>)

ACTIVATION(relu, Relu)
ACTIVATION(leaky_relu, LeakyRelu)
ACTIVATION(elu, Elu)
ACTIVATION(silu, Silu)
ACTIVATION(softplus, Softplus)
ACTIVATION(tanh, Tanh)
ACTIVATION(sigmoid, Sigmoid)

// ---------------------------------------------------------------- vectors and channels

struct CombineArgs {
    const float *x, *y;
    float* out;
    int size;
    float a, b;
};

template <int V> __device__ __forceinline__ void combine(const CombineArgs& args) {
    each<V>(args.size, [&](int i) {
        Words<V> x = load<V>(args.x + i);
        const Words<V> y = load<V>(args.y + i);
        TG_UNROLL for (int j = 0; j < V; j++) x.at[j] = fmaf(args.a, x.at[j], args.b * y.at[j]);
        store<V>(args.out + i, x);
    });
}

TG_KERNEL(combine4, CombineArgs, THREADS, combine<4>)
TG_KERNEL(combine1, CombineArgs, THREADS, combine<1>)

struct ScaleShiftArgs {
    const float *x, *scale, *shift;
    float* out;
    int size, tangents; // of a row
    Divisor channels;
};

template <int V> __device__ __forceinline__ void scale_shift(const ScaleShiftArgs& args) {
    each<V>(args.size, [&](int i) {
        const int c = i - args.channels.quotient(i) * args.channels.by;
        const Words<V> scale = load<V>(args.scale + c), shift = load<V>(args.shift + c);
        Words<V> x = load<V>(args.x + i);
        TG_UNROLL for (int j = 0; j < V; j++) x.at[j] = fmaf(scale.at[j], x.at[j], shift.at[j]);
        store<V>(args.out + i, x);
        for (int k = 1; k <= args.tangents; k++) { // a constant has no tangent
            const int at = k * args.size + i;
            Words<V> dot = load<V>(args.x + at);
            TG_UNROLL for (int j = 0; j < V; j++) dot.at[j] *= scale.at[j];
            store<V>(args.out + at, dot);
        }
    });
}

TG_KERNEL(scale_shift4, ScaleShiftArgs, THREADS, scale_shift<4>)
TG_KERNEL(scale_shift1, ScaleShiftArgs, THREADS, scale_shift<1>)

constexpr int PARTS = 64; // of a launch

struct FlattenArgs {
    const float* part[PARTS];
    int start[PARTS + 1]; // of each in the vector, and the end
    float* out;
};

__device__ __forceinline__ void parts_in_a_vector(const FlattenArgs& args) {
    const float* part = args.part[blockIdx.y];
    const int start = args.start[blockIdx.y];
    const unsigned size = args.start[blockIdx.y + 1] - start, step = gridDim.x * THREADS;
    for (unsigned i = blockIdx.x * THREADS + threadIdx.x; i < size; i += step) args.out[start + i] = part[i];
}

TG_KERNEL(flatten, FlattenArgs, THREADS, parts_in_a_vector)

// ---------------------------------------------------------------- sums

TG_KERNEL(column_sum, ColumnSumArgs, THREADS, sum_columns)

struct DotArgs {
    const float *x, *y;
    float* out; // one number for each block
    int size;
};

// One float an access, so that the order of the sum does not depend on where the arrays lie.
__device__ __forceinline__ void sum_products(const DotArgs& args) {
    TG_SHARED(Shared<Sum>, shared);
    Sum sum = {0};
    each<1>(args.size, [&](int i) { sum.value = fmaf(args.x[i], args.y[i], sum.value); });
    sum = reduce(shared.of, sum, threadIdx.x, THREADS, 1);
    if (threadIdx.x == 0) args.out[blockIdx.x] = sum.value;
}

TG_KERNEL(dot, DotArgs, THREADS, sum_products)
