// Products: every element of out = a * w^T is one chain acc = fmaf(a[k], w[k], acc) for k = 0, 1, 2 ...
// from the bias or 0. Blocks of rows, columns and k only decide what lies in the cache.

#include "functions.h"

enum { PUT, ADD, SCALED, ACTIVE, GATED };

typedef struct {
    int kind;            // PUT: out = t; ADD: out = out + t; SCALED: out = t * factor[row] + 0
    int function;        // ACTIVE: f(t); GATED: f(left half of t) * right half
    float *out;
    Index ld;            // floats from one row of out to the next; ACTIVE and GATED: columns of out, which is laid
    const float *factor;
} Finish;

#define MOST_ROWS 768
static const float ZEROS[NR] ALIGNED;
static Index row_block = 384, k_block = 4096, block_floats = 192 << 10; // only speed depends on them

#if MR > 8
#define QUADS 4 // fours of rows that are turned together
#define ZIP(x, y, n) __builtin_shufflevector(x, y, n, n + 16, n + 1, n + 17, n + 4, n + 20, n + 5, n + 21, \
                                             n + 8, n + 24, n + 9, n + 25, n + 12, n + 28, n + 13, n + 29)
#elif MR > 4
#define QUADS 2
#define ZIP(x, y, n) __builtin_shufflevector(x, y, n, n + 8, n + 1, n + 9, n + 4, n + 12, n + 5, n + 13)
#else
#define QUADS 1
#define ZIP(x, y, n) __builtin_shufflevector(x, y, n, n + 4, n + 1, n + 5)
#endif
#define TURNED (4 * QUADS)
typedef float band __attribute__((vector_size(4 * TURNED)));

INLINE band across(const float *const *at, Index j) { // four numbers of each fourth row from at[0] on
    band found;
    for (int q = 0; q < QUADS; q++) memcpy((char *)&found + 16 * q, at[4 * q] + j, 16);
    return found;
}

// Rows become columns: to[j * step + i] = at[i][j] for the first `kept` of TURNED rows.
INLINE void turn(const float *const *at, Index k, int kept, Index step, float *to) {
    Index j = 0;
    for (; j + 4 <= k; j += 4) {
        band r0 = across(at, j), r1 = across(at + 1, j), r2 = across(at + 2, j), r3 = across(at + 3, j);
        band even = ZIP(r0, r2, 0), odd = ZIP(r1, r3, 0), even2 = ZIP(r0, r2, 2), odd2 = ZIP(r1, r3, 2);
        band turned[4] = {ZIP(even, odd, 0), ZIP(even, odd, 2), ZIP(even2, odd2, 0), ZIP(even2, odd2, 2)};
        for (int c = 0; c < 4; c++) memcpy(to + (j + c) * step, &turned[c], kept * sizeof(float));
    }
    for (; j < k; j++)
        for (int i = 0; i < kept; i++) to[j * step + i] = at[i][j];
}

// Rows as a tile reads them, in one stream: to = panels [rows / MR][k][MR].
static void lay(const float *a, Index lda, Index rows, Index k, float *to) {
    for (; rows > 0; rows -= MR, a += MR * lda, to += MR * k) {
        const float *at[TURNED];
        for (int i = 0; i < TURNED; i++) at[i] = i < least(rows, MR) ? a + i * lda : a;
        turn(at, k, MR, MR, to);
    }
}

typedef struct { // where the chains of a tile go
    float *t;
    Index ld; // floats from one row to the next
    int adds; // t = t + chain
} Into;

// The chains of MR rows and NR columns, k steps further; a [k][MR].
// start  what the chains of each column begin with; NULL: they go on from to.t
// ahead  weights that are wanted soon: each fourth step calls for a line of them
static __attribute__((noinline)) void tile(Index k, const float *a, const float *w, const float *ahead,
                                           const float *start, Into to) {
    vf c[MR][NV];
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) c[i][v] = load(start ? start + v * VL : to.t + i * to.ld + v * VL);
#define STEP                                                                             \
    for (int v = 0; v < NV; v++) b[v] = load(w + v * VL);                                \
    _Pragma("GCC unroll 16") for (int i = 0; i < MR; i++)                                \
        _Pragma("GCC unroll 4") for (int v = 0; v < NV; v++) c[i][v] = fma_at(a + i, b[v], c[i][v])
    Index j = 0;
    for (; j + 4 <= k; j += 4, ahead += 16) {
        __builtin_prefetch(ahead, 0, 2);
#pragma GCC unroll 4
        for (int u = 0; u < 4; u++, a += MR, w += NR) {
            if (VL < 16) __builtin_prefetch(w + 48 * NR); // measured: narrow vectors gain by it
            vf b[NV];
            STEP;
        }
    }
    for (; j < k; j++, a += MR, w += NR) {
        vf b[NV];
        STEP;
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) {
            float *one = to.t + i * to.ld + v * VL;
            if (to.adds) c[i][v] = load(one) + c[i][v];
            store(one, c[i][v]);
        }
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

INLINE void change_rows(float *t, Index rows, int kind, int function) {
    for (; rows > 0; rows--, t += NR)
        if (kind == GATED) gate(t, function);
        else change(t, function);
}

// What becomes of a tile's chains when they are complete. The tile is used up.
static void finish(const Finish *f, float *t, Index row, Index rows, Index column, Index width) {
    if (f->kind >= ACTIVE) {
        if (f->function == SILU) change_rows(t, rows, f->kind, SILU);
        else if (f->function == GELU) change_rows(t, rows, f->kind, GELU);
        else if (f->function == GELU_TANH) change_rows(t, rows, f->kind, GELU_TANH);
        else change_rows(t, rows, f->kind, f->function);
        lay(t, NR, rows, width, f->out + row * f->ld + column * MR);
        return;
    }
    for (Index i = 0; i < rows; i++, t += NR) {
        float *out = f->out + (row + i) * f->ld + column;
        vf by = all(f->kind == SCALED ? f->factor[row + i] : 1.0f);
        for (Index r = 0; r < width; r += VL) {
            vf one = load(t + r);
            if (f->kind == SCALED) one = fma_(one, by, all(0.0f)); // + 0: no zero is negative
            else if (f->kind == ADD) one = get(out + r, width - r, 0) + one;
            put(out + r, one, width - r);
        }
    }
}

// out[m][n] = a[m][k] * w^T.
// a      as `lay` has it
// w      panels [n / NR][deep][NR], of which the first k of deep rows are used (GATED: n / (NR / 2))
// start  what the chains of each column begin with; NULL: 0
static void product(Index m, Index n, Index k, const float *a, const float *w, Index deep, const float *start,
                    Finish f) {
    float parts[(MOST_ROWS + MR) * NR] ALIGNED;
    Index per = f.kind == GATED ? NR / 2 : NR, panels = (n + per - 1) / per;
    Index block = most(MR, least(row_block, block_floats / k / MR * MR));
    for (Index i0 = 0; i0 < m; i0 += block)
        for (Index p = 0; p < panels; p++)
            for (Index k0 = 0; k0 < k; k0 += k_block) {
                Index rows = least(block, m - i0), ks = least(k_block, k - k0), width = least(per, n - p * per);
                const float *panel = w + (p * deep + k0) * NR, *begin = start ? start + p * NR : ZEROS;
                const float *next = panel + (p + 1 < panels ? deep * NR : 0);
                for (Index i = 0; i < rows; i += MR) {
                    float *t = parts + (k <= k_block ? 0 : i * NR), *out = f.out + (i0 + i) * f.ld + p * per;
                    int is_whole = f.kind <= ADD && k <= k_block && i + MR <= rows && width == NR;
                    for (Index r = 0; f.kind < ACTIVE && r < least(MR, rows - i); r++) expect(out + r * f.ld, width);
                    tile(ks, a + (i0 + i) * k + k0 * MR, panel, i < NR / 4 * MR ? next + i / MR * ks * 4 : a,
                         k0 ? NULL : begin, is_whole ? (Into){out, f.ld, f.kind == ADD} : (Into){t, NR, 0});
                    if (k0 + ks == k && !is_whole) finish(&f, t, i0 + i, least(MR, rows - i), p * per, width);
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

// Rows panel * count + r of a matrix [n][k] become columns first + r of a panel; zeros, where there is no row.
static void spread(float *to, const float *from, Index n, Index k, Index panel, Index first, Index count) {
    Index r = 0, real = least(count, n - panel * count);
    const float *at[TURNED];
    for (from += panel * count * k; r + TURNED <= real; r += TURNED, from += TURNED * k) {
        for (Index i = 0; i < TURNED; i++) at[i] = from + i * k;
        turn(at, k, TURNED, NR, to + first + r);
    }
    for (; r < count; r++, from += k)
        for (Index j = 0; j < k; j++) to[j * NR + first + r] = r < real ? from[j] : 0.0f;
}

static void pack(Linear *l, Index n, Index k, const float *left, const float *right, const float *bias,
                 const float *right_bias) {
    *l = (Linear){.n = n, .k = k, .halves = right ? 2 : 1};
    Index count = NR / l->halves, panels = panels_of(l);
    l->size = panels * k * NR, l->base = space(l->size), l->start = room(panels * NR);
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
    float *across = room(up_to(l->k, MR) * rank), *up = room(NR * rank), t[MR * NR] ALIGNED;
    for (Index r = 0; r < rank; r++)
        for (Index j = 0; j < l->k; j++) across[(j / MR * rank + r) * MR + j % MR] = lora->down[r * l->k + j];
    vf by = all(lora->scale);
    for (Index p = 0; p < panels_of(l); p++) {
        spread(up, lora->up, l->n, rank, p, from, count);
        for (Index j = 0; j < l->k; j += MR) {
            Index some = least(MR, l->k - j), place = (p * l->k + j) * NR + from;
            tile(rank, across + j * rank, up, up, ZEROS, (Into){t, NR, 0});
            for (Index i = 0; i < some; i++, place += NR) {
                expect(l->base + place + 32 * NR + from, count), expect(out + place + 32 * NR + from, count);
                for (Index r = 0; r < count; r += VL) {
                    vf change = get(t + i * NR + from + r, count - r, 0), base = get(l->base + place + r, count - r, 0);
                    put(out + place + r, fma_(by, change, base), count - r);
                }
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
