// What differs between machines: VL floats in a vector, NV vectors in a row of a tile, MR rows in a
// tile. None of them changes a bit, since each number has its own chain of operations.

#ifndef ENGINE_LANES
#define ENGINE_LANES

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(ENGINE_SCALAR)
#define VL 1
#define NV 4
#define MR 4
#elif defined(ENGINE_WIDE) // the shapes of AVX-512 on halves of AVX2, for tests
#include <immintrin.h>
#define VL 16
#define NV 2
#define MR 12
#elif defined(__AVX512F__)
#include <immintrin.h>
#define VL 16
#define NV 2
#define MR 12
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define VL 8
#define NV 2
#define MR 6
#elif defined(__aarch64__)
#include <arm_neon.h>
#define VL 4
#define NV 4
#define MR 6
#else
#error "define ENGINE_SCALAR, or compile for AVX2 with FMA, AVX-512 or aarch64"
#endif

#define NR (VL * NV) // columns of a tile
#define LANES 16     // partial sums of a row: part of the arithmetic
#define STEPS (LANES / VL)
#define INLINE static inline __attribute__((always_inline))
#define ALIGNED __attribute__((aligned(64)))

typedef ptrdiff_t Index; // 64 bits: a large base has more than 2^31 values
typedef float vf __attribute__((vector_size(VL * 4), may_alias));
typedef uint32_t vu __attribute__((vector_size(VL * 4), may_alias));
typedef float vf_any __attribute__((vector_size(VL * 4), aligned(4), may_alias));

INLINE vf load(const float *p) { return (vf)*(const vf_any *)p; }
INLINE void store(float *p, vf x) { *(vf_any *)p = (vf_any)x; }
INLINE vf pick(vu mask, vf yes, vf no) { return (vf)((mask & (vu)yes) | (~mask & (vu)no)); }

INLINE vf all(float x) {
#if defined(ENGINE_WIDE)
    return (vf){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
#elif VL == 16
    return (vf)_mm512_set1_ps(x);
#elif VL == 8
    return (vf)_mm256_set1_ps(x);
#elif VL == 4
    return (vf)vdupq_n_f32(x);
#else
    return (vf){x};
#endif
}

INLINE vf fma_(vf a, vf b, vf c) { // a * b + c, rounded once
#if defined(ENGINE_WIDE)
    union { vf v; __m256 h[2]; } x = {a}, y = {b}, z = {c};
    for (int i = 0; i < 2; i++) z.h[i] = _mm256_fmadd_ps(x.h[i], y.h[i], z.h[i]);
    return z.v;
#elif VL == 16
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif VL == 8
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif VL == 4
    return (vf)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return (vf){fmaf(a[0], b[0], c[0])};
#endif
}

// b * a[0] + c. AVX-512 reads and spreads a[0] in the same instruction, which no compiler is sure to do.
INLINE vf fma_at(const float *a, vf b, vf c) {
#if VL == 16 && !defined(ENGINE_WIDE)
    __asm__("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(c) : "v"(b), "m"(*a));
    return c;
#else
    return fma_(all(*a), b, c);
#endif
}

// Measured: memory beyond the first caches is slow to come unless it is called for. No bit hangs on it.
INLINE void expect(const float *p, Index count) {
    for (Index j = 0; j < count; j += 16) __builtin_prefetch(p + j);
}

// The next VL values of a row of which `left` are left; what is beyond it is `filler`.
INLINE vf get(const float *p, Index left, float filler) {
    if (left >= VL) return load(p);
    float t[VL] ALIGNED;
    for (Index i = 0; i < VL; i++) t[i] = i < left ? p[i] : filler;
    return load(t);
}

INLINE void put(float *p, vf x, Index left) {
    if (left >= VL) {
        store(p, x);
        return;
    }
    float t[VL] ALIGNED;
    store(t, x);
    for (Index i = 0; i < left; i++) p[i] = t[i];
}

INLINE float tree(const vf *lanes) { // the sum: lane l and l + 8, then + 4, + 2, + 1
    float t[LANES] ALIGNED;
    for (int v = 0; v < STEPS; v++) store(t + v * VL, lanes[v]);
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++) t[l] = t[l] + t[l + half];
    return t[0];
}

INLINE float largest(const vf *lanes) { // of numbers: what is none did not come into the lanes
    float t[LANES] ALIGNED;
    for (int v = 0; v < STEPS; v++) store(t + v * VL, lanes[v]);
    for (int half = LANES / 2; half; half /= 2)
        for (int l = 0; l < half; l++) t[l] = t[l + half] > t[l] ? t[l + half] : t[l];
    return t[0];
}

// Numbers below 2^-126 are numbers here, and halves round to even, whatever the process had set.
#if defined(__x86_64__)
#include <xmmintrin.h>
static unsigned enter(void) {
    unsigned old = _mm_getcsr();
    _mm_setcsr(0x1f80);
    return old;
}
static void leave(unsigned old) { _mm_setcsr(old); }
#elif defined(__aarch64__)
static unsigned enter(void) {
    uint64_t old, none = 0;
    __asm__ volatile("mrs %0, fpcr" : "=r"(old));
    __asm__ volatile("msr fpcr, %0" : : "r"(none));
    return (unsigned)old;
}
static void leave(unsigned old) {
    uint64_t back = old;
    __asm__ volatile("msr fpcr, %0" : : "r"(back));
}
#else
static unsigned enter(void) { return 0; }
static void leave(unsigned old) { (void)old; }
#endif

static Index least(Index a, Index b) { return a < b ? a : b; }
static Index most(Index a, Index b) { return a > b ? a : b; }
static Index up_to(Index n, Index step) { return (n + step - 1) / step * step; }

static float *space(Index floats) { // whatever lay there; a process without memory ends here
    void *p = NULL;
    if (posix_memalign(&p, 64, ((size_t)floats + 64) * sizeof(float))) abort();
    return p;
}

static float *room(Index floats) { return memset(space(floats), 0, ((size_t)floats + 64) * sizeof(float)); }

#endif
