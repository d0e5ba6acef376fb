// A base in memory, and its states over texts. What a family is, is said by the shape, by which
// tensors are there, and by each layer's window, rope and norms; evaluator/engine/families.py has it.

#include "attention.h"

enum { PARTS = 7, PER_LAYER = 2 * PARTS + 12 + 2 };

typedef struct {
    Shape s;
    Layer *layers;
    Linear head; // the vocabulary's
    const float *words, *places, *kinds;
    Norm embedded, final;
    Places turns;
    Index scratch_size;
} Model;

static Index scratch_of(const Layer *l) {
    Index size = l->out.size + l->wide.size + l->narrow.size;
    for (int i = 0; i < 3; i++) size += l->qkv[i].size;
    return size;
}

static void fill_layer(const Shape *s, Layer *l, const float *const *t) {
    Index wide = (Index)s->heads * s->head_dim, narrow = (Index)s->kv_heads * s->head_dim;
    for (int i = 0; i < 3; i++) pack(&l->qkv[i], i ? narrow : wide, s->hidden, t[2 * i], NULL, t[2 * i + 1], NULL);
    pack(&l->out, s->hidden, wide, t[6], NULL, t[7], NULL);
    pack(&l->wide, s->inter, s->hidden, t[8], s->is_gated ? t[10] : NULL, t[9], t[11]);
    pack(&l->narrow, s->hidden, s->inter, t[12], NULL, t[13], NULL);
    for (int i = 0; i < 6; i++) l->norms[i] = (Norm){t[14 + 2 * i], t[15 + 2 * i]};
    l->query_norm = t[26], l->key_norm = t[27];
}

static void normed(const Shape *s, Norm norm, const float *x, Index rows, float *out) {
    Index h = s->hidden;
    for (Index i = 0; i < rows; i++, x += h, out += h)
        if (s->is_rms) rms_norm(x, norm.gain, s->eps, h, out);
        else layer_norm(x, norm, s->eps, h, out);
}

// The rows as a product reads them, after the norm where there is one.
static void laid(const Shape *s, Norm norm, const float *x, Index rows, Rooms *r) {
    Index h = s->hidden;
    for (Index i = 0; i < rows; i += MR) {
        const float *in = x + i * h;
        if (norm.gain) normed(s, norm, in, least(MR, rows - i), r->normed), in = r->normed;
        lay(in, h, least(MR, rows - i), h, r->laid + i * h);
    }
}

static void linear(const Linear *l, const float *w, Index rows, const float *laid, Finish f) {
    product(rows, l->n, l->k, laid, w, l->k, l->start, f);
}

// x = after(x + on(f(before(x)))): the last step of a half layer, where f's last product is `l`.
static void add(const Shape *s, const Norm *norms, const Linear *l, const float *w, Index rows, const float *laid,
                float *x, Rooms *r) {
    Index h = s->hidden;
    if (!norms[1].gain) linear(l, w, rows, laid, (Finish){ADD, 0, x, h, NULL});
    else {
        linear(l, w, rows, laid, (Finish){PUT, 0, r->normed, h, NULL});
        normed(s, norms[1], r->normed, rows, r->normed);
        for (Index j = 0; j < rows * h; j += VL)
            put(x + j, get(x + j, rows * h - j, 0) + get(r->normed + j, rows * h - j, 0), rows * h - j);
    }
    if (norms[2].gain) normed(s, norms[2], x, rows, x);
}

typedef struct { // the weights of one layer that count now
    const float *qkv[3], *out, *wide, *narrow;
} Weights;

static Weights weights_of(const Layer *l, float *scratch) {
    Weights w;
    for (int i = 0; i < 3; i++) w.qkv[i] = weights(&l->qkv[i], &scratch);
    w.out = weights(&l->out, &scratch), w.wide = weights(&l->wide, &scratch);
    w.narrow = weights(&l->narrow, &scratch);
    return w;
}

// One layer over whole texts, or the newest tokens of one, that lie behind each other; x [rows][hidden]
// is changed. held: of each head of keys; those of several texts begin anew with each.
static void layer(const Model *m, const Layer *l, Weights w, Index texts, const int32_t *lengths, float *x,
                  Held *held, Rooms *r) {
    const Shape *s = &m->s;
    Index rows = 0, d = s->head_dim, wide = s->heads * d, all_ = wide + 2 * s->kv_heads * d;
    for (Index i = 0; i < texts; i++) rows += lengths[i];
    laid(s, l->norms[0], x, rows, r);
    for (Index i = 0, place = 0; i < 3; place += l->qkv[i++].n)
        linear(&l->qkv[i], w.qkv[i], rows, r->laid, (Finish){PUT, 0, r->qkv + place, all_, NULL});
    for (Index i = 0, row = 0; i < texts; row += lengths[i++]) {
        for (Index kv = 0; texts > 1 && kv < s->kv_heads; kv++) held[kv].count = 0, held[kv].is_finite = 1;
        attend(s, l, &m->turns, held, lengths[i], r->qkv + row * all_, r->mixed + row * wide, r);
    }
    lay(r->mixed, wide, rows, wide, r->laid);
    add(s, l->norms, &l->out, w.out, rows, r->laid, x, r);
    laid(s, l->norms[3], x, rows, r);
    linear(&l->wide, w.wide, rows, r->laid, (Finish){s->is_gated ? GATED : ACTIVE, s->function, r->wide, s->inter, NULL});
    add(s, l->norms + 3, &l->narrow, w.narrow, rows, r->wide, x, r);
}

static Index stretch_rows = 384; // tokens of whole texts that go through a layer together; only speed

static Rooms rooms_for(const Shape *s, Index rows, Index longest) {
    Index d = s->head_dim, wide = s->heads * d;
    return (Rooms){room(rows * s->hidden), room(rows * (wide + 2 * s->kv_heads * d)), room(rows * wide),
                   room(up_to(rows, MR) * s->inter), room(QUERIES * d), room((QUERIES + MR) * (up_to(longest, ALIGNED_KEYS) + LANES)),
                   room(most(up_to(rows, MR) * most(s->hidden, wide),
                             up_to(QUERIES, MR) * most(d, longest + LANES)))};
}

static void free_rooms(Rooms *r) {
    free(r->normed), free(r->qkv), free(r->mixed), free(r->wide), free(r->q), free(r->scores), free(r->laid);
}

// The embedding of one token at one position, before any layer.
static void embed(const Model *m, int32_t id, Index position, float *x) {
    const Shape *s = &m->s;
    Index h = s->hidden;
    const float *word = m->words + id * h;
    for (Index j = 0; j < h; j += VL) {
        vf one = get(word + j, h - j, 0);
        if (s->word_scale) one = one * all(s->word_scale);
        if (m->kinds) one = one + get(m->kinds + j, h - j, 0);
        if (m->places) one = one + get(m->places + position * h + j, h - j, 0);
        put(x + j, one, h - j);
    }
    if (m->embedded.gain) normed(s, m->embedded, x, 1, x);
}

// The states of texts after the last layer and, of an encoder, its last norm, [tokens][hidden]; layer by
// layer over all texts, so that one layer's merged weights exist at a time. To be freed.
static float *states(const Model *m, Index texts, const int32_t *lengths, const int32_t *ids) {
    const Shape *s = &m->s;
    Index longest = 0, tokens = 0, h = s->hidden;
    for (Index i = 0; i < texts; i++) tokens += lengths[i], longest = most(longest, lengths[i]);
    float *x = room(tokens * h), *first = x, *scratch = space(m->scratch_size);
    for (Index i = 0; i < texts; i++)
        for (Index p = 0, place = s->far; p < lengths[i]; p++, ids++, first += h) {
            int is_padding = s->far && *ids == s->far - 1; // its place is its own, and is not counted
            embed(m, *ids, is_padding ? *ids : place, first);
            place += !is_padding;
        }
    Rooms r = rooms_for(s, most(longest, least(stretch_rows, tokens)), longest);
    Held held[s->kv_heads];
    for (Index kv = 0; kv < s->kv_heads; kv++) held[kv] = held_for(s, longest);
    for (Index l = 0; l < s->layers; l++) {
        Weights w = weights_of(&m->layers[l], scratch);
        Index row = 0;
        for (Index i = 0, next; i < texts; i = next) {
            Index rows = lengths[i];
            for (next = i + 1; next < texts && rows + lengths[next] <= stretch_rows; next++) rows += lengths[next];
            for (Index kv = 0; kv < s->kv_heads; kv++) held[kv].count = 0, held[kv].is_finite = 1;
            layer(m, &m->layers[l], w, next - i, lengths + i, x + row * h, held, &r);
            row += rows;
        }
    }
    if (!s->is_causal && m->final.gain) normed(s, m->final, x, tokens, x);
    for (Index kv = 0; kv < s->kv_heads; kv++) free_held(&held[kv]);
    free_rooms(&r), free(scratch);
    return x;
}
