// Where the elements of the matrices of igemm.cuh lie, in arrays of channels-last images, weights and matrices.
//
// A map answers for a row m and a depth k apart, so that each is worked out once and not for each of their pairs:
// the element of a pair is at[offset(row, depth)], or zero unless inside(row, depth). V neighbours in the direction that
// runs fastest lie side by side and are inside together.
#pragma once
#include "divisor.cuh"

// The patches of images x (N, H, W, C):  A[(n, i, j)][(u, v, c)] = x[n, sh·i + u − top, sw·j + v − left, c].
struct Patches {
    static constexpr bool DEPTH_FASTEST = true;
    static constexpr int OUTSIDE = 1 << 29; // as a coordinate: added to any other still outside
    struct Row {
        int offset, y, x;
    };
    using Depth = Row;

    const float* at;
    int H, W, C, sh, sw, top, left, pixels, taps;
    Divisor image, line, channel, kernel_line; // P·Q, Q, C, kw

    __device__ Row row(int m) const {
        if (m >= pixels) return {0, OUTSIDE, OUTSIDE};
        const int n = image.quotient(m), p = m - n * image.by, i = line.quotient(p), j = p - i * line.by;
        const int y = sh * i - top, x = sw * j - left;
        return {((n * H + y) * W + x) * C, y, x};
    }
    __device__ Depth depth(int k) const {
        if (k >= taps) return {0, OUTSIDE, OUTSIDE};
        const int tap = channel.quotient(k), c = k - tap * channel.by;
        const int u = kernel_line.quotient(tap), v = tap - u * kernel_line.by;
        return {(u * W + v) * C + c, u, v};
    }
    __device__ static int offset(Row r, Depth d) { return r.offset + d.offset; }
    __device__ bool inside(Row r, Depth d) const { return unsigned(r.y + d.y) < unsigned(H) && unsigned(r.x + d.x) < unsigned(W); }
};

// The same with rows and depth exchanged:  A[(u, v, c)][(n, i, j)].
struct PatchesTransposed : Patches {
    static constexpr bool DEPTH_FASTEST = false;

    __device__ Row row(int m) const { return Patches::depth(m); }
    __device__ Depth depth(int k) const { return Patches::row(k); }
};

// A matrix, or a part of one:  B[k][n] = at[k·pitch + n].
struct Matrix {
    static constexpr bool DEPTH_FASTEST = false;
    using Row = int; // an offset, −1 outside
    using Depth = int;

    const float* at;
    int height, width, pitch;

    __device__ Row row(int n) const { return n < width ? n : -1; }
    __device__ Depth depth(int k) const { return k < height ? k * pitch : -1; }
    __device__ static int offset(Row r, Depth d) { return r + d; }
    __device__ static bool inside(Row r, Depth d) { return (r | d) >= 0; }
};

// The same with rows and depth exchanged:  A[m][k] = at[m·pitch + k].
struct Lines {
    static constexpr bool DEPTH_FASTEST = true;
    using Row = int;
    using Depth = int;

    const float* at;
    int height, width, pitch;

    __device__ Row row(int m) const { return m < height ? m * pitch : -1; }
    __device__ Depth depth(int k) const { return k < width ? k : -1; }
    __device__ static int offset(Row r, Depth d) { return r + d; }
    __device__ static bool inside(Row r, Depth d) { return (r | d) >= 0; }
};

// Of weights w (kh, kw, C, O) the taps a, a + sh, ... by b, b + sw, ..., last first:
//     B[(u, v, o)][c] = w[a + sh (th − 1 − u), b + sw (tw − 1 − v), c, o] = at[first − u·down − v·right + c·O + o].
struct Taps {
    static constexpr bool DEPTH_FASTEST = true;
    using Row = int; // an offset, −1 outside
    using Depth = int;

    const float* at;
    int C, O, first, down, right, taps; // taps = th·tw·O
    Divisor channel, kernel_line;       // O, tw

    __device__ Row row(int c) const { return c < C ? c * O : -1; }
    __device__ Depth depth(int k) const {
        if (k >= taps) return -1;
        const int tap = channel.quotient(k), o = k - tap * channel.by;
        const int u = kernel_line.quotient(tap), v = tap - u * kernel_line.by;
        return first - u * down - v * right + o;
    }
    __device__ static int offset(Row r, Depth d) { return r + d; }
    __device__ static bool inside(Row r, Depth d) { return (r | d) >= 0; }
};

// Where row m = (n, i, j) of D goes: to pixel (y + sh·i, x + sw·j) of image n of (N, H, W, C).
struct Place {
    int H, W, C, y, x, sh, sw;
    Divisor image, line;

    __device__ int offset(int m) const {
        const int n = image.quotient(m), p = m - n * image.by, i = line.quotient(p), j = p - i * line.by;
        return ((n * H + y + sh * i) * W + x + sw * j) * C;
    }
};
