// The directions in which a low-rank update B A reads and writes, and how much two sets of them share.
// docs/algorithms/similarity.md has the arithmetic. All in float64: + - * / and square roots alone, each
// rounded by itself in the order written here, so every machine gives the same bits.

#ifndef ENGINE_SUBSPACE
#define ENGINE_SUBSPACE

#include "lanes.h"

#define SUMS 8            // partial sums of a product of two rows: part of the arithmetic
#define DEPENDENT 0x1p-40  // what is left of a row, over the row: below it there is nothing left
#define STILL 0x1p-50      // the cosine below which two columns stand upright on each other
#define MOST_SWEEPS 40

static double *doubles(Index n) {
    double *p = calloc((size_t)n + 1, sizeof(double));
    if (!p) abort();
    return p;
}

static double dot(Index n, const double *x, const double *y) { // part p sums the places p, p + 8, ...
    double part[SUMS] = {0};
    Index i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (int p = 0; p < SUMS; p++) part[p] = part[p] + x[i + p] * y[i + p];
    for (int p = 0; i < n; i++, p++) part[p] = part[p] + x[i] * y[i];
    for (int half = SUMS / 2; half; half /= 2)
        for (int p = 0; p < half; p++) part[p] = part[p] + part[p + half];
    return part[0];
}

static void lessen(Index n, double c, const double *x, double *y) { // y - c x
    for (Index i = 0; i < n; i++) y[i] = y[i] - c * x[i];
}

// Rows of q stand upright on each other; row j was the sum over i <= j of over[i][j] times the new row i.
static void upright(Index r, Index d, double *q, double *over) {
    for (Index j = 0; j < r; j++) {
        double *row = q + j * d, before = sqrt(dot(d, row, row));
        for (int twice = 0; twice < 2; twice++)
            for (Index i = 0; i < j; i++) {
                double c = dot(d, q + i * d, row);
                over[i * r + j] = over[i * r + j] + c;
                lessen(d, c, q + i * d, row);
            }
        double left = sqrt(dot(d, row, row));
        if (left <= before * DEPENDENT) left = 0;
        over[j * r + j] = left;
        for (Index i = 0; i < d; i++) row[i] = left > 0 ? row[i] / left : 0;
    }
}

static int levelled(Index r, double *x, double *y, double *u, double *v) { // one rotation of two columns
    double a = dot(r, x, x), b = dot(r, y, y), c = dot(r, x, y), size = c < 0 ? -c : c;
    if (size <= STILL * sqrt(a) * sqrt(b)) return 0;
    double z = (b - a) / (2 * c), steep = z < 0 ? -z : z;
    double t = 1 / (steep + sqrt(1 + z * z)), cosine, sine;
    if (z < 0) t = -t;
    cosine = 1 / sqrt(1 + t * t), sine = cosine * t;
    for (Index i = 0; i < r; i++) {
        double p = x[i], q = y[i];
        x[i] = cosine * p - sine * q, y[i] = sine * p + cosine * q;
        p = u[i], q = v[i];
        u[i] = cosine * p - sine * q, v[i] = sine * p + cosine * q;
    }
    return 1;
}

// out[i] = the sum over the rows of q, times one weight each.
static void woven(Index r, Index d, const double *q, const double *weight, double by, float *out) {
    double *sum = doubles(d);
    for (Index i = 0; i < r; i++) lessen(d, -(weight[i] / by), q + i * d, sum);
    for (Index i = 0; i < d; i++) out[i] = (float)sum[i];
    free(sum);
}

// Of B A the strongest directions: at most `most_kept`, none at or below `floor` times the first.
// up [d_out, r], down [r, d_in]; columns [most_kept, d_out], rows [most_kept, d_in], strength [most_kept]
// Answers how many there are.
static int directions(Index d_out, Index d_in, Index r, const float *up, const float *down, Index most_kept,
                      double floor, float *columns, float *rows, float *strength) {
    double *left = doubles(r * d_out), *right = doubles(r * d_in), *over = doubles(r * r), *under = doubles(r * r);
    double *core = doubles(r * r), *turns = doubles(r * r), *size = doubles(r), weight[1];
    Index *order = calloc((size_t)r + 1, sizeof(Index));
    if (!order) abort();
    for (Index j = 0; j < r; j++) {
        for (Index i = 0; i < d_out; i++) left[j * d_out + i] = (double)up[i * r + j];
        for (Index i = 0; i < d_in; i++) right[j * d_in + i] = (double)down[j * d_in + i];
    }
    upright(r, d_out, left, over), upright(r, d_in, right, under);
    for (Index j = 0; j < r; j++) // column j of the core: the sum over k of over[i][k] under[j][k]
        for (Index i = 0; i < r; i++) core[j * r + i] = dot(r, over + i * r, under + j * r);
    for (Index j = 0; j < r; j++) turns[j * r + j] = 1, order[j] = j;
    for (int sweep = 0, moved = 1; moved && sweep < MOST_SWEEPS; sweep++) {
        moved = 0;
        for (Index i = 0; i + 1 < r; i++)
            for (Index j = i + 1; j < r; j++)
                moved |= levelled(r, core + i * r, core + j * r, turns + i * r, turns + j * r);
    }
    for (Index j = 0; j < r; j++) size[j] = sqrt(dot(r, core + j * r, core + j * r));
    for (Index j = 1; j < r; j++) // the strongest first; of equal ones the earlier
        for (Index i = j; i && size[order[i]] > size[order[i - 1]]; i--) {
            Index other = order[i];
            order[i] = order[i - 1], order[i - 1] = other;
        }
    int kept = 0;
    for (; kept < least(r, most_kept); kept++) {
        Index j = order[kept];
        weight[0] = size[j];
        if (!(weight[0] > floor * size[order[0]])) break;
        woven(r, d_out, left, core + j * r, weight[0], columns + kept * d_out);
        woven(r, d_in, right, turns + j * r, 1, rows + kept * d_in);
        strength[kept] = (float)weight[0];
    }
    free(left), free(right), free(over), free(under), free(core), free(turns), free(size), free(order);
    return kept;
}

// The sum of the squares of all products of a row of x [k, d] and a row of y [l, d].
static double shared(Index d, Index k, Index l, const float *x, const float *y) {
    double sum = 0, *a = doubles(k * d), *b = doubles(l * d);
    for (Index i = 0; i < k * d; i++) a[i] = (double)x[i];
    for (Index i = 0; i < l * d; i++) b[i] = (double)y[i];
    for (Index i = 0; i < k; i++)
        for (Index j = 0; j < l; j++) {
            double c = dot(d, a + i * d, b + j * d);
            sum = sum + c * c;
        }
    free(a), free(b);
    return sum;
}

#endif
