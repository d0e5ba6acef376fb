// The engine's doors, called by evaluator/engine/library.py. docs/algorithms/exact.md has the arithmetic.
// Compile with -ffp-contract=off -fno-math-errno and without -ffast-math.

#include "model.h"
#include "subspace.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define MOST_NLL 1000.0
#define Q32 4294967296.0
#define HALF_UP 4503599627370496.0 // 2^52: adding it rounds to a whole number, half to even
#define COLUMNS 512                // logits whose exponentials are summed together: part of the arithmetic
#define ROWS 256                   // positions that are judged together: only speed depends on it

int engine_lanes(void) { return VL; }

// What this processor has, and its system saves: bit 0 AVX2 with fused multiply-add, bit 1 AVX-512.
int engine_machine(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d, low, high, first;
    if (!__get_cpuid(1, &a, &b, &first, &d) || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if (!(first & bit_OSXSAVE)) return 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    int has_avx2 = (first & bit_FMA) && (b & bit_AVX2) && (low & 0x06) == 0x06;
    unsigned wide = bit_AVX512F | bit_AVX512DQ | bit_AVX512VL | bit_AVX512BW;
    return has_avx2 | (has_avx2 && (b & wide) == wide && (low & 0xe6) == 0xe6) << 1;
#else
    return 0;
#endif
}

void engine_blocks(int rows, int ks, int stretch) { // for tests: no bit hangs on them
    row_block = most(MR, least(rows, MOST_ROWS) / MR * MR);
    k_block = most(1, ks), stretch_rows = most(1, stretch);
}

// numbers  hidden, inter, heads, kv_heads, head_dim, layers, vocabulary, positions, is_causal, is_gated,
//          function, is_rms, far; then window and rope of each layer
// factors  eps, divisor, cap, logit_cap, word_scale
// tensors  words, places, kinds, embedding norm (gain, bias), last norm (gain, bias), head, bias of
//          places, cosine and sine, cosine and sine of local layers; then of each layer: weight and bias of
//          q k v o wide-or-gate up narrow, six norms (gain, bias), query norm, key norm. NULL: not there.
//          All but the linear layers' weights and biases must live as long as the model.
Model *model_new(const int32_t *numbers, const float *factors, const float *const *tensors) {
    unsigned old = enter();
    Model *m = calloc(1, sizeof(Model));
    if (!m) abort();
    memcpy(&m->s, numbers, 13 * sizeof(int32_t));
    memcpy(&m->s.eps, factors, 5 * sizeof(float));
    const float *const *t = tensors;
    m->words = t[0], m->places = t[1], m->kinds = t[2];
    m->embedded = (Norm){t[3], t[4]}, m->final = (Norm){t[5], t[6]};
    if (t[7]) pack(&m->head, m->s.vocabulary, m->s.hidden, t[7], NULL, NULL, NULL);
    m->turns = (Places){{t[9], t[11]}, {t[10], t[12]}, t[8]};
    m->layers = calloc((size_t)m->s.layers, sizeof(Layer));
    if (!m->layers) abort();
    for (Index l = 0; l < m->s.layers; l++) {
        m->layers[l].window = numbers[13 + 2 * l], m->layers[l].rope = numbers[14 + 2 * l];
        fill_layer(&m->s, &m->layers[l], tensors + 13 + l * PER_LAYER);
        m->scratch_size = most(m->scratch_size, scratch_of(&m->layers[l]));
    }
    leave(old);
    return m;
}

static Linear *part_of(Layer *l, Index part) {
    if (part < 3) return &l->qkv[part];
    return part == 3 ? &l->out : part == 6 ? &l->narrow : &l->wide;
}

// lora  per layer seven pairs (down [rank][k], up [n][rank]) in the order q k v o wide-or-gate up narrow; a
//       pair of NULL leaves the base's weight. They must live as long as the model is asked.
void model_adapt(Model *m, const int32_t *ranks, const float *scales, const float *const *lora) {
    for (Index l = 0; l < m->s.layers; l++)
        for (Index part = 0; part < PARTS; part++, lora += 2, ranks++, scales++) {
            Linear *linear = part_of(&m->layers[l], part);
            free(linear->merged), linear->merged = NULL;
            linear->lora[part == 5] = (Lora){lora[0], lora[1], *ranks, *scales};
        }
}

void model_free(Model *m) {
    for (Index l = 0; l < m->s.layers; l++)
        for (Index part = 0; part < PARTS; part++)
            if (part != 5) unpack(part_of(&m->layers[l], part));
    unpack(&m->head), free(m->layers), free(m);
}

// ---------------------------------------------------------------- what a decoder says of tokens

typedef struct { // of one position, over the vocabulary so far
    float top;    // the largest logit
    int32_t best; // its first token; -1: none is a number
    float chosen;
    float sums[2]; // scratch: the sum of a run of columns, and their largest
} Seen;

// Read a run of one position's logits: the sum of e^(logit - their largest), and that.
static void read_columns(float *x, Index first, Index count, Index wanted, float cap, Seen *seen) {
    vf tops[STEPS], sums[STEPS];
    for (int v = 0; v < STEPS; v++) tops[v] = all(-INFINITY), sums[v] = all(0.0f);
    for (Index j = 0; cap && j < count; j += VL) put(x + j, capped(get(x + j, count - j, 0), cap), count - j);
    for (Index j = count; j < up_to(count, LANES); j++) x[j] = -INFINITY;
    for (Index j = 0; j < count; j += LANES)
        for (int v = 0; v < STEPS; v++) {
            vf one = load(x + j + v * VL);
            tops[v] = pick((vu)(one > tops[v]), one, tops[v]);
        }
    float top = largest(tops);
    if (top > seen->top) {
        Index j = 0;
        while (x[j] != top) j++;
        seen->top = top, seen->best = (int32_t)(first + j);
    }
    if (first <= wanted && wanted < first + count) seen->chosen = x[wanted - first];
    vf by = all(top);
    for (Index j = 0; j < count; j += LANES)
        for (int v = 0; v < STEPS; v++) sums[v] = sums[v] + exp_(load(x + j + v * VL) - by);
    seen->sums[0] = tree(sums), seen->sums[1] = top;
}

static int64_t cost(const Seen *seen, double total) { // in units of 2^-32 nat; what is no number costs most
    int is_number = total >= 1 && total < INFINITY;
    double nats = is_number ? ln(total) - ((double)seen->chosen - (double)seen->top) : NAN;
    if (!(nats <= MOST_NLL)) nats = MOST_NLL;
    if (nats < 0) nats = 0;
    return (int64_t)((nats * Q32 + HALF_UP) - HALF_UP);
}

// nll of each wanted token, and the likeliest one, from normed states [rows][hidden].
static void judge(const Model *m, Index rows, const float *states_, const int32_t *wanted, int64_t *nll, int32_t *best) {
    Index vocabulary = m->s.vocabulary, runs = (vocabulary + COLUMNS - 1) / COLUMNS, h = m->s.hidden;
    float *logits = room((rows + MR) * COLUMNS), *laid = room(up_to(rows, MR) * h), *sums = room(rows * runs), *tops = room(rows * runs);
    Seen seen[ROWS];
    for (Index i = 0; i < rows; i++) seen[i] = (Seen){-INFINITY, -1, NAN, {0, 0}};
    lay(states_, h, rows, h, laid);
    for (Index c = 0; c < runs; c++) {
        Index first = c * COLUMNS, count = least(COLUMNS, vocabulary - first);
        product(rows, count, h, laid, m->head.base + first * h, h, NULL, (Finish){PUT, 0, logits, COLUMNS, NULL});
        for (Index i = 0; i < rows; i++) {
            read_columns(logits + i * COLUMNS, first, count, wanted[i], m->s.logit_cap, &seen[i]);
            sums[i * runs + c] = seen[i].sums[0], tops[i * runs + c] = seen[i].sums[1];
        }
    }
    for (Index i = 0; i < rows; i++) {
        double total = 0;
        for (Index c = 0; c < runs; c++)
            total = fma((double)sums[i * runs + c], (double)exp_1(tops[i * runs + c] - seen[i].top), total);
        nll[i] = cost(&seen[i], total), best[i] = seen[i].best;
    }
    free(logits), free(laid), free(sums), free(tops);
}

// The nll of each token of each text from its start on (at least 1), predicted from those before it; and
// the token that would have been the likeliest. Texts lie behind each other.
void model_scored(const Model *m, int texts, const int32_t *lengths, const int32_t *starts, const int32_t *ids,
                  int64_t *nll, int32_t *best) {
    unsigned old = enter();
    Index h = m->s.hidden, held = 0;
    float *x = states(m, texts, lengths, ids), *row = x, *states_ = room(ROWS * h);
    int32_t wanted[ROWS];
    for (Index i = 0; i < texts; row += lengths[i] * h, ids += lengths[i], i++)
        for (Index p = starts[i]; p < lengths[i]; p++) {
            wanted[held] = ids[p];
            normed(&m->s, m->final, row + (p - 1) * h, 1, states_ + held++ * h);
            if (held < ROWS) continue;
            judge(m, held, states_, wanted, nll, best);
            nll += held, best += held, held = 0;
        }
    if (held) judge(m, held, states_, wanted, nll, best);
    free(x), free(states_);
    leave(old);
}

static void keep_merged(Model *m) { // a continuation asks for every layer at every step
    for (Index l = 0; l < m->s.layers; l++)
        for (Index part = 0; part < PARTS; part++) {
            Linear *one = part_of(&m->layers[l], part);
            if (part == 5 || !is_adapted(one) || one->merged) continue;
            float *panels = space(one->size), *scratch = panels;
            weights(one, &scratch), one->merged = panels;
        }
}

// The greedy continuation of one text: at most `wanted` tokens, the first of `ends` not included, and never
// beyond the positions of the base. Of equally likely tokens the first; where none is a number, token 0.
int model_continued(Model *m, int count, const int32_t *ids, int wanted, int end_count, const int32_t *ends,
                    int32_t *out) {
    unsigned old = enter();
    keep_merged(m);
    const Shape *s = &m->s;
    Index h = s->hidden, found = 0, reach = least((Index)count + wanted, s->positions), heads = s->kv_heads;
    Held *held = calloc((size_t)(s->layers * heads), sizeof(Held));
    if (!held) abort();
    for (Index i = 0; i < s->layers * heads; i++) held[i] = held_for(s, reach);
    Rooms r = rooms_for(s, count, reach);
    float *x = room((Index)count * h), *last = room(h);
    for (int32_t new = count, at = 0; found < wanted && count + found < s->positions; at += new, new = 1) {
        for (Index i = 0; i < new; i++) embed(m, at ? out[found - 1] : ids[i], at + i, x + i * h);
        for (Index l = 0; l < s->layers; l++)
            layer(m, &m->layers[l], weights_of(&m->layers[l], NULL), 1, &new, x, held + l * heads, &r);
        normed(s, m->final, x + (new - 1) * h, 1, last);
        int64_t nll;
        int32_t none = 0, best;
        judge(m, 1, last, &none, &nll, &best);
        best = best < 0 ? 0 : best;
        int is_end = 0;
        for (int i = 0; i < end_count; i++) is_end |= ends[i] == best;
        if (is_end) break;
        out[found++] = best;
    }
    for (Index i = 0; i < s->layers * heads; i++) free_held(&held[i]);
    free(held), free_rooms(&r), free(x), free(last);
    leave(old);
    return (int)found;
}

// ---------------------------------------------------------------- one state of a text, and heads

enum { MEAN, FIRST, LAST };

// out [texts][hidden]: the mean of each text's states, added up in order; or its first; or, after the last
// norm of a decoder, its last.
void model_pooled(const Model *m, int texts, const int32_t *lengths, const int32_t *ids, int pooling, float *out) {
    unsigned old = enter();
    Index h = m->s.hidden;
    float *x = states(m, texts, lengths, ids), *row = x;
    for (Index i = 0; i < texts; row += lengths[i++] * h, out += h) {
        memcpy(out, pooling == LAST ? row + (lengths[i] - 1) * h : row, h * sizeof(float));
        if (pooling == LAST && m->s.is_causal) normed(&m->s, m->final, out, 1, out);
        for (Index p = 1; pooling == MEAN && p < lengths[i]; p++)
            for (Index j = 0; j < h; j++) out[j] = out[j] + row[p * h + j];
        for (Index j = 0; pooling == MEAN && j < h; j++) out[j] = out[j] / (float)lengths[i];
    }
    free(x);
    leave(old);
}

// out[m][n] = f(x w^T + bias): a layer of a head. w [n][k]; bias [n] or NULL.
void engine_dense(int m, int n, int k, const float *x, const float *w, const float *bias, int function, float *out) {
    unsigned old = enter();
    Linear l;
    float *laid = room(up_to(m, MR) * k);
    pack(&l, n, k, w, NULL, bias, NULL);
    lay(x, k, m, k, laid);
    product(m, n, k, laid, l.base, k, l.start, (Finish){PUT, 0, out, n, NULL});
    for (Index j = 0; j < (Index)m * n; j++) out[j] = active(function, all(out[j]))[0];
    unpack(&l), free(laid);
    leave(old);
}

void engine_normed(int rows, int width, float eps, const float *gain, const float *bias, float *x) {
    unsigned old = enter();
    for (Index i = 0; i < rows; i++, x += width) layer_norm(x, (Norm){gain, bias}, eps, width, x);
    leave(old);
}

// out[n][k] = base + scale * (up down), as the merge of a layer.
void engine_merged(int n, int k, int rank, float scale, const float *base, const float *down, const float *up, float *out) {
    unsigned old = enter();
    for (Index i = 0; i < n; i++)
        for (Index j = 0; j < k; j++) {
            float chain = 0;
            for (Index r = 0; r < rank; r++) chain = fma_(all(down[r * k + j]), all(up[i * rank + r]), all(chain))[0];
            out[i * k + j] = fma_(all(scale), all(chain), all(base[i * k + j]))[0];
        }
    leave(old);
}

// out [queries][documents]: the product of two states divided by the document's size, at least 2^-100.
void engine_likeness(int queries, int documents, int width, const float *q, const float *d, float *out) {
    unsigned old = enter();
    Linear l;
    float *laid = room(up_to(queries, MR) * width);
    pack(&l, documents, width, d, NULL, NULL, NULL);
    lay(q, width, queries, width, laid);
    product(queries, documents, width, laid, l.base, width, NULL, (Finish){PUT, 0, out, documents, NULL});
    for (Index i = 0; i < documents; i++, d += width) {
        vf lanes[STEPS];
        for (int v = 0; v < STEPS; v++) lanes[v] = all(0.0f);
        for (Index j = 0; j < width; j += LANES)
            for (int v = 0; v < STEPS; v++) {
                vf one = get(d + j + v * VL, width - j - v * VL, 0);
                lanes[v] = fma_(one, one, lanes[v]);
            }
        float size = sqrtf(tree(lanes));
        size = size > 0x1p-100f ? size : 0x1p-100f;
        for (Index j = 0; j < queries; j++) out[j * documents + i] = out[j * documents + i] / size;
    }
    unpack(&l), free(laid);
    leave(old);
}

// ---------------------------------------------------------------- how like two adapters are

int engine_directions(const int32_t *sizes, const float *up, const float *down, double floor, float *columns,
                      float *rows, float *strength) { // sizes: d_out, d_in, rank, most_kept
    unsigned old = enter();
    int kept = directions(sizes[0], sizes[1], sizes[2], up, down, sizes[3], floor, columns, rows, strength);
    leave(old);
    return kept;
}

double engine_shared(int d, int k, int l, const float *x, const float *y) {
    unsigned old = enter();
    double found = shared(d, k, l, x, y);
    leave(old);
    return found;
}

// ---------------------------------------------------------------- for tests, measurements, and at load

void engine_functions(int which, int n, const float *x, float *out) { // PLAIN + 1: exp
    unsigned old = enter();
    for (Index i = 0; i < n; i++) out[i] = (which > PLAIN ? exp_(all(x[i])) : active(which, all(x[i])))[0];
    leave(old);
}

double engine_ln(double x) { return ln(x); }

// out[i] = the float32 of 16 bits: bfloat16, or IEEE half precision.
void engine_widened(Index n, int is_half, const uint16_t *x, float *out) {
    unsigned old = enter();
    for (Index i = 0; i < n; i++) {
        uint32_t raw = x[i], bits = raw << 16;
        if (is_half) {
            uint32_t sign = (raw & 0x8000u) << 16, rest = raw & 0x7fffu;
            float value;
            bits = rest << 13; // times 2^112 it is the number; denormals too
            memcpy(&value, &bits, sizeof value);
            value = value * 0x1p112f;
            memcpy(&bits, &value, sizeof bits);
            if (rest >= 0x7c00u) bits = 0x7f800000u | (rest << 13);
            bits |= sign;
        }
        memcpy(out + i, &bits, sizeof bits);
    }
    leave(old);
}

// The largest size of a value; infinite when one of them is no finite number.
float engine_largest(Index n, const float *x) {
    float top = 0;
    int is_finite = 1;
    for (Index i = 0; i < n; i++) {
        float size = x[i] < 0 ? -x[i] : x[i];
        is_finite &= size <= 0x1.fffffep+127f;
        top = size > top ? size : top;
    }
    return is_finite ? top : INFINITY;
}

// Independent chains of fmaf in registers alone, what the processor can do at most: 10^9 operations.
double engine_peak(long turns, float *sink) {
    vf c[12], a = all(sink[0]), b = all(sink[1]);
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) c[i] = all((float)i);
    for (long n = 0; n < turns; n++)
#pragma GCC unroll 12
        for (int i = 0; i < 12; i++) c[i] = fma_(c[i], a, b);
#pragma GCC unroll 12
    for (int i = 0; i < 12; i++) sink[0] += c[i][0];
    return 2.0 * 12 * VL * (double)turns / 1e9;
}
