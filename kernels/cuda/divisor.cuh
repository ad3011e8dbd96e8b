// Division of indices by a number that the launch gives.
#pragma once
#include "tg.cuh"

// n / by = n · times >> shift for 0 ≤ n < 2³¹ (Granlund & Montgomery 1994): times = ⌈2^shift / by⌉, shift = 31 + ⌈log₂ by⌉.
struct Divisor {
    unsigned by, times, shift;
    __device__ int quotient(int n) const { return int((unsigned long long)unsigned(n) * times >> shift); }
};
