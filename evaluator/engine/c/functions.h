// exp, tanh, the activations and ln: one IEEE operation after the other, as docs/algorithms/exact.md
// has them. No function of a mathematics library takes part.

#include "lanes.h"

enum { SILU, GELU, GELU_TANH, TANH, RELU, PLAIN };

// e^x - 1 = 2^n * p + (2^n - 1): n in the last bits of *turns, p as the result; |x| is at most 88.
INLINE vf reduced(vf x, vf *turns) {
    const vf magic = all(12582912.0f); // 1.5 * 2^23: adding it rounds to a whole number
    *turns = fma_(x, all(0x1.715476p+0f), magic);
    vf n = *turns - magic;
    vf r = fma_(n, all(-0x1.63p-1f), x);
    r = fma_(n, all(0x1.bd0106p-13f), r);
    vf q = all(0x1.6a2252p-10f);
    q = fma_(q, r, all(0x1.123b04p-7f));
    q = fma_(q, r, all(0x1.5558f8p-5f));
    q = fma_(q, r, all(0x1.55549p-3f));
    q = fma_(q, r, all(0x1.fffffcp-2f));
    return fma_(q, r * r, r);
}

// e^x within 1.0 units of the last place. Below -87: 0. Above 88: e^88. No number stays none.
INLINE vf exp_(vf x) {
    vf top = all(88.0f), turns;
    vu is_low = (vu)(x < all(-87.0f)), is_number = (vu)(x == x);
    vf value = reduced(pick((vu)(x > top), top, x), &turns) + all(1.0f);
    vu bits = (vu)value + ((vu)turns << 23); // times 2^n
    return pick(is_number, (vf)(bits & ~is_low), x);
}

// tanh x = t / (t + 2) with t = e^(2 |x|) - 1, and the sign of x; beyond 10 it is 1.
INLINE vf tanh_(vf x) {
    const vu sign = (vu)all(-0.0f);
    vf size = (vf)((vu)x & ~sign), top = all(10.0f), turns;
    size = pick((vu)(size > top), top, size);
    vf p = reduced(size + size, &turns);
    vf power = (vf)((vu)all(1.0f) + ((vu)turns << 23)); // 2^n
    vf t = fma_(power, p, power - all(1.0f));
    vf value = t / (t + all(2.0f));
    return pick((vu)(x == x), (vf)((vu)value | ((vu)x & sign)), x);
}

INLINE vf silu(vf x) { return x / (all(1.0f) + exp_(-x)); }

// x * (1 + erf(x / sqrt 2)) / 2; erf(x / sqrt 2) / 2 is x times a rational function of x^2
INLINE vf gelu(vf x) {
    vf limit = all(0x1.6a09e6p+2f), y = x;
    y = pick((vu)(y > limit), limit, y);
    y = pick((vu)(y < -limit), -limit, y);
    vf s = y * y;
    vf over = all(-0x1.a7e662p-40f);
    over = fma_(over, s, all(0x1.50951ap-32f));
    over = fma_(over, s, all(-0x1.8eccfap-25f));
    over = fma_(over, s, all(-0x1.51a8bap-19f));
    over = fma_(over, s, all(-0x1.107b38p-14f));
    over = fma_(over, s, all(-0x1.11d682p-11f));
    over = fma_(over, s, all(-0x1.74f3e6p-8f));
    vf under = all(-0x1.e8c19ap-21f);
    under = fma_(under, s, all(-0x1.bf7a52p-16f));
    under = fma_(under, s, all(-0x1.b9249cp-12f));
    under = fma_(under, s, all(-0x1.e337fp-9f));
    under = fma_(under, s, all(-0x1.d36d4ep-7f));
    return (over * y / under + all(0.5f)) * x;
}

// x / 2 * (1 + tanh(sqrt(2 / pi) * x * (1 + 0.044715 x^2)))
INLINE vf gelu_tanh(vf x) {
    vf inner = (x * all(0x1.988454p-1f)) * fma_(x * x, all(0x1.6e4e26p-5f), all(1.0f));
    return (x * all(0.5f)) * (tanh_(inner) + all(1.0f));
}

INLINE vf relu(vf x) { return pick((vu)(x < all(0.0f)), all(0.0f), x); }

INLINE vf active(int which, vf x) {
    switch (which) {
    case SILU: return silu(x);
    case GELU: return gelu(x);
    case GELU_TANH: return gelu_tanh(x);
    case TANH: return tanh_(x);
    case RELU: return relu(x);
    default: return x;
    }
}

INLINE vf capped(vf x, float cap) { return tanh_(x / all(cap)) * all(cap); }

static float exp_1(float x) { return exp_(all(x))[0]; }

// ln of a float64 from 1 on: z = (m - 1) / (m + 1) for a mantissa m in 0.707 .. 1.414
static double ln(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int64_t e = (int64_t)(bits >> 52) - 1022; // x = m * 2^e with m in 0.5 .. 1
    bits = (bits & 0xfffffffffffffULL) | (1022ULL << 52);
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m < 0.7071067811865476) m = m * 2, e = e - 1;
    double z = (m - 1) / (m + 1), square = z * z, series = 1.0 / 21;
    for (int order = 19; order > 0; order -= 2) series = fma(series, square, 1.0 / order);
    return fma((double)e, 0.6931471805599453, series * (z * 2));
}
