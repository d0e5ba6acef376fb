// Products: every element of out = a * w^T is one chain acc = fmaf(a[k], w[k], acc) for k = 0, 1, 2 ...
// from the bias or 0. Blocks of rows, columns and k only decide what lies in the cache.

#include "functions.h"

enum { PUT, ADD, SCALED, ACTIVE, GATED };

typedef struct {
    int kind;            // PUT: out = t; ADD: out = out + t; SCALED: out = t * factor[row] + 0
    int function;        // ACTIVE: f(t); GATED: f(left half of t) * right half
    float *out;
    Index ld;            // floats from one row of out to the next
    const float *factor;
} Finish;

#define MOST_ROWS 768
static const float ZEROS[NR] ALIGNED;
static Index row_block = 384, k_block = 4096; // only speed depends on them

// t[MR][NR] = the chains of MR rows and NR columns, k steps further.
// start: what the chains of each column begin with; NULL: they go on from t.
static __attribute__((noinline)) void tile(Index k, const float *a, Index lda, Index rows, const float *w,
                                           const float *start, float *t) {
    vf c[MR][NV];
    const float *at[MR];
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++) {
        at[i] = a + (i < rows ? i : 0) * lda;
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) c[i][v] = start ? load(start + v * VL) : load(t + i * NR + v * VL);
    }
#pragma GCC unroll 4
    for (Index j = 0; j < k; j++) {
        __builtin_prefetch(w + (j + 48) * NR);
        vf b[NV];
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) b[v] = load(w + j * NR + v * VL);
#pragma GCC unroll 16
        for (int i = 0; i < MR; i++) {
            vf x = all(at[i][j]);
#pragma GCC unroll 4
            for (int v = 0; v < NV; v++) c[i][v] = fma_(x, b[v], c[i][v]);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) store(t + i * NR + v * VL, c[i][v]);
}

INLINE void change(float *t, int function) {
    for (int v = 0; v < NV; v++) store(t + v * VL, active(function, load(t + v * VL)));
}

INLINE void gate(float *t, int function) {
    float gated[NR] ALIGNED;
    for (int r = 0; r < NR / 2; r += VL) put(gated + r, active(function, load(t + r)), NR / 2 - r);
    for (int r = 0; r < NR / 2; r += VL) {
        vf up = get(t + NR / 2 + r, NR / 2 - r, 0);
        put(t + r, get(gated + r, NR / 2 - r, 0) * up, NR / 2 - r);
    }
}

// What becomes of a tile's chains when they are complete. The tile is used up.
static void finish(const Finish *f, float *t, Index row, Index rows, Index column, Index width) {
    for (Index i = 0; i < rows; i++, t += NR) {
        float *out = f->out + (row + i) * f->ld + column;
        if (f->kind == GATED) {
            if (f->function == SILU) gate(t, SILU);
            else if (f->function == GELU) gate(t, GELU);
            else gate(t, GELU_TANH);
        } else if (f->kind == ACTIVE) {
            if (f->function == GELU) change(t, GELU);
            else change(t, f->function);
        } else if (f->kind == SCALED) {
            vf by = all(f->factor[row + i]), zero = all(0.0f); // + 0: no zero is negative
            for (int v = 0; v < NV; v++) store(t + v * VL, fma_(load(t + v * VL), by, zero));
        } else if (f->kind == ADD)
            for (Index r = 0; r < width; r += VL) put(t + r, get(out + r, width - r, 0) + load(t + r), NR - r);
        for (Index r = 0; r < width; r += VL) put(out + r, load(t + r), width - r);
    }
}

// out[m][n] = a[m][k] * w^T.
// w      panels [n / NR][deep][NR], of which the first k of deep rows are used (GATED: n / (NR / 2))
// start  what the chains of each column begin with; NULL: 0
static void product(Index m, Index n, Index k, const float *a, Index lda, const float *w, Index deep,
                    const float *start, Finish f) {
    float parts[(MOST_ROWS + MR) * NR] ALIGNED;
    Index per = f.kind == GATED ? NR / 2 : NR, panels = (n + per - 1) / per;
    for (Index i0 = 0; i0 < m; i0 += row_block) {
        Index rows = least(row_block, m - i0);
        for (Index p = 0; p < panels; p++)
            for (Index k0 = 0; k0 < k; k0 += k_block) {
                Index ks = least(k_block, k - k0), is_last = k0 + ks == k;
                const float *panel = w + (p * deep + k0) * NR;
                for (Index i = 0; i < rows; i += MR) {
                    float *t = parts + (k <= k_block ? 0 : i * NR);
                    Index some = least(MR, rows - i);
                    for (Index r = 0; r < some; r++)
                        __builtin_prefetch(f.out + (i0 + i + r) * f.ld + p * per, 1);
                    tile(ks, a + (i0 + i) * lda + k0, lda, some, panel,
                         k0 ? NULL : start ? start + p * NR : ZEROS, t);
                    if (is_last) finish(&f, t, i0 + i, some, p * per, least(per, n - p * per));
                }
            }
    }
}

// ---------------------------------------------------------------- linear layers and their merge

typedef struct {
    const float *down, *up; // [rank][k] and [n][rank]; NULL: the base's weight stays
    Index rank;
    float scale;
} Lora;

typedef struct {
    Index n, k, halves;  // halves 2: two matrices [n][k] side by side in each panel, for GATED
    Index size;          // floats of the panels
    float *base, *start; // the base's panels; the bias, or zeros
    float *merged;       // the panels under the adapter, where they are kept
    Lora lora[2];
} Linear;

static Index panels_of(const Linear *l) { return (l->n * l->halves + NR - 1) / NR; }

// Rows panel * count + r of a matrix [n][k] become columns first + r of a panel.
static void spread(float *to, const float *from, Index n, Index k, Index panel, Index first, Index count) {
    for (Index r = 0; r < count; r++) {
        const float *row = from + (panel * count + r) * k;
        int is_real = panel * count + r < n;
        for (Index j = 0; j < k; j++) to[j * NR + first + r] = is_real ? row[j] : 0.0f;
    }
}

static void pack(Linear *l, Index n, Index k, const float *left, const float *right, const float *bias,
                 const float *right_bias) {
    *l = (Linear){.n = n, .k = k, .halves = right ? 2 : 1};
    Index count = NR / l->halves, panels = panels_of(l);
    l->size = panels * k * NR, l->base = room(l->size), l->start = room(panels * NR);
    for (Index p = 0; p < panels; p++) {
        float *to = l->base + p * k * NR;
        spread(to, left, n, k, p, 0, count);
        if (right) spread(to, right, n, k, p, count, count);
        for (Index r = 0; r < count && p * count + r < n; r++) {
            if (bias) l->start[p * NR + r] = bias[p * count + r];
            if (right_bias) l->start[p * NR + count + r] = right_bias[p * count + r];
        }
    }
}

static void unpack(Linear *l) { free(l->base), free(l->start), free(l->merged); }

static int is_adapted(const Linear *l) { return l->lora[0].down || l->lora[1].down; }

// The panels of base + scale * (up * down): a chain over the rank from 0, then one fmaf on the base.
static void merge_half(const Linear *l, int half, float *out) {
    const Lora *lora = &l->lora[half];
    Index rank = lora->rank, count = NR / l->halves, from = half * count;
    float *across = room(l->k * rank), *up = room(NR * rank), t[MR * NR] ALIGNED;
    for (Index r = 0; r < rank; r++)
        for (Index j = 0; j < l->k; j++) across[j * rank + r] = lora->down[r * l->k + j];
    vf by = all(lora->scale);
    for (Index p = 0; p < panels_of(l); p++) {
        spread(up, lora->up, l->n, rank, p, from, count);
        for (Index j = 0; j < l->k; j += MR) {
            Index some = least(MR, l->k - j), place = (p * l->k + j) * NR + from;
            tile(rank, across + j * rank, rank, some, up, ZEROS, t);
            for (Index i = 0; i < some; i++, place += NR)
                for (Index r = 0; r < count; r += VL) {
                    vf change = get(t + i * NR + from + r, count - r, 0), base = get(l->base + place + r, count - r, 0);
                    put(out + place + r, fma_(by, change, base), count - r);
                }
        }
    }
    free(across), free(up);
}

// The weights that count: the base's, the kept merged ones, or those merged into *scratch.
static const float *weights(const Linear *l, float **scratch) {
    if (!is_adapted(l)) return l->base;
    if (l->merged) return l->merged;
    float *out = *scratch;
    *scratch += l->size;
    if (!l->lora[0].down || (l->halves == 2 && !l->lora[1].down)) memcpy(out, l->base, l->size * sizeof(float));
    for (int half = 0; half < l->halves; half++)
        if (l->lora[half].down) merge_half(l, half, out);
    return out;
}
