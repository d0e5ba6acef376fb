// Norms, rotary positions and attention. A query sees the keys lo .. hi - 1 of its own text; each of
// its scores, the lanes of its sum and its answer's chain hang on those keys alone.

#include "products.h"

#define QUERIES 48      // queries whose products are computed together: only speed depends on it
#define ALIGNED_KEYS 32 // where a range of keys may begin: a multiple of LANES and of NR

typedef struct {
    const float *gain, *bias;
} Norm;

// x / sqrt(mean of squares + eps) * gain
static void rms_norm(const float *x, const float *gain, float eps, Index width, float *out) {
    vf lanes[STEPS];
    for (int v = 0; v < STEPS; v++) lanes[v] = all(0.0f);
    for (Index j = 0; j < width; j += LANES)
        for (int v = 0; v < STEPS; v++) {
            vf one = get(x + j + v * VL, width - j - v * VL, 0);
            lanes[v] = fma_(one, one, lanes[v]);
            __builtin_prefetch(x + j + v * VL + 2 * width);
        }
    vf scale = all(1.0f / sqrtf(tree(lanes) / (float)width + eps));
    for (Index j = 0; j < width; j += VL) {
        vf one = get(x + j, width - j, 0) * scale;
        put(out + j, one * get(gain + j, width - j, 0), width - j);
    }
}

// (x - mean) / sqrt(mean of squared distances + eps) * gain + bias
static void layer_norm(const float *x, Norm norm, float eps, Index width, float *out) {
    vf sums[STEPS], squares[STEPS];
    for (int v = 0; v < STEPS; v++) sums[v] = squares[v] = all(0.0f);
    for (Index j = 0; j < width; j += LANES)
        for (int v = 0; v < STEPS; v++) sums[v] = sums[v] + get(x + j + v * VL, width - j - v * VL, 0);
    float middle = tree(sums) / (float)width;
    vf mean = all(middle);
    for (Index j = 0; j < width; j += LANES)
        for (int v = 0; v < STEPS; v++) {
            Index left = width - j - v * VL;
            vf apart = get(x + j + v * VL, left, middle) - mean;
            if (left > 0) squares[v] = fma_(apart, apart, squares[v]);
        }
    vf scale = all(1.0f / sqrtf(tree(squares) / (float)width + eps));
    for (Index j = 0; j < width; j += VL) {
        vf apart = (get(x + j, width - j, 0) - mean) * scale;
        put(out + j, fma_(apart, get(norm.gain + j, width - j, 0), get(norm.bias + j, width - j, 0)), width - j);
    }
}

enum { FULL_ROPE = 0, LOCAL_ROPE = 1 };

typedef struct {
    int32_t hidden, inter, heads, kv_heads, head_dim, layers, vocabulary, positions;
    int32_t is_causal, is_gated, function, is_rms;
    int32_t far; // the place of position 0; the padding token has place and id far - 1. 0: there is none
    float eps, divisor, cap, logit_cap, word_scale; // scores / sqrt(divisor); caps of 0: none
} Shape;

typedef struct { // what differs between layers
    int32_t window; // keys that are looked at: back with the own one (causal), or to each side; 0: all
    int32_t rope;   // FULL_ROPE, LOCAL_ROPE; -1: none
    Linear qkv[3], out, wide, narrow;
    // before attention, after it (on its answer), on the sum; then the same for the wide part
    Norm norms[6];
    const float *query_norm, *key_norm; // RMS norms of each head, before it is turned
} Layer;

// The keys and values of one text so far, of one layer and one head of keys, as a product reads them.
typedef struct {
    Index room, count; // tokens
    float *keys;       // panels [room / NR][head_dim][NR]
    float *values;     // panels [head_dim / NR][room][NR]
    int is_finite;     // every value so far is a finite number
} Held;

static Held held_for(const Shape *s, Index tokens) {
    Index d = s->head_dim;
    return (Held){tokens, 0, room(up_to(tokens, NR) * d), room(up_to(d, NR) * tokens), 1};
}

static void free_held(Held *h) { free(h->keys), free(h->values); }

// The halves of a head as pairs, turned by the angles of a position.
static void turned(const float *x, const float *cosine, const float *sine, Index width, float *out) {
    Index half = width / 2;
    for (Index j = 0; j < half; j += VL) {
        Index left = half - j;
        vf first = get(x + j, left, 0), second = get(x + half + j, left, 0);
        vf c = get(cosine + j, left, 0), s = get(sine + j, left, 0);
        vf low = fma_(-second, s, first * c), high = fma_(first, s, second * c);
        put(out + j, low, left);
        put(out + half + j, high, left);
    }
}

typedef struct {
    const float *cosine[2], *sine[2]; // [positions][head_dim / 2], by enum
    const float *bias;                // [heads][2 * positions - 1] by key - query; NULL: none
} Places;

typedef struct { // what one stretch of texts needs
    float *normed, *qkv, *mixed, *wide, *q, *scores, *laid;
} Rooms;

// One head's row, normed and turned where the layer says so: into `own`, or x itself.
static const float *placed(const Shape *s, const Layer *l, const Places *p, const float *norm, const float *x,
                           Index ahead, Index position, float *own) {
    expect(x + ahead, s->head_dim);
    if (norm) rms_norm(x, norm, s->eps, s->head_dim, own), x = own;
    if (l->rope < 0) return x;
    Index at = position * (s->head_dim / 2);
    turned(x, p->cosine[l->rope] + at, p->sine[l->rope] + at, s->head_dim, own);
    return own;
}

// Hold the keys and values of more tokens; key and value are their rows, `ld` floats apart.
static void hold(const Shape *s, const Layer *l, const Places *p, Held *h, Index count, const float *key,
                 const float *value, Index ld, Rooms *r) {
    Index d = s->head_dim, end = h->count + count;
    vf none = all(0.0f); // 0 where all values are finite
    for (Index i = h->count; i < end; i++, value += ld) {
        expect(value + 4 * ld, d);
        for (Index j = 0; j < d; j += VL) {
            vf some = get(value + j, d - j, 0);
            none = none + (some - some);
            put(h->values + (j / NR * h->room + i) * NR + j % NR, some, VL);
        }
    }
    for (int i = 0; i < VL; i++) h->is_finite &= none[i] == 0;
    for (Index some; h->count < end; h->count += some, key += some * ld) {
        float *to = h->keys + h->count / NR * d * NR + h->count % NR;
        const float *at[TURNED];
        some = h->count % TURNED ? 1 : least(TURNED, end - h->count);
        for (Index i = 0; i < TURNED; i++)
            at[i] = i < some ? placed(s, l, p, l->key_norm, key + i * ld, 8 * ld, h->count + i, r->q + i * d) : at[0];
        if (h->count % TURNED == 0) turn(at, d, TURNED, NR, to); // what is not there yet is written over then
        else
            for (Index j = 0; j < d; j++) to[j * NR] = at[0][j];
    }
}

// Turn the scores of one query into weights. scores[0] is that of the key `from`, a multiple of 32; the
// query sees the keys lo .. hi - 1 of those up to `to`; `bias` is that of the key `from`. Returns 1 / their sum.
static float soften(const Shape *s, float *scores, Index from, Index to, Index lo, Index hi, const float *bias) {
    Index first = (lo - from) / LANES * LANES, end = up_to(hi - from, LANES);
    vf tops[STEPS], sums[STEPS], by = all(1.0f / sqrtf(s->divisor));
    for (int v = 0; v < STEPS; v++) tops[v] = all(-INFINITY), sums[v] = all(0.0f);
    if (bias || s->cap) {
        for (Index j = first; j < end; j += VL) {
            vf one = load(scores + j) * by;
            if (s->cap) one = capped(one, s->cap);
            else one = one + get(bias + j, hi - from - j, 0);
            store(scores + j, one);
        }
        by = all(1.0f);
    }
    for (Index j = 0; j < lo - from; j++) scores[j] = j < first ? 0 : -INFINITY;
    for (Index j = hi - from; j < to - from; j++) scores[j] = j < end ? -INFINITY : 0;
    for (Index j = most(hi, to) - from; j < end; j++) scores[j] = -INFINITY;
    for (Index j = first; j < end; j += LANES)
        for (int v = 0; v < STEPS; v++) {
            vf one = load(scores + j + v * VL) * by;
            tops[v] = pick((vu)(one > tops[v]), one, tops[v]);
        }
    vf top = all(largest(tops));
    for (Index j = first; j < end; j += LANES)
        for (int v = 0; v < STEPS; v++) {
            vf one = exp_(load(scores + j + v * VL) * by - top);
            store(scores + j + v * VL, one);
            sums[v] = sums[v] + one;
        }
    return 1.0f / tree(sums);
}

static Index first_seen(const Shape *s, const Layer *l, Index query) {
    return l->window ? most(0, query - l->window + (s->is_causal ? 1 : 0)) : 0;
}

static Index end_seen(const Shape *s, const Layer *l, Index query, Index held) {
    if (s->is_causal) return query + 1;
    return l->window ? least(held, query + l->window + 1) : held;
}

// Some queries of one head that are neighbours, from position `first` on. q [count][..], out [count][..].
static void answer(const Shape *s, const Layer *l, const Places *p, const Held *h, Index head, Index first,
                   Index count, const float *q, Index ldq, float *out, Index ldo, Rooms *r) {
    Index d = s->head_dim, last = first + count - 1;
    Index from = first_seen(s, l, first) / ALIGNED_KEYS * ALIGNED_KEYS, to = end_seen(s, l, last, h->count);
    Index ld = up_to(to - from, ALIGNED_KEYS) + LANES, reach = 2 * (Index)s->positions - 1;
    float factor[QUERIES];
    lay(q, ldq, count, d, r->laid);
    // More rows and columns than are wanted, so that each tile is written whole.
    product(up_to(count, MR), up_to(to - from, NR), d, r->laid, h->keys + from * d, d, NULL,
            (Finish){PUT, 0, r->scores, ld, NULL});
    for (Index i = 0; i < count; i++) {
        Index query = first + i, lo = first_seen(s, l, query), hi = end_seen(s, l, query, h->count);
        const float *bias = p->bias ? p->bias + head * reach + from - query + s->positions - 1 : NULL;
        factor[i] = soften(s, r->scores + i * ld, from, to, lo, hi, bias);
    }
    // A weight of 0 on a key that is not seen changes nothing, unless its value is no finite number.
    Index step = h->is_finite ? count : 1;
    for (Index i = 0; i < count; i += step) {
        Index lo = h->is_finite ? from : first_seen(s, l, first + i);
        Index hi = h->is_finite ? to : end_seen(s, l, first + i, h->count);
        lay(r->scores + i * ld + lo - from, ld, step, hi - lo, r->laid);
        product(step, d, hi - lo, r->laid, h->values + lo * NR, h->room, NULL,
                (Finish){SCALED, 0, out + i * ldo, ldo, factor + i});
    }
}

// Attention of the newest `n` tokens of one text. qkv [n][(heads + 2 * kv_heads) * head_dim], of which
// the keys and values are held first; out [n][heads * head_dim].
static void attend(const Shape *s, const Layer *l, const Places *p, Held *held, Index n, const float *qkv,
                   float *out, Rooms *r) {
    Index d = s->head_dim, wide = (s->heads + 2 * s->kv_heads) * d, group = s->heads / s->kv_heads;
    for (Index kv = 0; kv < s->kv_heads; kv++) {
        Held *h = held + kv;
        Index begin = h->count;
        const float *key = qkv + (s->heads + kv) * d;
        hold(s, l, p, h, n, key, key + s->kv_heads * d, wide, r);
        for (Index head = kv * group; head < (kv + 1) * group; head++)
            for (Index first = 0; first < n; first += QUERIES) {
                Index count = least(QUERIES, n - first), ldq = wide;
                const float *q = qkv + first * wide + head * d;
                if (l->query_norm || l->rope >= 0) {
                    for (Index i = 0; i < count; i++)
                        placed(s, l, p, l->query_norm, q + i * wide, 4 * wide, begin + first + i, r->q + i * d);
                    q = r->q, ldq = d;
                }
                answer(s, l, p, h, head, begin + first, count, q, ldq, out + first * s->heads * d + head * d,
                       (Index)s->heads * d, r);
            }
    }
}
