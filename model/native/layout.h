/* The layout of weights: copied and padded, or rounded to 8 bits. */

#ifndef LITTERAGPT_LAYOUT_H
#define LITTERAGPT_LAYOUT_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "model.h"

/* A copy of (rows, width) numbers with rows padded to `stride`; NULL for NULL. */
static inline float *copy(lg_arena *memory, const float *from, int rows, int width, int stride) {
    if (from == NULL) return NULL;
    float *to = arena_take(memory, (size_t)rows * (size_t)stride, sizeof *to);
    for (int row = 0; to != NULL && row < rows; row++)
        memcpy(to + (size_t)row * (size_t)stride, from + (size_t)row * (size_t)width,
               (size_t)width * sizeof *to);
    return to;
}

static inline lg_norm copy_norm(lg_arena *memory, const float *weight, const float *bias, int width) {
    return (lg_norm){copy(memory, weight, 1, width, padded(width)),
                     copy(memory, bias, 1, width, padded(width))};
}

static inline lg_matrix new_matrix(lg_arena *memory, int blocks, int inputs, bool biased) {
    lg_matrix matrix = {.blocks = blocks, .inputs = padded(inputs)};
    size_t rows = (size_t)blocks * LANES;
    matrix.weights = arena_take(memory, rows, (size_t)matrix.inputs);
    matrix.scales = arena_take(memory, rows, sizeof *matrix.scales);
    if (biased) matrix.bias = arena_take(memory, rows, sizeof *matrix.bias);
    if (matrix.weights != NULL) memset(matrix.weights, 128, rows * (size_t)matrix.inputs);
    return matrix;
}

/* The divisor that makes a vector fit in 8 bits, and its inverse. If the inverse would overflow, both
 * are 0: the vector is negligible. */
static inline float scale_of(const float *values, int count, float *inverse) {
    float most = 0.0f;
    for (int i = 0; i < count; i++) most = fabsf(values[i]) > most ? fabsf(values[i]) : most;
    bool whole = most > 128.0f * FLT_MIN;
    *inverse = whole ? 127.0f / most : 0.0f;
    return whole ? most / 127.0f : 0.0f;
}

static inline int round_number(float value, float inverse) { return (int)lrintf(value * inverse); }

/* Round one row of weights to 8 bits as row `row` of the matrix. */
static inline void round_row(const lg_matrix *matrix, int row, const float *weights, int inputs) {
    float inverse;
    uint8_t *block = matrix->weights + (size_t)(row / LANES) * (size_t)matrix->inputs * LANES;
    matrix->scales[row] = scale_of(weights, inputs, &inverse);
    for (int i = 0; i < inputs; i++)
        block[i / 4 * 4 * LANES + row % LANES * 4 + i % 4] =
            (uint8_t)(128 + round_number(weights[i], inverse));
}

/* Round `rows` rows into the matrix: 16 of them to block `first`, the next to `first` + `step`… */
static inline void fill(const lg_arena *memory, lg_matrix matrix, int first, int step,
                 const float *weights, const float *bias, int rows, int inputs) {
    if (memory->failed) return;
    for (int row = 0; row < rows; row++) {
        int to = (first + row / LANES * step) * LANES + row % LANES;
        round_row(&matrix, to, weights + (size_t)row * (size_t)inputs, inputs);
        if (bias != NULL) matrix.bias[to] = bias[row];
    }
}

#endif
